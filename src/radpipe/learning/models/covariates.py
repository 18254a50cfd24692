"""Covariates as inputs of a model and as an auxiliary task: settings, reading, encoding.

A model that takes a table has a block `table` in its settings; what is learned of the table
(means to fill gaps with, spreads) is learned on a run's own train part and saved with the
weights, so that predicting needs nothing else.
"""

from collections.abc import Iterable
from typing import Literal

import numpy as np
import pyarrow as pa
import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from radpipe.core.errors import ConfigError, DataError, unknown_name
from radpipe.core.settings import Positive, Strict

PREFIX = "covariate_"


class TableInput(Strict):
    """Which covariates of the study a model takes, and how."""

    numbers: dict[str, Literal["mean", "median", "zero"]] = Field(
        default={},
        description="Covariates taken as numbers, and what an unknown one becomes: mean or"
        " median of the known ones of the run's own train part, or zero.",
    )
    categories: dict[str, list[int]] = Field(
        default={},
        description="Covariates taken as one input a listed value, which is 1 where the"
        " covariate has that value and else 0; an unknown one is 0 in all of them. A value"
        " that is not listed is refused.",
    )
    standardise: bool = Field(
        default=False,
        description="Bring each number to mean 0 and SD 1 of the run's own train part, gaps"
        " filled; inputs of categories stay 0 and 1.",
    )

    @model_validator(mode="after")
    def _fits(self) -> "TableInput":
        if not self.columns:
            raise ValueError("a table names at least one covariate")
        if twice := set(self.numbers) & set(self.categories):
            raise ValueError(f"{min(twice)!r} is taken twice, as a number and by categories")
        for name, levels in self.categories.items():
            if not levels or len(set(levels)) < len(levels):
                raise ValueError(f"categories.{name} should list each of its values once")
        return self

    @property
    def columns(self) -> list[str]:
        """The covariates, numbers first, without the prefix of their columns."""
        return [*self.numbers, *self.categories]

    @property
    def n_inputs(self) -> int:
        """Inputs that a model gets: one a number, one a listed value."""
        return len(self.numbers) + sum(map(len, self.categories.values()))


class Auxiliary(Strict):
    """A covariate that a network is asked for beside the target, to train its features."""

    column: str = Field(description="The covariate: a class from 0, unknown left out.")
    classes: int = Field(ge=2, description="How many classes it has.")
    weight: Positive = Field(default=1.0, description="Of its cross-entropy in the sum of losses.")


class Encoding(nn.Module):
    """What prepares the inputs of a model, and learns how from a run's own train part."""

    def fit(self, entries: np.ndarray) -> None:
        """Learn from the train part, (cases, columns)."""
        raise NotImplementedError


class Encoder(Encoding):
    """Turns covariates into inputs; what `fit` has learned is saved with the weights.

    Attributes
    ----------
    fill, mean, sd
        Float32 (numbers,): what an unknown number becomes; what is taken off and divided by.
    column, level
        Int64 and float32 (listed values,): which column of the entries each input of the
        categories looks at, and for which value.

    """

    fill: Tensor
    mean: Tensor
    sd: Tensor
    column: Tensor
    level: Tensor

    def __init__(self, settings: TableInput) -> None:
        super().__init__()
        self.settings = settings
        n = len(settings.numbers)
        for name, start in (("fill", 0.0), ("mean", 0.0), ("sd", 1.0)):
            self.register_buffer(name, torch.full((n,), start))
        pairs = [
            (n + place, level)
            for place, levels in enumerate(settings.categories.values())
            for level in levels
        ]
        self.register_buffer("column", torch.tensor([c for c, _ in pairs], dtype=torch.int64))
        self.register_buffer("level", torch.tensor([v for _, v in pairs], dtype=torch.float32))

    def fit(self, entries: np.ndarray) -> None:
        """Learn from a run's own train part, (cases, columns), NaN where unknown.

        Raises
        ------
        DataError
            A covariate that is filled with its mean or median is unknown in every case.

        """
        for place, (name, how) in enumerate(self.settings.numbers.items()):
            values = entries[:, place].astype(np.float64)
            known = values[~np.isnan(values)]
            if how != "zero" and not len(known):
                raise DataError(
                    f"{PREFIX}{name}: unknown in every case of the train part, so it has no"
                    f" {how}. Fill it with zero (model.table.numbers.{name}), or leave it out."
                )
            fill = 0.0
            if how != "zero":
                fill = float(known.mean() if how == "mean" else np.median(known))
            filled = np.where(np.isnan(values), fill, values)
            self.fill[place] = fill
            if self.settings.standardise:
                self.mean[place] = float(filled.mean())
                self.sd[place] = float(filled.std()) or 1.0

    def forward(self, entries: Tensor) -> Tensor:
        """Map covariates (cases, columns), NaN where unknown, to inputs (cases, n_inputs)."""
        numbers = entries[:, : len(self.fill)]
        numbers = torch.where(torch.isnan(numbers), self.fill, numbers)
        numbers = (numbers - self.mean) / self.sd
        # NaN equals nothing, so that an unknown category is 0 everywhere.
        categories = entries.index_select(1, self.column) == self.level
        return torch.cat([numbers, categories.to(numbers.dtype)], dim=1)


