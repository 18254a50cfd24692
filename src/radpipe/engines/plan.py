"""The runs that `params.yaml` plans, step by step in the order of the graph."""

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

from radpipe.core.params import Params, load_preset
from radpipe.core.settings import Training

# Step to the name of its runs, which is also the name of their logs and receipts.
RUN_NAMES = {
    "fetch": "{study}",
    "index": "{study}",
    "ingest": "{study}",
    "split": "{study}",
    "localize": "{study}",
    "recipe": "{variant}",
    "train": "{variant}-fold-{fold}-seed-{seed}",
    "predict": "{variant}-fold-{fold}-seed-{seed}",
    "evaluate": "{variant}",
    "compare": "all",
    "report": "all",
}


def planned_runs(params: Params) -> Iterator[tuple[str, str]]:
    """Yield (step, run) for everything planned, makers before users."""
    for step, values in planned_values(params):
        yield step, RUN_NAMES[step].format(**values)


def planned_values(params: Params) -> Iterator[tuple[str, dict[str, str | int]]]:
    """Yield each planned run as its step and what its name is made of, by wildcard."""
    values: dict[str, Sequence[str | int]] = {
        "study": list(params.studies),
        "variant": params.plan.variants,
        "fold": params.plan.folds,
        "seed": params.plan.seeds,
    }
    for step, name in RUN_NAMES.items():
        used = [key for key in values if f"{{{key}}}" in name]
        there = values | ({"study": list(params.localize)} if step == "localize" else {})
        for combination in product(*(there[key] for key in used)):
            yield step, dict(zip(used, combination, strict=True))


def train_settings(params: Params) -> dict[str, Training]:
    """Return the training settings of each variant: what jobs ask for follows from them.

    Raises
    ------
    ConfigError
        A preset or an override of it is wrong, of whichever variant.

    """
    root = Path("presets")
    presets = {
        name: load_preset(variant.preset, variant.overrides, where=f"variants.{name}", root=root)
        for name, variant in params.variants.items()
    }
    return {name: preset.train for name, preset in presets.items()}


def train_resources(how: Training) -> dict[str, int | str | None]:
    """Return what a training job asks of Snakemake; None asks for nothing.

    One node: a GPU a process. Several nodes: the words with which Snakemake's SLURM executor
    asks for one task a node (`tasks_per_gpu: 0` keeps it from asking for more), for GPUs by
    the node, and (`mpi`) for a job that starts its tasks itself.
    """
    one = how.nodes == 1
    return {
        "gpu": how.processes if one else None,
        "gres": None if one else f"gpu:{how.processes}",
        "nodes": None if one else how.nodes,
        "tasks": None if one else how.nodes,
        "tasks_per_gpu": None if one else 0,
        "mpi": None if one else "srun",
    }
