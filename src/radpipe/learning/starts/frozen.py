"""A frozen network from its recipe, without its last layer, and what it says of a study's cases."""

import logging
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor, nn

from radpipe.core.borrowed import is_start, read_borrowed
from radpipe.core.errors import ConfigError, StaleError
from radpipe.core.files import sha256_file, write_json
from radpipe.core.recipe import BackboneRecipe, read_recipe
from radpipe.core.settings import Augmentation, Training
from radpipe.imaging.store import Store
from radpipe.learning.data.augment import apply_batch, draw_batch
from radpipe.learning.data.cases import Batch, rows_of
from radpipe.learning.data.features import BACKBONE, Frozen, pass_name
from radpipe.learning.data.normalisation import constants
from radpipe.learning.data.samplers import stream_of
from radpipe.learning.data.slices import draw_first, thin
from radpipe.learning.models import (
    auxiliary_of,
    build_model,
    n_parameters,
    table_of,
    takes_exams,
    takes_pixels,
)
from radpipe.learning.models.last import take_off_last
from radpipe.learning.networks.inference import BATCH, infer
from radpipe.learning.networks.network import Network, read_about, save_weights
from radpipe.learning.starts.borrowing import borrow
from radpipe.learning.starts.lineage import lineage_facts, read_lineage
from radpipe.learning.starts.seen import starts_of
from radpipe.learning.starts.start import NOTHING, Taken, start_from

log = logging.getLogger("radpipe.features")

# Cases whose features are held in memory at once: whole batches.
CHUNK = 64 * BATCH
SHOWN = 6


class Made(NamedTuple):
    """A frozen network, how many features it says of a case, and what it took over."""

    network: Network
    n_features: int
    taken: Taken | None


def make_backbone(recipe: BackboneRecipe, *, n_channels: int, n_views: int, volumes: bool) -> Made:
    """Build a frozen network, give it its weights, and take its last layer off.

    Parameters
    ----------
    recipe
        What it is made of; equal recipes give equal networks.
    n_channels, n_views, volumes
        Of the store that it is to look at.

    Returns
    -------
    Made
        On the processor; the network maps pixels from 0 to 1 to features (cases, features).

    Raises
    ------
    ConfigError
        The architecture has no features of pictures alone, the weights do not fit, or some layer
        would stay as it was drawn, at random.
    DataError, StaleError
        The weights are not here, or are not whole.

    """
    choice = recipe.model
    _refuse_kind(recipe)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_of(recipe.seed, 0))
        model = build_model(
            choice,
            n_channels=n_channels,
            n_outputs=1,
            size=recipe.image.side,
            n_views=n_views,
            volumes=volumes,
        )
    mean, sd, stretch = _normal(recipe, n_channels)
    taken = _take(recipe, model, mean, sd)
    if getattr(model, "combine", None) is not None:
        raise ConfigError(
            f"{recipe.place}.model.head: 'views' has a last layer for each view, and heads take one"
            " row of features; use 'joint'."
        )
    width = take_off_last(model, f"{recipe.place}.model.name")
    if taken is not None:
        _refuse_fresh(recipe, model, taken)
    network = Network(model, mean, sd, exams=takes_exams(choice), stretch=stretch)
    return Made(network.to(memory_format=torch.channels_last).eval(), width, taken)


def _refuse_kind(recipe: BackboneRecipe) -> None:
    choice = recipe.model
    if not takes_pixels(choice) or table_of(choice) or auxiliary_of(choice):
        raise ConfigError(
            f"{recipe.place}.model.name: {choice.name!r} with these settings is no network for"
            " pictures alone, whose features heads could take; use another."
        )


def _take(recipe: BackboneRecipe, model: nn.Module, mean: Tensor, sd: Tensor) -> Taken | None:
    """Give a model the weights of its recipe; None for weights that were drawn."""
    path = Path(recipe.weights.path)
    if path.name == NOTHING:
        return None
    if is_start(path):
        return borrow(recipe, [read_borrowed(path)], model, mean, sd)
    ancestor = read_lineage(read_about(path), path)[-1]
    return start_from(recipe, ancestor, model, mean, sd)


def _refuse_fresh(recipe: BackboneRecipe, model: nn.Module, taken: Taken) -> None:
    """Refuse layers that stay at random: nobody would train them."""
    layers = dict(model.named_modules())
    fresh = [name for name in taken.fresh if [*layers[name].parameters(recurse=False)]]
    if fresh:
        rest = f" and {len(fresh) - SHOWN} more" if len(fresh) > SHOWN else ""
        raise ConfigError(
            f"{recipe.place}.model: {taken.run} has no weights for {', '.join(fresh[:SHOWN])}"
            f"{rest}, which would stay as they were drawn, at random, because nothing of a frozen"
            " network is trained. The way out: leave them out of the model; they belong into a"
            " head."
        )


