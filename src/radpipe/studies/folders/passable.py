"""A layout without what it asks of its table in vain, so that an examination can go on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from radpipe.core.errors import ConfigError, DataError
from radpipe.core.findings import Finding, problem
from radpipe.core.settings import Target
from radpipe.studies.base.contract import Files
from radpipe.studies.folders.covariates import Line, refuse_covariates
from radpipe.studies.folders.layout import FoldersLayout, FoldersTable
from radpipe.studies.folders.rows import check_table, read_rows, wrong_columns

# Settings without which a table can be read all the same.
OPTIONAL = ("patient", "part", "side")


def passable(
    raw: Path, *, files: Files, layout: FoldersLayout, target: Target
) -> tuple[FoldersLayout | None, list[Finding]]:
    """Return the layout without wrong columns and covariates, and what was wrong.

    Returns
    -------
    layout
        None if no case can be read without what is wrong.
    findings
        A problem for each.

    """
    if layout.table is None:
        return layout, []
    try:
        check_table(layout.table, target)
        rows, notes = read_rows(raw, files, layout.table)
    except (ConfigError, DataError) as error:
        return None, [problem(error)]
    wrong = wrong_columns(rows[0], layout.table)
    findings = [Finding("note", note) for note in notes]
    findings += [Finding("problem", line) for lines in wrong.values() for line in lines]
    if any(not _can_do_without(setting) for setting in wrong):
        return None, findings
    table = layout.table.model_copy(update=_without(layout.table, wrong))
    odd = _odd_covariates(rows, table)
    findings += odd.values()
    left = {name: each for name, each in table.covariates.items() if name not in odd}
    table = table.model_copy(update={"covariates": left})
    return layout.model_copy(update={"table": table}), findings


def _can_do_without(setting: str) -> bool:
    return setting in OPTIONAL or setting.startswith("covariates.")


def _without(table: FoldersTable, wrong: Mapping[str, object]) -> dict[str, Any]:
    """Return the settings that change when wrong ones are taken out."""
    covariates = {
        name: each for name, each in table.covariates.items() if f"covariates.{name}" not in wrong
    }
    return {"covariates": covariates, **{name: None for name in OPTIONAL if name in wrong}}


def _odd_covariates(rows: list[Line], table: FoldersTable) -> dict[str, Finding]:
    """Return the covariates whose values the settings do not explain, and why not."""
    found = {}
    for name, each in table.covariates.items():
        try:
            refuse_covariates(rows, table.model_copy(update={"covariates": {name: each}}))
        except DataError as error:
            found[name] = problem(error)
    return found
