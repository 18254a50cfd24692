"""A folder of pictures with a table: propose how to read it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from radpipe.app.init.columns import (
    ImageColumn,
    Rows,
    comma_columns,
    covariate_columns,
    image_column,
    is_called_label,
    label_columns,
    part_column,
    patient_column,
)
from radpipe.app.init.patients import patient_pattern, untold
from radpipe.app.init.proposal import (
    Proposal,
    say_no_parts,
    say_target,
    say_unknown_patients,
    settle_parts,
    target_of,
)
from radpipe.app.init.tokens import part_of
from radpipe.core.errors import ConfigError, DataError, unknown_name
from radpipe.core.plurals import counted
from radpipe.studies.base.contract import File, number_of
from radpipe.studies.base.truth import BOXES, CEILING
from radpipe.studies.folders.layout import FoldersTable
from radpipe.studies.folders.rows import read_rows

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet")


def tables_among(files: Sequence[str]) -> list[str]:
    """List the files that can be the table, those at the top first; what has a meaning is none."""
    found = [
        file
        for file in files
        if PurePosixPath(file).suffix.lower() in TABLE_SUFFIXES and file not in (BOXES, CEILING)
    ]
    return sorted(found, key=lambda file: (file.count("/"), file))


def rows_of(raw: Path, file: str) -> Rows:
    """Read a table's rows as text, as the adapter `folders` does.

    Raises
    ------
    DataError
        It cannot be read, or has no rows.

    """
    return read_rows(raw, {file: File(0, "")}, FoldersTable(file=file, image="", target=""))[0]


def fitting_table(
    raw: Path, tables: Sequence[str], pictures: Sequence[str]
) -> tuple[str | None, list[str]]:
    """Return the table that names the most pictures, and why others cannot be read.

    The table is None if none names half of the pictures.
    """
    best: tuple[int, str] | None = None
    unread = []
    for file in tables:
        try:
            images = image_column(rows_of(raw, file), pictures)
        except DataError as error:
            unread.append(str(error))
            continue
        if images and (best is None or len(images.file_of) > best[0]):
            best = len(images.file_of), file
    return (best[1] if best else None), unread


def propose_table(
    raw: Path,
    file: str,
    pictures: Sequence[str],
    *,
    label: str | None = None,
    folder_class: Mapping[str, str] | None = None,
) -> Proposal:
    """Propose how to read a table.

    Parameters
    ----------
    raw
        Root of the data set.
    file
        The table, below it.
    pictures
        Paths of the pictures below it.
    label
        Column of the label, or several with commas between them; None: look for it.
    folder_class
        Picture to the class that its folder names, where there are class folders, too.

    Raises
    ------
    DataError
        The table names too few of the pictures.
    ConfigError
        Several columns can be the label, or the one asked for does not exist.

    """
    rows = rows_of(raw, file)
    images = image_column(rows, pictures)
    if images is None:
        raise DataError(
            f"{file}: no column names the images: none holds the path or the name of half of them."
            f" Columns: {', '.join(rows[0])}. The way out: add a column with each image's path."
        )
    rows = [row for row in rows if row[images.column] in images.file_of]
    part = part_column(rows, {images.column})
    patient = patient_column(rows, {images.column, part or ""})
    labels = _labels(rows, file, label, {images.column, part or "", patient or ""})
    block: dict[str, Any] = {"file": file, "image": images.column}
    if images.path:
        block["path"] = images.path
    if images.find == "name":
        block["find"] = "name"
    if len(labels) > 1:
        proposal = _several(rows, labels, block)
    else:
        folders = _folder_names(rows, images, labels[0], folder_class or {})
        proposal = _one(rows, labels[0], block, file, folders)
    _add_patients(proposal, rows, images, patient)
    _add_parts(proposal, rows, part)
    used = {images.column, part, patient, *labels}
    left = {name for name in used if name}
    commas = comma_columns(rows, left)
    _add_covariates(proposal, covariate_columns(rows, left.union(commas)), commas)
    if images.n_missing:
        block["missing_files"] = "skip"
        text = f"{images.n_missing:,} rows name an image that is not there, and are left out"
        proposal.say("rows", text, "layout.table.missing_files")
    return proposal


def _labels(rows: Rows, file: str, asked: str | None, but: set[str]) -> list[str]:
    """Return the column of the label, or the columns of several labels."""
    if asked:
        labels = asked.split(",")
        for name in labels:
            if name not in rows[0]:
                raise unknown_name(f"--label: column of {file}", name, rows[0])
        return labels
    found = label_columns(rows, but)
    called = [name for name in found if is_called_label(name)]
    if called or len(found) == 1:
        return (called or found)[:1]
    choice = ", ".join(found) or "none has 2 to 20 different values"
    raise ConfigError(
        f"{file}: which column is the label? It could be: {choice}. The way out: name it,"
        " --label COLUMN"
    )


def _one(
    rows: Rows, label: str, block: dict[str, Any], file: str, folders: Mapping[str, str]
) -> Proposal:
    """Propose a target of one column."""
    block["target"] = label
    values = Counter(row[label] for row in rows)
    unknown = values.pop("", 0)
    named = {value: folders.get(value, value) for value in values}
    counts = {named[value]: n for value, n in values.items()}
    kind, classes = target_of(counts, label)
    mapping: dict[str, str | None] = {v: name for v, name in sorted(named.items()) if v != name}
    if unknown:
        mapping[""] = None
    if mapping:
        block["mapping"] = mapping
    proposal = Proposal({"table": block}, kind, classes)
    say_target(proposal, counts, f"column {label} of {file}")
    if unknown:
        text = f"{counted(unknown, 'row has', 'rows have')} none: kept, and not used for scores"
        proposal.say("unknown", text, "layout.table.mapping")
    return proposal


def _several(rows: Rows, labels: Sequence[str], block: dict[str, Any]) -> Proposal:
    """Propose a target of several labels, each present or not."""
    block["target"] = list(labels)
    proposal = Proposal({"table": block}, "multi-label", list(labels))
    present = (f"{name} {sum(_is_one(row[name]) for row in rows):,}" for name in labels)
    proposal.say("labels", f"{', '.join(present)} (rows in which it is 1)", "target.classes")
    return proposal


def _is_one(text: str) -> bool:
    return text in ("1", "1.0")


def _folder_names(
    rows: Rows, images: ImageColumn, label: str, folder_class: Mapping[str, str]
) -> Mapping[str, str]:
    """Return numbers of a label with the class folder that always goes with each: 0 is NORMAL."""
    pairs = {
        (row[label], folder_class[images.file_of[row[images.column]]])
        for row in rows
        if row[label] and images.file_of[row[images.column]] in folder_class
    }
    values, folders = {value for value, _ in pairs}, {folder for _, folder in pairs}
    numbers = all(number_of(value) is not None for value in values)
    return dict(pairs) if numbers and len(pairs) == len(values) == len(folders) else {}


def _add_parts(proposal: Proposal, rows: Rows, part: str | None) -> None:
    """Say which column names the parts, if one does."""
    if part is None:
        say_no_parts(proposal)
        return
    proposal.layout["table"]["part"] = part
    values = [row[part] for row in rows]
    settle_parts(values, proposal, {name: part_of(name) or "" for name in set(values)})


def _add_covariates(proposal: Proposal, kept: Sequence[str], commas: Sequence[str]) -> None:
    """Keep columns for results by subgroup, and name those whose numbers are not clear."""
    if commas:
        text = (
            f"{', '.join(commas)}: numbers with commas, not used; decimal: ',' makes them numbers"
        )
        proposal.say("commas", text, "layout.table.decimal, layout.table.covariates")
    if kept:
        proposal.layout["table"]["covariates"] = list(kept)
        text = f"{', '.join(kept)}: scores are given by these, too"
        proposal.say("subgroups", text, "layout.table.covariates")


def _add_patients(proposal: Proposal, rows: Rows, images: ImageColumn, patient: str | None) -> None:
    """Say whose pictures they are: by a column, or by the names of files."""
    if patient is None:
        _add_named_patients(proposal, [row[images.column] for row in rows])
        return
    proposal.layout["table"]["patient"] = patient
    proposal.patients_known = True
    n = len({row[patient] for row in rows})
    text = f"{n:,} for {len(rows):,} images (column {patient})"
    proposal.say("patients", text, "layout.table.patient")


def _add_named_patients(proposal: Proposal, names: Sequence[str]) -> None:
    """Say whose pictures they are by the names of files, or that these do not tell."""
    depths = {name.count("/") for name in names}
    stems = [PurePosixPath(name).stem for name in names]
    pattern = patient_pattern(stems)
    if pattern and len(depths) == 1:
        template = "/".join([*["{_}"] * depths.pop(), pattern.template])
        proposal.layout["table"]["name"] = template
        proposal.patients_known = True
        proposal.say("patients", pattern.told(len(names)), "layout.table.name")
        return
    told = "images lie at several depths of folders" if pattern else untold(stems)
    why = f"no column is called patient; {told}"
    way_out = "set layout.table.patient to a column of patients; an empty one is unknown"
    say_unknown_patients(proposal, len(names), why, way_out)
