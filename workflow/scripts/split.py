"""Draw the parts and folds of a study, and refuse leaks.

Reads   data/<study>/cases.parquet, data/<study>/store
Writes  data/<study>/split.parquet, data/<study>/leaks.csv, results/studies/<study>/split.json;
        when it refuses, only data/<study>/leaks-refused.csv
"""

from radpipe.core.environment import pin

if __name__ == "__main__":
    pin()

import logging

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from radpipe.core.errors import ConfigError, DataError
from radpipe.core.files import write_json
from radpipe.core.settings import Split, Target
from radpipe.core.step import Job, Step
from radpipe.core.tables import read_table, write_table
from radpipe.imaging.store import Store
from radpipe.splitting.copies import find_copies
from radpipe.splitting.leaks import (
    Leak,
    LeakCases,
    check_accept,
    copy_leaks,
    patient_leaks,
    refuse,
    settle,
    told_of_joins,
)
from radpipe.splitting.parts import check_classes, draw_parts, large_groups
from radpipe.splitting.tables import split_table, summary, write_leaks
from radpipe.splitting.thumbnails import thumbnails

log = logging.getLogger("radpipe.split")

STEP = Step(
    "split",
    __doc__,
    each="studies",
    reads={"cases": "data/{study}/cases.parquet", "store": "data/{study}/store"},
    writes={
        "out": "data/{study}/split.parquet",
        "leaks": "data/{study}/leaks.csv",
        "summary": "results/studies/{study}/split.json",
    },
    settings=("studies.{study}.split|target",),
    keeps={"summary": "git"},
    threads=4,
    mem_mb=6000,
    runtime=60,
)


def main(job: Job) -> None:
    """Find leaks, settle them, draw, write."""
    args = job.args
    split: Split = job.setting(f"studies.{args.study}.split")
    target: Target = job.setting(f"studies.{args.study}.target")
    indexed = read_table(args.cases)
    store = Store(args.store)
    table = stored_cases(indexed, store)
    cases = read_cases(table)
    leaks = find_leaks(args.study, store, cases, split)
    settled = settle(leaks, cases, on_leak=split.on_leak, accept=split.accept)
    # Engines delete the outputs of a step that failed, and this table is the way out.
    refused = args.leaks.with_name("leaks-refused.csv")
    refused.unlink(missing_ok=True)
    if any(leak.decision == "refused" for leak in settled.leaks):
        write_leaks(refused, settled.leaks, cases.official)
    refuse(settled, study=args.study, table=str(refused))

    kept = settled.kept
    truth = read_truth(table, target)
    patient = settled.patient[kept]
    parts = draw_parts(patient, truth[kept], cases.official[kept], split=split, target=target)
    try:
        remarks = check_classes(
            parts, truth[kept], patient, target=target, study=args.study, folds=split.folds
        )
    except ConfigError as error:
        write_leaks(refused, settled.leaks, cases.official)
        joins = told_of_joins(
            settled, cases, study=args.study, correlation=split.correlation, table=str(refused)
        )
        raise ConfigError(f"{error}{joins}") from error
    remarks += large_groups(patient, cases.patient[kept])
    for remark in remarks:
        log.warning("%s: %s", args.study, remark)
    write_table(args.out, split_table(table, settled, parts, target=target))
    write_leaks(args.leaks, settled.leaks, cases.official)
    counts = summary(
        args.study,
        cases,
        truth,
        settled,
        parts,
        uncertain=read_uncertain(table, target),
        split=split,
        target=target,
        indexed=len(indexed),
        remarks=remarks,
    )
    write_json(args.summary, counts)
    log.info(
        "split %s: cases=%d patients=%d test=%d leaks=%d dropped=%d",
        args.study,
        counts["cases"]["placed"],
        counts["patients"]["placed"],
        counts["parts"]["test"]["n_cases"],
        len(settled.leaks),
        counts["cases"]["dropped"],
    )


def stored_cases(indexed: pa.Table, store: Store) -> pa.Table:
    """Return the rows of cases.parquet whose case is in the store, sorted by case."""
    unknown = set(store.cases) - set(indexed["case"].to_pylist())
    if unknown:
        raise DataError(
            f"{store.path}: {len(unknown)} of its cases are not in the table of cases. Run"
            " ingest again."
        )
    there = set(store.cases)
    mask = [case in there for case in indexed["case"].to_pylist()]
    return indexed.filter(pa.array(mask)).sort_by("case")


def read_cases(table: pa.Table) -> LeakCases:
    """Return case, patient and official part as arrays."""
    official = [part or "" for part in table["official"].to_pylist()]
    return LeakCases(
        case=np.array(table["case"].to_pylist(), dtype=str),
        patient=np.array(table["patient"].to_pylist(), dtype=str),
        official=np.array(official, dtype=str),
    )


def read_truth(table: pa.Table, target: Target) -> npt.NDArray[np.float64]:
    """Return the target columns, (cases, columns), null as NaN."""
    columns = [table[name].to_numpy().astype(np.float64) for name in target.columns]
    return np.column_stack(columns)


def read_uncertain(table: pa.Table, target: Target) -> npt.NDArray[np.bool_] | None:
    """Return where answers are uncertain, (cases, columns); None if the data set does not say."""
    names = target.uncertain_columns
    if not set(names) <= set(table.column_names):
        return None
    columns = [table[name].fill_null(False).to_numpy() for name in names]
    return np.column_stack(columns)


def find_leaks(study: str, store: Store, cases: LeakCases, split: Split) -> list[Leak]:
    """Compare patients with official parts, and all pictures with one another."""
    files = store.index["file"].to_pylist()
    check_accept(split.accept, files, study=study)
    case_of = np.searchsorted(cases.case, np.array(store.index["case"].to_pylist(), dtype=str))
    first_file = {int(case): file for case, file in zip(case_of[::-1], files[::-1], strict=True)}
    copies = find_copies(
        thumbnails(store),
        sha256=np.array(store.index["sha256"].to_pylist(), dtype=str),
        pixel_hash=np.array(store.index["pixel_hash"].to_pylist(), dtype=str),
        patients=cases.patient[case_of],
        correlation=split.correlation,
    )
    return [
        *patient_leaks(cases, files=[first_file[k] for k in range(len(cases.case))]),
        *copy_leaks(copies, files=files, case_of=case_of),
    ]


if __name__ == "__main__":
    STEP(main)
