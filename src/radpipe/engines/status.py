"""`radpipe status`: what is done, running, stale or failed, in one screen."""

from collections import Counter
from dataclasses import dataclass

from radpipe.core.graph import Graph, Run
from radpipe.core.jobs import Note, read_notes
from radpipe.core.params import Params
from radpipe.core.step import RUN_ME_AGAIN
from radpipe.engines.freshness import Freshness
from radpipe.engines.slurm import comment_of, listed_jobs, waiting_jobs

STATES = ("done", "running", "queued", "failed", "killed", "stopped", "stale", "to do")
# Runs shown by name for each state; the table counts the rest.
SHOWN = 8


@dataclass(frozen=True)
class Standing:
    """How one planned run stands: one of `STATES`, and why."""

    step: str
    run: str
    state: str
    why: str = ""


def standings(params: Params) -> list[Standing]:
    """Say of every planned run how it stands; makers before users."""
    graph, jobs = Graph(params), listed_jobs()
    freshness = Freshness(graph)
    notes = {(note.step, note.run): note for note in read_notes()}
    waiting = waiting_jobs()
    found = []
    for run in graph.runs.values():
        if why := waiting.get(comment_of(run.step.name, run.values.values())):
            found.append(Standing(*run.key, "queued", why))
            continue
        found.append(_standing(run, freshness.reasons(run), notes.get(run.key), jobs))
    return found


def is_lost(note: Note, jobs: frozenset[str] | None) -> bool:
    """Tell whether a job ended without a word, as far as this host and SLURM can tell."""
    gone = jobs is not None and note.slurm_job is not None and note.slurm_job not in jobs
    return note.lost or (note.ended is None and gone)


def table(found: list[Standing]) -> str:
    """Lay out the counts by step and, below, the runs that want attention."""
    counts = Counter((standing.step, standing.state) for standing in found)
    used = [state for state in STATES if any(standing.state == state for standing in found)]
    widths = [max(len(state), 5) + 2 for state in used]
    lines = ["step".ljust(10) + "".join(s.rjust(w) for s, w in zip(used, widths, strict=True))]
    for step in dict.fromkeys(standing.step for standing in found):
        cells = [str(counts[step, state] or "") for state in used]
        row = "".join(cell.rjust(w) for cell, w in zip(cells, widths, strict=True))
        lines.append((step.ljust(10) + row).rstrip())
    for state in STATES[1:-1]:
        runs = [standing for standing in found if standing.state == state]
        lines += [""] if runs else []
        lines += [f"{state}: {s.step} {s.run}{': ' if s.why else ''}{s.why}" for s in runs[:SHOWN]]
        lines += [f"{state}: {len(runs) - SHOWN} more"] if len(runs) > SHOWN else []
    return "\n".join(lines)


def _standing(
    run: Run, reasons: list[str], note: Note | None, jobs: frozenset[str] | None
) -> Standing:
    if note and note.ended is None and not is_lost(note, jobs):
        return Standing(*run.key, "running", _running(note))
    if not reasons:
        return Standing(*run.key, "done")
    if note and note.ended is None:
        return Standing(*run.key, "killed", f"on {note.host}; start again, saved work is kept")
    if note and note.code == RUN_ME_AGAIN:
        return Standing(*run.key, "stopped", note.message)
    if note and note.code:
        return Standing(*run.key, "failed", note.message.partition("\n")[0])
    if run.receipt.exists():
        return Standing(*run.key, "stale", reasons[0])
    return Standing(*run.key, "to do")


def _running(note: Note) -> str:
    where = f"SLURM job {note.slurm_job} on {note.host}" if note.slurm_job else f"on {note.host}"
    return f"{where} since {note.started}; {last_line(note)}"


def last_line(note: Note) -> str:
    """Return the newest message in a job's log, without its date."""
    try:
        lines = note.log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "no log yet"
    return lines[-1].partition(" INFO ")[2] or lines[-1] if lines else "no log yet"
