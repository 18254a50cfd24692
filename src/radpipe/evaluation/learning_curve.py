"""Learning curves: would more patients help? From variants that differ in nothing else."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from radpipe.core.cards import RANKED_BY
from radpipe.core.settings import Evaluation
from radpipe.evaluation.draws import Floats, draw_patients, owners
from radpipe.evaluation.metrics import METRICS
from radpipe.evaluation.power_law import fit
from radpipe.evaluation.scored import Common, Scored, common_cases

Row = dict[str, Any]
LEARNING = (
    "study",
    "part",
    "curve",
    "kind",
    "variant",
    "fraction",
    "patients",
    "value",
    "low",
    "high",
    "runs",
    "why",
)
# A line needs two points; that it bends, and how far that can be told, a third.
FEWEST_POINTS = 3
MOST_DRAWS = 500
GRID = 40
# No further than that is foretold.
REACH = 2.0


@dataclass(frozen=True)
class Curve:
    """Variants that differ in the share of train patients only, the smallest share first."""

    variants: tuple[Scored, ...]

    @property
    def name(self) -> str:
        """That of the variant with most patients."""
        return self.variants[-1].name

    @property
    def patients(self) -> Floats:
        """Numbers of train patients, (points,)."""
        return np.array([float(_recipe(one)["train_patients"]) for one in self.variants])


def curves_of(variants: Sequence[Scored]) -> Iterator[Curve]:
    """Find variants of a study whose recipes differ in `train.fraction` only."""

    def family(one: Scored) -> str:
        return str(_recipe(one).get("family", ""))

    known = [one for one in variants if family(one) and _recipe(one).get("train_patients")]
    for _, group in itertools.groupby(sorted(known, key=family), key=family):
        shares = {_recipe(one)["fraction"]: one for one in group}
        if len(shares) > 1:
            yield Curve(tuple(shares[share] for share in sorted(shares)))


def learning_rows(
    study: str, variants: Sequence[Scored], part: str, evaluation: Evaluation
) -> list[Row]:
    """Return the learning curves of a study as rows of `LEARNING`.

    Parameters
    ----------
    study, variants, part
        Its name, its variants, and the part that it is ranked by.
    evaluation
        Number and seed of the draws, confidence.

    Returns
    -------
    list of dict
        `kind` is "seen" (the area of a variant with its interval), "fitted" (the inverse power law,
        at numbers of patients up to twice the largest, with its band), "doubled" (at twice the
        largest) and "gain" (by how much that is more). `curve` is the variant with most
        patients; `runs` the fewest of a variant, of which one tells nothing about the chance of
        training. `why` says why nothing is fitted.

    """
    rows: list[Row] = []
    for curve in curves_of(variants):
        common = common_cases(curve.variants, part)
        about = {"study": study, "part": part, "curve": curve.name}
        found = [*_seen(curve, part), *_foretold(curve, common, part, evaluation)]
        rows += [{**dict.fromkeys(LEARNING), **about, **row} for row in found]
    return rows


def _seen(curve: Curve, part: str) -> Iterator[Row]:
    for one, patients in zip(curve.variants, curve.patients, strict=True):
        area = one.metrics["parts"][part]["metrics"][RANKED_BY]
        yield {
            "kind": "seen",
            "variant": one.name,
            "fraction": _recipe(one)["fraction"],
            "patients": patients,
            **{key: area[key] for key in ("value", "low", "high")},
            "runs": area["runs"]["n"],
        }


def _foretold(curve: Curve, common: Common, part: str, evaluation: Evaluation) -> Iterator[Row]:
    """Fit the curve to what was seen, and to every draw of patients and trainings."""
    drawn = _draws(curve, common, part, evaluation)
    spread, largest = drawn[:, 1:].std(axis=1), float(curve.patients.max())
    if len(set(curve.patients)) < FEWEST_POINTS or not (np.isfinite(spread) & (spread > 0)).all():
        few = len(set(curve.patients)) < FEWEST_POINTS
        why = f"{FEWEST_POINTS} shares of the patients are needed" if few else "no area varies"
        yield {"kind": "gain", "patients": REACH * largest, "why": why}
        return
    grid = np.append(
        np.geomspace(curve.patients.min(), REACH * largest, GRID), [largest, REACH * largest]
    )
    found = fit(curve.patients, drawn, spread**-2).at(grid)
    tail = (1 - evaluation.confidence) / 2
    for kind, patients, values in (
        *(("fitted", n, row) for n, row in zip(grid[:GRID], found[:GRID], strict=True)),
        ("doubled", REACH * largest, found[-1]),
        ("gain", REACH * largest, found[-1] - found[-2]),
    ):
        low, high = np.quantile(values[1:], [tail, 1 - tail])
        # A draw that bends otherwise must not put the value itself outside.
        low, high = min(low, values[0]), max(high, values[0])
        yield {"kind": kind, "patients": patients, "value": values[0], "low": low, "high": high}


def _draws(curve: Curve, common: Common, part: str, evaluation: Evaluation) -> Floats:
    """Return areas, (points, 1 + draws): as they were seen, then with patients drawn.

    The same patients for all variants. To each draw the chance of training is added: normal, with
    the standard deviation between runs over the square root of their number; variants of
    one run have that of the others.
    """
    training = np.array([_training_sd(one, part) for one in curve.variants])
    usual = float(np.sqrt(np.nanmean(training**2))) if np.isfinite(training).any() else 0.0
    runs = [one.metrics["parts"][part]["metrics"][RANKED_BY]["runs"]["n"] for one in curve.variants]
    noise = np.where(np.isfinite(training), training, usual) / np.sqrt(np.maximum(runs, 1))
    rng = np.random.default_rng(evaluation.seed)
    metric, rows = METRICS[RANKED_BY], []
    for one in curve.variants:
        cases = common.cases[one.name]
        sample, n = one.sample(cases, part), min(MOST_DRAWS, evaluation.bootstrap)
        draws = draw_patients(owners(cases.patient), n, np.random.default_rng(evaluation.seed))
        areas = [metric(sample, weights)[0] for weights in draws]
        once = metric(sample, np.ones((len(cases.case), 1)))[0]
        rows.append(np.concatenate([once, *areas]))
    found = np.array(rows)
    found[:, 1:] += noise[:, None] * rng.normal(size=found[:, 1:].shape)
    # A draw without an answer of a class has no area.
    return found[:, np.isfinite(found).all(axis=0)]


def _training_sd(one: Scored, part: str) -> float:
    sd = one.metrics["parts"][part]["metrics"][RANKED_BY]["runs"]["sd"]
    return np.nan if sd is None else float(sd)


def _recipe(one: Scored) -> dict[str, Any]:
    block: dict[str, Any] = one.metrics["recipe"]
    return block
