"""`radpipe sweep`: Snakemake makes every point of a grid, DVC saves each as an experiment."""

import logging
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from radpipe.core.errors import RadpipeError
from radpipe.core.files import atomic, read_json, sha256_path, write_json
from radpipe.core.graph import RECEIPTS, Graph
from radpipe.core.params import Params
from radpipe.engines.grid import PARAMS, GridPoint, grid
from radpipe.engines.plan import link_libraries, write_all
from radpipe.engines.record import dvc, require_recordable
from radpipe.engines.run import alone, everywhere, make, noticing_ctrl_c

RESULTS = Path("results")
LOCK_FILE = "dvc.lock"
OPENINGS = "openings.csv"
# Changed files that stop no sweep: the settings it starts from, and what only ever grows.
MAY_DIFFER = {str(PARAMS), OPENINGS}

STATE = Path(".state/sweep")
# The user's settings, and those of the point at work; they lie here only while it is.
OWN, AT_WORK = STATE / "own.yaml", STATE / "at-work.yaml"
# What lay in results/ before, and the receipts as an unfinished sweep left them.
BEFORE, LEFT = STATE / "before.json", STATE / "left.json"

GO_BACK = (
    f"git checkout HEAD -- {LOCK_FILE} {RESULTS} && git clean -fdxq {RESULTS}"
    " && dvc checkout --force"
)

log = logging.getLogger("radpipe.engines")


def sweep(
    _: Params, *, settings: Sequence[str], name: str | None, arguments: Sequence[str]
) -> None:
    """Run Snakemake for every combination of values, and save each as a DVC experiment.

    Parameters
    ----------
    settings
        What follows each `-S`; see `engines.grid.grid`.
    name
        Prefix of the names of the experiments.
    arguments
        For Snakemake; none: all cores of this machine.

    Raises
    ------
    RadpipeError
        A point is not allowed, or something would be lost: nothing has run. Or points failed:
        the others are saved.

    """
    with alone(), noticing_ctrl_c() as stopped:
        _enter()
        points = grid(settings, name)
        _warn_of_openings(points)
        saved = _saved_already(points)
        failed: dict[str, str] = {}
        try:
            for number, point in enumerate(points, start=1):
                log.info("point %d of %d: %s", number, len(points), " ".join(point.changes))
                if point.name in saved:
                    log.info("saved already as %s", point.name)
                    continue
                try:
                    _make(point, arguments or everywhere())
                except RadpipeError as error:
                    log.error("point %d of %d failed: %s", number, len(points), error)
                    failed[point.name] = str(error).partition("\n")[0].rstrip(":")
                else:
                    saved.append(point.name)
                    log.info("saved as %s", point.name)
                if stopped.is_set():
                    break
        finally:
            write_json(LEFT, _receipts())
        _tell(points, saved, failed)


def _tell(points: Sequence[GridPoint], saved: Sequence[str], failed: dict[str, str]) -> None:
    """Say what was saved and what was not; go back to what lay here before if all was."""
    log.info("saved %d of %d: %s", len(saved), len(points), ", ".join(saved) or "none")
    missing = [point.name for point in points if point.name not in saved]
    if missing:
        lines = [f"  {name}: {failed.get(name, 'stopped before it began')}" for name in missing]
        raise RadpipeError(
            "\n".join(["Not saved:", *lines])
            + f"\n{PARAMS} is as it was; results are as the last point left them. The same command"
            f" goes on with what is missing{_way_back()}"
        )
    _go_back()
    log.info("compare them: radpipe experiments; take one: dvc exp apply NAME")


def _make(point: GridPoint, arguments: Sequence[str]) -> None:
    """Make one point, verify its receipts, and save it as an experiment."""
    with _settings_of(point):
        make(arguments)
        require_recordable(point.params)
        write_all(point.params)
        new = [f"--include-untracked={path}" for path in _new_files()]
        # This commits to DVC, too.
        dvc("exp", "save", "--name", point.name, "--message", " ".join(point.changes), *new)
        link_libraries(Graph(point.params))


def _new_files() -> list[str]:
    """List what Git does not know yet and should; DVC adds files that .gitignore names, too."""
    text = git("ls-files", "-z", "--others", "--exclude-standard", str(RESULTS), OPENINGS)
    lock = [] if git("ls-files", LOCK_FILE) else [LOCK_FILE]
    return [*lock, *(path for path in text.split("\0") if path)]


