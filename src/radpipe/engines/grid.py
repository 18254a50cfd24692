"""The points of a sweep: `-S key=a,b -S other=c,d` in DVC's own grammar, checked beforehand."""

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from radpipe.core.errors import ConfigError
from radpipe.core.params import Params, load_params

PARAMS = Path("params.yaml")


@dataclass(frozen=True)
class GridPoint:
    """One combination of values.

    Attributes
    ----------
    name
        Of the experiment that it is saved as; the same for the same command.
    changes
        One `key=value` a setting, as DVC's `-S` takes it.
    text
        The whole of params.yaml with these values, as `dvc exp run -S` would write it.
    params
        The same, read and checked.

    """

    name: str
    changes: tuple[str, ...]
    text: bytes
    params: Params


def grid(settings: Sequence[str], prefix: str | None) -> list[GridPoint]:
    """Return the points that `-S` settings span: every value of each with every of the others.

    Parameters
    ----------
    settings
        What follows each `-S`: `key=1,2` are two values, `key=[1,2]` is one list, `+key=1` is a
        key that params.yaml does not have so far.
    prefix
        Points are named after it and numbered, as DVC does it; None: after their values.

    Raises
    ------
    ConfigError
        What cannot be read, or the settings of a point that are not allowed.

    """
    combinations = _combinations(settings)
    names = _names(combinations, prefix)
    return [_point(name, changes) for name, changes in zip(names, combinations, strict=True)]


def _combinations(settings: Sequence[str]) -> list[tuple[str, ...]]:
    from dvc.exceptions import DvcException
    from dvc.utils.cli_parse import to_path_overrides
    from dvc.utils.hydra import get_hydra_sweeps
    from hydra.errors import HydraException

    overrides = to_path_overrides(settings)
    if odd := set(overrides) - {str(PARAMS)}:
        raise ConfigError(f"-S: a sweep changes {PARAMS} alone, not {', '.join(sorted(odd))}.")
    try:
        return [tuple(found[str(PARAMS)]) for found in get_hydra_sweeps(overrides)]
    except (DvcException, HydraException) as error:
        raise ConfigError(f"-S {' -S '.join(settings)}: {error}") from error


def _names(combinations: Sequence[tuple[str, ...]], prefix: str | None) -> list[str]:
    """Name points after the values that differ between them, or number them."""
    numbers = range(1, len(combinations) + 1)
    if prefix is not None:
        return [f"{prefix}-{number}" for number in numbers]
    columns = list(zip(*combinations, strict=True))
    differ = [column for column in columns if len(set(column)) > 1] or columns
    names = ["-".join(map(_short, values)) for values in zip(*differ, strict=True)]
    if len(set(names)) < len(names):
        names = [f"{name}-{number}" for name, number in zip(names, numbers, strict=True)]
    return names


def _short(change: str) -> str:
    """Return `lr-0.001` for `variants.bones-v1.train.lr=0.001`: what Git allows in a name."""
    key, _, value = change.partition("=")
    words = re.findall(r"[A-Za-z0-9_]+(?:[.-][A-Za-z0-9_]+)*", value)
    return "-".join([key.rpartition(".")[2], *words])


def _point(name: str, changes: tuple[str, ...]) -> GridPoint:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / PARAMS.name
        path.write_bytes(PARAMS.read_bytes())
        try:
            _apply(path, changes)
            params = load_params(path)
            params.recipes.check()
        except ConfigError as error:
            said = str(error).replace(str(path), PARAMS.name)
            raise ConfigError(f"point {name} ({' '.join(changes)}): {said}") from error
        return GridPoint(name, changes, path.read_bytes(), params)


def _apply(path: Path, changes: Sequence[str]) -> None:
    """Write values into a file exactly as `dvc exp run -S` does."""
    from dvc.exceptions import DvcException
    from dvc.utils.hydra import apply_overrides

    try:
        apply_overrides(path, list(changes))
    except DvcException as error:
        raise ConfigError(str(error.__cause__ or error)) from error
