"""`radpipe readers`: made-up readers of a phantom, to try a reader study with."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from radpipe.core.errors import ConfigError, DataError, unknown_name
from radpipe.core.params import Params
from radpipe.core.settings import PhantomSource, Target
from radpipe.core.tables import read_table
from radpipe.evaluation.made_up_readers import SCALE, MadeUp, make_up_readers
from radpipe.evaluation.sample import column_names
from radpipe.evaluation.tables import write_csv

HEAD = """\
# {n} readings by made-up readers of the phantom {study} are in {table}.
# Put this below `plan` in params.yaml, in place of `imported: {{}}`, and run radpipe run.
"""


def make_readers(params: Params, *, study: str) -> None:
    """Write answers of made-up readers to all cases of a phantom, and print their settings.

    Parameters
    ----------
    params
        Of the project.
    study
        Its name; its split must have been made.

    Raises
    ------
    ConfigError
        There is no such study, or its patients are real.
    DataError
        It has no split yet.

    """
    if study not in params.studies:
        raise unknown_name("study", study, params.studies)
    source, target = params.studies[study].source, params.studies[study].target
    if not isinstance(source, PhantomSource):
        raise ConfigError(
            f"studies.{study}.source: its patients are real, and readers are made up for phantoms"
            " only. The way out: answers of real readers; docs/how-to/reader-study.md."
        )
    split = Path("data", study, "split.parquet")
    if not split.exists():
        raise DataError(f"{split}: missing. Run snakemake --cores 1 {split} first.")
    found = read_table(split).sort_by("case")
    truth = np.column_stack([found[name].to_numpy().astype(float) for name in target.columns])
    readings = make_up_readers(target, truth, seed=source.seed)
    table = Path("imported", f"{study}-readers.csv")
    columns = ["reader", "modality", "case", *answer_columns(target)]
    rows = [row for one in readings for row in _rows(one, found["case"].to_pylist(), target)]
    write_csv(table, columns, [dict(zip(columns, row, strict=True)) for row in rows])
    blocks = {
        f"{study}-{one.reader}-{one.modality}": _block(one, study, table, target)
        for one in readings
    }
    text = yaml.safe_dump({"imported": blocks}, sort_keys=False)
    sys.stdout.write(HEAD.format(n=len(readings), study=study, table=table) + text)


def answer_columns(target: Target) -> list[str]:
    """Return the columns that hold answers."""
    return ["decision"] if target.kind in ("multi-class", "ordinal") else column_names(target)


def _rows(one: MadeUp, cases: list[str], target: Target) -> list[list[Any]]:
    said = one.answers.tolist()
    if answer_columns(target) == ["decision"]:
        said = [[target.classes[k] for k in row] for row in said]
    return [[one.reader, one.modality, case, *row] for case, row in zip(cases, said, strict=True)]


def _block(one: MadeUp, study: str, table: Path, target: Target) -> dict[str, Any]:
    form: dict[str, Any] = {"form": "decisions"}
    if answer_columns(target) != ["decision"]:
        form = {"form": "ratings", "scale": list(SCALE), "positive_from": 4}
    return {
        "study": study,
        "predictions": str(table),
        "by": {"kind": "reader", "name": one.reader, "modality": one.modality},
        **form,
        "rows": {"reader": one.reader, "modality": one.modality},
    }
