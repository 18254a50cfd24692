"""The processes that train one run together: who takes what, and how they agree."""

import os
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from radpipe.core.errors import ConfigError
from radpipe.core.settings import Training


@dataclass(frozen=True)
class ProcessGroup:
    """The processes of a run, seen from one of them; a group of one does nothing.

    Attributes
    ----------
    rank
        Number of this process, from 0; the first one writes files.
    size
        Number of processes, over all nodes.
    local_rank
        Number of this process on its node.

    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    def share(self, n: int) -> tuple[slice, int]:
        """Return which of `n` cases this process takes, and how many processes take each.

        A batch with fewer cases than processes is made by all of them and counted by all:
        no process is left with nothing, which networks and batch norm cannot work on.
        """
        return (
            (slice(self.rank, None, self.size), 1) if n >= self.size else (slice(None), self.size)
        )

    def any(self, flag: bool) -> bool:
        """Tell whether `flag` is true in any process. All must ask, at the same place."""
        if self.size == 1:
            return flag
        # On the processor, over gloo: a GPU would have to be waited for.
        flags = torch.tensor(int(flag))
        dist.all_reduce(flags, dist.ReduceOp.MAX)
        return bool(flags)

    def add(self, tensor: Tensor) -> None:
        """Add up a tensor over the processes, in place; all get the same bits.

        Of any shape, the same in all processes.
        """
        if self.size > 1:
            dist.all_reduce(tensor)

    def add_gradients(self, network: nn.Module) -> None:
        """Add up the gradients over the processes, in place.

        One sum of all gradients after the last piece, not DistributedDataParallel, which
        sums while gradients are still being made: then a process that runs out of memory
        leaves the others waiting, and could not agree with them to cut the batch. The sum
        is of the losses' gradients as they are, without a mean over processes to undo. It
        costs the overlap of the two, some milliseconds a step for the largest network.
        """
        if self.size == 1:
            return
        gradients = [w.grad for w in network.parameters() if w.grad is not None]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        dist.all_reduce(flat)
        start = 0
        for gradient in gradients:
            end = start + gradient.numel()
            gradient.copy_(flat[start:end].view_as(gradient))
            start = end

    def follow(self, tensor: Tensor) -> None:
        """Give a tensor on the processor the values of the first process, in place.

        Of any shape, the same in all processes.
        """
        if self.size > 1:
            dist.broadcast(tensor, src=0)

    def each(self, tensor: Tensor) -> list[Tensor]:
        """Return the tensors of all processes (equal shapes, on the processor) by rank."""
        if self.size == 1:
            return [tensor]
        found = [torch.empty_like(tensor) for _ in range(self.size)]
        dist.all_gather(found, tensor)
        return found

    def join_norms(self, model: nn.Module, device: torch.device) -> nn.Module:
        """Let batch norm see the whole batch.

        Raises
        ------
        ConfigError
            The processes have no GPUs, for which alone torch can do this.

        """
        if self.size == 1 or not has_batch_norm(model):
            return model
        if device.type != "cuda":
            raise ConfigError(
                f"train.processes: {self.size} processes without GPUs cannot train a network"
                " with batch norm, because torch makes batch norm see the whole batch on GPUs"
                " only. Train on GPUs, or set processes and nodes to 1 (threads may be more),"
                " or choose a network without batch norm."
            )
        together: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
        return together


ALONE = ProcessGroup()


def has_batch_norm(model: nn.Module) -> bool:
    """Tell whether a network has a layer that mixes the cases of a batch."""
    return any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in model.modules())


def join(how: Training) -> ProcessGroup:
    """Meet the other processes that torchrun started.

    Raises
    ------
    ConfigError
        The node has fewer GPUs than processes.

    """
    n_devices = torch.cuda.device_count()
    if 0 < n_devices < how.processes:
        raise ConfigError(
            f"train.processes: {how.processes} processes want a GPU each, and this node has"
            f" {n_devices}. Set it to {n_devices}, or ask for a node with more."
        )
    local_rank = int(os.environ["LOCAL_RANK"])
    if n_devices:
        torch.cuda.set_device(local_rank)
    # Both, because what processes agree on lies on the processor.
    dist.init_process_group("cpu:gloo,cuda:nccl" if n_devices else "gloo")
    return ProcessGroup(dist.get_rank(), dist.get_world_size(), local_rank)


def part(process_group: ProcessGroup) -> None:
    """Leave the other processes, when all have done what they had to."""
    process_group.any(False)  # whoever leaves early closes connections that others still use
    dist.destroy_process_group()