@contextmanager
def _settings_of(point: GridPoint) -> Iterator[None]:
    """Put a point's params.yaml in place; put the user's back whatever happens."""
    own = PARAMS.read_bytes()
    _write(OWN, own)
    _write(AT_WORK, point.text)
    try:
        _write(PARAMS, point.text)
        yield
    finally:
        _write(PARAMS, own)
        OWN.unlink()


def _enter() -> None:
    """Clear up after a sweep that was killed; refuse to start over what nobody recorded.

    Raises
    ------
    RadpipeError
        Results, code or other tracked files differ from the commit.

    """
    ours = _put_back() or (LEFT.exists() and read_json(LEFT) == _receipts())
    text = git("status", "--porcelain", "--untracked-files=all", "--no-renames", "-z")
    # Git names paths from the top of the repository, which may be above the project.
    above = git("rev-parse", "--show-prefix").strip()
    changed = {line[3:].removeprefix(above): line[:2] for line in text.split("\0") if line}
    results = {path for path in changed if path.startswith(f"{RESULTS}/") or path == LOCK_FILE}
    tracked = {path for path, state in changed.items() if state != "??"} - MAY_DIFFER
    if lost := sorted((tracked - results) if ours else (tracked | results)):
        more = f"\n  and {len(lost) - 10} more" if len(lost) > 10 else ""
        raise RadpipeError(
            "sweep: refused, because this was changed and not committed, and a sweep would write"
            " over results or save changes under the names of its points:\n  "
            + "\n  ".join(lost[:10])
            + f"{more}\nThe way out: make record && git add -A && git commit; or {GO_BACK}"
        )
    if not ours:
        write_json(BEFORE, sorted(map(str, RESULTS.rglob("*"))))


def _put_back() -> bool:
    """Put the user's settings back after a sweep was killed; tell whether one was."""
    if not OWN.exists():
        return False
    own = OWN.read_bytes()
    killed = PARAMS.read_bytes() in (own, AT_WORK.read_bytes())
    if killed:
        _write(PARAMS, own)
        log.warning("the last sweep here was killed; %s is put back", PARAMS)
    OWN.unlink()
    return killed


def _warn_of_openings(points: Sequence[GridPoint]) -> None:
    if opened := sorted({study for point in points for study in point.params.plan.open_test}):
        log.warning(
            "points that predict anew open the test part of %s; to choose among points by the tune"
            " part, as one should, add: -S plan.open_test=[]",
            ", ".join(opened),
        )


def _saved_already(points: Sequence[GridPoint]) -> list[str]:
    """List the points that an earlier sweep of this commit saved with the same settings.

    Raises
    ------
    RadpipeError
        An experiment of that name has other settings.

    """
    head = git("rev-parse", "HEAD").strip()
    space = f"refs/exps/{head[:2]}/{head[2:]}"
    names = set(git("for-each-ref", "--format=%(refname:lstrip=4)", space).split())
    saved = [point for point in points if point.name in names]
    for point in saved:
        if git("show", f"{space}/{point.name}:./{PARAMS}").encode() != point.text:
            raise RadpipeError(
                f"{point.name}: an experiment of this name was saved with other settings. The way"
                f" out: dvc exp remove {point.name}, or another --name."
            )
    return [point.name for point in saved]


def _go_back() -> None:
    """Bring back the results that lay here before the sweep, if they were recorded.

    Raises
    ------
    RadpipeError
        DVC's cache does not have them.

    """
    if not _recorded_before():
        log.info("nothing was recorded before; results are those of the last point")
        return
    git("checkout", "--quiet", "HEAD", "--", LOCK_FILE, str(RESULTS))
    before = set(read_json(BEFORE))
    new = [path for path in sorted(RESULTS.rglob("*"), reverse=True) if str(path) not in before]
    for path in new:
        path.rmdir() if path.is_dir() else path.unlink()
    dvc("checkout", "--force")
    LEFT.unlink()
    log.info("results and %s are as they were before", PARAMS)


def _way_back() -> str:
    return f"; to discard results instead: {GO_BACK}" if _recorded_before() else "."


def _recorded_before() -> bool:
    return bool(git("ls-tree", "--name-only", "HEAD", LOCK_FILE))


def _receipts() -> str:
    return sha256_path(RECEIPTS) if RECEIPTS.exists() else ""


def _write(path: Path, data: bytes) -> None:
    with atomic(path) as temporary:
        temporary.write_bytes(data)


def git(*arguments: str) -> str:
    """Run Git and return what it printed; a failure becomes a `RadpipeError`."""
    command = ["git", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RadpipeError(f"git {' '.join(arguments)} failed:\n{done.stderr}")
    return done.stdout
