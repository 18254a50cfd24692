"""What is explained: a network with what decides what its outputs mean, and cases."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from radpipe.core.errors import ConfigError
from radpipe.evaluation.sample import column_names
from radpipe.learning.data.cases import Batch, Cases, Pixels, gather, rows_of
from radpipe.learning.models import table_of, takes_features, takes_pixels
from radpipe.learning.models.heads import Neighbours
from radpipe.learning.networks.losses import THREE, loss_name, probabilities
from radpipe.learning.networks.network import Blueprint, Network

# What is explained of an answer.
Of = Literal["logit", "probability"]
# Of one answer: for every view float32 (slices of the case, side, side).
Maps = tuple[Tensor, ...]


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
        """Take the cases of a part; `store` is that of the pixels, also for a head."""
        names = cases.table["case"].to_pylist()
        rows = rows_of(store, names, store.views)
        return cls(store, names, rows, cases.entries, background)

    def first(self, count: int) -> "Material":
        """Return the first so many cases, or all."""
        entries = None if self.entries is None else self.entries[:count]
        names, rows = self.names[:count], self.rows[:count]
        return replace(self, names=names, rows=rows, entries=entries)

    def batch(self, member: Member, which: Sequence[int]) -> Batch:
        """Return what a member looks at of some cases, by their numbers."""
        rows = self.rows[list(which)] if member.sees else self.rows[list(which), :0]
        entries = None
        if member.covariates:
            entries = None if self.entries is None else self.entries[list(which)]
            if entries is None:
                raise ConfigError(
                    f"{member.what.variant} takes the covariates {', '.join(member.covariates)},"
                    " and none are given with the cases"
                )
        return gather(self.store, rows, member.device, entries)


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


@dataclass(frozen=True)
class Drawn:
    """What a method makes of one case.

    Attributes
    ----------
    maps
        For each label that was asked.
    shares
        Float32 (questions,): the probability of each, where the method has asked about the case as
        it is.

    """

    maps: list[Maps]
    shares: Tensor | None = None


def check_fits(member: Member, *, pixels: bool, method: str, gradients: bool = False) -> None:
    """Refuse a method that a model has nothing for.

    Parameters
    ----------
    member
        Whose network is to be explained.
    pixels, gradients
        Whether the method draws on pixels, else on covariates; and whether it needs gradients.
    method
        Its name, for messages.

    Raises
    ------
    ConfigError
        The method needs pixels and the model looks at a table or at stored features only; it is
        for covariates, and the model takes none; or the answer has no gradients.

    """
    choice = member.what.model
    title = f"{member.what.variant} (model.name: {choice.name})"
    if pixels and member.sees is None:
        of_features = takes_features(choice)
        raise ConfigError(
            f"{method} needs pixels, and {title} looks at"
            f" {'features' if of_features else 'a table'} only;"
            f" {'give its frozen network along' if of_features else 'use shapley'}."
        )
    if not pixels and not member.covariates:
        raise ConfigError(
            f"{method} explains covariates, and {title} takes none; use a method for pictures."
        )
    model = member.network.model
    if gradients and isinstance(model, Neighbours) and model.settings.votes == "equal":
        raise ConfigError(
            f"{method} needs gradients, and the answers of {title} have none, because its votes"
            " count equally (votes: equal); use occlusion or lime."
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
