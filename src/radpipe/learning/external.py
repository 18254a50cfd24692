"""Runs of one study asked about the cases of another: whom they know, and what they predict."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from radpipe.core.errors import DataError
from radpipe.core.recipe import Recipe
from radpipe.core.settings import Training
from radpipe.learning.data.cases import Cases, Pixels, read_all
from radpipe.learning.distributed.devices import CPU
from radpipe.learning.networks.inference import predict_table
from radpipe.learning.networks.network import load_network, read_about
from radpipe.learning.starts.lineage import NAMES, hash_of, read_lineage
from radpipe.learning.training.run import arithmetic_of, fix_arithmetic, set_up
from radpipe.splitting.overlap import Role

PART = "cohort"
# What a network takes for granted of a store.
FORM = ("bits", "channels", "views", "volumes")


@dataclass(frozen=True, kw_only=True)
class Question:
    """A run, and the cases of a cohort that it is asked about."""

    weights: Path
    recipe: Recipe
    fold: int
    seed: int
    store: Pixels
    cases: Cases


def learned_from(weights: Iterable[Path]) -> dict[str, frozenset[str]]:
    """Return whom runs learned from or were chosen by, their ancestors included.

    Parameters
    ----------
    weights
        Files of weights.

    Returns
    -------
    dict
        Variant, of the runs or of an ancestor, to hashes of its patients.

    Raises
    ------
    DataError
        A file does not say whom it has learned from.

    """
    found: dict[str, set[str]] = defaultdict(set)
    for path in weights:
        for ancestor in read_lineage(read_about(path), path):
            found[ancestor.variant].update(ancestor.gradients, ancestor.stopping)
    return {variant: frozenset(patients) for variant, patients in found.items()}


def hashed_names(split: pa.Table) -> dict[str, tuple[str, ...]]:
    """Return the hashed names of each case's patient: before and after grouping.

    Parameters
    ----------
    split
        Columns case, patient and named of `split.parquet`.

    """
    columns = (split[name].to_pylist() for name in NAMES)
    return {
        case: tuple({hash_of(name) for name in names})
        for case, *names in zip(split["case"].to_pylist(), *columns, strict=True)
    }


@dataclass(frozen=True)
class Known:
    """What the patients of a study were to runs; those who were nothing are left out.

    Attributes
    ----------
    roles
        Case to "learned" (its patient gave gradients or chose something) or "test".
    names
        Role to the hashed names of its patients.

    """

    roles: dict[str, Role]
    names: dict[Role, set[str]]


def known_of(split: pa.Table, learned: Collection[str], *, home: bool) -> Known:
    """Tell which cases of a study runs know.

    Parameters
    ----------
    split
        Columns case, patient, named and part of `split.parquet`.
    learned
        Hashes of the patients from whom runs learned, or by whom they were chosen.
    home
        Whether it is the study of the runs, of which `test` is counted, too.

    """
    roles: dict[str, Role] = {}
    names: dict[Role, set[str]] = {"learned": set(learned), "test": set()}
    parts = split["part"].to_pylist()
    for (case, own), part in zip(hashed_names(split).items(), parts, strict=True):
        if not set(own).isdisjoint(learned):
            roles[case] = "learned"
        elif home and part == "test":
            roles[case] = "test"
            names["test"].update(own)
    return Known(roles, names)


def check_form(recipe: Recipe, home: Pixels, cohort: Pixels, *, study: str) -> None:
    """Refuse a cohort whose pixels have another form than those that a run learned from.

    Raises
    ------
    DataError
        Naming what differs.

    """
    for name in FORM:
        ours, theirs = getattr(home, name), getattr(cohort, name)
        if ours != theirs:
            raise DataError(
                f"{study}: {recipe.variant} cannot be judged on this cohort, because the {name} of"
                f" its store are {theirs!r} and those of {recipe.store.path} are {ours!r}. Let its"
                " adapter give the same views, and its image settings be the same."
            )


def read_cohort(recipe: Recipe, split: Path, store: Pixels, *, without: Collection[str]) -> Cases:
    """Read every case of a cohort that a run can be asked about.

    Parameters
    ----------
    recipe
        Of the run.
    split, store
        The cohort's.
    without
        Cases that are left out.

    Raises
    ------
    ConfigError, DataError
        See `learning.data.read_all`, and if no case is left.

    """
    cases = read_all(split, store, recipe.target, recipe.model)
    names = cases.table["case"].to_pylist()
    kept = np.array([k for k, case in enumerate(names) if case not in without], dtype=np.int64)
    if not len(kept):
        raise DataError(f"{split}: no case of the cohort is left once known patients are dropped.")
    return cases.take(kept)


def arithmetic_of_all(hows: Sequence[Training]) -> dict[str, Any]:
    """Return how `predict_runs` computed, where several runs differ what promises least."""
    device = torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else CPU
    return arithmetic_of(max(hows, key=lambda how: how.threads), device)


def predict_runs(questions: Iterable[Question]) -> Iterator[pa.Table]:
    """Yield what each run says of a cohort, as `predict` does, with variant, fold and seed.

    Raises
    ------
    StaleError
        Weights were trained from another recipe.

    """
    device: torch.device | None = None
    for asked in questions:
        # A process takes one device, however many runs it asks.
        device = device or set_up(asked.recipe.train)
        fix_arithmetic(asked.recipe.train)
        network = load_network(asked.weights, asked.recipe, asked.store).to(device)
        table = predict_table(
            network, asked.store, asked.cases, asked.recipe, part=PART, device=device.type
        )
        run = {"variant": asked.recipe.variant, "fold": asked.fold, "seed": asked.seed}
        for place, (name, value) in enumerate(run.items()):
            table = table.add_column(place, name, pa.array([value] * len(table)))
        yield table
