"""Agreement of readers: kappa of two or many, Krippendorff's alpha, with intervals by patient.

Answers are numbers: the place of a class in its order, 0 and 1, or a rating. NaN is a case that a
reader has not read.
"""

from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np

from radpipe.evaluation.draws import Floats, Integers

Level = Literal["nominal", "ordinal", "interval"]
Weighting = Literal["none", "linear", "quadratic"]
# Of answers, (cases, readers), and how often each case counts, (cases,).
Coefficient: TypeAlias = Callable[[Floats, Floats], float]


def weighted_kappa(
    first: Floats, second: Floats, weighting: Weighting = "none", times: Floats | None = None
) -> float:
    """Return Cohen's kappa of two readers on the cases that both have read.

    Parameters
    ----------
    first, second
        Shape (cases,): classes as numbers, NaN where not read.
    weighting
        How much a disagreement counts: all alike, by its distance, or by the square of it.
    times
        Shape (cases,): how often each case counts; once each if left out.

    Returns
    -------
    float
        1 less observed over expected disagreement; NaN if no disagreement can be expected.

    References
    ----------
    Cohen, Psychol Bull 1968;70:213.

    """
    both = ~(np.isnan(first) | np.isnan(second))
    n = int(both.sum())
    weight = _once(first) if times is None else times
    if not weight[both].sum() > 0:
        return np.nan
    values, place = np.unique(np.concatenate([first[both], second[both]]), return_inverse=True)
    k = len(values)
    joint = np.bincount(place[:n] * k + place[n:], weight[both], k * k).astype(np.float64)
    table = joint.reshape(k, k) / joint.sum()
    cost = _costs(values, weighting)
    expected = (np.outer(table.sum(axis=1), table.sum(axis=0)) * cost).sum()
    return float(1 - (table * cost).sum() / expected) if expected > 0 else np.nan


def _once(cases: Floats) -> Floats:
    return np.ones(len(cases))


def _costs(values: Floats, weighting: Weighting) -> Floats:
    """Return what it costs to take one value for another, (values, values)."""
    apart = np.abs(values[:, None] - values)
    if weighting == "none":
        return np.asarray(apart > 0, dtype=np.float64)
    return np.asarray(apart if weighting == "linear" else apart**2)


def fleiss_kappa(counts: Floats, times: Floats | None = None) -> float:
    """Return Fleiss' kappa of the same number of readers, at least two, of every case.

    Parameters
    ----------
    counts
        Shape (cases, classes): how many readers have chosen each class.
    times
        Shape (cases,): how often each case counts; once each if left out.

    Returns
    -------
    float
        NaN if all chose one class, so that nothing can be expected to differ.

    Raises
    ------
    ValueError
        Cases have different numbers of readers.

    References
    ----------
    Fleiss, Psychol Bull 1971;76:378.

    """
    n = counts.sum(axis=1)
    if len(set(n)) != 1 or n[0] < 2:
        raise ValueError(f"every case needs the same number of readers, at least 2: {set(n)}")
    weight = _once(counts) if times is None else times
    pairs = (counts * (counts - 1)).sum(axis=1) / (n * (n - 1))
    shares = weight @ counts / (weight @ n)
    seen, expected = float(weight @ pairs / weight.sum()), float((shares**2).sum())
    return (seen - expected) / (1 - expected) if expected < 1 - 1e-12 else np.nan


def fleiss(answers: Floats, times: Floats | None = None) -> float:
    """Return Fleiss' kappa of answers, (cases, readers), on the cases that all have read.

    `times`, (cases,), says how often each counts; once each if left out.
    """
    whole = ~np.isnan(answers).any(axis=1)
    weight = (_once(answers) if times is None else times)[whole]
    if not weight.sum() > 0:
        return np.nan
    classes = np.unique(answers[whole])
    counts = (answers[whole][:, :, None] == classes).sum(axis=1)
    return fleiss_kappa(counts.astype(np.float64), weight)


