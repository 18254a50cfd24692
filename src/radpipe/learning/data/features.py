"""Features of a frozen network, packed like a store: one row a case, a file for each pass.

features/<name>/
  pass-00.npy ...       (cases, features) float32, cases sorted by name; from pass-01 on of pictures
                        that were changed at random
  index.parquet         of the pictures that were looked at: that of their store
  fingerprint.json      of these pictures
  backbone.json         the frozen network: how it is built, started and fed; whom it has seen
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from radpipe.core.errors import ConfigError, DataError
from radpipe.core.files import read_json
from radpipe.core.recipe import BackboneRecipe
from radpipe.core.settings import ModelChoice, Strict
from radpipe.core.tables import read_table
from radpipe.imaging.store import Store
from radpipe.imaging.sums import Sums
from radpipe.learning.models import takes_features

BACKBONE = "backbone.json"


class Frozen(Strict):
    """What `backbone.json` says of a frozen network."""

    recipe: BackboneRecipe
    sha256: str = Field(description="Of its file of weights, as `save_backbone` writes it.")
    n_channels: int
    n_views: int
    volumes: bool
    stretch: bool = Field(description="Whether the range of each volume is brought to 0..1 first.")
    mean: list[float] = Field(description="Taken off pixels of 0 to 1, channel by channel.")
    sd: list[float] = Field(description="What they are divided by then.")
    features: int = Field(description="Numbers that it says of a case.")
    parameters: int
    cases: int
    lineage: list[dict[str, Any]] = Field(description="The runs that its weights come from.")
    borrowed: list[dict[str, Any]] = Field(description="The weights of others behind them.")


class FeatureStore:
    """Features of a study's cases, opened for reading; fits `learning.data.cases.Summed`.

    Features count as channels, and there are no pixels.

    Parameters
    ----------
    path
        The folder.

    Raises
    ------
    DataError
        The folder is not what the step features writes.

    """

    bits = 8

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        try:
            self.frozen = Frozen.model_validate(read_json(self.path / BACKBONE))
        except (OSError, ValueError, ValidationError) as error:
            raise DataError(f"{self.path}: no features ({error}). Run features again.") from error
        self.index: pa.Table = read_table(self.path / "index.parquet")
        self._passes = [
            self._open(pass_name(number)) for number in range(self.frozen.recipe.passes)
        ]

    def _open(self, name: str) -> NDArray[np.float32]:
        try:
            found: NDArray[np.float32] = np.load(
                self.path / name, mmap_mode="r", allow_pickle=False
            )
        except (OSError, ValueError, EOFError) as error:
            raise DataError(
                f"{self.path / name}: missing or no features ({error}). Run features again."
            ) from error
        if found.shape != (len(self.cases), self.channels):
            raise DataError(f"{self.path / name}: of other cases. Run features again.")
        return found

    @cached_property
    def cases(self) -> list[str]:
        """The cases that have features, each once, sorted."""
        return sorted(set(self.index["case"].to_pylist()))

    @cached_property
    def views(self) -> list[str]:
        """The views that the network looked at, sorted."""
        return sorted(set(self.index["view"].to_pylist()))

    @property
    def channels(self) -> int:
        """Features of a case."""
        return self.frozen.features

    @property
    def volumes(self) -> bool:
        """Whether the network looked at volumes of slices."""
        return self.frozen.volumes

    @cached_property
    def _places(self) -> dict[str, int]:
        return {case: place for place, case in enumerate(self.cases)}

    def features(self, cases: Sequence[str]) -> NDArray[np.float32]:
        """Return the features of cases by name, float32 (passes, n, features), a copy."""
        places = np.array([self._places[case] for case in cases], dtype=np.intp)
        return np.stack([each[places] for each in self._passes])

    def row_of(self, case: str, view: str = "image") -> int:
        """Return a case's row."""
        del view
        return self._places[case]

    def slices(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        """Count slices: none, in the shape of `rows`."""
        return np.zeros(np.shape(rows), dtype=np.int64)

    def pixels(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
        """Refuse to show pixels."""
        raise DataError(f"{self.path}: holds features, and no pixels of {len(rows)} rows.")

    def sums(self, rows: NDArray[np.integer[Any]]) -> Sums:
        """Refuse to add up pixels."""
        raise DataError(f"{self.path}: holds features, and no pixels of {len(rows)} rows.")


def features_for(
    model: ModelChoice, store: object, cases: Sequence[str]
) -> NDArray[np.float32] | None:
    """Return the features of cases, float32 (passes, n, features), if a model is a head.

    Raises
    ------
    ConfigError
        A head is to look at pixels, or a network at features.

    """
    there = isinstance(store, FeatureStore)
    if there != takes_features(model):
        holds, takes = ("features", "takes none") if there else ("pixels", "takes features")
        raise ConfigError(
            f"model.name: the variant's store holds {holds}, and {model.name!r} {takes}. The way"
            " out: for heads a store data/<study>/features/<name>, which a block of `features`"
            " describes; for all others one of pixels (docs/how-to/frozen-features.md)."
        )
    return store.features(cases) if isinstance(store, FeatureStore) else None


def pass_name(number: int) -> str:
    """Return the file name of a pass."""
    return f"pass-{number:02d}.npy"


def is_features(path: Path) -> bool:
    """Tell whether a variant's store holds features."""
    return (path / BACKBONE).is_file()


def open_store(path: Path) -> Store | FeatureStore:
    """Open whatever a variant is trained on: pixels or features.

    Raises
    ------
    DataError
        It is not whole.

    """
    return FeatureStore(path) if is_features(path) else Store(path)
