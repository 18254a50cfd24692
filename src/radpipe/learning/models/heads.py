"""Heads on the features of a frozen network: layers, logistic regression, nearest neighbours.

Each brings features to mean 0 and SD 1 of the run's own train part first, and saves how.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from radpipe.core.settings import Count, Positive, Strict
from radpipe.learning.models.base import head_architecture
from radpipe.learning.models.covariates import Encoding

# Steps of the optimiser, and the gradient below which it is at rest, for logistic regression.
STEPS, AT_REST = 500, 1e-7
# Features that differ in the train part by less than rounding, as a share of their largest value,
# are not blown up. Networks that were drawn say tiny numbers, which tell cases apart all the same.
SMALLEST_SD = 1e-6


class Standard(Encoding):
    """Brings features to mean 0 and SD 1 of the run's own train part; one that is constant to 0.

    Attributes
    ----------
    mean, sd
        Float32 (features,).

    """

    mean: Tensor
    sd: Tensor

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_features))
        self.register_buffer("sd", torch.ones(n_features))

    def fit(self, entries: np.ndarray) -> None:
        """Learn from features of the train part, (cases, features)."""
        mean, sd = entries.mean(axis=0, dtype=np.float64), entries.std(axis=0, dtype=np.float64)
        self.mean.copy_(torch.from_numpy(mean))
        least = SMALLEST_SD * np.abs(entries).max(axis=0)
        self.sd.copy_(torch.from_numpy(np.where(sd > least, sd, 1.0)))

    def forward(self, features: Tensor) -> Tensor:
        """Map features (cases, features) to the same shape."""
        return (features - self.mean) / self.sd


class LayersSettings(Strict):
    """Settings of the architecture `head`."""

    hidden: list[Count] = Field(default=[], description="Widths of layers between; []: linear.")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="Before each layer.")


class Layers(nn.Module):
    """Linear layers with ReLU between them.

    Attributes
    ----------
    encoder, layers
        From features to inputs, and from these to logits.

    """

    def __init__(self, settings: LayersSettings, n_features: int, n_outputs: int) -> None:
        super().__init__()
        self.encoder = Standard(n_features)
        layers: list[nn.Module] = []
        for before, after in pairwise([n_features, *settings.hidden]):
            layers += [nn.Dropout(settings.dropout), nn.Linear(before, after), nn.ReLU()]
        last = nn.Linear(settings.hidden[-1] if settings.hidden else n_features, n_outputs)
        if not settings.hidden:
            # The loss is convex, so zeros are as good a start as any, and no draw of chance.
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
        self.layers = nn.Sequential(*layers, nn.Dropout(settings.dropout), last)

    def forward(self, features: Tensor) -> Tensor:
        """Map features (batch, n_features) to logits (batch, n_outputs)."""
        logits: Tensor = self.layers(self.encoder(features))
        return logits


class LogisticSettings(Strict):
    """Settings of the architecture `logistic`."""

    strength: Positive = Field(
        default=0.01,
        description="Of the fit against the penalty: scikit-learn's C. Smaller for more features,"
        " larger for more cases.",
    )


class Logistic(nn.Module):
    """Logistic regression with a penalty on squared weights, fitted in one go.

    Attributes
    ----------
    encoder, last
        From features to inputs, and from these to logits.
    labels
        It takes targets of several labels.

    """

    labels = True

    def __init__(self, settings: LogisticSettings, n_features: int, n_outputs: int) -> None:
        super().__init__()
        self.settings = settings
        self.encoder = Standard(n_features)
        self.last = nn.Linear(n_features, n_outputs)

    def forward(self, features: Tensor) -> Tensor:
        """Map features (batch, n_features) to logits (batch, n_outputs)."""
        logits: Tensor = self.last(self.encoder(features))
        return logits

    def fit(
        self, entries: np.ndarray, truth: np.ndarray, weights: np.ndarray | None, *, seed: int
    ) -> None:
        """Minimise C times the summed loss plus half the squared weights, in float64.

        The minimum is one point, so nothing is drawn. The intercept has no penalty.

        Parameters
        ----------
        entries, truth, weights
            See `learning.training.fitting.Fittable`.
        seed
            Not needed.

        """
        del seed
        with torch.no_grad():
            inputs = self.encoder(torch.from_numpy(entries)).double()
        each = torch.ones(len(truth)) if weights is None else torch.from_numpy(weights)
        loss = _loss(truth, each.double(), self.last.out_features)
        weight = torch.zeros(self.last.weight.shape, dtype=torch.float64, requires_grad=True)
        bias = torch.zeros(self.last.bias.shape, dtype=torch.float64, requires_grad=True)

        def objective() -> Tensor:
            fit = loss(inputs @ weight.T + bias)
            return fit + 0.5 * weight.square().sum() / (self.settings.strength * len(truth))

        _minimise(objective, [weight, bias])
        with torch.no_grad():
            self.last.weight.copy_(weight)
            self.last.bias.copy_(bias)


def _loss(truth: np.ndarray, each: Tensor, n_outputs: int) -> Callable[[Tensor], Tensor]:
    """Return the loss of logits (cases, outputs), summed over the known and divided by cases."""
    if truth.ndim == 1 and n_outputs > 1:
        classes = torch.from_numpy(truth)
        return lambda logits: (F.cross_entropy(logits, classes, reduction="none") * each).mean()
    wanted = torch.from_numpy(truth).double().reshape(len(truth), -1)
    known = ~torch.isnan(wanted)
    wanted, shares = wanted.nan_to_num(), known * each.reshape(len(truth), -1) / len(truth)
    return lambda logits: F.binary_cross_entropy_with_logits(
        logits, wanted, weight=shares, reduction="sum"
    )


def _minimise(objective: Callable[[], Tensor], weights: list[Tensor]) -> None:
    """Bring a smooth convex function to rest."""
    optimizer = torch.optim.LBFGS(
        weights,
        max_iter=STEPS,
        tolerance_grad=AT_REST,
        tolerance_change=0.0,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = objective()
        torch.autograd.backward(value)
        return value

    optimizer.step(closure)  # type: ignore[no-untyped-call]


class NeighboursSettings(Strict):
    """Settings of the architecture `neighbours`."""

    neighbours: Count = Field(default=20, description="Cases of the train part that are asked.")
    votes: Literal["equal", "similarity"] = Field(
        default="similarity",
        description="equal; or exp(cosine / temperature), as Wu et al. (CVPR 2018:3733).",
    )
    temperature: Positive = Field(default=0.07, description="Of votes by similarity.")


class Neighbours(nn.Module):
    """What the cases of the train part that are most alike say, by the cosine of features.

    Attributes
    ----------
    encoder
        From features to inputs.
    reference, truth
        Inputs of the train part, of length 1, float32 (cases, features); and what they say,
        float32 (cases, outputs), NaN where unknown. Saved with the weights.
    exclusive
        Whether outputs are classes of which each case has one.
    labels
        It takes targets of several labels.

    """

    labels = True
    reference: Tensor
    truth: Tensor
    exclusive: Tensor

    def __init__(self, settings: NeighboursSettings, n_features: int, n_outputs: int) -> None:
        super().__init__()
        self.settings, self.n_outputs = settings, n_outputs
        self.encoder = Standard(n_features)
        self.register_buffer("reference", torch.zeros(0, n_features))
        self.register_buffer("truth", torch.zeros(0, n_outputs))
        self.register_buffer("exclusive", torch.tensor(False))

    def fit(
        self, entries: np.ndarray, truth: np.ndarray, weights: np.ndarray | None, *, seed: int
    ) -> None:
        """Remember the train part.

        Parameters
        ----------
        entries, truth, weights
            See `learning.training.fitting.Fittable`; weights have no meaning here.
        seed
            Not needed.

        """
        del weights, seed
        with torch.no_grad():
            self.reference = self._directions(torch.from_numpy(entries))
        known = torch.from_numpy(truth)
        self.exclusive.fill_(truth.ndim == 1 and self.n_outputs > 1)
        if self.exclusive:
            known = F.one_hot(known, self.n_outputs)
        self.truth = known.float().reshape(len(truth), -1)

    def forward(self, features: Tensor) -> Tensor:
        """Map features (batch, n_features) to logits (batch, n_outputs).

        The share of votes, with half a vote more for and against, becomes the probability: by the
        logistic function, or of one class of several by softmax.
        """
        cosine = self._directions(features) @ self.reference.T
        count = min(self.settings.neighbours, len(self.reference))
        alike, which = cosine.topk(count, dim=1)
        votes = torch.ones_like(alike)
        if self.settings.votes == "similarity":
            votes = ((alike - alike[:, :1]) / self.settings.temperature).exp()
            votes = votes * (count / votes.sum(dim=1, keepdim=True))
        said = self.truth[which]
        known = ~torch.isnan(said)
        present = (said.nan_to_num() * votes[..., None]).sum(dim=1) + 0.5
        absent = ((1.0 - said.nan_to_num()) * known * votes[..., None]).sum(dim=1) + 0.5
        return present.log() - torch.where(self.exclusive, 0.0, absent.log())

    def _directions(self, features: Tensor) -> Tensor:
        return F.normalize(self.encoder(features), dim=1)

    def _load_from_state_dict(
        self, state_dict: Mapping[str, Any], prefix: str, *args: Any, **more: Any
    ) -> None:
        """Make room for as many cases as the file has."""
        for name in ("reference", "truth"):
            saved, own = state_dict[prefix + name], getattr(self, name)
            setattr(self, name, own.new_empty((len(saved), *own.shape[1:])))
        super()._load_from_state_dict(state_dict, prefix, *args, **more)


@head_architecture("head", LayersSettings)
def layers(settings: LayersSettings, *, n_features: int, n_outputs: int) -> nn.Module:
    """Build the layers; input (batch, n_features), output (batch, n_outputs)."""
    return Layers(settings, n_features, n_outputs)


@head_architecture("logistic", LogisticSettings, fitted=True)
def logistic(settings: LogisticSettings, *, n_features: int, n_outputs: int) -> nn.Module:
    """Build a logistic regression that is yet to be fitted."""
    return Logistic(settings, n_features, n_outputs)


@head_architecture("neighbours", NeighboursSettings, fitted=True, remembers=True)
def neighbours(settings: NeighboursSettings, *, n_features: int, n_outputs: int) -> nn.Module:
    """Build a memory that is yet to be filled."""
    return Neighbours(settings, n_features, n_outputs)