def krippendorff(answers: Floats, level: Level = "nominal", times: Floats | None = None) -> float:
    """Return Krippendorff's alpha, in which cases that some have not read count, too.

    Parameters
    ----------
    answers
        Shape (cases, readers), NaN where not read. Cases with one answer say nothing of agreement.
    level
        What a distance means: "nominal" classes, "ordinal" ones in order, "interval" numbers.
    times
        Shape (cases,): how often each case counts; once each if left out.

    Returns
    -------
    float
        NaN if all answers are one value, or no case has two.

    References
    ----------
    Krippendorff, Computing Krippendorff's alpha-reliability, 2011.

    """
    several = (~np.isnan(answers)).sum(axis=1) > 1
    often = (_once(answers) if times is None else times)[several]
    answers = answers[several]
    values = np.unique(answers[~np.isnan(answers)])
    if len(values) < 2:
        return np.nan
    counts = (answers[:, :, None] == values).sum(axis=1).astype(np.float64)
    n = counts.sum(axis=1)
    # Pairs of answers to one case, each case weighing as many as it has answers.
    weight = counts * (often / (n - 1))[:, None]
    coincidences = weight.T @ counts - np.diag(weight.sum(axis=0))
    margins = coincidences.sum(axis=1)
    distance = _distances(values, margins, level)
    total = margins.sum()
    expected = (np.outer(margins, margins) * distance).sum()
    if not expected > 0:
        return np.nan
    return float(1 - (total - 1) * (coincidences * distance).sum() / expected)


def _distances(values: Floats, margins: Floats, level: Level) -> Floats:
    """Return the squared distance of any two values, (values, values)."""
    if level == "nominal":
        return np.asarray(values[:, None] != values, dtype=np.float64)
    if level == "interval":
        return np.asarray((values[:, None] - values) ** 2)
    # In ranks: the answers between two values, and half of those that are one of the two.
    places = margins.cumsum() - margins / 2
    return np.asarray((places[:, None] - places) ** 2)


def interval_by_patient(
    coefficient: Coefficient,
    answers: Floats,
    owner: Integers,
    *,
    n_draws: int,
    confidence: float,
    rng: np.random.Generator,
) -> tuple[float, float, float]:
    """Return a coefficient with its percentile interval over draws of patients.

    Parameters
    ----------
    coefficient
        Of answers, (cases, readers), and of how often each case counts.
    answers
        Shape (cases, readers), NaN where not read.
    owner
        Shape (cases,): number of each case's patient, all of whose cases are drawn together.
    n_draws, confidence, rng
        Number of draws, coverage, source of chance.

    Returns
    -------
    value, low, high
        Ends are NaN if fewer than nine in ten draws have a value, if all have the same, as of
        readers who never differ, which is no certainty, or if the value is not between them.

    """
    # Cases with the same answers are counted together, of which there are few.
    filled = np.where(np.isnan(answers), -np.inf, answers)
    patterns, pattern = np.unique(filled, axis=0, return_inverse=True)
    patterns[np.isneginf(patterns)] = np.nan
    pattern, n = pattern.ravel(), len(patterns)
    _, owner = np.unique(owner, return_inverse=True)
    patients = int(owner.max()) + 1
    value = coefficient(patterns, np.bincount(pattern, minlength=n).astype(np.float64))
    found = np.empty(n_draws)
    for draw in range(n_draws):
        drawn = rng.integers(patients, size=patients)
        times = np.bincount(drawn, minlength=patients).astype(np.float64)
        counts = np.bincount(pattern, times[owner], n).astype(np.float64)
        found[draw] = coefficient(patterns, counts)
    found = found[np.isfinite(found)]
    if not np.isfinite(value) or len(found) < 0.9 * n_draws:
        return value, np.nan, np.nan
    if np.ptp(found) <= 1e-12:
        return value, np.nan, np.nan
    tail = (1 - confidence) / 2
    low, high = map(float, np.quantile(found, [tail, 1 - tail]))
    return (value, low, high) if low <= value <= high else (value, np.nan, np.nan)
