"""What a variant guarantees of new patients, and whether `test` bears it out.

Thresholds and sets are made of `tune`, as `evaluation.conformal` says; `test` only judges them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radpipe.core.settings import Guarantee, Target
from radpipe.evaluation.conformal import (
    ROUNDING,
    Calibration,
    Conformal,
    Mask,
    conformity,
    given,
    learn,
    least_kept,
    needed,
    needed_certain,
    set_of,
)
from radpipe.evaluation.draws import Floats, Integers, owners
from radpipe.evaluation.ensemble import EnsembleCases, Run, pool
from radpipe.evaluation.per_patient import patient_share
from radpipe.evaluation.rows import Row
from radpipe.evaluation.sample import column_names
from radpipe.evaluation.shares import Share
from radpipe.evaluation.tables import Exact

Block = dict[str, Any]
# Of thresholds: that keep the share on average over `tune` parts, or with a certainty for this one.
KINDS = ("average", "certain")
# So seldom a `tune` part keeps less than `least` although the promise holds on average.
DOUBT = 0.025
FOLDS = "scores of single folds on tune are not those of all folds together on test"


@dataclass(frozen=True)
class Judged:
    """Cases that guarantees are tried on, as every fold's model scores them.

    Attributes
    ----------
    cases
        With the mean scores.
    fits
        For each question and fold what `conformity` says.
    owner
        Shape (cases,): number of each case's patient.

    """

    target: Target
    cases: EnsembleCases
    fits: list[dict[int, Floats]]
    owner: Integers

    @classmethod
    def of(cls, target: Target, runs: Mapping[Run, EnsembleCases]) -> "Judged":
        """Read the runs of a part that all folds predicted."""
        each = {f: conformity(target, one.scores) for f, one in by_fold(runs).items()}
        n = len(next(iter(each.values())))
        fits = [{fold: fit[place] for fold, fit in each.items()} for place in range(n)]
        cases = pool(runs, "test")
        return cls(target, cases, fits, owners(cases.patient))


def by_fold(runs: Mapping[Run, EnsembleCases]) -> dict[int, EnsembleCases]:
    """Return the mean over the seeds of each fold."""
    return {
        fold: pool({run: cases for run, cases in runs.items() if run[0] == fold}, "")
        for fold in sorted({fold for fold, _ in runs})
    }


@dataclass(frozen=True)
class Guarantees:
    """What is guaranteed, and of every case of `test` which answers cannot be ruled out.

    Attributes
    ----------
    block
        `guarantee` of `metrics.json`.
    sets
        By question (empty: classes) the sets of `test`, texts of shape (cases,), answers joined by
        "|"; none where there are no sets.

    """

    block: Block
    sets: Mapping[str, NDArray[np.object_]]


def guarantees(
    target: Target,
    runs: Mapping[str, Mapping[Run, EnsembleCases]],
    asked: Guarantee,
    confidence: float,
) -> Guarantees:
    """Learn from `tune` what can be guaranteed, and judge it on `test` if that is there.

    Parameters
    ----------
    target
        What is predicted.
    runs
        Part to its runs; "tune" is among them.
    asked
        Sensitivity, certainty and coverage that are asked for.
    confidence
        Coverage of the intervals of what was found on `test`.

    """
    learned = learn(target, by_fold(runs["tune"]))
    test = Judged.of(target, runs["test"]) if "test" in runs else None
    block: Block = {
        "asked": asked.model_dump(),
        "folds": len(learned[0].folds),
        "thresholds": _thresholds(target, learned, asked, test, confidence),
        "sets": {},
    }
    sets = {}
    for place, one in enumerate(learned):
        name, why = one.question.name, one.too_few(1 - asked.coverage)
        counts = dict(zip(one.question.answers, one.n_patients, strict=True))
        miss = 1 - asked.coverage
        least = {name: least_kept(n, miss, DOUBT) for name, n in counts.items()}
        found: Block = {"n_patients": counts, "least": least, "why": why}
        if test is not None and not why:
            kept = _sets(one, test.fits[place], 1 - asked.coverage)
            sets[name] = texts_of(one.question.answers, kept)
            found["test"] = _covered(one, kept, test, place, confidence)
        block["sets"][name] = found
    return Guarantees(block, sets)


def _sets(one: Conformal, fits: Mapping[int, Floats], miss: float) -> Mask:
    kept = one.p_values(fits) > miss + ROUNDING
    return set_of(one.question, kept, np.mean(list(fits.values()), axis=0))


def _covered(one: Conformal, kept: Mask, test: Judged, place: int, confidence: float) -> Block:
    """Return how often sets hold the true answer, by answer, and how large they are."""
    true, owner = given(test.target, test.cases.truth)[place], test.owner
    rows = {
        name: patient_share(kept[:, k], true[:, k], owner, confidence)
        for k, name in enumerate(one.question.answers)
    }
    known = true.any(axis=1)
    sizes = np.bincount(kept[known].sum(axis=1), minlength=kept.shape[1] + 1)[1:]
    return {"coverage": {name: shown(row) for name, row in rows.items()}, "sizes": sizes.tolist()}


def texts_of(answers: tuple[str, ...], kept: Mask) -> NDArray[np.object_]:
    """Return sets, bool (cases, answers), as texts of shape (cases,)."""
    sets, which = np.unique(kept @ (1 << np.arange(len(answers))), return_inverse=True)
    names = ["|".join(a for k, a in enumerate(answers) if one >> k & 1) for one in sets.tolist()]
    return np.array([*names, None], dtype=object)[which]


def _thresholds(
    target: Target,
    learned: list[Conformal],
    asked: Guarantee,
    test: Judged | None,
    confidence: float,
) -> Block:
    """Return of each class or label the thresholds that find the share asked for."""
    found: Block = {}
    for column, name in enumerate(column_names(target)):
        place, answer = place_of(target, column)
        one = learned[place]
        block: Block = {"n_patients": one.n_patients[answer], **thresholds_of(one, answer, asked)}
        for kind in KINDS if test is not None else ():
            if test is not None and not block[kind]["why"]:
                flags = _flags(one, answer, block[kind]["threshold"], test.fits[place], asked)
                true = given(target, test.cases.truth)[place]
                block[kind]["test"] = _found(flags, true, answer, test, confidence)
        found[name] = block
    return found


def _flags(
    one: Conformal,
    answer: int,
    threshold: float | None,
    fits: Mapping[int, Floats],
    asked: Guarantee,
) -> Mask:
    """Return which cases are flagged: by the threshold, or with several folds by p-values."""
    if threshold is None:
        return one.p_values(fits)[:, answer] > 1 - asked.sensitivity + ROUNDING
    return next(iter(fits.values()))[:, answer] >= threshold


def place_of(target: Target, column: int) -> tuple[int, int]:
    """Return question and answer of a column: of labels that they are present."""
    if target.kind == "multi-label":
        return column, 1
    return 0, column + 1 if target.kind == "binary" else column


def thresholds_of(one: Conformal, answer: int, asked: Guarantee) -> dict[str, Block]:
    """Return the threshold that holds on average, and the certain one; `why` says why not.

    By `KINDS`, each with how many patients are `needed`, and the `least` that this `tune` part may
    keep. With several folds there is no single threshold: p-values decide.
    """
    n, miss, folds = one.n_patients[answer], 1 - asked.sensitivity, len(one.folds)
    least = {"average": needed(miss, folds), "certain": needed_certain(miss, asked.certainty)}
    found: dict[str, Block] = {
        kind: {"needed": least[kind], "why": _few(n, least[kind]), "threshold": None}
        for kind in KINDS
    }
    found["average"]["least"] = least_kept(n, miss, DOUBT)
    found["certain"]["least"] = asked.sensitivity
    if folds > 1:
        found["certain"]["why"] = FOLDS
        return found
    only: Calibration = next(iter(one.folds.values()))[answer]
    limits = (only.threshold(miss), only.certain_threshold(miss, asked.certainty))
    for block, limit in zip(found.values(), limits, strict=True):
        if not block["why"]:
            block["threshold"] = Exact(limit)
    return found


def _few(n: int, least: int) -> str:
    return f"{n} patients of tune have it, {least} are needed" if n < least else ""


def _found(flags: Mask, true: Mask, answer: int, test: Judged, confidence: float) -> Block:
    """Return sensitivity, each patient counting once, and specificity of decisions on `test`."""
    owner = test.owner
    yes, no = true[:, answer], true.any(axis=1) & ~true[:, answer]
    passed = Share(~flags, no).row(owner, int(owner.max(initial=-1)) + 1, confidence)
    return {
        "sensitivity": shown(patient_share(flags, yes, owner, confidence)),
        "specificity": shown(passed),
    }


def shown(row: Row) -> Block:
    """Return `value`, `low` and `high`; `why` says why there is none."""
    found = {"value": row.value, "low": row.low, "high": row.high}
    return {**found, "why": row.why} if row.why else found
