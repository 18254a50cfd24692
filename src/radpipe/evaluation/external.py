"""Variants judged on a cohort that taught them nothing, and the distance from their home scores.

Thresholds and temperature stay those that were chosen by truths of the home study's `tune`. With
several folds they decide on means over folds; how far folds disagree is then learned from scores,
not truths, of the home study's `test`, or of the cohort while that is closed. Cohort and home
part are two samples of different patients, so the interval of a difference of shares or areas is
put together from both sides as independent ones; for other metrics each part is drawn by itself,
and differences of independent draws are taken (Efron & Tibshirani, An Introduction to the
Bootstrap, 1993, chapter 8).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from radpipe.core.errors import DataError
from radpipe.core.settings import Evaluation
from radpipe.evaluation.draws import owners
from radpipe.evaluation.ensemble import EnsembleCases, Run, pool
from radpipe.evaluation.folds import choose_for
from radpipe.evaluation.intervals import Estimate, difference, estimate
from radpipe.evaluation.metrics import names_for
from radpipe.evaluation.operating_point import OperatingPoint
from radpipe.evaluation.sample import Sample, column_names
from radpipe.evaluation.scored import Scored
from radpipe.evaluation.scoring import Scorer, shown
from radpipe.evaluation.tables import plain

PART = "cohort"
ROWS = (
    *("cohort", "home", "variant", "metric", "class"),
    *("value", "low", "high", "n_cases", "n_patients"),
    *("home_part", "home_value", "home_low", "home_high", "home_n_cases", "home_n_patients"),
    *("difference", "difference_low", "difference_high"),
)
ENDS = ("value", "low", "high")


def judge(
    home: Scored, runs: Mapping[Run, EnsembleCases], evaluation: Evaluation
) -> dict[str, Any]:
    """Score one variant on a cohort, and set that beside its home scores.

    Parameters
    ----------
    home
        The variant on its own study: the frozen operating point, and the cases of `test`, or of
        `tune` while that is closed.
    runs
        The cohort as predicted by every run.
    evaluation
        Number and seed of the draws, confidence.

    Returns
    -------
    dict
        "scores" as a part's block of `metrics.json`; "home_part", and "difference", cohort minus
        home, by metric: value, low, high, per_class. Not yet rounded.

    Raises
    ------
    DataError
        No truth of the cohort is known.

    """
    cases, part = pool(runs, PART), home_part(home.metrics)
    if not cases.known.any():
        raise DataError(
            f"{home.name}: of none of the {len(cases.case)} cases of the cohort is a truth known,"
            " so they cannot be scored. Complete the labels of the cohort's study, or take it out"
            " of plan.cohorts."
        )
    known = cases.take(cases.known)
    own, point = home.cases[part], _point(home, runs, evaluation)
    sample = point.sample(home.target, known.truth, known.scores)
    names = names_for(home.target)
    change = differences(
        (sample, owners(known.patient)),
        (home.sample(own, part), owners(own.patient)),
        names,
        evaluation,
    )
    return {
        "scores": Scorer(home.target, point, evaluation, home.points["tune"]).part(cases, runs),
        "home_part": part,
        "operating_point": point.as_json(),
        "difference": {
            name: _block(one, column_names(home.target)) for name, one in change.items()
        },
    }


def _point(
    home: Scored, runs: Mapping[Run, EnsembleCases], evaluation: Evaluation
) -> OperatingPoint:
    """Return what decides on the cohort: what does on the home test part, if that is open."""
    if "test" in home.points:
        return home.points["test"]
    return choose_for(home.target, home.cases["tune"], home.points["tune"], runs, evaluation)


def home_part(metrics: Mapping[str, Any]) -> str:
    """Return the part of the home study that a cohort is compared with."""
    return "test" if "test" in metrics["parts"] else "tune"


def differences(
    first: tuple[Sample, np.ndarray],
    second: tuple[Sample, np.ndarray],
    names: Sequence[str],
    evaluation: Evaluation,
) -> dict[str, Estimate]:
    """Return first minus second of each metric for two samples of different patients.

    Parameters
    ----------
    first, second
        The cases, and the number of each one's patient, shape (cases,), as from `owners`.
    names
        Metrics, by their names in `METRICS`.
    evaluation
        Number and seed of the draws, confidence.

    Returns
    -------
    dict of Estimate
        The interval of a share or area is put together from those of both sides, that of another
        metric comes from differences of independent draws.

    """
    # Streams of their own: the same draws for both would tie samples that are independent.
    a, b = (
        estimate(
            sample,
            owner,
            names,
            n_draws=evaluation.bootstrap,
            confidence=evaluation.confidence,
            rng=np.random.default_rng([evaluation.seed, stream]),
        )
        for stream, (sample, owner) in enumerate((first, second))
    )
    return {name: difference(a, b, name, paired=False) for name in names}


def rows_of(
    cohort: str, home: Mapping[str, Any], judged: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield rows of `ROWS`: every metric, then each of its classes.

    Parameters
    ----------
    cohort
        Its name.
    home
        The variant's `metrics.json`.
    judged
        From `judge`.

    """
    scores, part = judged["scores"], judged["home_part"]
    beside = home["parts"][part]
    fixed = {"cohort": cohort, "home": home["study"], "variant": home["variant"]}
    fixed |= {"n_cases": scores["n_cases"], "n_patients": scores["n_patients"], "home_part": part}
    fixed |= {f"home_{key}": beside[key] for key in ("n_cases", "n_patients")}
    for metric, block in scores["metrics"].items():
        there, change = beside["metrics"].get(metric, {}), judged["difference"][metric]
        for name in ("", *block["per_class"]):
            values = [_of(one, name) for one in (block, there, change)]
            row = {**fixed, "metric": metric, "class": name}
            row |= {key: values[0].get(key) for key in ENDS}
            row |= {f"home_{key}": values[1].get(key) for key in ENDS}
            row |= dict(
                zip(
                    ("difference", "difference_low", "difference_high"),
                    (values[2].get(key) for key in ENDS),
                    strict=True,
                )
            )
            yield {key: plain(row[key]) for key in ROWS}


def _of(block: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = block.get("per_class", {}).get(name, {}) if name else block
    return found


def _block(one: Estimate, classes: Sequence[str]) -> dict[str, Any]:
    names = classes[: len(one.value) - 1]
    each = {name: shown(one, row) for row, name in enumerate(names, start=1)}
    return {**shown(one), "per_class": each}
