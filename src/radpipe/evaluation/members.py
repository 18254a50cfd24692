"""Ensembles: what several variants of a study say of the same cases, as one answer.

The member's run of a fold and a seed is joined with the other members' runs of that fold and seed,
so that an ensemble has the runs of a variant, and no run has learned from a patient of its `tune`
whom its members have not been kept from.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from radpipe.core.errors import DataError
from radpipe.core.settings import Target
from radpipe.evaluation.draws import Floats
from radpipe.evaluation.ensemble import EnsembleCases, Run, in_common, pool
from radpipe.evaluation.metrics import METRICS, values
from radpipe.evaluation.operating_point import Wanted, choose
from radpipe.evaluation.sample import logits_of, probabilities_of
from radpipe.evaluation.tables import DECIMALS

Mean = Literal["probabilities", "logits"]
# Of equal losses the first is chosen.
MEANS: tuple[Mean, ...] = ("probabilities", "logits")


def mean_scores(target: Target, scores: Iterable[Floats], mean: Mean) -> Floats:
    """Return the mean of what several networks say of the same cases.

    Parameters
    ----------
    target
        What is predicted.
    scores
        Of each network probabilities of shape (cases, classes).
    mean
        Of the probabilities; or of the logits, that is of log odds for labels and the positive
        class, and of log probabilities for exclusive classes, which are normalised to 1 again.

    Returns
    -------
    ndarray
        Float64 (cases, classes) in 0..1.

    """
    if mean == "probabilities":
        found: Floats = np.mean([one.astype(np.float64) for one in scores], axis=0)
        return found
    return probabilities_of(target, np.mean([logits_of(target, one) for one in scores], axis=0))


def combine(
    target: Target, members: Mapping[str, Mapping[Run, EnsembleCases]], mean: Mean
) -> dict[Run, EnsembleCases]:
    """Return the runs of an ensemble: of each fold and seed the mean over the members.

    Parameters
    ----------
    target
        What is predicted.
    members
        Variant to its runs of one part; the same folds and seeds of each.
    mean
        See `mean_scores`.

    Returns
    -------
    dict
        Run to the cases that all members were asked about.

    Raises
    ------
    DataError
        Members have no case in common, or say different things of a case.

    """
    runs = next(iter(members.values()))
    return {run: _joined(target, {m: members[m][run] for m in members}, mean) for run in runs}


def choose_mean(
    target: Target, members: Mapping[str, Mapping[Run, EnsembleCases]], evaluation: Wanted
) -> tuple[Mean, dict[Mean, float]]:
    """Choose the mean with the smaller log loss; pass runs of `tune` only.

    Returns
    -------
    mean
        Of equal or unknown losses that of the probabilities.
    losses
        Mean to the log loss of the pooled cases, each with a temperature of its own, as it is
        reported.

    """
    losses = {mean: _loss(target, combine(target, members, mean), evaluation) for mean in MEANS}
    known = [mean for mean in MEANS if np.isfinite(losses[mean])]
    # As they are written down, so that no last bit decides.
    best = min(known or MEANS, key=lambda mean: round(losses[mean], DECIMALS))
    return best, losses


def _loss(target: Target, runs: Mapping[Run, EnsembleCases], evaluation: Wanted) -> float:
    cases = pool(runs, "tune")
    cases = cases.take(cases.known)
    point = choose(target, cases.truth, cases.scores, evaluation)
    return float(values(METRICS["log_loss"], point.sample(target, cases.truth, cases.scores))[0])


def _joined(target: Target, members: Mapping[str, EnsembleCases], mean: Mean) -> EnsembleCases:
    shared = dict(zip(members, in_common(list(members.values())), strict=True))
    (name, first), *others = shared.items()
    if not len(first.case):
        raise DataError(f"{', '.join(members)}: no case was predicted by all of them.")
    for other, cases in others:
        _same_answers((name, first), (other, cases))
    return replace(first, scores=mean_scores(target, (c.scores for c in shared.values()), mean))


def _same_answers(first: tuple[str, EnsembleCases], other: tuple[str, EnsembleCases]) -> None:
    a, b = first[1], other[1]
    if np.array_equal(a.patient, b.patient) and np.array_equal(a.truth, b.truth, equal_nan=True):
        return
    raise DataError(
        f"{first[0]} and {other[0]} were asked about the same cases with different patients or"
        " truths. Run split and everything after it again."
    )


def parts_of(
    members: Mapping[str, Mapping[str, Mapping[Run, EnsembleCases]]],
) -> Sequence[str]:
    """Return the parts that all members have predicted.

    Parameters
    ----------
    members
        Variant to part to runs.

    Raises
    ------
    DataError
        Some members have a part that others have not.

    """
    first, *others = members
    for other in others:
        if set(members[other]) != set(members[first]):
            raise DataError(
                f"{first} and {other} have predicted different parts. Run predict again."
            )
    return list(members[first])
