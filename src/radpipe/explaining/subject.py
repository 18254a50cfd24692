"""What is explained: a network with what decides what its outputs mean, and cases."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from radpipe.core.errors import ConfigError
from radpipe.evaluation.sample import column_names
from radpipe.learning.data.cases import Batch, Cases, Pixels
from radpipe.learning.models import table_of, takes_features, takes_pixels
from radpipe.learning.networks.losses import THREE, loss_name, probabilities
from radpipe.learning.networks.network import Blueprint, Network

# What is explained of an answer.
Of = Literal["logit", "probability"]


@dataclass(frozen=True)
class Member:
    """A network as it answers; an ensemble is several.

    Attributes
    ----------
    network
        In eval mode, on the device where explanations are to be computed.
    what
        Says target, architecture and loss: a `Recipe`, or a predictor's `Description`.
    backbone
        The frozen network before it, if `network` is a head of its features; there too.

    """

    network: Network
    what: Blueprint
    backbone: Network | None = None

    @property
    def device(self) -> torch.device:
        """Where the network lies."""
        return self.network.mean.device

    @property
    def sees(self) -> Network | None:
        """The network that looks at pixels: itself, or its backbone; None if neither does."""
        if takes_pixels(self.what.model):
            return self.network
        return self.backbone

    @property
    def covariates(self) -> list[str]:
        """The covariates that it takes, in the order of the columns of entries."""
        taken = table_of(self.what.model)
        return [] if taken is None else taken.columns

    @property
    def questions(self) -> list[str]:
        """What each column of `answers` is about, see `evaluation.sample.column_names`."""
        return column_names(self.what.target)

    @property
    def exams(self) -> bool:
        """Whether it takes exams, which come one by one."""
        return self.sees is not None and self.sees.exams

    def logits(self, batch: Batch) -> Tensor:
        """Return what `Network.decide` makes of a batch, (cases, outputs)."""
        if self.backbone is not None:
            batch = Batch((), (), self.backbone(batch))
        return self.network.decide(self.network(batch))

    def answers(self, batch: Batch, of: Of) -> Tensor:
        """Return an answer to each question, (cases, questions); see `answers_of`."""
        return answers_of(self.logits(batch), self.what, of)


def answers_of(logits: Tensor, what: Blueprint, of: Of) -> Tensor:
    """Turn logits (cases, outputs) into an answer to each question, (cases, questions).

    The logit of a question is the network's own output for it; where that has another meaning (the
    loss `ordinal`; what is uncertain as a class of its own) it is the log odds of the probability.
    """
    binary = what.target.kind == "binary"
    if of == "logit":
        own = loss_name(what.target, what.train) not in ("ordinal", THREE)
        if own:
            return logits.float()
        share = probabilities(logits, what.target, what.train)
        return torch.logit(share, eps=torch.finfo(share.dtype).eps)
    share = probabilities(logits, what.target, what.train)
    return share[:, 1:] if binary else share


@dataclass(frozen=True)
class Material:
    """Cases that are to be explained.

    Attributes
    ----------
    store
        Where their pixels lie; of a head, those that its frozen network looked at.
    names
        The cases'.
    rows
        Their rows in the store, int64 (n, views); (n, 0) if only a table is looked at.
    entries
        Float32 (n, columns): their covariates, NaN where unknown; None if the model takes none.
    background
        Float32 (m, columns): covariates of the train part, against which a table's contributions
        are counted; None: they are not computed.

    """

    store: Pixels
    names: list[str]
    rows: NDArray[np.int64]
    entries: NDArray[np.float32] | None = None
    background: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def of(
        cls, store: Pixels, cases: Cases, background: NDArray[np.float32] | None = None
    ) -> "Material":
        """Take the cases of a part."""
        return cls(store, cases.table["case"].to_pylist(), cases.rows, cases.entries, background)


@dataclass(frozen=True)
class Asked:
    """What is to be explained of one case.

    Attributes
    ----------
    labels
        Numbers of questions, columns of `Member.answers`; at least one.
    seed
        Of whatever the method draws for this case, whatever cases stand beside it.

    """

    labels: tuple[int, ...]
    seed: int


def check_fits(member: Member, *, pixels: bool, method: str) -> None:
    """Refuse a method that a model has nothing for.

    Raises
    ------
    ConfigError
        The method needs pixels and the model looks at a table or at stored features only; or it is
        for covariates, and the model takes none.

    """
    name = member.what.model.name
    if pixels and member.sees is None:
        instead = (
            "give its frozen network along"
            if takes_features(member.what.model)
            else ("use 'shapley', which explains tables")
        )
        raise ConfigError(
            f"{method} needs pixels, and {member.what.variant} (model.name: {name}) looks at"
            f" {'features' if takes_features(member.what.model) else 'a table'} only; {instead}."
        )
    if not pixels and not member.covariates:
        raise ConfigError(
            f"{method} explains covariates, and {member.what.variant} (model.name: {name}) takes"
            " none; use a method for pictures."
        )


@contextmanager
def still(member: Member) -> Iterator[None]:
    """Compute no gradients of weights meanwhile; each weight is then as it was."""
    networks = [member.network, *([member.backbone] if member.backbone else [])]
    learning = [p for network in networks for p in network.parameters() if p.requires_grad]
    modes = [network.training for network in networks]
    for network in networks:
        network.eval()
    for weight in learning:
        weight.requires_grad_(False)
    try:
        with torch.enable_grad():
            yield
    finally:
        for weight in learning:
            weight.requires_grad_(True)
        for network, mode in zip(networks, modes, strict=True):
            network.train(mode)
