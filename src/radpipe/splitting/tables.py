"""The files of a split: the cases' parts, the table of leaks, and counts for the report."""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from radpipe.core.files import write_text
from radpipe.core.settings import Split, Target
from radpipe.splitting.leaks import Leak, LeakCases, Settled, numbered
from radpipe.splitting.parts import Numbers, Parts, strata_of

LEAK_COLUMNS = (
    "group",
    "file_a",
    "file_b",
    "kind",
    "correlation",
    "part_a",
    "part_b",
    "decision",
)
COPIED = ("covariate_", "ceiling_")


def split_table(cases: pa.Table, settled: Settled, parts: Parts, *, target: Target) -> pa.Table:
    """Build split.parquet.

    Parameters
    ----------
    cases
        Rows of cases.parquet that are in the store, sorted by case: n rows.
    settled
        Patients and kept cases, shape (n,).
    parts
        Of the kept cases.
    target
        Its columns are copied, as are covariates and the ideal observer's probabilities.

    """
    kept = cases.filter(pa.array(settled.kept))
    columns = {
        "case": kept["case"].combine_chunks(),
        "patient": pa.array(settled.patient[settled.kept].tolist(), pa.string()),
        # The name before grouping: another study may not group, or otherwise.
        "named": kept["patient"].combine_chunks(),
        "part": pa.array(parts.part.tolist(), pa.string()),
        "fold": pa.array(parts.fold, pa.int64()),
    }
    for name in kept.column_names:
        if name in target.columns or name.startswith(COPIED):
            columns[name] = kept[name].combine_chunks()
    return pa.table(columns)


def write_leaks(path: Path, leaks: Sequence[Leak], official: npt.NDArray[np.str_]) -> None:
    """Write leaks.csv: one row a pair, with the official part of each (empty if none).

    `official` is of shape (cases,); leaks give the cases' numbers in it.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(LEAK_COLUMNS)
    for group, leak in zip(numbered(leaks), leaks, strict=True):
        # A correlation means nothing for a patient's own files.
        alike = "" if leak.kind == "patient" else f"{leak.correlation:.4f}"
        parts = official[leak.case_a], official[leak.case_b]
        rows.writerow([group, leak.file_a, leak.file_b, leak.kind, alike, *parts, leak.decision])
    write_text(path, text.getvalue())


def summary(
    study: str,
    cases: LeakCases,
    truth: Numbers,
    settled: Settled,
    parts: Parts,
    *,
    split: Split,
    target: Target,
    indexed: int,
    remarks: Sequence[str],
) -> dict[str, Any]:
    """Build split.json: counts only, so that it may go where ids may not.

    Parameters
    ----------
    study
        Its name.
    cases, truth, settled
        Of the n cases in the store.
    parts
        Of the kept cases.
    split, target
        The rules.
    indexed
        Cases in cases.parquet, those without a stored picture included.
    remarks
        What is unusual about the parts.

    """
    kept = settled.kept
    patient, truth = settled.patient[kept], truth[kept]
    folds = range(int(parts.fold.max(initial=0)) + 1)

    def count(here: npt.NDArray[np.bool_]) -> dict[str, Any]:
        return _count(here, patient, truth, target)

    leaks = Counter((leak.kind, leak.decision) for leak in settled.leaks)
    return {
        "study": study,
        "rules": {
            **split.model_dump(mode="json", exclude={"accept"}),
            "official": {
                name: int((cases.official == name).sum()) for name in ("train", "tune", "test")
            },
            "drawn": parts.drawn,
        },
        "cases": {
            "indexed": indexed,
            "rejected": indexed - len(kept),
            "dropped": int((~kept).sum()),
            "placed": int(kept.sum()),
        },
        "patients": {
            "named": len(np.unique(cases.patient)),
            "after_grouping": len(np.unique(settled.patient)),
            "placed": len(np.unique(patient)),
        },
        "classes": target.classes,
        "parts": {
            "train": count(parts.fold >= 0),
            "test": count(parts.fold < 0),
        },
        "folds": [{"fold": f, **count(parts.fold == f)} for f in folds],
        "leaks": [
            {"kind": kind, "decision": decision, "n": n}
            for (kind, decision), n in sorted(leaks.items())
        ],
        "accepted_files": len(split.accept),
        "remarks": list(remarks),
    }


def _count(
    here: npt.NDArray[np.bool_], patient: npt.NDArray[np.str_], truth: Numbers, target: Target
) -> dict[str, Any]:
    strata = strata_of(truth[here], target)
    return {
        "n_cases": int(here.sum()),
        "n_patients": len(np.unique(patient[here])),
        "n_per_class": [int(n) for n in strata.sum(axis=0)],
        "n_unknown": int(np.isnan(truth[here]).any(axis=1).sum()),
    }
