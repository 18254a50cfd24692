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
# Where answers are uncertain, bool of shape (cases, target columns).
Doubts = npt.NDArray[np.bool_]
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
        Its columns are copied, as are those of what is uncertain, covariates and the ideal
        observer's probabilities.

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
    named = {*target.columns, *target.uncertain_columns}
    for name in kept.column_names:
        if name in named or name.startswith(COPIED):
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
    uncertain: Doubts | None,
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
    uncertain
        Of the n cases, where the data set calls an answer uncertain, bool of shape (n, columns);
        None if it does not say such things.
    split, target
        The rules.
    indexed
        Cases in cases.parquet, those without a stored picture included.
    remarks
        What is unusual about the parts.

    """
    kept = settled.kept
    patient, truth = settled.patient[kept], truth[kept]
    doubts = None if uncertain is None else uncertain[kept]
    folds = range(int(parts.fold.max(initial=0)) + 1)

    def count(here: npt.NDArray[np.bool_]) -> dict[str, Any]:
        counts = _count(here, patient, truth, target)
        return counts | _count_unknown(here, truth, doubts, target)

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


def _count_unknown(
    here: npt.NDArray[np.bool_], truth: Numbers, doubts: Doubts | None, target: Target
) -> dict[str, Any]:
    """Count answers that are not known, and those of them that the data set calls uncertain.

    A list of one number a label; of other targets one number, which `_count` has for the unknown.
    """
    several = target.kind == "multi-label"
    found: dict[str, Any] = {}
    if several:
        found["n_unknown_per_label"] = np.isnan(truth[here]).sum(axis=0).tolist()
    if doubts is not None:
        per_label = doubts[here].sum(axis=0).tolist()
        found |= {"n_uncertain_per_label": per_label} if several else {"n_uncertain": per_label[0]}
    return found
