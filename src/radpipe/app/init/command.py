"""`radpipe init`: the command."""

import logging
import sys
from pathlib import Path
from typing import Any, NamedTuple

from radpipe.app.init.settings import PHANTOM, settings_text, study_block
from radpipe.app.init.skeleton import copy_project, refuse_project, set_up
from radpipe.app.init.study import SeenStudy, look
from radpipe.app.init.tokens import slug
from radpipe.core.errors import ConfigError
from radpipe.core.files import write_text
from radpipe.core.masking import names_shown
from radpipe.core.plurals import counted
from radpipe.core.settings import Target
from radpipe.studies.base.adapters import load_adapter, read_layout
from radpipe.studies.base.manifest import list_files

LEVELS = ("warning", "problem")
# What the adapter says of patients and copies with which on_leak: drop, as in our studies, deals.
DIVIDED = "in several official parts"
KEPT = "of these, images in test stay before those in tune, and these before train  [split.on_leak]"


class NewStudy(NamedTuple):
    """The study of a new project: its block of params.yaml, and the commands that come next."""

    name: str
    block: dict[str, Any]
    about: str
    commands: list[str]


def init(
    folder: Path,
    images: Path | None = None,
    table: Path | None = None,
    label: str | None = None,
    name: str | None = None,
) -> None:
    """Make a project in a new folder, for the pictures that lie in another one.

    Parameters
    ----------
    folder
        Of the project.
    images
        Folder of the pictures, which are looked at and never changed; None: a synthetic study.
    table
        Table that says what they show.
    label
        Its column of the label.
    name
        Of the study; by default that of the folder of pictures.

    Raises
    ------
    ConfigError
        The folder holds a project, or it is not clear which column is the label.
    DataError
        There are no pictures, or nothing says what they show.

    """
    folder = folder.expanduser()
    refuse_project(folder)
    if images is None and (table or label):
        raise ConfigError("--table and --label say how to read --images; give that, too.")
    new = _synthetic(folder, name) if images is None else _own(images, table, label, name)
    copy_project(folder)
    write_text(folder / "params.yaml", settings_text(new.name, new.block, about=new.about))
    for line in set_up(folder):
        _say(f"{line}.")
    _say("\n  ".join([f"\nThe project: {folder}. Next:", f"cd {folder}", *new.commands]))


def _synthetic(folder: Path, name: str | None) -> NewStudy:
    """Return the study of a project without pictures, of which there are no files to check yet."""
    _say(f"Synthetic radiographs; for your own: radpipe init {folder} --images PATH")
    about = "Synthetic radiographs with known truth."
    return NewStudy(name or "bones", PHANTOM, about, ["radpipe run"])


def _own(images: Path, table: Path | None, label: str | None, name: str | None) -> NewStudy:
    """Look at the user's pictures, tell what was seen, and return how they will be read."""
    images = images.expanduser().resolve()
    seen = look(images, table=_absolute(table, images), label=label)
    name = name or slug(images.name)
    _tell(seen, name)
    about = "The pictures are used where they lie, never changed."
    return NewStudy(name, study_block(seen), about, [f"radpipe check-data {name}", "radpipe run"])


def _absolute(table: Path | None, images: Path) -> Path | None:
    """Return where a table lies that was named from here, or from the folder of pictures."""
    if table is None:
        return None
    here = table.expanduser().resolve()
    return here if here.exists() or table.is_absolute() else (images / table).resolve()


def _tell(seen: SeenStudy, name: str) -> None:
    """Write what was seen and decided, what is odd, and which line to change if it is wrong."""
    n_images = counted(len(seen.pictures), "image")
    _say(f"Looked at {n_images} in {seen.raw}. What was seen, and the line in params.yaml:")
    for remark in seen.proposal.remarks:
        where = f"  [{remark.setting}]" if remark.setting else ""
        _say(f"  {remark.about:<10} {remark.what}{where}")
    for line in _oddities(seen):
        _say(line)
    _say(
        f"Wrong? Change the line below studies.{name} in params.yaml;"
        f" then radpipe check-data {name} looks again."
    )


def _oddities(seen: SeenStudy) -> list[str]:
    """Let the adapter examine the data set as it will be read; return what it warns of."""
    adapter = load_adapter("folders")
    block = study_block(seen)
    layout = read_layout("", adapter, block["layout"])
    target = Target.model_validate(block["target"])
    log = logging.getLogger("radpipe.index")
    before = log.level
    # What reading would log, the findings say, too.
    log.setLevel(logging.ERROR)
    try:
        with names_shown():
            files = list_files(seen.raw)
            found = adapter.examine(seen.raw, files=files, layout=layout, target=target)
    finally:
        log.setLevel(before)
    lines = []
    for finding in found:
        if finding.level in LEVELS:
            lines.append(f"  {finding.level:<10} {finding.what}")
            way_out = KEPT if DIVIDED in finding.what else finding.way_out
            lines += [f"  {'':<10} {way_out}"] if way_out else []
    return lines


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
