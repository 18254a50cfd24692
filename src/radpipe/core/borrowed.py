"""Starting weights that others learned, once they are here: what is known, and where they lie.

`results/starts/<name>/start.json` says what a training depends on; a recipe holds its hash. The
tensors lie in a folder that all projects of a user share, under the hash of their content.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError

from radpipe.core.descriptors import Descriptor, InputRecipe, Rename, is_one_of
from radpipe.core.errors import DataError, StaleError
from radpipe.core.files import read_json, sha256_file
from radpipe.core.settings import Strict
from radpipe.core.settings.base import is_off
from radpipe.core.terms import Terms

VARIABLE = "RADPIPE_WEIGHTS"
AGAIN = "python workflow/scripts/weights.py --start"


class Listed(Strict):
    """What a published list says, kept under the hash of its names."""

    sha256: str
    names: Literal["images", "patients"]
    count: int


class Learned(Strict):
    """A data set that weights have learned from, and from which of its images, if that is known.

    `hits` is how many cases of a study, in whichever part, stand on its list; None in what the step
    weights writes, which looks at no study. `studies` are the planned ones that come from the
    data set by their names: of these, an image's short name is enough. `unrelated` ones certainly
    do not, as the descriptor says.
    """

    data_set: str
    list: Listed | None = None
    hits: int | None = None
    studies: tuple[str, ...] = ()
    unrelated: tuple[str, ...] = ()


class Borrowed(Strict):
    """What a training depends on of starting weights that others learned."""

    name: str
    file_sha256: str
    tensors: str
    function: str
    version: str
    input: InputRecipe
    heads: list[str]
    prefix: str
    rename: list[Rename]
    learned_from: list[Learned]
    terms: Terms | None = Field(default=None, exclude_if=is_off)

    @classmethod
    def of(
        cls, descriptor: Descriptor, *, file: str, tensors: str, learned_from: list[Learned]
    ) -> Self:
        """Describe what has been obtained.

        Parameters
        ----------
        descriptor
            What is known of it.
        file, tensors
            SHA-256 of the published file, and of the tensors made of it.
        learned_from
            Its data sets, with their lists obtained.

        """
        names = ("name", "function", "version", "input", "heads", "prefix", "rename")
        own = {name: getattr(descriptor, name) for name in names}
        own["terms"] = descriptor.licence.terms
        return cls(file_sha256=file, tensors=tensors, learned_from=learned_from, **own)

    @property
    def path(self) -> Path:
        """The file of the tensors."""
        return tensors_file(self.tensors)


def home() -> Path:
    """Return the folder of weights that all projects of a user share."""
    given = os.environ.get(VARIABLE)
    if given:
        return Path(given).expanduser()
    caches = os.environ.get("XDG_CACHE_HOME")
    return (Path(caches) if caches else Path.home() / ".cache") / "radpipe" / "weights"


def tensors_file(sha256: str) -> Path:
    """Return where tensors lie, by the hash of their file."""
    return home() / "tensors" / f"{sha256}.safetensors"


def list_file(sha256: str) -> Path:
    """Return where the names of a list lie, one a line, by the hash of their file."""
    return home() / "lists" / f"{sha256}.txt"


def is_start(path: Path | str) -> bool:
    """Tell whether a recipe's starting weights are described by the step weights."""
    return Path(path).name == "start.json"


def read_borrowed(path: Path) -> Borrowed:
    """Read what the step weights wrote.

    Raises
    ------
    DataError
        It is something else.

    """
    try:
        return Borrowed.model_validate(read_json(path))
    except (OSError, ValueError, ValidationError) as error:
        raise DataError(
            f"{path}: no description of starting weights ({error}). Delete it and run again."
        ) from error


def whole(path: Path, sha256: str, name: str) -> Path:
    """Return a file of the shared folder whose content is what its name says.

    Raises
    ------
    StaleError
        It is not there, or was changed.

    """
    if not path.is_file():
        raise StaleError(
            f"{path}: not here. It belongs to the starting weights {name!r}, which another machine"
            f" may have fetched. The way out: {AGAIN} {name}, where there is a network; or let"
            f" {VARIABLE} name the folder that has it."
        )
    if sha256_file(path) != sha256:
        raise StaleError(
            f"{path}: changed since it was written, so it is not opened. The way out: delete it,"
            f" then {AGAIN} {name}."
        )
    return path


def seen_by_name(learned_from: Iterable[Mapping[str, Any]], known_as: Iterable[str]) -> list[str]:
    """Return the data sets that weights have learned from and that a study may come from.

    Where a list says from which images, the list decides, and the name says nothing; but a list
    on which no case of the study stands at all may name its images in another way, so that it
    decides nothing.

    Parameters
    ----------
    learned_from
        Blocks with `data_set`, `list` (None: not known), `hits` and `unrelated`, as in `Learned`.
    known_as
        Names of the study's data sets, its own among them.

    """
    names = list(known_as)
    found = (
        each["data_set"]
        for each in learned_from
        if (each.get("list") is None or each.get("hits") == 0)
        and set(names).isdisjoint(each.get("unrelated", ()))
        and is_one_of(each["data_set"], names)
    )
    return list(dict.fromkeys(found))
