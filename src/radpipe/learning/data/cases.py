"""Batches straight from the store: which rows a run uses, their targets, their pixels."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch import Tensor

from radpipe.core.errors import DataError
from radpipe.core.settings import ModelChoice, Target, Training
from radpipe.core.tables import read_table
from radpipe.imaging.store import ABSENT
from radpipe.imaging.sums import Sums
from radpipe.learning.data.features import features_for
from radpipe.learning.data.uncertain import Lessons, lessons, policies, teaches
from radpipe.learning.models import auxiliary_of, table_of, takes_features, takes_pixels
from radpipe.learning.models.covariates import read_auxiliary, read_entries

log = logging.getLogger("radpipe.data")


class Pixels(Protocol):
    """What a run needs of `radpipe.imaging.store.Store`."""

    @property
    def bits(self) -> int:
        """Bits of a pixel, 8 or 16."""

    @property
    def channels(self) -> int:
        """Channels of a picture."""

    @property
    def cases(self) -> list[str]:
        """Names of the cases that have pixels, sorted."""

    @property
    def views(self) -> list[str]:
        """Names of the views that a case has, sorted."""

    @property
    def volumes(self) -> bool:
        """Whether views are volumes of slices."""

    def slices(self, rows: np.ndarray) -> np.ndarray:
        """Return the number of slices of rows of the index, int64 of the shape of `rows`."""

    def pixels(self, rows: np.ndarray) -> np.ndarray:
        """Return the slices of rows of the index, (n, size, size, channels), row by row."""

    def row_of(self, case: str, view: str = "image") -> int:
        """Return a case's row in the index."""


class Summed(Pixels, Protocol):
    """What a training needs of it besides."""

    def sums(self, rows: np.ndarray) -> Sums:
        """Return the sums of the pixels of rows of the index, `rows` of any shape."""


