"""Readers of a study: how good they are together, in several modalities, and beside variants.

All figures are of the cases that every reader and every variant has answered.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radpipe.core.settings import Evaluation, Target
from radpipe.evaluation.draws import Floats, Integers, owners
from radpipe.evaluation.intervals import patients_of
from radpipe.evaluation.metrics import METRICS
from radpipe.evaluation.mrmc import (
    Mean,
    compare_modalities,
    mean_of_readers,
    pairs_of,
    shares,
    system_against_readers,
    within_scale,
)
from radpipe.evaluation.paired import clustered_delong, holm
from radpipe.evaluation.reader_agreement import ALL, agreement_rows, questions_of
from radpipe.evaluation.rows import FEWEST_PATIENTS, Row, mean_of
from radpipe.evaluation.sample import Sample
from radpipe.evaluation.scored import Scored, common_cases
from radpipe.evaluation.shares import Share


@dataclass(frozen=True)
class Reading:
    """One variant, or one reader in one modality.

    Attributes
    ----------
    name
        Of the block in `params.yaml`.
    reader, modality
        Empty for what is no reader.
    numbers
        Whether the answers are numbers, so that they have an area under a curve.
    sample
        The common cases.

    """

    name: str
    reader: str
    modality: str
    numbers: bool
    sample: Sample


@dataclass(frozen=True)
class Figure:
    """A figure of merit of several readings of the same cases.

    Attributes
    ----------
    measure
        auc, sensitivity, specificity or accuracy.
    question
        Class or label; empty: all together.
    values, covariance
        Shapes (readings,) and (readings, readings).
    rows
        Of each reading by itself, with an interval that is honest at 0 and 1; None of one without
        the figure.

    """

    measure: str
    question: str
    values: Floats
    covariance: Floats
    rows: Sequence[Row | None]

    @property
    def names(self) -> dict[str, str]:
        """What a row is called by."""
        return {"measure": self.measure, "class": self.question}

    def is_uncertain(self, place: int) -> bool:
        """Tell whether a reading has a variance: one that is always right or always wrong has none.

        That does not make it certain, so that nothing can be set beside it.
        """
        return bool(self.covariance[place, place] > 0)

    def of(self, places: Sequence[int]) -> tuple[Floats, Floats]:
        """Return values and covariance of some readings."""
        return self.values[list(places)], self.covariance[np.ix_(places, places)]


def study_readers(
    variants: Sequence[Scored], part: str, evaluation: Evaluation
) -> dict[str, Any] | None:
    """Analyse the readers of a study, and set variants beside them.

    Parameters
    ----------
    variants
        All that was scored of the study.
    part
        By which it is ranked.
    evaluation
        Number and seed of the draws, confidence.

    Returns
    -------
    dict or None
        None without a reader. Else "readers" (block, reader, modality), "n_cases", "n_patients",
        "means", "modalities" and "systems" (rows of figures), "agreement", and "left_out" (why a
        comparison was not made). Not yet rounded.

    """
    people = [one for one in variants if one.is_reader]
    if not people:
        return None
    common = common_cases(variants, part)
    owner = owners(next(iter(common.cases.values())).patient)
    readings = [_reading(one, one.sample(common.cases[one.name], part)) for one in variants]
    target = variants[0].target
    figures = list(figures_of(readings, target, owner, evaluation.confidence))
    rows = _rows(readings, figures, evaluation.confidence)
    return {
        "readers": [
            {"name": one.name, "reader": one.reader, "modality": one.modality}
            for one in readings
            if one.reader
        ],
        "n_cases": len(owner),
        "n_patients": len(np.unique(owner)),
        **rows,
        "agreement": agreement_rows(people, part, evaluation),
    }


def _reading(one: Scored, sample: Sample) -> Reading:
    imported = one.metrics.get("imported") or {}
    by = imported["by"] if one.is_reader else {"name": "", "modality": ""}
    numbers = imported.get("form") != "decisions"
    return Reading(one.name, by["name"], by["modality"], numbers, sample)


def figures_of(
    readings: Sequence[Reading], target: Target, owner: Integers, confidence: float
) -> Iterator[Figure]:
    """Yield what readings are compared by; nothing that too few patients tell of.

    Areas if all readers have given numbers; shares of right decisions in any case.
    """
    first = readings[0].sample
    enough = [n >= FEWEST_PATIENTS for n in patients_of(first, owner)]
    numbers = [k for k, one in enumerate(readings) if one.numbers]
    if all(readings[k].numbers for k, one in enumerate(readings) if one.reader):
        for column, name in questions_of(target, enough):
            yield _area(readings, numbers, column, name, owner, confidence)
    if first.exclusive:
        truth = first.truth.argmax(axis=1)
        right = np.column_stack([one.sample.decided.argmax(axis=1) == truth for one in readings])
        yield _share("accuracy", ALL, right, first.known[:, 0], owner, confidence)
        return
    for column, name in questions_of(target, enough):
        flags = np.column_stack([one.sample.flags[:, column] for one in readings])
        for measure, counted, right in (
            ("sensitivity", first.positive[:, column], flags),
            ("specificity", first.negative[:, column], ~flags),
        ):
            yield _share(measure, name, right, counted, owner, confidence)


def _share(
    measure: str,
    name: str,
    right: NDArray[np.bool_],
    counted: NDArray[np.bool_],
    owner: Integers,
    confidence: float,
) -> Figure:
    """Return the shares of right answers, (cases, readings), among cases, (cases,)."""
    n = int(owner.max()) + 1
    rows = [Share(column, counted).row(owner, n, confidence) for column in right.T]
    return Figure(measure, name, *shares(right, counted, owner), rows)


def _area(
    readings: Sequence[Reading],
    numbers: Sequence[int],
    column: int,
    name: str,
    owner: Integers,
    confidence: float,
) -> Figure:
    """Return the areas of all that gave numbers; NaN for the others."""
    sample = readings[0].sample
    known = sample.known[:, column]
    scores = np.column_stack([readings[k].sample.scores[known, column] for k in numbers])
    areas, matrix = clustered_delong(sample.truth[known, column], scores, owner[known])
    values = np.full(len(readings), np.nan)
    covariance = np.full((len(readings), len(readings)), np.nan)
    values[list(numbers)] = areas
    covariance[np.ix_(numbers, numbers)] = matrix
    rows: list[Row | None] = [None] * len(readings)
    for k in numbers:
        found = METRICS["auc"].rows(readings[k].sample.column(column), owner, confidence)
        rows[k] = found[0] if found else None
    return Figure("auc", name, values, covariance, rows)


def _rows(
    readings: Sequence[Reading], figures: Sequence[Figure], confidence: float
) -> dict[str, Any]:
    """Return the rows of every table, and why a comparison of modalities is not there."""
    grid, left_out = _grid(readings)
    groups = [(figure, *group) for figure in figures for group in _by_modality(readings).items()]
    systems = [row for group in groups for row in _system_rows(readings, *group, confidence)]
    return {
        "means": [_mean_row(readings, *group, confidence) for group in groups],
        "modalities": [
            row for figure in figures if grid for row in _modality_rows(figure, grid, confidence)
        ],
        "systems": _corrected(systems),
        "left_out": left_out,
    }


def _mean_row(
    readings: Sequence[Reading],
    figure: Figure,
    modality: str,
    places: Sequence[int],
    confidence: float,
) -> dict[str, Any]:
    """Return the mean of a figure over the readers of a modality, and each of theirs."""
    sampled = within_scale(mean_of_readers(*figure.of(places), confidence=confidence))
    each = {readings[k].reader: figure.values[k] for k in places}
    found = {"random": _shown(sampled), "fixed": _these(figure, places)}
    return {**figure.names, "modality": modality, **found, "each": each}


def _these(figure: Figure, places: Sequence[int]) -> dict[str, float]:
    """Return the mean of some readers and no others, from the intervals of each.

    Of readers who are always right the cases tell nothing of how their errors are related; they
    are taken to be the same, because the cases are.
    """
    rows = [row for k in places if (row := figure.rows[k]) is not None]
    mean = mean_of(rows, np.ones((len(rows), len(rows))))
    low, high = (np.nan, np.nan) if mean.why else (mean.low, mean.high)
    return {"value": mean.value, "low": low, "high": high, "p": np.nan, "df": np.inf}


def _system_rows(
    readings: Sequence[Reading],
    figure: Figure,
    modality: str,
    places: Sequence[int],
    confidence: float,
) -> list[dict[str, Any]]:
    """Return each variant minus the mean of the readers of a modality."""
    return [
        {
            **figure.names,
            "modality": modality,
            "variant": one.name,
            "alone": figure.values[k],
            **_both(system_against_readers, *figure.of([k, *places]), confidence),
        }
        for k, one in enumerate(readings)
        if not one.reader and figure.is_uncertain(k)
    ]


def _by_modality(readings: Sequence[Reading]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for k, one in enumerate(readings):
        if one.reader:
            found.setdefault(one.modality, []).append(k)
    return found


def _grid(readings: Sequence[Reading]) -> tuple[dict[str, list[int]] | None, str]:
    """Return modality to readings of the same readers, in one order; or None, and why."""
    by_modality = _by_modality(readings)
    if len(by_modality) < 2:
        return None, ""
    sets = [{readings[k].reader for k in places} for places in by_modality.values()]
    shared, every = set.intersection(*sets), set.union(*sets)
    others = len(every - shared)
    if len(shared) < 2:
        return None, f"{len(shared)} of {len(every)} readers have read in all modalities"
    grid = {
        modality: sorted(
            (k for k in places if readings[k].reader in shared), key=lambda k: readings[k].reader
        )
        for modality, places in by_modality.items()
    }
    said = f"{others} of {len(every)} readers have not read in all modalities" if others else ""
    return grid, said


def _modality_rows(
    figure: Figure, grid: Mapping[str, Sequence[int]], confidence: float
) -> list[dict[str, Any]]:
    places = [k for modality in grid.values() for k in modality]
    values, covariance = figure.of(places)
    t, titles = len(grid), list(grid)
    shaped = values.reshape(t, -1), pairs_of(covariance, t)
    random = compare_modalities(*shaped, confidence=confidence)
    fixed = compare_modalities(*shaped, readers="fixed", confidence=confidence)
    return [
        {
            **figure.names,
            "first": titles[a],
            "second": titles[b],
            "random": _shown(random.differences[a, b]),
            "fixed": _shown(fixed.differences[a, b]),
            "p_all": random.equality.p,
            "n_readers": shaped[0].shape[1],
        }
        for a, b in random.differences
    ]


def _both(analysis: Any, values: Floats, covariance: Floats, confidence: float) -> dict[str, Any]:
    """Return an analysis of readers as a sample, and of these readers."""
    return {
        readers: _shown(analysis(values, covariance, readers=readers, confidence=confidence))
        for readers in ("random", "fixed")
    }


def _shown(mean: Mean) -> dict[str, float]:
    return {"value": mean.value, "low": mean.low, "high": mean.high, "p": mean.p, "df": mean.df}


def _corrected(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Correct the p-values of each measure for their number, by Holm."""
    out = [dict(row) for row in rows]
    for measure in dict.fromkeys(row["measure"] for row in rows):
        family = [row for row in out if row["measure"] == measure]
        found = holm([row["random"]["p"] for row in family])
        for row, p in zip(family, found, strict=True):
            row["p_holm"] = p
    return out
