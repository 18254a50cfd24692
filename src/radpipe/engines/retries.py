"""Which jobs Snakemake tries again: those that another try can help."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from snakemake.jobs import Job

from radpipe.core.graph import Graph
from radpipe.core.jobs import read_notes

# What a step answers if a setting, an input or the machine has to be mended first (core/step.py).
REFUSED = 2


def try_no_refusal_again(graph: Graph, since: datetime) -> None:
    """Keep Snakemake from repeating jobs that refused: every try would say the same.

    Rule `train` and the profile for SLURM have `retries`, for jobs that were stopped, killed or
    ran out of memory. Snakemake 9 knows no exit codes, so it is told here how many tries a job has.

    Parameters
    ----------
    graph
        Of the plan; a job of no step of it has as many as its rule says.
    since
        When this Snakemake began, with a time zone: older refusals do not count.

    """

    def restart_times(job: Job) -> int:
        step, wildcards = job.rule.name, job.wildcards_dict
        allowed: int = job.rule.restart_times
        return 0 if allowed and refused(graph, step, wildcards, since) else allowed

    Job.restart_times = property(restart_times)


def refused(graph: Graph, step: str, wildcards: Mapping[str, Any], since: datetime) -> bool:
    """Tell whether the newest job of a run began at `since` or later, and refused."""
    if step not in graph.steps:
        return False
    key = step, graph.steps[step].run_name(wildcards)
    notes = [note for note in read_notes() if (note.step, note.run) == key]
    return any(n.code == REFUSED and datetime.fromisoformat(n.started) >= since for n in notes)
