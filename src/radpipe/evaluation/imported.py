"""Imported predictions: answers of readers or systems, scored like a variant without training.

Thresholds come from the table's own cases of `tune`, from the settings, or are the middle of its
scale; never from `test`. Ratings and decisions are no probabilities, so what judges these is left
out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from radpipe.core.cards import Card
from radpipe.core.errors import DataError
from radpipe.core.plurals import counted
from radpipe.core.recipe import ImportedRecipe
from radpipe.core.settings import Evaluation, Imported, Target
from radpipe.evaluation.answers import Answers, as_score, middle_of
from radpipe.evaluation.curves import Row
from radpipe.evaluation.drift import drift
from radpipe.evaluation.ensemble import EnsembleCases, Run, cases_of, pool
from radpipe.evaluation.metrics import cards
from radpipe.evaluation.operating_point import HALF, OperatingPoint, choose, threshold
from radpipe.evaluation.results import Results, Runs
from radpipe.evaluation.sample import column_names, columns_of, questions
from radpipe.evaluation.scoring import Scorer

# Curves that say nothing of answers of a form; the two straight lines of decisions are none.
NO_CURVES = {
    "ratings": ("reliability", "decision", "decision-all"),
    "decisions": ("roc", "pr", "reliability", "decision", "decision-all"),
}
NO_CHANCES = {
    "ratings": "ratings are no probabilities",
    "decisions": "decisions are no probabilities",
}


@dataclass(frozen=True)
class Placed:
    """Answers, put to the cases of a study.

    Attributes
    ----------
    runs
        Part to its cases; `tune` by fold, `test` as one run. Parts without a case are left out.
    counts
        Numbers of cases: `unknown` to the study, `train` (not scored), `unanswered`, and by part
        those of the study that have no answer (`missing`).

    """

    runs: Runs
    counts: Mapping[str, Any]


def place(
    answers: Answers,
    split: pa.Table,
    block: Imported,
    target: Target,
    *,
    folds: Sequence[int],
    parts: Sequence[str],
    where: str,
) -> Placed:
    """Put answers to the cases of a study.

    Parameters
    ----------
    answers
        As read.
    split
        Content of `split.parquet`.
    block, where
        Settings, and their place for messages.
    target
        The study's.
    folds
        Of the plan: cases of these are `tune`.
    parts
        "tune", and "test" if it is opened.

    Raises
    ------
    DataError
        Rows are of cases that the study has not, or no case of the part that ranks has an answer.

    """
    row_of = {name: row for row, name in enumerate(answers.case)}
    cases = split["case"].to_pylist()
    is_study = block.layout == "chexpert"
    keys = ["/".join(case.split("/")[:2]) if is_study else case for case in cases]
    known = row_of.keys() & set(keys)
    unknown = len(row_of) - len(known)
    _refuse_unknown(unknown, len(row_of), len(cases), block, where)
    rows = np.array([row_of.get(key, -1) for key in keys], dtype=np.int64)
    fold = split["fold"].to_numpy()
    test = np.asarray(pc.equal(split["part"], "test"))
    masks: dict[str, dict[Run, np.ndarray]] = {
        "tune": {(f, 0): ~test & (fold == f) for f in folds},
        "test": {(folds[0], 0): test},
    }
    runs: dict[str, dict[Run, EnsembleCases]] = {}
    missing = {}
    for part in parts:
        found = {
            run: _cases(split, answers, rows, mask & (rows >= 0), target, part)
            for run, mask in masks[part].items()
        }
        runs[part] = {run: some for run, some in found.items() if some is not None}
        asked = np.logical_or.reduce(list(masks[part].values()))
        missing[part] = int((asked & (rows < 0)).sum())
    _refuse_none(runs, missing, parts, block, where)
    outside = ~test & ~np.isin(fold, folds)
    counts = {
        "unknown": unknown,
        "unanswered": answers.unanswered,
        "train": int((outside & (rows >= 0)).sum()),
        "missing": missing,
    }
    return Placed({part: found for part, found in runs.items() if found}, counts)


def _refuse_unknown(unknown: int, rows: int, cases: int, block: Imported, where: str) -> None:
    if unknown == rows:
        raise DataError(
            f"{block.predictions}: none of its {counted(rows, 'case')} is one of the {cases} cases"
            f" of {block.study}: it belongs to another study, or names cases otherwise. The way"
            f" out: names as in column case of data/{block.study}/split.parquet; {where}.columns"
            " says in which column they stand."
        )
    if unknown and block.unknown_cases == "refuse":
        raise DataError(
            f"{block.predictions}: {unknown} of its {counted(rows, 'case')}"
            f" {'is' if unknown == 1 else 'are'} none of {block.study}. The way out: correct the"
            f" table, or {where}.unknown_cases: drop, if the study has left them out on purpose"
            f" (results/studies/{block.study}/split.json says how many)."
        )


def _refuse_none(
    runs: Mapping[str, Mapping[Run, Any]],
    missing: Mapping[str, int],
    parts: Sequence[str],
    block: Imported,
    where: str,
) -> None:
    """Refuse answers of which none is to cases by which variants are ranked."""
    part = "test" if "test" in parts else "tune"
    if runs[part]:
        return
    opened = (
        f"the study's test part is open, so that variants are ranked by its {missing[part]} cases"
        if part == "test"
        else f"the study's test part is closed, so that variants are ranked by the {missing[part]}"
        " cases of tune (in the planned folds)"
    )
    raise DataError(
        f"{block.predictions}: has an answer to no case of part {part} of {block.study}; {opened}."
        f" The way out: a table with these cases, {'or ' if part == 'tune' else ''}"
        + (f"{block.study} in plan.open_test, " if part == "tune" else "")
        + f"or without {where} in the plan."
    )


def _cases(
    split: pa.Table,
    answers: Answers,
    rows: np.ndarray,
    mask: np.ndarray,
    target: Target,
    part: str,
) -> EnsembleCases | None:
    """Return the answered cases that a mask, bool (cases,), chooses; None if there is none."""
    table = split.filter(pa.array(mask)).drop_columns(["part", "fold", "named"])
    table = table.append_column("part", pa.array([part] * len(table), pa.string()))
    for name, column in zip(target.score_columns, answers.scores[rows[mask]].T, strict=True):
        table = table.append_column(name, pa.array(column))
    return cases_of(target, table, part, where="split.parquet")


@dataclass(frozen=True)
class ImportedResults(Results):
    """Results without what judges probabilities, if the answers are none; attributes as there."""

    recipe: ImportedRecipe

    def curves(self) -> list[Row]:
        """Return the curves of every part, and of readers the point at which they decide."""
        block = self.recipe.imported
        left_out = NO_CURVES.get(block.form, ())
        rows = [row for row in super().curves() if row["curve"] not in left_out]
        if block.by.kind == "reader" or block.form == "decisions":
            rows = [row for row in rows if row["curve"] != "pr"]
            rows += [row for part in self.parts for row in self._deciding(part)]
        return rows

    def _deciding(self, part: str) -> Iterator[Row]:
        """Yield 1 - specificity and sensitivity of the decisions, column by column."""
        cases = self.parts[part]
        sample = self.points[part].sample(self.recipe.target, cases.truth, cases.scores)
        for column, name in enumerate(column_names(self.recipe.target)):
            decided = sample.decided[:, column]
            yes, no = sample.positive[:, column], sample.negative[:, column]
            if yes.any() and no.any():
                x, y = float(decided[no].mean()), float(decided[yes].mean())
                place = {"class": name, "part": part, "x": x, "y": y}
                yield {"curve": "point", **place, "low": np.nan, "high": np.nan}


def score_imported(recipe: ImportedRecipe, runs: Runs, evaluation: Evaluation) -> ImportedResults:
    """Score answers as a variant's predictions are.

    Parameters
    ----------
    recipe
        What they are.
    runs
        Part to its runs, as from `place`.
    evaluation
        How thresholds are chosen, number and seed of the draws, confidence.

    Raises
    ------
    DataError
        No truth of a part is known.

    """
    parts = {part: pool(found, part) for part, found in runs.items()}
    for part, cases in parts.items():
        if not cases.known.any():
            raise DataError(
                f"{recipe.variant}: of none of the {len(cases.case)} answered cases of part {part}"
                " is a truth known, so they cannot be scored. Complete the study's labels."
            )
    target, block = recipe.target, recipe.imported
    point = point_of(target, block, parts.get("tune"), evaluation)
    scored = {
        part: without_chances(
            Scorer(target, point, evaluation).part(cases, runs[part]), block, target
        )
        for part, cases in parts.items()
    }
    changes = drift(scored["tune"], scored["test"]) if {"tune", "test"} <= scored.keys() else None
    points = dict.fromkeys(parts, point)
    # Nothing is guaranteed: how these answers came about, and of which patients, is not known.
    return ImportedResults(recipe, parts, points, scored, evaluation, drift=changes)


def point_of(
    target: Target, block: Imported, tune: EnsembleCases | None, evaluation: Evaluation
) -> OperatingPoint:
    """Return what decides: as given, chosen on `tune`, or the middle of the scale.

    Ratings have no temperature, because they are no probabilities; nor has what cannot be judged
    on `tune`.
    """
    names = column_names(target)
    if block.form == "decisions":
        return OperatingPoint("decisions", (HALF,) * len(names), 1.0, chosen_on="given")
    if block.positive_from is not None:
        limit = float(as_score(block, block.positive_from))
        return OperatingPoint("given", (limit,) * len(names), 1.0, chosen_on="given")
    if tune is not None and tune.known.any():
        if block.form != "ratings":
            return choose(target, tune.truth, tune.scores, evaluation)
        columns = zip(
            questions(target, tune.truth).T, columns_of(target, tune.scores).T, strict=True
        )
        limits = tuple(
            threshold(*pair, rule=evaluation.threshold, least_sensitivity=evaluation.sensitivity)
            for pair in columns
        )
        return OperatingPoint(evaluation.threshold, limits, 1.0)
    limit = float(as_score(block, middle_of(block)))
    return OperatingPoint("middle", (limit,) * len(names), 1.0, chosen_on="nothing")


def without_chances(scored: dict[str, Any], block: Imported, target: Target) -> dict[str, Any]:
    """Take out the values of metrics of probabilities, and say why, if the answers are none."""
    why = NO_CHANCES.get(block.form)
    if why is None:
        return scored
    metrics = {
        card.name: _emptied(scored["metrics"][card.name], why)
        if about_chances(card)
        else scored["metrics"][card.name]
        for card in cards(target)
    }
    return {**scored, "metrics": metrics}


def about_chances(card: Card) -> bool:
    """Tell whether a metric judges probabilities."""
    return card.table == "calibration"


def _emptied(metric: Mapping[str, Any], why: str) -> dict[str, Any]:
    # Nobody has to be warned of that.
    nothing = {"value": np.nan, "low": np.nan, "high": np.nan, "why": why, "meant": True}
    labels = metric.get("per_class", {})
    return {**nothing, "per_class": dict.fromkeys(labels, nothing)}
