"""What a run needs before it trains: its settings, cases, losses and device."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from radpipe.core.environment import kernels_in_use
from radpipe.core.errors import ConfigError
from radpipe.core.machine import lacks_bfloat16
from radpipe.core.recipe import Recipe
from radpipe.core.settings import Training
from radpipe.imaging.store import ABSENT
from radpipe.learning.data.batches import Batches, batches_of
from radpipe.learning.data.cases import Cases, Summed
from radpipe.learning.data.features import FeatureStore
from radpipe.learning.data.samplers import cut
from radpipe.learning.distributed.devices import device_of, take_device
from radpipe.learning.distributed.process_group import ALONE, ProcessGroup
from radpipe.learning.networks.class_weights import class_weights
from radpipe.learning.networks.losses import Loss, make_loss
from radpipe.learning.starts.lineage import Ancestor, lineage_of, patients_of
from radpipe.learning.starts.seen import Seen, hold_seen, read_seen, starts_behind
from radpipe.learning.starts.start import held, read_ancestors, starts_from_weights
from radpipe.learning.training.scores import check_watched

log = logging.getLogger("radpipe.train")


@dataclass(frozen=True)
class TrainingRun:
    """What does not change while a run trains.

    Attributes
    ----------
    batches
        Of `store` on `device`.
    ancestors
        The runs whose weights it starts from, the nearest last; empty: from none.
    borrowed
        The weights that others learned with which it, or its first ancestor, started.
    behind
        The runs that the weights of a frozen network come from, where it looks at features.

    """

    recipe: Recipe
    store: Summed
    train: Cases
    tune: Cases
    loss: Loss
    tune_loss: Loss
    device: torch.device
    batches: Batches
    process_group: ProcessGroup = ALONE
    ancestors: tuple[Ancestor, ...] = ()
    borrowed: tuple[Seen, ...] = ()
    behind: tuple[Ancestor, ...] = ()

    @property
    def how(self) -> Training:
        """The training settings."""
        return self.recipe.train

    @property
    def n_batches(self) -> int:
        """Batches in an epoch."""
        return len(cut(torch.arange(len(self.train)), self.how.batch_size))

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps in an epoch."""
        return -(-self.n_batches // self.how.accumulate)

    @property
    def computes(self) -> dict[str, Any]:
        """How its processes compute, for the receipt."""
        return arithmetic_of(
            self.how,
            self.device,
            precision=self.how.precision,
            processes=self.process_group.size,
        )

    def lineage(self, *, fold: int, seed: int) -> list[Ancestor]:
        """Return whom its weights learn from: what is behind features, the ancestors, itself."""
        own = Ancestor(
            variant=self.recipe.variant,
            fold=fold,
            seed=seed,
            recipe=self.recipe.sha256,
            model=self.recipe.model.name,
            gradients=patients_of(self.train.table),
            stopping=patients_of(self.tune.table),
        )
        known = {each.recipe: each for each in (*self.behind, *self.ancestors)}
        return [*known.values(), own]


def make_run(
    recipe: Recipe,
    store: Summed,
    train_part: Cases,
    tune_part: Cases,
    process_group: ProcessGroup = ALONE,
) -> TrainingRun:
    """Set up torch and gather what a run needs.

    Raises
    ------
    ConfigError
        The recipe watches a score that its target does not have, or the starting weights have
        learned from patients or images by whom this run is to be judged.

    """
    check_watched(recipe.target, recipe.train)
    ancestors: tuple[Ancestor, ...] = ()
    behind: tuple[Ancestor, ...] = ()
    borrowed: tuple[Seen, ...] = ()
    patients, cases = patients_of(tune_part.table), tune_part.table["case"].to_pylist()
    if starts_from_weights(recipe):
        ancestors = read_ancestors(recipe, tune=patients)
        borrowed = read_seen(recipe, tune=cases)
    if isinstance(store, FeatureStore):
        behind = held(recipe, lineage_of(store), tune=patients)
        borrowed += hold_seen(recipe, starts_behind(store), tune=cases, setting="store")
    device = set_up(recipe.train, process_group)
    keep = np.concatenate([part.rows.ravel() for part in (train_part, tune_part)])
    if process_group.size > 1:
        refuse_absent_views(train_part.rows)
        # Where batch norm joins processes, none can give its memory back when it runs out.
        keep = keep[:0]
    own = class_weights(train_part.targets, recipe.target, recipe.train)
    watched = None
    if recipe.train.tune_loss == "weighted":
        watched = class_weights(tune_part.targets, recipe.target, recipe.train)
    return TrainingRun(
        recipe=recipe,
        store=store,
        train=train_part,
        tune=tune_part,
        loss=make_loss(recipe.target, recipe.train, None if own is None else own.to(device)),
        tune_loss=make_loss(recipe.target, recipe.train, watched),
        device=device,
        batches=batches_of(store, device, keep),
        process_group=process_group,
        ancestors=ancestors,
        borrowed=borrowed,
        behind=behind,
    )


def set_up(how: Training, process_group: ProcessGroup = ALONE) -> torch.device:
    """Fix threads and determinism of this process, and choose the device."""
    fix_arithmetic(how)
    device = take_device() if process_group.size == 1 else device_of(process_group.local_rank)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    elif how.precision == "bfloat16" and lacks_bfloat16():
        log.warning(
            "train.precision is bfloat16, for which this processor has no instructions: it takes"
            " 11 to 22 times as long as float32 here. The way out: precision: float32, or another"
            " machine"
        )
    return device


def fix_arithmetic(how: Training) -> None:
    """Fix threads and determinism of this process."""
    torch.set_num_threads(how.threads)
    # Read by cuBLAS when it starts; without it, it refuses to be deterministic. Steps have it.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # Says what `use_deterministic_algorithms` says, without its import of the compiler.
    torch.set_deterministic_debug_mode("error" if how.deterministic else "default")
    # Our code reads no memory that it has not written, so filling it would only cost time.
    setattr(torch.utils.deterministic, "fill_uninitialized_memory", False)  # noqa: B010
    torch.backends.cudnn.benchmark = not how.deterministic


def arithmetic_of(
    how: Training, device: torch.device, *, precision: str = "float32", processes: int = 1
) -> dict[str, Any]:
    """Return how this process, or several of a run together, compute, for the receipt.

    Scores are computed in float32, whatever the training's precision.

    Returns
    -------
    dict
        Kernels that were asked for; capability that torch chose for its own; device, "cpu" or the
        GPU's name; precision; threads of all processes together.

    """
    on_gpu = device.type == "cuda"
    return {
        "kernels": kernels_in_use(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "device": torch.cuda.get_device_name(device) if on_gpu else device.type,
        "precision": precision,
        "threads": how.threads * processes,
    }


@contextmanager
def arithmetic(how: Training) -> Iterator[None]:
    """Compute as a run does, and give the process its own threads and determinism back."""
    threads, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    fills = getattr(torch.utils.deterministic, "fill_uninitialized_memory")  # noqa: B009
    tries = torch.backends.cudnn.benchmark
    fix_arithmetic(how)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_deterministic_debug_mode(mode)
        setattr(torch.utils.deterministic, "fill_uninitialized_memory", fills)  # noqa: B010
        torch.backends.cudnn.benchmark = tries


def refuse_absent_views(rows: np.ndarray) -> None:
    """Refuse cases that lack a view, (n, views), where several processes train one network.

    If a view is missing in all cases of one process's share, its batch norm would wait for a layer
    that the other never comes to, and their gradients would not fit.

    Raises
    ------
    ConfigError
        Some case lacks a view.

    """
    if (rows == ABSENT).any():
        raise ConfigError(
            "train.processes: several processes cannot train on cases that lack an optional view."
            " The way out: set processes and nodes to 1 (threads may be more)."
        )
