"""What lies in the way of going back to a commit: set aside if it is nowhere else.

After an experiment that nobody recorded, `git checkout .` brings receipts and settings back, and
DVC then refuses to put its files over those of the experiment, because neither cache nor commit
has them. They are not deleted but moved, and that is said.
"""

import logging
import re
import shutil
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from radpipe.core.errors import RadpipeError
from radpipe.core.git import lines
from radpipe.core.graph import Graph
from radpipe.core.links import broken
from radpipe.core.params import Params

ASIDE = Path(".state/set-aside")
# How DVC 3 begins the list of what it does not dare to delete, one absolute path a line.
UNSAVED = re.compile(r"remove the following unsaved files without confirmation")
SHOWN = 5

log = logging.getLogger("radpipe.engines")


def bring_back(params: Params, fetch: Callable[[], object], forget: Callable[[], object]) -> None:
    """Let DVC put recorded files in place; set aside what it refuses to replace.

    Parameters
    ----------
    params
        The plan, whose outputs are wanted.
    fetch
        Asks DVC for the files.
    forget
        Makes DVC forget what a killed command had gathered, before it is asked once more.

    Raises
    ------
    RadpipeError
        The files in the way belong to results that Git has not given up either, so nobody has gone
        back to the commit; or DVC's cache has lost files that no remote has.

    """
    outputs = sorted(Graph(params).makers)
    lost = _broken(outputs)
    for link in lost:
        # It holds nothing, and hides from DVC that the file is missing.
        link.unlink()
    try:
        fetch()
    except RadpipeError as error:
        if unsaved := _unsaved(str(error)):
            _require_gone_back()
            _set_aside(unsaved)
        else:
            # Killed in the middle, `radpipe sync` can leave a DVC behind that is still at work.
            # Beside it the next pull (DVC 3.67) fetches less than it then wants to put in place;
            # so it does after a kill while it gathered what to fetch.
            log.warning("DVC failed, and is asked once more, for it goes on from what has come")
            forget()
        fetch()
    if lost := _broken(outputs):
        for link in lost:
            link.unlink()
        raise RadpipeError(
            f"sync: DVC's cache has lost {_some(lost)} (dvc gc removes what it is not told to"
            " keep), and put links to nothing in their place, which are removed again. The way out:"
            " name a remote that has them and sync again (dvc remote add --default store ADDRESS);"
            " or run snakemake (or dvc repro), which makes them anew."
        )


def _broken(outputs: Iterable[str]) -> list[Path]:
    return [link for name in outputs for link in broken(Path(name))]


def _unsaved(said: str) -> list[Path]:
    """Read from DVC's refusal which files are neither in its cache nor in the commit."""
    if not UNSAVED.search(said):
        return []
    root = Path.cwd()
    paths = [Path(line.strip()) for line in said.splitlines() if line.strip().startswith("/")]
    return sorted(path.relative_to(root) for path in paths if path.is_relative_to(root))


def _require_gone_back() -> None:
    """Refuse to set results aside that Git has, too, as they are: they were perhaps not meant.

    Raises
    ------
    RadpipeError
        Receipts or dvc.lock differ from the commit, or there is no Git to go back with.

    """
    status = ("status", "--porcelain", "--untracked-files=no", "--", "dvc.lock", "results")
    if lines(*status) != []:
        raise RadpipeError(
            "sync: refused, because results lie here that nobody has recorded, and the way to a"
            " commit leads over them. The way out: make record keeps them; git checkout . && make"
            f" sync goes back to the commit and moves them to {ASIDE}."
        )


def _set_aside(paths: list[Path]) -> None:
    """Move files out of the way, and say where they are."""
    place = ASIDE / datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S.%f")
    n_bytes = 0
    for path in paths:
        n_bytes += path.lstat().st_size
        (place / path.parent).mkdir(parents=True, exist_ok=True)
        shutil.move(path, place / path)
    log.warning(
        "set aside %s (%.1f MB), which no commit, no experiment and no remote has: %s. Put them"
        " back with cp -a %s/. . or delete that folder.",
        _some(paths),
        n_bytes / 1e6,
        place,
        place,
    )


def _some(paths: list[Path]) -> str:
    names = ", ".join(map(str, paths[:SHOWN]))
    return names + (f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else "")