def fit_table(model: nn.Module, entries: np.ndarray | None) -> None:
    """Fit a model's encoder, if it has one, on what the train part has, (cases, n)."""
    encoder = getattr(model, "encoder", None)
    if isinstance(encoder, Encoding) and entries is not None:
        encoder.fit(entries)


def read_entries(table: pa.Table, taken: TableInput) -> np.ndarray:
    """Read the covariates that a model takes, float32 (cases, columns), NaN where unknown.

    Raises
    ------
    ConfigError
        The study has no such covariate, or it is a text.
    DataError
        A covariate has a value that its categories do not list.

    """
    columns = {name: _numbers(table, name, where="model.table") for name in taken.columns}
    for name, levels in taken.categories.items():
        _refuse_others(columns[name], levels, name, where=f"model.table.categories.{name}")
    return np.stack(list(columns.values()), axis=1)


def read_auxiliary(table: pa.Table, asked: Auxiliary) -> np.ndarray:
    """Read the truth of an auxiliary task, float32 (cases,), NaN where unknown.

    Raises
    ------
    ConfigError, DataError
        As `read_entries` does.

    """
    values = _numbers(table, asked.column, where="model.auxiliary.column")
    classes = range(asked.classes)
    _refuse_others(values, classes, asked.column, where="model.auxiliary.classes")
    return values


def auxiliary_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Return the cross-entropy of logits (n, classes), summed over the known of truth (n,)."""
    known = ~torch.isnan(truth)
    each = F.cross_entropy(logits, torch.where(known, truth, 0.0).long(), reduction="none")
    return (each * known).sum()


def _numbers(table: pa.Table, name: str, *, where: str) -> np.ndarray:
    there = [c.removeprefix(PREFIX) for c in table.column_names if c.startswith(PREFIX)]
    if name not in there:
        raise unknown_name(f"{where}: covariate", name, there or ["(the study has none)"])
    column = table[PREFIX + name]
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        raise ConfigError(
            f"{where}: covariate {name!r} holds texts, and a model takes numbers. Give its"
            " values numbers where the study is read, or leave it out."
        )
    return np.asarray(column.to_numpy(), dtype=np.float32)


def _refuse_others(values: np.ndarray, known: Iterable[int], name: str, *, where: str) -> None:
    allowed = [float(value) for value in known]
    others = values[~np.isnan(values) & ~np.isin(values, allowed)]
    if len(others):
        found, counts = np.unique(others, return_counts=True)
        said = ", ".join(f"{v:g} ({n} cases)" for v, n in zip(found[:5], counts[:5], strict=True))
        raise DataError(
            f"{PREFIX}{name} has values that {where} does not know: {said}; known are"
            f" {', '.join(f'{v:g}' for v in allowed)}. Add them there, or make them unknown where"
            " the study is read."
        )