def _normal(recipe: BackboneRecipe, n_channels: int) -> tuple[Tensor, Tensor, bool]:
    """Return mean and SD of pixels from 0 to 1, and whether volumes are stretched first."""
    path = Path(recipe.weights.path)
    if recipe.normalize != "start":
        return *constants(recipe.normalize, n_channels), False
    if is_start(path):
        mean, sd = map(torch.tensor, read_borrowed(path).input.normalisation(n_channels))
        return mean, sd, False
    with safe_open(path, framework="pt") as file:
        mean, sd = (file.get_tensor(name).flatten() for name in ("mean", "sd"))
    if len(mean) != n_channels:
        raise ConfigError(
            f"{recipe.place}.weights: {path} has learned from pictures of {len(mean)} channels, and"
            f" {recipe.store.path} holds {n_channels}; use another store, or other weights."
        )
    return mean, sd, _stretches(path)


def _stretches(weights: Path) -> bool:
    """Tell whether a run brings the range of each volume to 0..1 first, as its recipe says."""
    file = weights.with_name("recipe.json")
    if not file.is_file():
        return False
    recipe = read_recipe(file)
    if recipe.sha256 != read_about(weights)["recipe"]:
        raise StaleError(
            f"{weights}: trained from another recipe than {file} says. Run snakemake (or dvc"
            " repro), which trains again."
        )
    return recipe.train.normalize == "mrnet"


def arithmetic_for(threads: int) -> Training:
    """Return how features are computed, in float32 with so many threads; the rest means nothing."""
    return Training(optimizer="adamw", lr=1, batch_size=1, epochs=1, threads=threads)


def save_backbone(path: Path, network: Network) -> str:
    """Write the weights of a frozen network; return the hash of the file: equal ones, equal."""
    tensors = {name: value.cpu() for name, value in network.state_dict().items()}
    save_weights(path, tensors, {})
    return sha256_file(path)


def write_features(
    folder: Path,
    recipe: BackboneRecipe,
    store: Store,
    made: Made,
    device: torch.device,
    told: Callable[[int], object] = lambda _: None,
) -> Frozen:
    """Compute the features of all cases of a store, and write what `FeatureStore` reads.

    Parameters
    ----------
    folder
        Empty.
    recipe, store, made
        The frozen network, from `make_backbone`, and what it looks at.
    device
        Where it computes.
    told
        Called with the number of cases that are done, chunk by chunk.

    """
    about = frozen_facts(folder, recipe, store, made)
    network = made.network.to(device)
    rows = rows_of(store, store.cases, store.views)
    for number in range(recipe.passes):
        began = time.monotonic()
        change = _change(recipe, number) if number else None
        shape = (len(rows), made.n_features)
        out = np.lib.format.open_memmap(
            folder / pass_name(number), mode="w+", dtype=np.float32, shape=shape
        )
        for start in range(0, len(rows), CHUNK):
            some = rows[start : start + CHUNK]
            out[start : start + CHUNK] = infer(network, store, some, device, change=change).numpy()
            told(len(some))
        out.flush()
        seconds = time.monotonic() - began
        log.info("computed pass %d/%d: seconds=%.1f", number + 1, recipe.passes, seconds)
    for name in ("index.parquet", "fingerprint.json"):
        shutil.copyfile(store.path / name, folder / name)
    write_json(folder / BACKBONE, about.model_dump(mode="json"))
    return about


def frozen_facts(folder: Path, recipe: BackboneRecipe, store: Store, made: Made) -> Frozen:
    """Return what is kept of a frozen network beside its features; `folder` is for a moment's file.

    Its weights are not kept: who published them says who may pass them on.
    """
    file = folder / "backbone.safetensors"
    digest = save_backbone(file, made.network)
    file.unlink()
    path = Path(recipe.weights.path)
    random, outside = path.name == NOTHING, is_start(path)
    lineage = () if random or outside else read_lineage(read_about(path), path)
    return Frozen(
        recipe=recipe,
        sha256=digest,
        n_channels=store.channels,
        n_views=len(store.views),
        volumes=store.volumes,
        stretch=made.network.stretch,
        mean=made.network.mean.flatten().tolist(),
        sd=made.network.sd.flatten().tolist(),
        features=made.n_features,
        parameters=n_parameters(made.network.model),
        cases=len(store.cases),
        lineage=lineage_facts(lineage),
        borrowed=[] if random else [each.facts for each in starts_of(path)],
    )


def _change(recipe: BackboneRecipe, number: int) -> Callable[[Batch], Batch]:
    """Return what changes pictures in a pass, batch after batch, from its own stream of chance."""
    chance = torch.Generator().manual_seed(stream_of(recipe.seed, number))
    return partial(_changed, recipe.augment, chance)


def _changed(augment: Augmentation, chance: torch.Generator, batch: Batch) -> Batch:
    first = draw_first(np.array(batch.counts).T, augment.slice_step, chance)
    batch = thin(batch, first, augment.slice_step)
    slices = np.array(batch.counts).T
    return apply_batch(batch, draw_batch(augment, slices, slice(None), chance))
