"""Whether a map depends on what the network has learned, and stays where nothing changes.

Weights are randomised from the last layer on (Adebayo et al., NeurIPS 2018:9505, "cascading"): a
map that stays alike says nothing of the network. It must also change when the network has learned
shuffled labels, and must not when the picture moves by a pixel or another seed is drawn.
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from radpipe.core.recipe import Recipe
from radpipe.evaluation.sanity import shuffle_targets
from radpipe.explaining.explain import CaseMap, explain
from radpipe.explaining.measures import joined, likeness
from radpipe.explaining.methods import Method
from radpipe.explaining.subject import Material, Member
from radpipe.learning.data.cases import Cases, Pixels, Summed
from radpipe.learning.networks.network import make_network
from radpipe.learning.training.run import arithmetic, make_run
from radpipe.learning.training.train import train

# Cases that are drawn again with another seed, of methods that explain the gallery alone.
REDRAWN = 4
# Cases from which running means of a randomised network are taken anew.
ANEW = 32


@dataclass(frozen=True)
class Stage:
    """A network some layers of which are random.

    Attributes
    ----------
    layers
        How many of all layers with weights, counted from the last.
    of
        How many there are.
    reaches
        Name of the layer that was reached.
    member
        The network.

    """

    layers: int
    of: int
    reaches: str
    member: Member


def layers_with_weights(network: nn.Module) -> list[str]:
    """Return the names of layers that have weights of their own, in the order of definition."""
    modules = network.named_modules()
    return [
        name for name, part in modules if next(part.parameters(recurse=False), None) is not None
    ]


def cascade(member: Member, material: Material, *, stages: int, seed: int) -> Iterator[Stage]:
    """Yield copies of a network of which more and more layers are random, from the last on.

    The values of each tensor are put in random order, so that the network stays as lively as it
    was; norms take their running means and variances from the cases anew, without which random
    layers would say nothing at all.

    Parameters
    ----------
    member
        Stays as it is.
    material
        Its first cases are those that norms see.
    stages
        How many, at least 2: the last layer alone, then equal shares up to all layers.
    seed
        Of the order.

    """
    names = layers_with_weights(member.network.model)[::-1]
    network = copy.deepcopy(member.network)
    generator = torch.Generator().manual_seed(seed)
    done = 0
    for reach in reaches(len(names), stages):
        for name in names[done:reach]:
            _shuffle_weights(network.model.get_submodule(name), generator)
        done = reach
        found = replace(member, network=copy.deepcopy(network))
        _renew_norms(found, material)
        yield Stage(reach, len(names), names[reach - 1], found)


def reaches(n_layers: int, stages: int) -> list[int]:
    """Return how many layers, from the last, are random at each stage; each number once."""
    steps = (1 + round(k * (n_layers - 1) / (stages - 1)) for k in range(stages))
    return list(dict.fromkeys(steps))


def _shuffle_weights(layer: nn.Module, generator: torch.Generator) -> None:
    with torch.no_grad():
        for weight in layer.parameters(recurse=False):
            order = torch.randperm(weight.numel(), generator=generator)
            flat = weight.detach().cpu().contiguous().flatten()[order]
            weight.copy_(flat.reshape(weight.shape).to(weight.device))


def _renew_norms(member: Member, material: Material) -> None:
    norms = [
        part
        for part in member.network.modules()
        if isinstance(part, nn.modules.batchnorm._BatchNorm)
    ]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    size = 1 if member.exams else ANEW
    with arithmetic(member.what.train), torch.no_grad():
        for start in range(0, min(len(material), ANEW), size):
            which = list(range(start, min(start + size, len(material))))
            member.logits(material.batch(member, which))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()


def alike(first: Sequence[CaseMap], second: Sequence[CaseMap]) -> list[float]:
    """Return the rank correlation of two maps of the same answers, one by one, -1 to 1."""
    pairs = zip(first, second, strict=True)
    return [likeness(joined(one.views), joined(other.views)) for one, other in pairs]


def structure_alike(first: Sequence[CaseMap], second: Sequence[CaseMap]) -> list[float]:
    """Return the structural similarity of two maps of the same answers, one by one, -1 to 1.

    Wang et al., IEEE Trans Image Process 2004;13:600, the mean over slices of maps that were
    divided by their largest absolute value, with windows of 7 pixels; NaN of smaller squares.
    """
    return [_structure(*pair) for pair in zip(first, second, strict=True)]


def _structure(first: CaseMap, second: CaseMap) -> float:
    from skimage.metrics import structural_similarity

    window, scaled = 7, []
    for each in (first, second):
        top = max(float(np.abs(view).max()) for view in each.views.values()) or 1.0
        scaled.append([s / top for view in each.views.values() for s in view.astype(np.float64)])
    if min(scaled[0][0].shape) < window:
        return np.nan
    slices = zip(*scaled, strict=True)
    reach = 2.0 if first.signed else 1.0
    how = {"win_size": window, "data_range": reach}
    found = [structural_similarity(*pair, **how) for pair in slices]  # type: ignore[no-untyped-call]
    return float(np.mean(found))


class Moved:
    """Pixels of a store moved by whole pixels; what comes in at an edge repeats it.

    Parameters
    ----------
    store
        Whose pixels.
    right, down
        Pixels, of either sign.

    """

    def __init__(self, store: Pixels, right: int, down: int) -> None:
        self.store, self.right, self.down = store, right, down
        self.bits, self.channels = store.bits, store.channels
        self.cases, self.views, self.volumes = store.cases, store.views, store.volumes

    def slices(self, rows: np.ndarray) -> np.ndarray:
        """Return the number of slices of rows, of any shape."""
        return self.store.slices(rows)

    def row_of(self, case: str, view: str = "image") -> int:
        """Return a case's row in the index."""
        return self.store.row_of(case, view)

    def pixels(self, rows: np.ndarray) -> np.ndarray:
        """Return the moved slices of rows, (n, size, size, channels)."""
        return moved(self.store.pixels(rows), self.right, self.down)


