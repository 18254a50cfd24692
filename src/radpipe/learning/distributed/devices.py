"""Which processor or GPU a run uses; on one machine with several GPUs, each run takes its own."""

import logging
import platform
from pathlib import Path
from typing import IO

import torch

from radpipe.core.locks import try_lock
from radpipe.core.places import home

# Below the project, also for the copies in which DVC runs queued experiments at once.
TAKEN = Path(".state/devices")
CPU = torch.device("cpu")

log = logging.getLogger("radpipe.devices")

# Locks live as long as the process: whoever is killed gives the device back.
_held: list[IO[str]] = []


def take_device() -> torch.device:
    """Return a GPU that no other run of this folder uses, or the processor if there is none."""
    return torch.device("cuda", take_gpus(1)[0]) if torch.cuda.is_available() else CPU


def device_of(local_rank: int) -> torch.device:
    """Return the device of one of several processes of a node: what was taken is shown to it."""
    return torch.device("cuda", local_rank) if torch.cuda.is_available() else CPU


def gpu_name(device: torch.device) -> str | None:
    """Return what kind of GPU a device is, None for the processor."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else None


def take_gpus(number: int) -> list[int]:
    """Return GPUs that no other run of this folder uses, by their number, at most as many as are.

    Snakemake counts devices and does not hand them out. SLURM shows a job only its own, and
    then there is nothing to choose. If too few are left, the first are shared.
    """
    n_devices = torch.cuda.device_count()
    if n_devices <= number:
        return list(range(n_devices))
    found: list[int] = []
    for one in range(n_devices):
        if len(found) < number and _take(home() / TAKEN / f"{platform.node()}-{one}.lock"):
            found.append(one)
    if len(found) < number:
        log.warning("every GPU of %s is taken: sharing the first", platform.node())
        found += [one for one in range(n_devices) if one not in found]
    return sorted(found[:number])


def _take(path: Path) -> bool:
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = path.open("w")
    if not try_lock(stream):
        stream.close()
        return False
    _held.append(stream)
    return True
