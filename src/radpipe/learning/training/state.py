"""Everything that changes while a run trains, and how it is kept to the last bit."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from radpipe.learning.distributed.process_group import ALONE, ProcessGroup
from radpipe.learning.networks.network import Network, read_about, save_weights
from radpipe.learning.starts.start import Taken
from radpipe.learning.training.freezing import Frozen
from radpipe.learning.training.stopping import Watch


@dataclass
class Progress:
    """How far a run has come; plain values.

    Attributes
    ----------
    epoch
        Epochs finished.
    batch
        Batches of the current epoch done.
    step
        Optimiser steps done, over all epochs.
    n_seen
        Known targets seen in the current epoch.
    rate
        Learning rate of the last step.
    pieces
        Pieces that each batch is cut into so that it fits into the device's memory.
    done
        Nothing is left to train.
    best, stop
        The watched metrics for keeping weights and for stopping early.
    history
        One row an epoch.
    places
        On which machines each part comes out the same (`same_bytes_on`), each text once: of
        several, there is no machine on which the whole does.

    """

    best: Watch
    stop: Watch
    epoch: int = 0
    batch: int = 0
    step: int = 0
    n_seen: int = 0
    rate: float = 0.0
    pieces: int = 1
    done: bool = False
    history: list[dict[str, float]] = field(default_factory=list)
    places: list[str] = field(default_factory=list)


class TrainingOutcome(Protocol):
    """What remains of a run: its network, how far it came, and the tensors that are written."""

    network: Network
    progress: Progress
    kept: dict[str, Tensor]
    taken: "Taken | None"


@dataclass
class State:
    """A run's network, optimiser, schedule, chance and progress.

    Attributes
    ----------
    generator
        Draws the order of cases and the augmentation; dropout draws from torch's own.
    order
        The current epoch's order, int64 (n,).
    loss_sum
        Float64 scalar on the device: the current epoch's loss, not yet divided.
    kept
        The best epoch's tensors, on the processor.
    shown
        What the running values of telemetry are made of (`telemetry.Board.state`).
    process_group
        The processes that hold the same state but for torch's chance.
    frozen
        Layers that keep their weights, for some epochs or for good; None: no layer does.
    taken
        What was taken from starting weights; None: nothing.

    """

    network: Network
    optimizer: Optimizer
    schedule: LRScheduler
    generator: torch.Generator
    progress: Progress
    order: Tensor
    loss_sum: Tensor
    kept: dict[str, Tensor] = field(default_factory=dict)
    shown: dict[str, Tensor] = field(default_factory=dict)
    process_group: ProcessGroup = ALONE
    frozen: Frozen | None = None
    taken: Taken | None = None

    def keep(self) -> None:
        """Keep the network's tensors as the best so far."""
        for name, tensor in self.network.state_dict().items():
            # Written over the old copy: a second set of large weights may not fit.
            if name in self.kept:
                self.kept[name].copy_(tensor)
            else:
                self.kept[name] = tensor.detach().to("cpu", copy=True)

    def save(self, path: Path) -> None:
        """Write everything to one file, whole or not at all; all processes must call it."""
        chance = self._chance()
        if self.process_group.rank:
            return  # the first process writes for all
        tensors = {f"network/{k}": v for k, v in self.network.state_dict().items()}
        tensors |= {f"kept/{k}": v for k, v in self.kept.items()}
        tensors |= {f"shown/{k}": v for k, v in self.shown.items()}
        for number, slot in self.optimizer.state_dict()["state"].items():
            tensors |= {
                f"optimizer/{number}/{k}": v for k, v in slot.items() if isinstance(v, Tensor)
            }
        tensors |= {f"chance/{name}": v for name, v in chance.items()}
        tensors |= {"order": self.order, "loss_sum": self.loss_sum}
        about = {
            "progress": asdict(self.progress),
            "schedule": self.schedule.state_dict(),
            "rates": [group["lr"] for group in self.optimizer.param_groups],
        }
        save_weights(path, tensors, about)

    def load(self, path: Path) -> None:
        """Go back to where `save` was called; the state must be made from equal settings."""
        about, tensors = read_about(path), load_file(path)
        with torch.no_grad():
            for name, tensor in self.network.state_dict().items():
                tensor.copy_(tensors[f"network/{name}"])
        self.kept = _below(tensors, "kept/")
        self.shown = _below(tensors, "shown/")
        self._load_optimizer(tensors, about["rates"])
        self.schedule.load_state_dict(about["schedule"])
        self._set_chance(_below(tensors, "chance/"))
        self.order = tensors["order"]
        self.loss_sum.copy_(tensors["loss_sum"])
        self.progress = _progress(about["progress"])

    def _load_optimizer(self, tensors: dict[str, Tensor], rates: list[float]) -> None:
        weights = [weight for group in self.optimizer.param_groups for weight in group["params"]]
        for number, weight in enumerate(weights):
            slot = _below(tensors, f"optimizer/{number}/")
            if slot:
                self.optimizer.state[weight] = {
                    # Fused optimisers want their means in the memory order of the weights.
                    name: torch.empty_like(weight).copy_(value)
                    if value.shape == weight.shape
                    else value.to(weight.device)
                    for name, value in slot.items()
                }
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate

    def _chance(self) -> dict[str, Tensor]:
        states = {"own": self.generator.get_state()}
        states |= _by_rank("torch", self.process_group.each(torch.get_rng_state()))
        if self.loss_sum.is_cuda:
            states |= _by_rank("cuda", self.process_group.each(torch.cuda.get_rng_state()))
        return states

    def _set_chance(self, states: dict[str, Tensor]) -> None:
        rank = self.process_group.rank
        self.generator.set_state(states["own"])
        torch.set_rng_state(states[_name("torch", rank)])
        if self.loss_sum.is_cuda and "cuda" in states:
            torch.cuda.set_rng_state(states[_name("cuda", rank)])


def _name(kind: str, rank: int) -> str:
    return f"{kind}-{rank}" if rank else kind


def _by_rank(kind: str, states: list[Tensor]) -> dict[str, Tensor]:
    return {_name(kind, rank): state for rank, state in enumerate(states)}


def _progress(values: dict[str, Any]) -> Progress:
    best, stop = Watch(**values.pop("best")), Watch(**values.pop("stop"))
    return Progress(**values, best=best, stop=stop)


def _below(tensors: dict[str, Tensor], start: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(start): tensor
        for name, tensor in tensors.items()
        if name.startswith(start)
    }
