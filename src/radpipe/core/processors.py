"""How many processors a step may use."""

import os


def n_processors() -> int:
    """Return the processors that are this job's: SLURM's share of them, else the system's.

    A SLURM without control groups confines nobody, so that what the system says would be
    the whole node, other people's share included.
    """
    allowed = len(os.sched_getaffinity(0))
    share = os.environ.get("SLURM_CPUS_PER_TASK", "")
    return min(allowed, int(share)) if share.isdigit() and int(share) else allowed
