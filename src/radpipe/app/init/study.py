"""From a folder of pictures to a proposal: class folders or a table, or a clear refusal."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from radpipe.app.init.columns import is_called_label
from radpipe.app.init.headers import propose_headers
from radpipe.app.init.pictures import Look, look_at
from radpipe.app.init.proposal import Proposal
from radpipe.app.init.table import fitting_table, propose_table, tables_among
from radpipe.app.init.tokens import MASK_FOLDERS
from radpipe.app.init.tree import propose_tree
from radpipe.core.errors import DataError
from radpipe.core.masking import IMAGE_SUFFIXES
from radpipe.core.plurals import counted
from radpipe.studies.base.manifest import list_files
from radpipe.studies.base.template import Template
from radpipe.studies.folders.pictures import pictures_below

VOLUMES = (".npy", ".nii", ".nii.gz", ".mha", ".mhd", ".nrrd")
WORKBOOKS = (".xlsx", ".xls", ".xlsm", ".ods")


@dataclass(frozen=True)
class SeenStudy:
    """A folder of pictures, looked at.

    Attributes
    ----------
    raw
        Root of the data set: the folder of the pictures, or the one above that holds the table.
    pictures
        Paths of the pictures below it, without those that are left out.

    """

    raw: Path
    pictures: Sequence[str]
    proposal: Proposal
    look: Look


def look(images: Path, *, table: Path | None = None, label: str | None = None) -> SeenStudy:
    """Look at a folder of pictures and propose how to read it.

    Parameters
    ----------
    images
        The folder.
    table
        A table to use, in it or above it; None: class folders, or a table that is found.
    label
        Column of the label in the table.

    Raises
    ------
    DataError
        There are no pictures, none can be read, or nothing says what they show.
    ConfigError
        Several columns of the table can be the label.

    """
    raw = _root(images, table)
    files = list(list_files(raw))
    below = f"{images.relative_to(raw).as_posix()}/" if images != raw else ""
    shown = [file for file in pictures_below(raw, files) if file.startswith(below)]
    masks = [file for file in shown if _is_mask(file)]
    pictures = [file for file in shown if file not in set(masks)] if masks else shown
    if not pictures:
        raise DataError(_no_pictures(raw, files))
    if table:
        proposal = propose_table(raw, table.relative_to(raw).as_posix(), pictures, label=label)
    else:
        proposal = _without_being_told(raw, files, pictures, label)
    propose_headers(raw, pictures, proposal)
    if masks:
        _leave_out(proposal, masks)
    seen = SeenStudy(raw, pictures, proposal, look_at(raw, pictures))
    _say_pictures(seen)
    return seen


def _root(images: Path, table: Path | None) -> Path:
    """Return the folder that holds both the pictures and their table."""
    if not images.is_dir():
        raise DataError(f"--images {images}: there is no such folder.")
    try:
        str(images).encode()
    except UnicodeEncodeError:
        raise DataError(
            f"--images {str(images)!r}: the path is no UTF-8, so that params.yaml cannot hold it."
            " The way out: rename the folder."
        ) from None
    if table is None:
        return images
    if not table.is_file():
        raise DataError(f"--table {table}: there is no such file.")
    if table.is_relative_to(images):
        return images
    if images.is_relative_to(table.parent):
        return table.parent
    raise DataError(
        f"--table {table} lies neither in {images} nor in a folder above it. The way out: copy it"
        " there, or give the folder that holds both as --images."
    )


def _without_being_told(
    raw: Path, files: Sequence[str], pictures: Sequence[str], label: str | None
) -> Proposal:
    """Choose between class folders and a table that lies beside the pictures."""
    tree = propose_tree(pictures)
    table, unread = fitting_table(raw, tables_among(files), pictures)
    if table is None and tree is None:
        raise DataError(_nothing_says_what(raw, files, pictures, unread))
    if table is None or (tree is not None and tree.patients_known and label is None):
        if tree is None:
            raise AssertionError("one of the two is there")
        if table:
            tree.say("table", f"{table} is not used; to use it: --table {table}")
        for why in unread:
            tree.say("table", f"not used, because it cannot be read: {' '.join(why.split())}")
        return tree
    if tree is None or label is not None:
        return propose_table(raw, table, pictures, label=label)
    return _better(raw, table, pictures, tree)


def _better(raw: Path, table: str, pictures: Sequence[str], tree: Proposal) -> Proposal:
    """Choose the table if it knows patients and has the same classes; else class folders.

    Also where folders have numbers for names, and the table a column that is called a label.
    """
    template = Template(tree.layout["path"])
    matched = {file: template.match(file) for file in pictures}
    spelled: Mapping[str, str] = tree.layout.get("classes", {})
    folder_class = {
        file: spelled.get(found["class"], found["class"])
        for file, found in matched.items()
        if found
    }
    try:
        other = propose_table(raw, table, pictures, folder_class=folder_class)
    except DataError:
        return tree
    if other.patients_known and set(other.classes) == set(tree.classes):
        other.say("table", f"{table} is used, because it knows patients and class folders do not")
        return other
    if all(map(str.isdigit, tree.classes)) and _has_label(other):
        other.say("table", f"{table} is used, because folders have numbers for names")
        return other
    tree.say("table", f"{table} is not used; to use it: --table {table}")
    return tree


def _has_label(proposal: Proposal) -> bool:
    target = proposal.layout["table"]["target"]
    return isinstance(target, str) and is_called_label(target)


def _is_mask(file: str) -> bool:
    return any(part.lower() in MASK_FOLDERS for part in PurePosixPath(file).parts[:-1])


def _leave_out(proposal: Proposal, masks: Sequence[str]) -> None:
    folders = sorted({p for file in masks for p in PurePosixPath(file).parts[:-1]})
    named = [name for name in folders if name.lower() in MASK_FOLDERS]
    rules = []
    for name in named:
        rules += [f"{name}/*"] if any(file.startswith(f"{name}/") for file in masks) else []
        rules += [f"*/{name}/*"] if any(f"/{name}/" in file for file in masks) else []
    proposal.layout["leave_out"] = rules
    text = f"{counted(len(masks), 'image')} in {', '.join(named)} are left out as outlines"
    proposal.say("masks", text, "layout.leave_out")


def _say_pictures(seen: SeenStudy) -> None:
    look = seen.look
    seen.proposal.say("pictures", look.told, "image")
    if look.refused:
        reasons = ", ".join(f"{n} {reason}" for reason, n in look.refused.most_common(3))
        text = f"of the sample cannot be read and would be left out, listed: {reasons}"
        seen.proposal.say("unreadable", text)


def _no_pictures(raw: Path, files: Sequence[str]) -> str:
    """Say what is there instead of pictures."""
    others = [file for file in files if PurePosixPath(file).suffix.lower() not in IMAGE_SUFFIXES]
    if any(file.lower().endswith(VOLUMES) for file in others):
        return (
            f"{raw}: volumes, and no pictures. Knee MRI in the layout of MRNet is read by the"
            " adapter mrnet (docs/how-to/mrnet.md); other volumes need an adapter of their own"
            " (docs/how-to/add-a-study.md)."
        )
    kinds = Counter(PurePosixPath(file).suffix or "no suffix" for file in files).most_common(5)
    there = ", ".join(f"{n:,} {suffix}" for suffix, n in kinds) or "nothing"
    return f"{raw}: holds no pictures (PNG, JPEG, TIFF, BMP, WebP, GIF, DICOM). There is: {there}."


def _nothing_says_what(
    raw: Path, files: Sequence[str], pictures: Sequence[str], unread: Sequence[str]
) -> str:
    tables = tables_among(files)
    depth = Counter(file.count("/") for file in pictures).most_common(1)[0][0]
    folders = {file.rpartition("/")[0] for file in pictures}
    beside = f" No column of {', '.join(tables[:5])} names half of the images." if tables else ""
    books = [file for file in files if file.lower().endswith(WORKBOOKS)]
    if books:
        beside += (
            f" {', '.join(books[:5])}: a workbook is not read; save its sheet as CSV in UTF-8."
        )
    beside += "".join(f" {why}" for why in unread[:3])
    dicom = (
        " Headers of DICOM films do not say it."
        if any(file.lower().endswith((".dcm", ".dicom")) for file in pictures)
        else ""
    )
    return (
        f"{raw}: {counted(len(pictures), 'image')} in {counted(len(folders), 'folder')}, {depth}"
        f" deep, and nothing says what they show.{beside}{dicom} The way out: one folder a class"
        " (healthy/, fractured/), or a table (CSV, TSV or Parquet) with a column for the image and"
        " one for its label, given with --table."
    )
