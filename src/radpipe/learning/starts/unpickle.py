"""Reads the tensors of one file that is a pickle, in a process of its own, and nothing but tensors.

    python -m radpipe.learning.starts.unpickle FILE SAFETENSORS KEY

A pickle can run code when it is opened. torch then refuses it (`weights_only`); should that ever
fail, this process has read nothing of a study and ends at once.
"""

import pickle
import re
import sys
from pathlib import Path
from typing import Any

WAY_OUT = (
    "The way out: a file of tensors alone, such as the state dict saved by `torch.save` or"
    " safetensors, from the same publisher."
)


def tensors_of(value: Any, key: str) -> dict[str, Any]:
    """Return the tensors by name that a file holds, or that it holds under a key.

    Raises
    ------
    ValueError
        It holds something else.

    """
    import torch

    if key:
        if not isinstance(value, dict) or key not in value:
            held = ", ".join(map(str, value)) if isinstance(value, dict) else type(value).__name__
            raise ValueError(f"holds nothing under the key {key!r} of `inside`; it holds: {held}.")
        value = value[key]
    if not isinstance(value, dict) or not value:
        raise ValueError(f"holds {type(value).__name__} and no tensors by name. {WAY_OUT}")
    odd = [name for name, each in value.items() if not isinstance(each, torch.Tensor)]
    if odd:
        raise ValueError(
            f"holds other things than tensors: {', '.join(map(str, odd[:5]))}. If the tensors are"
            " below one of these, name it in the descriptor as `inside`."
        )
    return {str(name): value[name].detach().contiguous().clone() for name in sorted(value)}


def main(source: Path, target: Path, key: str) -> int:
    """Convert one file; return the exit code, having said what was wrong."""
    import torch

    try:
        value = torch.load(source, map_location="cpu", weights_only=True)
        tensors = tensors_of(value, key)
    except pickle.UnpicklingError as error:
        asked = re.search(r"GLOBAL [\w.]+", str(error))
        what = f" ({asked[0]})" if asked else ""
        sys.stderr.write(
            f"is a pickle that asks for more than tensors{what}, which could run any code, so it"
            f" was not opened. {WAY_OUT}\n"
        )
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
    except (RuntimeError, EOFError, OSError) as error:
        sys.stderr.write(f"cannot be read as a file of torch ({str(error).splitlines()[0]}).\n")
    else:
        return _write(tensors, target)
    return 2


def _write(tensors: dict[str, Any], target: Path) -> int:
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    try:
        save_file(tensors, target)
    except (SafetensorError, OSError) as error:
        sys.stderr.write(f"its tensors cannot be written to {target} ({error}).\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
