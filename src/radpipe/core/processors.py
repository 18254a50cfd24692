"""What SLURM gave a step: its job, and how many processors it may use."""

import os


def slurm_job() -> str | None:
    """Return the id of this process's job as SLURM's tools take it; None outside SLURM.

    A member of a job array has the array's id and its number, as in 41_2, which is also the
    name of its log.
    """
    array = os.environ.get("SLURM_ARRAY_JOB_ID")
    if array:
        return f"{array}_{os.environ['SLURM_ARRAY_TASK_ID']}"
    return os.environ.get("SLURM_JOB_ID")


def n_processors() -> int:
    """Return the processors that are this job's: SLURM's share of them, else the system's.

    A SLURM without control groups confines nobody, so that what the system says would be
    the whole node, other people's share included.
    """
    allowed = len(os.sched_getaffinity(0))
    share = os.environ.get("SLURM_CPUS_PER_TASK", "")
    return min(allowed, int(share)) if share.isdigit() and int(share) else allowed
