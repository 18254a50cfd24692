"""One message for each job that failed: what, where, why, and what to do."""

import re
from collections.abc import Iterator
from datetime import datetime

from radpipe.core.graph import Graph
from radpipe.core.jobs import Note, read_notes
from radpipe.core.params import Params
from radpipe.core.step import RUN_ME_AGAIN
from radpipe.engines.slurm import failed_job, listed_jobs, said_of
from radpipe.engines.status import is_lost

# What SLURM, the kernel or CUDA say, what it means, and what helps.
CAUSES = (
    (
        r"exceeded memory limit|oom.?kill|OUT_OF_MEMORY|Out Of Memory|Cannot allocate memory",
        "out of memory",
        "give the step more: slurm/config.yaml, set-resources, {step}, mem_mb",
    ),
    (
        r"DUE TO TIME LIMIT",
        "time limit",
        "give the step longer: slurm/config.yaml, set-resources, {step}, runtime; training goes"
        " on where it saved",
    ),
    (
        r"DUE TO NODE FAILURE|NODE_FAIL|Node failure on",
        "node failure",
        "start again; training goes on where it saved",
    ),
    (r"DUE TO PREEMPTION", "preempted", "start again; training goes on where it saved"),
    (
        r"CUDA out of memory",
        "GPU out of memory",
        "halve train.batch_size and double train.accumulate of the variant, or use a larger GPU",
    ),
    (
        r"CUDA error|CUDA driver|no kernel image|cuDNN error",
        "CUDA error",
        "start again, on another node if it comes back; the driver must suit the installed torch",
    ),
    (r"CANCELLED", "cancelled", "start again; training goes on where it saved"),
)
# Lines of the log that are shown.
TAIL = 6


def failures(params: Params, since: datetime) -> Iterator[str]:
    """Explain every job that started at `since` or later and failed."""
    jobs, noted = listed_jobs(), set()
    for note in read_notes():
        if datetime.fromisoformat(note.started) < since:
            continue
        noted.add((note.step, note.run))
        if note.code not in (None, 0, RUN_ME_AGAIN) or is_lost(note, jobs):
            yield explain(note)
    for run in Graph(params).runs.values():
        if run.key not in noted and not run.receipt.exists():
            job = failed_job(run.step.name, run.values.values(), since.timestamp())
            if job:
                # Killed before the step itself began, so that it left no note.
                yield explain(Note(*run.key, "", 0, job, ""))


def explain(note: Note) -> str:
    """Say what failed, where, in which state, its last words, and what to do."""
    said = said_of(note.slurm_job)
    tail = _log_of(note)
    state, advice = _cause(note, f"{said}\n{note.message}\n" + "\n".join(tail))
    host = f"host {note.host}" if note.host else ""
    job = f"SLURM job {note.slurm_job}" if note.slurm_job else ""
    where = ", ".join(part for part in (host, job) if part)
    return "\n".join(
        [
            f"{note.title} failed: {state} ({where})",
            *(f"    {line}" for line in tail[-TAIL:]),
            f"  what to do: {advice}",
            f"  the whole log: {note.log}",
        ]
    )


def _cause(note: Note, text: str) -> tuple[str, str]:
    for pattern, state, advice in CAUSES:
        if re.search(pattern, text):
            return state, advice.format(step=note.step)
    if note.code == 2:
        return "it met something that you can mend", "mend what the last line names, start again"
    if note.code is None:
        return (
            "killed without a word",
            "start again; if it comes back, memory ran out: run fewer jobs side by side (--cores)",
        )
    return "a bug in radpipe", f"please report it, with what radpipe reproduce {note.title} writes"


def _log_of(note: Note) -> list[str]:
    """Return what the job said since it started."""
    try:
        lines = note.log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    # Older jobs of the same run wrote to the same log; the frame of a step logs its end.
    ends = [k for k, line in enumerate(lines[:-1]) if re.search(r" INFO finished ", line)]
    return lines[ends[-1] + 1 :] if ends else lines
