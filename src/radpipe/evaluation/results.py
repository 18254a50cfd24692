"""The scores of one variant or ensemble, and the files below `results/scores` that hold them."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from radpipe.core.errors import DataError, StaleError
from radpipe.core.files import write_json, write_text
from radpipe.core.recipe import Named, Recipe, read_recipe
from radpipe.core.settings import Evaluation
from radpipe.core.tables import read_table, write_table
from radpipe.evaluation.curves import COLUMNS, curve_rows
from radpipe.evaluation.draws import draw_patients, owners
from radpipe.evaluation.drift import drift
from radpipe.evaluation.ensemble import EnsembleCases, Run, pool, runs_of
from radpipe.evaluation.folds import choose_for
from radpipe.evaluation.guarantees import Guarantees, guarantees
from radpipe.evaluation.metrics.probabilities import ECE_BINS
from radpipe.evaluation.operating_point import OperatingPoint, choose
from radpipe.evaluation.sample import column_names, decisions
from radpipe.evaluation.scoring import Scorer, confusion_rows
from radpipe.evaluation.tables import plain, write_csv

log = logging.getLogger("radpipe.evaluate")
PARTS = ("tune", "test")
Runs = Mapping[str, Mapping[Run, EnsembleCases]]


@dataclass(frozen=True)
class Results:
    """What was found about one variant or ensemble.

    Attributes
    ----------
    recipe
        What it is made of.
    parts
        Part to its cases, pooled over folds and seeds.
    points
        Part to what decides on it, chosen on `tune`.
    scored
        Part to its block of `metrics.json`.
    evaluation
        Number and seed of the draws, confidence.
    guarantees
        What is guaranteed of new patients; None of imported predictions.
    drift
        How test differs from tune; None while test is closed.

    """

    recipe: Named
    parts: Mapping[str, EnsembleCases]
    points: Mapping[str, OperatingPoint]
    scored: Mapping[str, Mapping[str, Any]]
    evaluation: Evaluation
    guarantees: Guarantees | None = None
    drift: Mapping[str, Any] | None = None

    def write(self, folder: Path, about: Mapping[str, Any]) -> None:
        """Write recipe.json, metrics.json, cases.parquet, curves.csv and confusion.csv.

        Parameters
        ----------
        folder
            Where to, `results/scores/<name>`.
        about
            Stands before the scores in `metrics.json`: see `header`.

        """
        write_text(folder / "recipe.json", self.recipe.text)
        # Imported predictions may have no case of tune.
        point = self.points.get("tune") or self.points["test"]
        found = {**about, "operating_point": point.as_json(), "parts": self.scored}
        if self.guarantees is not None:
            found["guarantee"] = self.guarantees.block
        if self.drift is not None:
            found["drift"] = self.drift
        write_json(folder / "metrics.json", plain(found))
        tables = [self._table(part) for part in sorted(self.parts)]
        write_table(folder / "cases.parquet", pa.concat_tables(tables))
        write_csv(folder / "curves.csv", COLUMNS, self.curves())
        rows = [
            row
            for part, cases in self.parts.items()
            for row in confusion_rows(self.recipe.target, cases, self.points[part], part)
        ]
        write_csv(folder / "confusion.csv", ("part", "true", "decided", "n"), rows)

    def tell(self, *, runs: int) -> None:
        """Log the area of every part, and over how many runs it is."""
        for part, block in self.scored.items():
            area = block["metrics"]["auc"]
            log.info(
                "scored %s %s: cases=%d patients=%d auc=%.3f [%.3f, %.3f] runs=%d",
                self.recipe.variant,
                part,
                *(block[key] for key in ("n_cases", "n_patients")),
                *(area[key] for key in ("value", "low", "high")),
                runs,
            )

    def _table(self, part: str) -> pa.Table:
        """Return the rows of one part: truth, mean and calibrated score, decision, by case."""
        target, cases = self.recipe.target, self.parts[part]
        sample = self.points[part].sample(target, cases.truth, cases.scores)
        decided = decisions(target, sample)
        names = [f"decision_{c}" for c in target.classes] if decided.shape[1] > 1 else ["decision"]
        columns: dict[str, Any] = {
            "part": np.full(len(cases.case), part, dtype=object),
            "case": cases.case,
            "patient": cases.patient,
            **dict(zip(target.columns, cases.truth.T, strict=True)),
            **dict(zip(target.score_columns, cases.scores.T, strict=True)),
            **{
                f"calibrated_{name}": column
                for name, column in zip(column_names(target), sample.probabilities.T, strict=True)
            },
            **dict(zip(names, decided.T, strict=True)),
        }
        nothing = np.full(len(cases.case), None, dtype=object)
        for name, sets in (self.guarantees.sets if self.guarantees else {}).items():
            columns[f"set_{name}" if name else "set"] = sets if part == "test" else nothing
        if cases.ceiling is not None:
            columns |= dict(zip(target.ceiling_columns, cases.ceiling.T, strict=True))
        columns |= {f"covariate_{name}": values for name, values in cases.covariates.items()}
        return pa.table({name: _as_array(values) for name, values in columns.items()})

    def curves(self) -> list[dict[str, Any]]:
        """Return the curves of every part."""
        rows, target = [], self.recipe.target
        for part, cases in self.parts.items():
            known = cases.take(cases.known)
            rng = np.random.default_rng(self.evaluation.seed)
            rows += curve_rows(
                self.points[part].sample(target, known.truth, known.scores),
                column_names(target),
                part,
                draws=draw_patients(owners(known.patient), self.evaluation.bootstrap, rng),
                confidence=self.evaluation.confidence,
            )
        return rows


def score(recipe: Named, runs: Runs, evaluation: Evaluation) -> Results:
    """Pool the runs, freeze the operating point on `tune`, score every part.

    Parameters
    ----------
    recipe
        Of the variant or ensemble.
    runs
        Part to its runs; "tune" is among them.
    evaluation
        How thresholds are chosen, number and seed of the draws, confidence.

    Raises
    ------
    DataError
        No truth of a part is known.

    """
    parts = {part: pool(found, part) for part, found in runs.items()}
    tune = parts["tune"]
    for part, cases in parts.items():
        if not cases.known.any():
            close = ", or take it out of plan.open_test" if part == "test" else ""
            raise DataError(
                f"{recipe.variant}: of none of the {len(cases.case)} cases of part {part} is a"
                f" truth known, so they cannot be scored. Complete the study's labels{close}."
            )
    target = recipe.target
    own = choose(target, tune.truth, tune.scores, evaluation)
    points = {
        part: own if part == "tune" else choose_for(target, tune, own, found, evaluation)
        for part, found in runs.items()
    }
    scored = {
        part: Scorer(target, points[part], evaluation, own).part(cases, runs[part])
        for part, cases in parts.items()
    }
    changes = drift(scored["tune"], scored["test"]) if "test" in scored else None
    promised = guarantees(target, runs, evaluation.guarantee, evaluation.confidence)
    return Results(recipe, parts, points, scored, evaluation, promised, changes)


def read_runs(recipe: Recipe, predictions: Mapping[Run, Path]) -> Runs:
    """Read what the runs of a variant have predicted: part to runs, without empty parts.

    Raises
    ------
    DataError
        No case of `tune` was predicted, or a table is not whole.

    """
    tables = {run: read_table(path) for run, path in predictions.items()}
    found = {part: runs_of(recipe.target, tables, part) for part in PARTS}
    if not found["tune"]:
        raise DataError(f"{recipe.variant}: no case of part tune was predicted. Run predict again.")
    return {part: runs for part, runs in found.items() if runs}


def planned(variant: str, folds: Sequence[int], seeds: Sequence[int]) -> dict[Run, Path]:
    """Return the folder of every planned run of a variant, by (fold, seed) in sorted order."""
    return {
        (fold, seed): Path("results/runs", variant, f"fold-{fold}-seed-{seed}")
        for fold in sorted(folds)
        for seed in sorted(seeds)
    }


def common_recipe(paths: Sequence[Path]) -> Recipe:
    """Read the recipe that all runs of a variant share.

    Raises
    ------
    StaleError
        Runs were made from different ones.

    """
    first, *others = (read_recipe(path) for path in paths)
    if any(other.sha256 != first.sha256 for other in others):
        raise StaleError(
            f"{first.variant}: its runs were made from different recipes. Run snakemake (or dvc"
            " repro), which trains again."
        )
    return first


def header(
    recipe: Named, runs: Sequence[Run], made_of: Mapping[str, Any], evaluation: Evaluation
) -> dict[str, Any]:
    """Return what `metrics.json` says about a variant or ensemble, and how it was scored.

    Parameters
    ----------
    recipe
        Of it.
    runs
        Fold and seed of each run.
    made_of
        More about the recipe: "model", "parameters", "lineage", "preset", "versions".
    evaluation
        As it was scored with.

    """
    return {
        "variant": recipe.variant,
        "study": recipe.study,
        "target": recipe.target.model_dump(mode="json"),
        "folds": sorted({fold for fold, _ in runs}),
        "seeds": sorted({seed for _, seed in runs}),
        "recipe": {"sha256": recipe.sha256, **made_of},
        "intervals": {
            "bootstrap": evaluation.bootstrap,
            "confidence": evaluation.confidence,
            "seed": evaluation.seed,
            "unit": "patient",
            "ece_bins": ECE_BINS,
        },
    }


def _as_array(values: np.ndarray) -> pa.Array:
    """Return texts (n,) as strings (also if all are unknown) and numbers (n,) as they are."""
    return pa.array(values, type=pa.string() if values.dtype == object else None)
