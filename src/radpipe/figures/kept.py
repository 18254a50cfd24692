"""Figures that were drawn before, of the same rows by the same code, are not drawn again.

A page is renewed when a study ends or a variant is added; what is shown of the others stays as it
was. A figure is found by a hash of all that it is made of, never by its name or its age.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from radpipe.core.files import atomic, sha256_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Below the project; `radpipe preview` shares it with the step `compare`.
FOLDER = Path(".state/figures")
# What nobody has asked for in this time goes, and of more than so many those asked for longest ago:
# a sweep of hundreds of runs draws each figure anew. A figure takes half a megabyte.
SECONDS, MOST = 30 * 24 * 3600, 400
# Which bytes were drawn, beside them.
SUMS = "sums.json"


class KeptFigures:
    """Figures by what they are made of.

    Parameters
    ----------
    made_by
        Whatever else they depend on, such as hashes of code and versions of libraries (JSON).
    folder
        Where they are kept; made if it is missing.

    """

    def __init__(self, made_by: Any, folder: Path = FOLDER) -> None:
        self._made_by = made_by
        self._folder = folder

    def write(
        self, draw: Callable[..., "Figure"], given: Mapping[str, Any], folder: Path, name: str
    ) -> list[Path]:
        """Write a figure as `saving.save_twice` does; return the paths.

        Parameters
        ----------
        draw
            Makes the figure from keywords; of equal ones an equal figure.
        given
            The keywords: values that JSON can hold, or numbers of NumPy.
        folder, name
            As for `save_twice`.

        """
        kept = self._folder / self._key(draw, given)
        if _is_whole(kept):
            with suppress(PermissionError):  # another member of the group has drawn it
                os.utime(kept)
            return _copied(kept, folder, name)
        from radpipe.figures.saving import save_twice

        new = self._folder / f".{uuid4().hex}"
        try:
            paths = save_twice(draw(**given), new, "figure")
            sums = {path.relative_to(new).as_posix(): sha256_file(path) for path in paths}
            (new / SUMS).write_text(json.dumps(sums), encoding="utf-8")
            written = _copied(new, folder, name)
            shutil.rmtree(kept, ignore_errors=True)
            with suppress(OSError):  # another process has just put it there
                new.replace(kept)
            return written
        finally:
            shutil.rmtree(new, ignore_errors=True)

    def forget(self) -> None:
        """Remove figures that nobody has asked for in a month, and the oldest of very many."""
        if not self._folder.exists():
            return
        asked = sorted(_asked(path) for path in self._folder.iterdir())
        oldest = time.time() - SECONDS
        for number, (when, path) in enumerate(asked):
            if when < oldest or number < len(asked) - MOST:
                shutil.rmtree(path, ignore_errors=True)

    def _key(self, draw: Callable[..., "Figure"], given: Mapping[str, Any]) -> str:
        made_of = [self._made_by, draw.__module__, draw.__qualname__, given]
        text = json.dumps(made_of, sort_keys=True, default=repr)
        return hashlib.sha256(text.encode()).hexdigest()


def _copied(figure: Path, folder: Path, name: str) -> list[Path]:
    """Copy a kept figure's files to where they are wanted; return the paths."""
    written = []
    for file in sorted(figure.glob("*/figure.*")):
        path = folder / file.parent.name / f"{name}{file.suffix}"
        with atomic(path) as temporary:
            shutil.copyfile(file, temporary)
        written.append(path)
    return written


def _is_whole(kept: Path) -> bool:
    """Tell whether a kept figure is there with the bytes that were drawn."""
    try:
        wanted = json.loads((kept / SUMS).read_text(encoding="utf-8"))
        return all(sha256_file(kept / name) == wanted[name] for name in wanted)
    except (OSError, ValueError):
        return False


def _asked(kept: Path) -> tuple[float, Path]:
    """Return when a figure was asked for last, and the figure: now, if it is just being named."""
    try:
        return kept.stat().st_mtime, kept
    except FileNotFoundError:
        return time.time(), kept
