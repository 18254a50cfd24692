"""What weights say of themselves, from the header of a safetensors file alone."""

import json
import math
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

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


def _header(path: Path) -> tuple[dict[str, list[int]], dict[str, Any]]:
    """Return the shapes of tensors by name, and the facts of `train`; no tensor is read."""
    with safe_open(path, framework="np") as file:
        shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
        return shapes, json.loads((file.metadata() or {}).get(ENTRY, "{}"))


def _no_weights(path: Path, error: Exception) -> DataError:
    return DataError(f"{path}: not a safetensors file ({error}). Delete it and run train again.")
