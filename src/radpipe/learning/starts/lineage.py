"""Whom the weights of a run have learned from, and a start from weights that have seen too much.

Patients are kept as hashes of their names, so that studies of the same patients can be compared.
A hash hides a name from the eye, not from somebody who guesses names and hashes them, too.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from radpipe.core.errors import ConfigError, DataError
from radpipe.core.files import sha256_bytes
from radpipe.core.recipe import Recipe
from radpipe.core.tables import read_table
from radpipe.learning.data.features import FeatureStore

NAMES = ("patient", "named")


@dataclass(frozen=True)
class Ancestor:
    """A run, and whom it has learned from itself.

    Attributes
    ----------
    variant, fold, seed, recipe
        Its name, and the hash of its recipe.
    model
        Name of its architecture.
    gradients
        Hashes of the patients that gave gradients, sorted.
    stopping
        Hashes of the patients by whom epochs were chosen, training was stopped, and what is put
        together after training was fitted: its `tune`.

    """

    variant: str
    fold: int
    seed: int
    recipe: str
    model: str
    gradients: tuple[str, ...]
    stopping: tuple[str, ...]

    @property
    def title(self) -> str:
        """How messages name it."""
        return f"{self.variant} (fold {self.fold}, seed {self.seed})"


def hash_of(patient: str) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of "radpipe patient <name>"."""
    return sha256_bytes(f"radpipe patient {patient}".encode())[:16]


def patients_of(table: pa.Table) -> tuple[str, ...]:
    """Return the hashes, sorted, of the patients of rows of `split.parquet`.

    A patient counts under the name that the data set gives and under that of the group of
    look-alikes: another study may group otherwise.
    """
    names = {name for column in NAMES for name in pc.unique(table[column]).to_pylist()}
    return tuple(sorted(map(hash_of, names)))


def patients_of_test(split: Path) -> tuple[str, ...]:
    """Return the hashes of the patients in `test`; nothing else of `test` is read."""
    table = read_table(split, [*NAMES, "part"])
    return patients_of(table.filter(pc.equal(table["part"], "test")))


def lineage_facts(lineage: Iterable[Ancestor]) -> list[dict[str, Any]]:
    """Return a lineage as JSON values, for the facts beside weights."""
    return [
        {
            **asdict(ancestor),
            "gradients": list(ancestor.gradients),
            "stopping": list(ancestor.stopping),
        }
        for ancestor in lineage
    ]


def read_lineage(about: dict[str, Any], path: Path) -> tuple[Ancestor, ...]:
    """Read a lineage from the facts beside weights, the run itself last.

    Raises
    ------
    DataError
        They say nothing of it: whom these weights have learned from cannot be known.

    """
    try:
        return tuple(
            Ancestor(
                **{
                    **each,
                    "gradients": tuple(each["gradients"]),
                    "stopping": tuple(each["stopping"]),
                }
            )
            for each in about["lineage"]
        )
    except (KeyError, TypeError) as error:
        raise DataError(
            f"{path}: does not say whom its weights have learned from ({error!r}), so nothing can"
            " be started from it. Train that run again."
        ) from error


def lineage_of(features: FeatureStore) -> tuple[Ancestor, ...]:
    """Return the runs that the weights of a frozen network come from, the nearest last."""
    return read_lineage({"lineage": features.frozen.lineage}, features.path)


def check_lineage(
    recipe: Recipe, lineage: Iterable[Ancestor], *, tune: Iterable[str], test: Iterable[str]
) -> None:
    """Refuse starting weights that have learned from whom they are to be judged by.

    Parameters
    ----------
    recipe
        Of the run that starts.
    lineage
        The run that it starts from, and that run's ancestors.
    tune, test
        Hashes of the patients in the `tune` and `test` of the run that starts.

    Raises
    ------
    ConfigError
        A run of the lineage took gradients from patients in `tune` or `test`, or was stopped or
        chosen by patients in `test`.

    """
    judges = {"tune": set(tune), "test": set(test)}
    found = []
    for ancestor in lineage:
        for part, theirs in judges.items():
            if n := len(theirs.intersection(ancestor.gradients)):
                found.append(f"{ancestor.title} learned from {n} of {_these(part, theirs)}")
        if n := len(judges["test"].intersection(ancestor.stopping)):
            whom = _these("test", judges["test"])
            found.append(f"{ancestor.title} was stopped or chosen by {n} of {whom}")
    if found:
        raise ConfigError(
            f"variants.{recipe.variant}.weights: {recipe.weights.path} has learned from patients by"
            " whom this run is to be judged, so its scores would say nothing of new patients:\n  "
            + "\n  ".join(found)
            + "\nThe way out: start from a run in which these patients stand in the same part."
            " Within one study that is a run of the same fold, because the `tune` of a fold is in"
            " the `train` of all others. Of two studies that share patients, let both say"
            " split.draw: hashed, and the same of split.seed, test and folds; a patient's name"
            " then decides where it stands. Or start from weights/random.json."
        )


def _these(part: str, patients: set[str]) -> str:
    return f"the {len(patients)} patients in `{part}`"
