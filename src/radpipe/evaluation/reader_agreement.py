"""How far the readers of a study agree with one another, question by question."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radpipe.core.settings import Evaluation, Target
from radpipe.evaluation.agreement import (
    Coefficient,
    Level,
    Weighting,
    fleiss,
    interval_by_patient,
    krippendorff,
    weighted_kappa,
)
from radpipe.evaluation.draws import Floats, owners
from radpipe.evaluation.sample import column_names
from radpipe.evaluation.scored import Scored

ALL = ""
# Intervals of agreement are read, not tested: a few hundred draws are enough.
MOST_DRAWS = 500


def questions_of(target: Target, enough: Sequence[bool]) -> Iterator[tuple[int, str]]:
    """Yield the columns to compare by, with the class; the one of a binary target has no name.

    Parameters
    ----------
    target
        Of labels, those to score are compared.
    enough
        Which columns have patients enough.

    """
    names = column_names(target)
    for column, name in enumerate(names):
        wanted = target.kind != "multi-label" or name in target.scored
        if enough[column] and wanted:
            yield column, name if len(names) > 1 else ALL


def agreement_rows(
    readers: Sequence[Scored], part: str, evaluation: Evaluation
) -> list[dict[str, Any]]:
    """Return how far readers of a modality agree, question by question, with intervals.

    Each on all the cases that they have read, whether or not others have.

    Parameters
    ----------
    readers
        As scored.
    part
        Of the study.
    evaluation
        Number and seed of the draws, confidence.

    """
    rows: list[dict[str, Any]] = []
    modalities: dict[str, list[Scored]] = {}
    for one in readers:
        modalities.setdefault(one.metrics["imported"]["by"]["modality"], []).append(one)
    for modality, group in modalities.items():
        if len(group) < 2:
            continue
        for question, (answers, owner) in _answers(group, part).items():
            labels = {"modality": modality, "class": question}
            for (kind, who), coefficient in _coefficients(group).items():
                value, low, high = interval_by_patient(
                    coefficient,
                    answers,
                    owner,
                    n_draws=min(evaluation.bootstrap, MOST_DRAWS),
                    confidence=evaluation.confidence,
                    rng=np.random.default_rng(evaluation.seed),
                )
                found = {"coefficient": kind, "readers": who}
                rows.append({**labels, **found, "value": value, "low": low, "high": high})
    return rows


def _coefficients(group: Sequence[Scored]) -> dict[tuple[str, str], Coefficient]:
    """Return what agreement is measured by: of all, then of every pair of readers."""
    grades = group[0].target.kind == "ordinal"
    level: Level = "ordinal" if grades else "nominal"
    weighting: Weighting = "quadratic" if grades else "none"
    kappa = "quadratic kappa" if grades else "kappa"
    found: dict[tuple[str, str], Coefficient] = {
        (f"Krippendorff's alpha, {level}", "all"): lambda x, n: krippendorff(x, level, n)
    }
    if len(group) > 2:
        found["Fleiss' kappa", "all"] = fleiss
    names = [one.metrics["imported"]["by"]["name"] for one in group]
    for a, b in combinations(range(len(group)), 2):
        found[kappa, f"{names[a]}, {names[b]}"] = _kappa_of(a, b, weighting)
    return found


def _kappa_of(a: int, b: int, weighting: Weighting) -> Coefficient:
    return lambda x, n: weighted_kappa(x[:, a], x[:, b], weighting, n)


def _answers(group: Sequence[Scored], part: str) -> dict[str, tuple[Floats, NDArray[np.int64]]]:
    """Return by question what each reader has decided, (cases, readers), and cases' patients."""
    target = group[0].target
    patient: dict[str, str] = {}
    for one in group:
        patient |= dict(zip(one.cases[part].case, one.cases[part].patient, strict=True))
    names = sorted(patient)
    owner = owners(np.array([patient[name] for name in names], dtype=object))
    row_of = {name: row for row, name in enumerate(names)}
    found: dict[str, tuple[Floats, NDArray[np.int64]]] = {}
    exclusive = target.kind in ("multi-class", "ordinal")
    columns = [(0, ALL)] if exclusive else list(questions_of(target, [True] * len(target.classes)))
    for column, question in columns:
        answers = np.full((len(names), len(group)), np.nan)
        for reader, one in enumerate(group):
            cases = one.cases[part]
            sample = one.sample(cases, part)
            said = sample.decided.argmax(axis=1) if exclusive else sample.flags[:, column]
            answers[[row_of[name] for name in cases.case], reader] = said
        found[question] = answers, owner
    return found
