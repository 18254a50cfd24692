"""Predictions of a variant's runs, pooled into one table per part.

`tune`: every case was left out by one fold; its score is the mean over that fold's seeds,
and the folds are put together. `test`: the mean over all runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from radpipe.core.errors import DataError
from radpipe.core.settings import Target
from radpipe.evaluation.draws import Floats

# (fold, seed)
Run: TypeAlias = tuple[int, int]
Texts: TypeAlias = NDArray[np.object_]


@dataclass(frozen=True)
class EnsembleCases:
    """Cases of one part, sorted by name.

    Attributes
    ----------
    case, patient
        Shape (cases,).
    truth
        Shape (cases, target columns), NaN unknown.
    scores
        Shape (cases, classes): mean probabilities.
    ceiling
        Shape (cases, classes): the ideal observer's probabilities, where known.
    covariates
        Name (without "covariate_") to values of shape (cases,): texts with None, or
        numbers with NaN, where unknown.

    """

    case: Texts
    patient: Texts
    truth: Floats
    scores: Floats
    ceiling: Floats | None = None
    covariates: dict[str, NDArray[np.generic]] = field(default_factory=dict)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Cases of which at least one truth is known, bool of shape (cases,)."""
        return np.asarray(~np.isnan(self.truth).all(axis=1))

    def take(self, rows: NDArray[np.generic]) -> "EnsembleCases":
        """Return some of the cases: by mask, bool (cases,), or by row number, int (n,)."""
        return EnsembleCases(
            self.case[rows],
            self.patient[rows],
            self.truth[rows],
            self.scores[rows],
            None if self.ceiling is None else self.ceiling[rows],
            {name: column[rows] for name, column in self.covariates.items()},
        )


def cases_of(target: Target, table: pa.Table, part: str, *, where: str) -> EnsembleCases | None:
    """Read the cases of one part from a table of predictions, sorted by case.

    Parameters
    ----------
    target
        Names the columns.
    table
        `predictions.parquet` or `cases.parquet`.
    part
        "tune" or "test".
    where
        Name of the file, for messages.

    Returns
    -------
    Cases or None
        None where the table has no case of the part.

    Raises
    ------
    DataError
        A column is missing, a case stands twice, or a score is not in 0..1.

    """
    wanted = ["part", "case", "patient", *target.columns, *target.score_columns]
    if missing := [name for name in wanted if name not in table.column_names]:
        raise DataError(
            f"{where}: columns {', '.join(missing)} are missing. Run predict again, or check"
            " that the target's classes are those the network was trained for."
        )
    table = table.filter(pc.equal(table["part"], part)).sort_by("case")
    if not table.num_rows:
        return None
    names = _texts(table, "case")
    if len(set(names)) < len(names):
        raise DataError(f"{where}: a case stands twice in part {part}. Run predict again.")
    scores = _numbers(table, target.score_columns)
    if not ((scores >= 0) & (scores <= 1)).all():
        raise DataError(
            f"{where}: scores must be probabilities in 0..1, but lie in"
            f" {scores.min():.3g}..{scores.max():.3g}. Run train and predict again."
        )
    ceiling = None
    if all(name in table.column_names for name in target.ceiling_columns):
        ceiling = _numbers(table, target.ceiling_columns)
    return EnsembleCases(
        names,
        _texts(table, "patient"),
        _numbers(table, target.columns),
        scores,
        ceiling,
        _covariates(table),
    )


def runs_of(target: Target, tables: Mapping[Run, pa.Table], part: str) -> dict[Run, EnsembleCases]:
    """Read one part of every run; empty if no run has it.

    Raises
    ------
    DataError
        Some runs have the part and some do not.

    """
    found = {run: cases_of(target, table, part, where=_title(run)) for run, table in tables.items()}
    runs = {run: cases for run, cases in found.items() if cases is not None}
    if runs and len(runs) < len(found):
        without = [_title(run) for run in found if run not in runs]
        raise DataError(
            f"{', '.join(without)}: no case of part {part}, which other runs of the variant"
            " have. Run predict again for all of them."
        )
    return runs


def in_common(many: Sequence[EnsembleCases]) -> list[EnsembleCases]:
    """Return the cases that all of several tables hold, of each table in its own order."""
    shared = set(many[0].case).intersection(*(one.case for one in many[1:]))
    return [
        one.take(np.fromiter((name in shared for name in one.case), np.bool_, len(one.case)))
        for one in many
    ]


def pool(runs: Mapping[Run, EnsembleCases], part: str) -> EnsembleCases:
    """Put runs together: `tune` by fold, `test` by the mean of all (see the module).

    Raises
    ------
    DataError
        Runs that should share their cases do not, or folds share one.

    """
    if part != "tune":
        return _mean(runs)
    folds = sorted({fold for fold, _ in runs})
    means = [_mean({run: cases for run, cases in runs.items() if run[0] == f}) for f in folds]
    return _stack(means)


def _mean(runs: Mapping[Run, EnsembleCases]) -> EnsembleCases:
    (first_run, first), *others = sorted(runs.items())
    total = first.scores.copy()
    for run, cases in others:
        same = np.array_equal(cases.case, first.case) and np.array_equal(
            cases.truth, first.truth, equal_nan=True
        )
        if not same:
            raise DataError(
                f"{_title(run)} and {_title(first_run)} predict different cases"
                f" ({len(cases.case)} and {len(first.case)}) or truths. Run predict again."
            )
        total += cases.scores
    return EnsembleCases(
        first.case,
        first.patient,
        first.truth,
        total / len(runs),
        first.ceiling,
        first.covariates,
    )


def _stack(parts: list[EnsembleCases]) -> EnsembleCases:
    if len(parts) == 1:
        return parts[0]
    case = np.concatenate([cases.case for cases in parts])
    if len(set(case)) < len(case):
        raise DataError(
            "a case is predicted as tune by two folds, so folds are not what split.parquet"
            " says. Run split, train and predict again."
        )
    ceilings = [cases.ceiling for cases in parts if cases.ceiling is not None]
    both = EnsembleCases(
        case,
        np.concatenate([cases.patient for cases in parts]),
        np.concatenate([cases.truth for cases in parts]),
        np.concatenate([cases.scores for cases in parts]),
        np.concatenate(ceilings) if len(ceilings) == len(parts) else None,
        {
            name: np.concatenate([cases.covariates[name] for cases in parts])
            for name in parts[0].covariates
        },
    )
    return both.take(np.argsort(case.astype(str), kind="stable"))


def _title(run: Run) -> str:
    return f"fold-{run[0]}-seed-{run[1]}/predictions.parquet"


def _texts(table: pa.Table, name: str) -> Texts:
    return np.array(table[name].cast(pa.string()).to_pylist(), dtype=object)


def _numbers(table: pa.Table, names: list[str]) -> Floats:
    """Return columns as float64, shape (rows, names); null is NaN."""
    columns = [pc.fill_null(table[name].cast(pa.float64()), np.nan).to_numpy() for name in names]
    return np.column_stack(columns)


def _covariates(table: pa.Table) -> dict[str, NDArray[np.generic]]:
    found: dict[str, NDArray[np.generic]] = {}
    for name in sorted(table.column_names):
        if not name.startswith("covariate_"):
            continue
        kind = table[name].type
        number = pa.types.is_floating(kind) or pa.types.is_integer(kind)
        values = _numbers(table, [name])[:, 0] if number else _texts(table, name)
        found[name.removeprefix("covariate_")] = values
    return found