@dataclass(frozen=True)
class Batch:
    """Pictures of some cases on one device, or volumes with unequal numbers of slices.

    A model that takes a table only has no views.

    Attributes
    ----------
    views
        For every view float32 (slices of all cases, channels, size, size), 0 to 1, one
        case after the other.
    counts
        For every view the number of slices of each case; 1 for a picture, 0 for a case without it.
    table
        Float32 (cases, columns): covariates as `learning.table.Encoder` takes them, NaN where
        unknown; None if the model takes no table.

    """

    views: tuple[Tensor, ...]
    counts: tuple[tuple[int, ...], ...]
    table: Tensor | None = None

    def __len__(self) -> int:
        return len(self.counts[0]) if self.table is None else len(self.table)

    def chunk(self, pieces: int) -> "list[Batch]":
        """Divide the cases as `torch.chunk` divides rows."""
        size = -(-len(self) // pieces)
        ends = [[0, *np.cumsum(counts).tolist()] for counts in self.counts]
        found = []
        for first in range(0, len(self), size):
            last = min(first + size, len(self))
            views = [v[end[first] : end[last]] for v, end in zip(self.views, ends, strict=True)]
            counts = tuple(each[first:last] for each in self.counts)
            table = None if self.table is None else self.table[first:last]
            found.append(Batch(tuple(views), counts, table))
        return found


@dataclass(frozen=True)
class Cases:
    """The cases of one part of one run.

    Attributes
    ----------
    table
        Their rows of `split.parquet`, sorted by case.
    rows
        Their rows in the store's index, int64 (n, views), `ABSENT` for an optional view that a case
        lacks; of no view for a model that takes no pixels.
    targets
        Float32 (n, target columns); NaN where unknown.
    entries
        Float32 (n, columns): the covariates that the model takes, NaN where unknown, or the
        features of pictures as they are; None if it takes neither.
    changed
        Float32 (passes, n, columns): features of pictures that were changed at random, from which
        is learned, too; None where pictures were looked at once.
    auxiliary
        Float32 (n,): what the auxiliary task asks, NaN where unknown; None without one.
    taught
        What is learned in place of the targets, where the data set is uncertain of some.

    """

    table: pa.Table
    rows: np.ndarray
    targets: np.ndarray
    entries: np.ndarray | None = None
    auxiliary: np.ndarray | None = None
    taught: Lessons | None = None
    changed: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def lessons(self) -> Lessons:
        """What a network learns from: the targets, where nothing is uncertain."""
        return self.taught or Lessons(self.targets)

    def entries_of(self, which: np.ndarray | slice) -> np.ndarray | None:
        """Return the covariates of some cases, float32 (m, columns), if the model takes any.

        `which` gives the cases' numbers, (m,), or is a slice.
        """
        return None if self.entries is None else self.entries[which]

    def draw_entries(
        self, which: np.ndarray, mine: slice, generator: torch.Generator
    ) -> np.ndarray | None:
        """Return what is learned from some cases of a batch: of each a pass that is drawn.

        Parameters
        ----------
        which
            Numbers of the batch's cases, (m,).
        mine
            Those that this process takes; what is drawn does not depend on them.
        generator
            Where chance comes from; not asked where there is one pass.

        """
        if self.entries is None or self.changed is None:
            return self.entries_of(which[mine])
        passes = torch.randint(1 + len(self.changed), (len(which),), generator=generator)
        drawn, cases = passes.numpy()[mine], which[mine]
        found: np.ndarray = self.entries[cases]
        again = drawn > 0
        found[again] = self.changed[drawn[again] - 1, cases[again]]
        return found

    def take(self, which: np.ndarray) -> "Cases":
        """Return some of the cases, by their numbers (m,)."""
        auxiliary = None if self.auxiliary is None else self.auxiliary[which]
        return Cases(
            self.table.take(which),
            self.rows[which],
            self.targets[which],
            self.entries_of(which),
            auxiliary,
            None if self.taught is None else self.taught.take(which),
            None if self.changed is None else self.changed[:, which],
        )


def read_part(
    split: Path,
    store: Pixels,
    target: Target,
    *,
    part: str,
    fold: int,
    model: ModelChoice | None = None,
    how: Training | None = None,
    seed: int = 0,
) -> Cases:
    """Read which cases a part of a fold holds.

    Parameters
    ----------
    split
        `split.parquet`.
    store
        Where their pixels lie.
    target
        Names the target columns.
    part
        "train" (cases with no known target are left out: nothing is learned from them),
        "tune" or "test". Cases that the store lacks are left out, too, and counted in the log:
        crops are missing where no joint was found.
    fold
        Which part of the non-test cases is `tune`.
    model
        Says which covariates are read, and whether pixels are; None: no covariates.
    how, seed
        Of "train", the settings and seed of the run, which say what is learned from uncertain
        labels; None: nothing.

    Raises
    ------
    ConfigError
        The study lacks a covariate that the model takes, or it is a text; a policy is for a label
        that the target lacks.
    DataError
        The part is empty, or a covariate has a value that the model does not know.

    """
    table = read_table(split).sort_by("case")
    mine = pc.equal(table["part"], "test" if part == "test" else "train")
    if part == "tune":
        mine = pc.and_(mine, pc.equal(table["fold"], fold))
    elif part == "train":
        mine = pc.and_(mine, pc.not_equal(table["fold"], fold))
    table = table.filter(mine)
    if part == "train":
        doubtful = _uncertain(table, target)
        each = policies(target, how) if how and doubtful.any() else []
        each = each or ["ignore"] * len(target.columns)
        table = table.filter(pa.array(teaches(_columns(table, target), doubtful, each)))
    if model is None or takes_pixels(model) or takes_features(model):
        table = _stored(table, store, part)
    if not len(table):
        raise DataError(
            f"{split}: part {part!r} of fold {fold} has no case in the store"
            f"{' with a known target' if part == 'train' else ''}. Look at plan.folds, at the"
            " study's split.json, and whether the variant's store is of the same cases."
        )
    cases = _cases(table, store, target, model)
    if part != "train":
        # Judged is what pictures are like, not what they are like when they are changed.
        cases = replace(cases, changed=None)
    return cases if part != "train" or how is None else _taught(cases, target, how, seed)


def read_all(split: Path, store: Pixels, target: Target, model: ModelChoice) -> Cases:
    """Read every case of a study, whatever its part; an auxiliary task is not asked.

    Parameters
    ----------
    split, store, target, model
        As for `read_part`.

    Raises
    ------
    ConfigError
        The study lacks a covariate that the model takes, or it is a text.
    DataError
        No case is in the store, or a covariate has a value that the model does not know.

    """
    table = read_table(split).sort_by("case")
    if takes_pixels(model) or takes_features(model):
        table = _stored(table, store, "the study")
    if not len(table):
        raise DataError(f"{split}: none of its cases is in the store. Look at its rejected.csv.")
    return _cases(table, store, target, model, asked=False)


def _stored(table: pa.Table, store: Pixels, part: str) -> pa.Table:
    """Return the rows of cases whose pixels are in the store."""
    there = pc.is_in(table["case"], pa.array(store.cases, pa.string()))
    if n_missing := len(table) - there.to_numpy().sum():
        log.warning(
            "%d of %d cases of %s are not in the store and left out; its rejected.csv says why",
            n_missing,
            len(table),
            part,
        )
    return table.filter(there)


def _columns(table: pa.Table, target: Target) -> np.ndarray:
    return np.stack([np.asarray(table[n], dtype=np.float32) for n in target.columns], axis=1)


def _uncertain(table: pa.Table, target: Target) -> np.ndarray:
    """Return of which labels the data set is not certain, bool (n, labels)."""
    names = target.uncertain_columns
    if names[0] not in table.column_names:
        return np.zeros((len(table), len(names)), dtype=bool)
    return np.stack([np.asarray(table[name], dtype=bool) for name in names], axis=1)


def _taught(cases: Cases, target: Target, how: Training, seed: int) -> Cases:
    uncertain = _uncertain(cases.table, target)
    if not uncertain.any():
        return cases
    each = policies(target, how)
    return replace(cases, taught=lessons(cases.targets, uncertain, each, how.uncertain, seed=seed))


def _cases(
    table: pa.Table, store: Pixels, target: Target, model: ModelChoice | None, *, asked: bool = True
) -> Cases:
    views = store.views if model is None or takes_pixels(model) else []
    names = table["case"].to_pylist()
    taken = None if model is None else table_of(model)
    auxiliary = None if model is None or not asked else auxiliary_of(model)
    found = Cases(
        table,
        rows_of(store, names, views),
        _columns(table, target),
        entries=None if taken is None else read_entries(table, taken),
        auxiliary=None if auxiliary is None else read_auxiliary(table, auxiliary),
    )
    features = None if model is None else features_for(model, store, names)
    if features is None:
        return found
    changed = features[1:] if len(features) > 1 else None
    return replace(found, entries=features[0], changed=changed)


def rows_of(store: Pixels, cases: Sequence[str], views: Sequence[str]) -> np.ndarray:
    """Return the rows of cases' views in a store's index, int64 (n, views)."""
    rows = [[_row_of(store, case, view) for view in views] for case in cases]
    return np.array(rows, dtype=np.int64).reshape(len(rows), len(views))


def _row_of(store: Pixels, case: str, view: str) -> int:
    """Return a view's row; `ABSENT` if its case is whole without it, which ingest has seen to."""
    try:
        return store.row_of(case, view)
    except DataError:
        if len(store.views) == 1:
            raise
        return ABSENT


def gather(
    store: Pixels,
    rows: np.ndarray,
    device: torch.device,
    entries: np.ndarray | None = None,
    pixels: Sequence[Tensor] | None = None,
) -> Batch:
    """Return what a model takes of some cases, on `device`: here pixels become floats.

    Parameters
    ----------
    store, rows
        The cases' pictures or volumes, (n, views).
    device
        Where they are to lie.
    entries
        Their covariates, (n, columns), if the model takes a table.
    pixels
        For every view what the store holds of it, (slices, size, size, channels), uint8 or
        uint16, where somebody has brought it to `device` already; None: it is read now.

    """
    if pixels is None:
        pixels = [torch.from_numpy(store.pixels(mine)).to(device) for mine in rows.T]
    white = 2**store.bits - 1
    return Batch(
        # The store keeps channels last; seen as channels first, that is torch's channels_last.
        tuple(v.permute(0, 3, 1, 2).to(torch.float32).div_(white) for v in pixels),
        tuple(tuple(store.slices(mine).tolist()) for mine in rows.T),
        None if entries is None else torch.from_numpy(entries).to(device, non_blocking=True),
    )