def moved(pixels: np.ndarray, right: int, down: int) -> np.ndarray:
    """Move slices (n, rows, columns, ...) by whole pixels; edges are repeated."""
    _, rows, columns = pixels.shape[:3]
    y = np.clip(np.arange(rows) - down, 0, rows - 1)
    x = np.clip(np.arange(columns) - right, 0, columns - 1)
    return np.ascontiguousarray(pixels[:, y][:, :, x])


def moved_alike(
    members: Sequence[Member],
    material: Material,
    original: Sequence[CaseMap],
    *,
    how: Method,
    labels: Sequence[Sequence[int]],
    seed: int,
) -> list[float]:
    """Return how alike a map is to that of its picture moved right and down by one pixel.

    The map is moved back; the line of pixels at each edge does not count.

    Parameters
    ----------
    members, material, how, labels, seed
        As for `explain`.
    original
        What it returned.

    """
    away = replace(material, store=Moved(material.store, 1, 1))
    found = explain(members, away, how=how, labels=labels, seed=seed)
    inner = (slice(None), slice(1, -2), slice(1, -2))
    back = [
        replace(m, views={v: moved(x, -1, -1)[inner] for v, x in m.views.items()}) for m in found
    ]
    here = [replace(m, views={v: x[inner] for v, x in m.views.items()}) for m in original]
    return alike(here, back)


def draws(
    members: Sequence[Member], material: Material, *, how: Method, labels: Sequence[Sequence[int]]
) -> bool:
    """Tell whether a method draws: whether another seed gives another map of the first case."""
    one = material.first(1)
    first, second = (
        explain(members, one, how=how, labels=[labels[0][:1]], seed=seed) for seed in (0, 1)
    )
    views = first[0].views
    return any(not np.array_equal(views[v], second[0].views[v]) for v in views)


def redrawn_alike(
    members: Sequence[Member],
    material: Material,
    original: Sequence[CaseMap],
    *,
    how: Method,
    labels: Sequence[Sequence[int]],
    seed: int,
) -> list[float]:
    """Return how alike maps of the first cases are to those of another seed; empty: nothing draws.

    Parameters
    ----------
    members, material, how, labels, seed
        As for `explain`.
    original
        What it returned.

    """
    if not len(material) or not draws(members, material, how=how, labels=labels):
        return []
    some = material.first(REDRAWN)
    other = explain(members, some, how=how, labels=labels[: len(some)], seed=seed + 1)
    return alike(original[: len(other)], other)


def shuffled_member(
    member: Member, recipe: Recipe, store: Summed, *, parts: tuple[Cases, Cases], seed: int
) -> Member:
    """Train the network of a recipe once more, on labels shuffled between patients.

    Parameters
    ----------
    member
        The network as it was learned.
    recipe, store
        What it was trained by and on.
    parts
        Its cases of `train` and `tune`, each shuffled by itself.
    seed
        Of the shuffle and the training.

    """
    rng = np.random.default_rng(seed)
    own, tune = (_shuffled(part, rng) for part in parts)
    with TemporaryDirectory() as folder:
        place = Path(folder)
        state = train(
            make_run(recipe, store, own, tune), seed=seed, saved=place / "state", board=place / "b"
        )
    network = make_network(recipe, copy.deepcopy(member.network.model), *_norm_of(member)).to(
        member.device
    )
    network.load_state_dict(state.kept)
    return replace(member, network=network.to(memory_format=torch.channels_last).eval())


def _norm_of(member: Member) -> tuple[torch.Tensor, torch.Tensor]:
    return member.network.mean.flatten(), member.network.sd.flatten()


def _shuffled(cases: Cases, rng: np.random.Generator) -> Cases:
    patient: NDArray[np.object_] = np.array(cases.table["patient"].to_pylist(), dtype=object)
    targets = shuffle_targets(cases.targets, patient, rng).astype(np.float32)
    return replace(cases, targets=targets, taught=None)
