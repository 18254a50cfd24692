"""The number of parameters, from the header of a safetensors file alone.

Format: 8 bytes little-endian length, then that much JSON: tensor name to dtype, shape and
offsets, and "__metadata__" (https://github.com/huggingface/safetensors, README).
"""

import json
import math
from pathlib import Path

from radpipe.core.errors import DataError

# Metadata entry under which `train` notes facts about a run, as JSON.
ENTRY = "radpipe"
# State that a network keeps without learning it (batch normalisation).
NOT_LEARNT = ("running_mean", "running_var", "num_batches_tracked")


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
        with Path(path).open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if length > Path(path).stat().st_size:
                raise ValueError("the header is longer than the file")
            header = json.loads(stream.read(length))
        facts = json.loads(header.pop("__metadata__", {}).get(ENTRY, "{}"))
        if "parameters" in facts:
            return int(facts["parameters"])
        return sum(
            math.prod(tensor["shape"])
            for name, tensor in header.items()
            if name.rpartition(".")[2] not in NOT_LEARNT
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path}: not a safetensors file ({error}). Delete it and run train again."
        ) from error
