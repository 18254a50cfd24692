"""A predictor as one graph from pixels to calibrated probabilities, in a form that ONNX takes.

The same arithmetic as `Predictor`, with normalisation and temperature inside. Exams stand side by
side, short ones filled up with anything, because ONNX has no ragged batches.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from radpipe.core.errors import ConfigError
from radpipe.core.settings import Target
from radpipe.evaluation.sample import EPSILON
from radpipe.learning.models.exam import Exam, ExamBaseline
from radpipe.learning.models.pooling import SliceAttention, SliceMax, SliceMean
from radpipe.learning.networks.losses import loss_name, probabilities
from radpipe.learning.networks.network import Network
from radpipe.prediction.description import Description

OUTPUTS = ("scores", "probabilities")


class Graph(nn.Module):
    """Pixels, or covariates, in; scores and probabilities out.

    Parameters
    ----------
    what
        Says target, loss and temperature.
    network
        The run's.
    backbone
        The frozen network that a head's features come from.

    """

    def __init__(self, what: Description, network: Network, backbone: Network | None) -> None:
        super().__init__()
        if what.operating_point is None:
            raise ValueError("a graph needs a temperature")
        self.what, self.temperature = what, what.operating_point.temperature
        self.network, self.backbone = network, backbone
        self.n_views = len(what.inputs.views)
        self.exams = (backbone or network).exams

    def forward(self, *given: Tensor) -> tuple[Tensor, Tensor]:
        """Map inputs in the order of `inputs_of` to scores and probabilities, (cases, classes)."""
        outputs = self._outputs(*given)
        logits = self.network.decide(outputs)
        scores = _scores(logits, self.what)
        return scores, calibrated(self.what.target, scores, self.temperature)

    def _outputs(self, *given: Tensor) -> Tensor:
        looking = self.network if self.backbone is None else self.backbone
        said: Tensor
        if self.exams:
            views, counts = given[: self.n_views], given[self.n_views : 2 * self.n_views]
            said = exam_logits(looking, views, counts)
        else:
            pictures = [_normal(looking, each) for each in given[: self.n_views]]
            said = looking.model(*pictures, *given[self.n_views :])
        return said if self.backbone is None else self.network.model(said)


def _scores(logits: Tensor, what: Description) -> Tensor:
    """Return probabilities before the temperature; ONNX has no running product of grades."""
    if what.target.kind == "binary" or loss_name(what.target, what.train) != "ordinal":
        return probabilities(logits, what.target, what.train)
    reached, grades = torch.ones_like(logits[:, :1]), []
    for beyond in torch.chunk(logits, logits.shape[1], dim=1):
        grades.append(reached * torch.sigmoid(-beyond))
        reached = reached * torch.sigmoid(beyond)
    return torch.cat([*grades, reached], dim=1)


def calibrated(target: Target, scores: Tensor, temperature: float) -> Tensor:
    """Divide log odds, or log probabilities, by a temperature, as `apply_temperature` does."""
    if temperature == 1.0:
        return scores
    if target.kind not in ("binary", "multi-label"):
        return torch.softmax(scores.clamp(EPSILON, 1.0).log() / temperature, dim=1)
    clipped = scores.double().clamp(EPSILON, 1 - EPSILON)
    odds = ((clipped.log() - (1 - clipped).log()) / temperature).float()
    if target.kind == "multi-label":
        return torch.sigmoid(odds)
    return torch.cat([torch.sigmoid(-odds[:, 1:]), torch.sigmoid(odds[:, 1:])], dim=1)


def inputs_of(what: Description, *, exams: bool) -> list[str]:
    """Name the inputs of a graph in their order: views, for exams counts of slices, the table."""
    views = what.inputs.views if exams else ["pixels"][: len(what.inputs.views)]
    counts = [f"{view}_slices" for view in views] if exams else []
    return [*views, *counts, *(["table"] if what.inputs.covariates else [])]


def exam_logits(network: Network, views: Sequence[Tensor], counts: Sequence[Tensor]) -> Tensor:
    """Return what a network for exams says: the input of `Network.decide`, or features.

    Parameters
    ----------
    views
        For every view (exams, most slices, channels, size, size), from 0 to 1.
    counts
        For every view int64 (exams,): how many slices count; 0 where an exam lacks it.

    Raises
    ------
    ConfigError
        There is no such form of the architecture.

    """
    there = [
        torch.arange(v.shape[1])[None, :] < n[:, None] for v, n in zip(views, counts, strict=True)
    ]
    normal = [_normal(network, v, mask) for v, mask in zip(views, there, strict=True)]
    model = network.model
    if isinstance(model, Exam):
        return _exam(model, normal, there)
    if isinstance(model, ExamBaseline):
        coarse = [
            nn.functional.adaptive_avg_pool2d(v.flatten(0, 1), model.grid).flatten(1)
            for v in normal
        ]
        means = [_pooled(model.pool, f, mask) for f, mask in zip(coarse, there, strict=True)]
        logits: Tensor = model.linear(torch.cat(means, dim=1))
        return logits
    raise ConfigError(
        f"export --onnx: there is no ONNX form of the exam network {type(model).__name__} yet; the"
        " way out: export without --onnx."
    )


def _exam(model: Exam, views: Sequence[Tensor], there: Sequence[Tensor]) -> Tensor:
    """Do what `Exam.forward` does, with exams side by side."""
    trunks = [list(row.children()) for row in model.trunks]
    trunks *= len(views) if len(trunks) == 1 else 1
    pools = [list(row.children()) for row in model.pools]
    heads = [list(row.children()) for row in model.heads]
    pooled = [
        [
            _pooled(pool, trunk(v.flatten(0, 1)), mask)
            for trunk, pool in zip(own, their, strict=True)
        ]
        for own, their, v, mask in zip(trunks, pools, views, there, strict=True)
    ]
    if model.one_head:
        joint: Tensor = heads[0][0](torch.cat([row[0] for row in pooled], dim=1))
        return joint
    by_view = [
        torch.cat([head(f) for head, f in zip(own, row, strict=True)], dim=1)
        for own, row in zip(heads, pooled, strict=True)
    ]
    return torch.stack(by_view, dim=1)


def _pooled(pool: nn.Module, features: Tensor, there: Tensor) -> Tensor:
    """Pool features (exams * most slices, features) of the slices that count; 0 of none."""
    for kind, form in POOLED.items():
        if isinstance(pool, kind):
            rows = features.reshape(-1, there.shape[1], features.shape[1])
            found = form(pool, rows, there[..., None])
            return torch.where(there.any(dim=1, keepdim=True), found, 0.0)
    raise ConfigError(
        f"export --onnx: there is no ONNX form of the pooling {type(pool).__name__} yet; the way"
        " out: export without --onnx."
    )


def _max(pool: Any, rows: Tensor, there: Tensor) -> Tensor:
    del pool
    return torch.where(there, rows, -torch.inf).amax(dim=1)


def _mean(pool: Any, rows: Tensor, there: Tensor) -> Tensor:
    del pool
    return torch.where(there, rows, 0.0).sum(dim=1) / there.sum(dim=1).clamp(min=1).float()


def _attention(pool: Any, rows: Tensor, there: Tensor) -> Tensor:
    hidden = torch.tanh(pool.content(rows)) * torch.sigmoid(pool.gate(rows))
    # Not infinite, so that an exam without slices has weights, which nobody looks at.
    scores = torch.where(there, pool.score(hidden), torch.finfo(rows.dtype).min)
    return (scores.softmax(dim=1) * torch.where(there, rows, 0.0)).sum(dim=1)


POOLED: dict[type[nn.Module], Callable[[Any, Tensor, Tensor], Tensor]] = {
    SliceMax: _max,
    SliceMean: _mean,
    SliceAttention: _attention,
}


def _normal(network: Network, images: Tensor, there: Tensor | None = None) -> Tensor:
    """Normalise pictures, or exams of which slices `there` count, as `Network` does."""
    if not network.held_out:
        return images
    if network.stretch:
        images = _stretched(images, there)
    return (images - network.mean) / network.sd


def _stretched(images: Tensor, there: Tensor | None) -> Tensor:
    """Bring the range of each volume to 0..1."""
    inner = tuple(range(1, images.ndim))
    counts = torch.ones_like(images, dtype=torch.bool)
    if there is not None:
        counts = there[:, :, None, None, None].expand_as(images)
    low = torch.where(counts, images, torch.inf).amin(dim=inner, keepdim=True)
    high = torch.where(counts, images, -torch.inf).amax(dim=inner, keepdim=True)
    found = (images - low) / (high - low).clamp_min(1e-6)
    return torch.where(counts, found, 0.0)
