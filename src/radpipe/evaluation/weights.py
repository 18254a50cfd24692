"""What weights say of themselves, from the header of a safetensors file alone."""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from radpipe.core.borrowed import seen_by_name
from radpipe.core.errors import DataError

# Metadata entry under which `train` notes facts about a run, as JSON.
ENTRY = "radpipe"
# State that a network keeps without learning it (batch normalisation).
NOT_LEARNT = ("running_mean", "running_var", "num_batches_tracked")
# What names a run.
RUN = ("variant", "fold", "seed")


def count_parameters(path: Path) -> int:
    """Count the numbers that a network learnt.

    Uses the fact "parameters" that `train` notes in the file, else sums the tensors that
    are not running statistics.

    Raises
    ------
    DataError
        The file is not safetensors.

    """
    try:
        shapes, facts = _header(path)
        if "parameters" in facts:
            return int(facts["parameters"])
        return sum(
            math.prod(shape)
            for name, shape in shapes.items()
            if name.rpartition(".")[2] not in NOT_LEARNT
        )
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _no_weights(path, error) from error


def count_lineage(path: Path) -> list[dict[str, Any]]:
    """Return the runs that weights started from, the nearest last, without naming a patient.

    Each has `variant`, `fold` and `seed`, and `n_patients`, from how many patients it took
    gradients itself; a patient of a group of look-alikes counts by its own name. Empty: random
    weights.

    Raises
    ------
    DataError
        The file is not safetensors, or its lineage is none.

    """
    try:
        _, facts = _header(path)
        # The last one is the run itself.
        return [
            {**{key: run[key] for key in RUN}, "n_patients": len(run["gradients"])}
            for run in facts.get("lineage", ())[:-1]
        ]
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _no_weights(path, error) from error


def mean_patients(paths: Iterable[Path]) -> float:
    """Return from how many patients runs took gradients themselves, on average; NaN if unknown.

    A patient of a group of look-alikes counts by its own name.

    Raises
    ------
    DataError
        A file is not safetensors, or its lineage is none.

    """
    counts = []
    for path in paths:
        try:
            lineage = _header(path)[1].get("lineage") or [{"gradients": ()}]
            counts.append(len(lineage[-1]["gradients"]) or math.nan)
        except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise _no_weights(path, error) from error
    return math.fsum(counts) / len(counts)


def borrowed_by(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """Return which weights that others learned runs have started from, themselves or through runs.

    Parameters
    ----------
    paths
        Files of weights of the runs of a variant, or of several.

    Returns
    -------
    list of dict
        Each once: `start`, `function`, `learned_from` (`data_set` and `list`, which is None where
        nobody says which images), `tune`, the largest number of cases of a run's `tune` that a
        list names, and `terms`, if a licence restricts something.

    Raises
    ------
    DataError
        A file is not safetensors, or what it says of its start is nothing of the kind.

    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for path in paths:
        try:
            for each in _header(path)[1].get("borrowed", ()):
                key = each["start"], each["tensors"]
                tune = max(each["tune"], found.get(key, each)["tune"])
                names = ("start", "function", "learned_from", *(("terms",) * ("terms" in each)))
                found[key] = {**{name: each[name] for name in names}, "tune": tune}
        except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise _no_weights(path, error) from error
    return list(found.values())


def seen_of(metrics: Mapping[str, Any], known_as: Iterable[str]) -> str:
    """Say which data of its study a variant's start has seen before; empty: none that is known.

    Parameters
    ----------
    metrics
        Content of its `metrics.json`.
    known_as
        Names of the data sets that its study may come from.

    """
    starts = metrics["recipe"].get("borrowed", ())
    learned_from = [each for start in starts for each in start["learned_from"]]
    by_list = ["tune, by a list"] if any(start["tune"] for start in starts) else []
    return "; ".join([*seen_by_name(learned_from, known_as), *by_list])


def _header(path: Path) -> tuple[dict[str, list[int]], dict[str, Any]]:
    """Return the shapes of tensors by name, and the facts of `train`; no tensor is read."""
    with safe_open(path, framework="np") as file:
        shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
        return shapes, json.loads((file.metadata() or {}).get(ENTRY, "{}"))


def _no_weights(path: Path, error: Exception) -> DataError:
    return DataError(f"{path}: not a safetensors file ({error}). Delete it and run train again.")
