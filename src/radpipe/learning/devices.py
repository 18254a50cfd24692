"""Which processor or GPU a run uses; on one machine with several GPUs, each run takes its own."""

import fcntl
import logging
import platform
from pathlib import Path
from typing import IO

import torch

TAKEN = Path(".state/devices")

log = logging.getLogger("radpipe.devices")

# Locks live as long as the process: whoever is killed gives the device back.
_held: list[IO[str]] = []


def take_device() -> torch.device:
    """Return a GPU that no other run of this folder uses, or the processor if there is none.

    Snakemake counts devices and does not hand them out. SLURM shows a job only its own, and
    then there is nothing to choose. If all are taken, the first is shared.
    """
    if not torch.cuda.is_available():
        return torch.device("cpu")
    n_devices = torch.cuda.device_count()
    for number in range(n_devices):
        if n_devices == 1 or _take(TAKEN / f"{platform.node()}-{number}.lock"):
            return torch.device("cuda", number)
    log.warning("every GPU of %s is taken: sharing the first", platform.node())
    return torch.device("cuda", 0)


def _take(path: Path) -> bool:
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = path.open("w")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.close()
        return False
    _held.append(stream)
    return True
