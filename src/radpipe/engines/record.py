"""Record and sync: DVC seals, and users trust, only what the receipts vouch for."""

import logging
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from radpipe.core.errors import RadpipeError, StaleError
from radpipe.core.graph import Graph
from radpipe.core.hashes import Hashes
from radpipe.core.links import adopt
from radpipe.core.locks import try_lock
from radpipe.core.openings import complete, read_openings
from radpipe.core.params import Params
from radpipe.engines.aside import bring_back
from radpipe.engines.freshness import Freshness
from radpipe.engines.plan import link_libraries, write_all

LOCK = Path(".state/lock")

log = logging.getLogger("radpipe.engines")


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Hold the project's lock, so that nobody records what somebody else is making.

    Raises
    ------
    RadpipeError
        Another process of this project holds it. The lock dies with its process.

    """
    LOCK.parent.mkdir(exist_ok=True)
    with LOCK.open("a+") as stream:
        if not try_lock(stream):
            raise RadpipeError(
                "Another run is at work in this folder. Wait for it, or stop it first."
            )
        # Who holds it, so that a later run can tell whether a lock was left by the dead.
        stream.truncate(0)
        stream.write(f"{platform.node()} {os.getpid()}")
        stream.flush()
        yield


def verify(params: Params) -> list[str]:
    """Read every byte that a receipt of the plan vouches for; list what disagrees.

    Returns
    -------
    list of str
        One line a finding, "step run: what"; empty if everything agrees.

    """
    graph = Graph(params)
    freshness = Freshness(graph, trust_memory=False)
    return [
        f"{run.title}: {reason}"
        for run in graph.runs.values()
        for reason in freshness.own_reasons(run)
    ]


def require_agreement(params: Params, *, doing: str, way_out: str) -> None:
    """Raise a `StaleError` with everything that disagrees, if anything does."""
    if lines := verify(params):
        raise StaleError(
            f"{doing}: refused, because results and settings tell different stories:\n  "
            + "\n  ".join(lines)
            + f"\nThe way out: {way_out}"
        )


def record(params: Params) -> None:
    """Verify all receipts, then let DVC write down data, models and results.

    Raises
    ------
    StaleError
        A receipt disagrees; nothing was recorded.

    """
    with one_at_a_time():
        require_recordable(params)
        graph = Graph(params)
        for output in graph.makers:
            adopt(Path(output))
        write_all(params)
        complete()
        dvc("commit", "--force")
        forget_gathered()
        link_libraries(graph)
    n_receipts = len(graph.runs)
    log.info("recorded %d receipts; commit dvc.lock, results/, openings.csv to Git", n_receipts)


def require_recordable(params: Params) -> None:
    """Raise a `StaleError` unless every receipt of the plan agrees with what lies here."""
    require_agreement(
        params,
        doing="record",
        way_out="run snakemake (or dvc repro), which makes these runs again, then record.",
    )


def sync(params: Params) -> None:
    """Fetch what `dvc.lock` names, verify it, and remember the hashes for planning.

    No file is touched that is as recorded: receipts decide what runs again, not times. What lies in
    the way and is nowhere else is set aside.

    Raises
    ------
    RadpipeError
        Something would be lost, or a file is not to be had.
    StaleError
        What came does not agree with the receipts of this commit.

    """
    with one_at_a_time():
        read_openings()
        bring_back(params, _way_to_fetch(), forget_gathered)
        require_agreement(
            params,
            doing="sync",
            way_out="check out the commit whose results you want, or run snakemake to make them.",
        )
        remember(params)
        link_libraries(Graph(params))
    log.info("in step: nothing is left to do for snakemake and for dvc repro")


def _way_to_fetch() -> Callable[[], str]:
    """Return what lets DVC put in place what `dvc.lock` names, from a remote if it knows one."""
    if dvc_has_remote():
        return lambda: dvc("pull")
    log.warning(
        "no DVC remote is known here, so only this machine's cache can help; where the"
        " results were made: dvc remote add --default store ADDRESS && dvc push"
    )
    return lambda: dvc("checkout")


def remember(params: Params) -> None:
    """Write down the hashes of all planned inputs and outputs, so that planning is quick."""
    hashes = Hashes(trust_memory=True)
    for run in Graph(params).runs.values():
        for name in [*run.inputs, *run.outputs]:
            hashes.remember(Path(name))


def dvc(*arguments: str) -> str:
    """Run DVC and return what it printed; a failure becomes a `RadpipeError`."""
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RadpipeError(f"dvc {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def forget_gathered() -> None:
    """Make DVC gather anew what a push or a pull has to move.

    DVC 3.67 keeps that list, and writes it output by output. Killed on the way it takes the part
    for the whole: the next `dvc push` sends the part and reports success.
    """
    program = "from dvc.repo import Repo; Repo().drop_data_index()"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    if done.returncode:
        # Another DVC may be at work. What was gathered is then asked about once more at the end of
        # a sync; after a push, `dvc status --cloud` knows.
        log.warning("DVC keeps its list of what to move: %s", done.stderr.strip()[-200:])


def dvc_has_remote() -> bool:
    """Tell whether a remote is configured to pull from."""
    return bool(dvc("remote", "list").strip())
