"""Contributions of covariates to an answer: Shapley values against cases of the train part.

The value of some covariates is the mean answer where they are the case's own and the others those
of a background case (Lundberg and Lee, NIPS 2017:4765; "interventional", without a model of what
covariates are like together). Contributions add up to the answer less the background's mean answer.
"""

import copy
from collections.abc import Callable
from math import factorial
from typing import Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from radpipe.core.settings import Count, Strict
from radpipe.explaining.perturbing import ROWS, each_pass
from radpipe.explaining.subject import Member, Of, still
from radpipe.learning.data.cases import Batch
from radpipe.learning.models import table_of
from radpipe.learning.models.fusion import FusionModel

Floats = NDArray[np.float64]
M = TypeVar("M", bound=nn.Module)
# From which covariates are the case's own, bool (n, covariates), to values (n, questions).
Value = Callable[[NDArray[np.bool_]], Floats]


class Shares(Strict):
    """How contributions of covariates are counted."""

    against: Literal["cases", "means"] = Field(
        default="cases",
        description="Cases of the train part; or one made of its means, and of categories the most"
        " frequent.",
    )
    cases: Count = Field(default=64, description="How many of them at most, drawn.")
    exact_up_to: Count = Field(
        default=10,
        le=14,
        description="Covariates up to which all 2^n sets of them are asked; of more, permutations.",
    )
    permutations: Count = Field(
        default=100, description="Drawn, each also backwards, where there are more covariates."
    )


def contributions(
    member: Member,
    one: Batch,
    background: NDArray[np.float32],
    how: Shares,
    *,
    of: Of,
    seed: int,
) -> Floats:
    """Return what each covariate contributes to each answer about the only case of a batch.

    Parameters
    ----------
    member, one, of
        Who is asked what.
    background
        Float32 (m, covariates), NaN where unknown: cases of the train part.
    how
        Settings.
    seed
        Of the cases and permutations that are drawn.

    Returns
    -------
    ndarray
        Float64 (covariates, questions), in the unit of the answer.

    """
    rng = np.random.default_rng(seed)
    others = _background(member, background, how, rng)
    value = _value_of(member, one, others, of)
    n = others.shape[1]
    if n <= how.exact_up_to:
        return exact(value, n)
    return by_permutations(value, n, rng, how.permutations)


def exact(value: Value, n: int) -> Floats:
    """Return the Shapley values of n players, (n, questions), from the value of every set."""
    sets = (np.arange(2**n)[:, None] >> np.arange(n) & 1).astype(bool)
    values, sizes = value(sets), sets.sum(axis=1)
    weights = np.array([factorial(s) * factorial(n - s - 1) / factorial(n) for s in range(n)])
    found = []
    for player in range(n):
        without = np.flatnonzero(~sets[:, player])
        gains = values[without + 2**player] - values[without]
        found.append((weights[sizes[without]][:, None] * gains).sum(axis=0))
    return np.stack(found)


def by_permutations(value: Value, n: int, rng: np.random.Generator, count: int) -> Floats:
    """Estimate them: the mean gain of each player who joins in a random order, or its reverse.

    Strumbelj and Kononenko, Knowledge and Information Systems 2014;41:647; also backwards, as
    Mitchell et al., JMLR 2022;23:43. The sum is exact for every order.
    """
    drawn = [rng.permutation(n) for _ in range(count)]
    orders = np.array([order for each in drawn for order in (each, each[::-1])])
    joined = np.argsort(orders, axis=1)
    sets = joined[:, None, :] < np.arange(n + 1)[None, :, None]
    values = value(sets.reshape(-1, n)).reshape(len(orders), n + 1, -1)
    gains = np.diff(values, axis=1)
    each = np.take_along_axis(gains, joined[:, :, None], axis=1)
    mean: Floats = each.mean(axis=0)
    return mean


def _background(
    member: Member, known: NDArray[np.float32], how: Shares, rng: np.random.Generator
) -> NDArray[np.float32]:
    if how.against == "cases":
        if len(known) <= how.cases:
            return known
        return known[np.sort(rng.choice(len(known), how.cases, replace=False))]
    taken = table_of(member.what.model)
    n_numbers = len(taken.numbers) if taken else 0
    columns = [known[:, k][~np.isnan(known[:, k])] for k in range(known.shape[1])]
    row = [
        (_frequent(column) if k >= n_numbers else column.mean(dtype=np.float64))
        if len(column)
        else np.nan
        for k, column in enumerate(columns)
    ]
    return np.array([row], np.float32)


def _frequent(column: NDArray[np.float32]) -> float:
    values, counts = np.unique(column, return_counts=True)
    return float(values[counts.argmax()])


def _value_of(member: Member, one: Batch, others: NDArray[np.float32], of: Of) -> Value:
    member, one = _with_picture_given(member, one)
    assert one.table is not None  # noqa: S101 - `check_fits` has refused what takes no table
    own, rest = one.table[0], torch.from_numpy(others).to(one.table)
    views = [view[:1] for view in one.views]

    def value(sets: NDArray[np.bool_]) -> Floats:
        mine = torch.from_numpy(sets).to(own.device)

        def ask(numbers: NDArray[np.int64]) -> Tensor:
            which, other = np.divmod(numbers, len(rest))
            table = torch.where(mine[which], own, rest[other])
            pictures = tuple(view.expand(len(table), -1, -1, -1) for view in views)
            batch = Batch(pictures, ((1,) * len(table),) * len(views), table)
            with still(member), torch.inference_mode():
                return member.answers(batch, of)

        said = torch.cat(
            [each.double().cpu() for each in each_pass(len(sets) * len(rest), ROWS, ask)]
        )
        mean: Floats = said.reshape(len(sets), len(rest), -1).numpy().mean(axis=1)
        return mean

    return value


class _Given(nn.Module):
    """Says the same of every picture: what is known of it already."""

    features: Tensor

    def __init__(self, features: Tensor) -> None:
        super().__init__()
        self.register_buffer("features", features)

    def forward(self, images: Tensor) -> Tensor:
        """Map pictures (n, channels, rows, columns) to features (n, features)."""
        return self.features.expand(len(images), -1)


def _with_picture_given(member: Member, one: Batch) -> tuple[Member, Batch]:
    """Return a member that knows the picture's features, and a batch with a pixel in its place.

    Of the networks of the house, `joint` alone takes a picture and a table.
    """
    model = member.network.model
    if not isinstance(model, FusionModel):
        return member, one
    kept: list[Tensor] = []
    handle = model.image.register_forward_hook(lambda _, __, output: kept.append(output))
    with still(member), torch.inference_mode():
        try:
            member.answers(one, "logit")
        finally:
            handle.remove()
    network = _with_part(member.network, "model", _with_part(model, "image", _Given(kept[0])))
    pixel = tuple(view[:, :, :1, :1] for view in one.views)
    return Member(network, member.what), Batch(pixel, one.counts, one.table)


def _with_part(module: M, name: str, part: nn.Module) -> M:
    """Return a copy that shares everything with a module but one part."""
    other = copy.copy(module)
    vars(other)["_modules"] = {**vars(module)["_modules"], name: part}
    return other
