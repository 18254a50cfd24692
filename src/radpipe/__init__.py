"""radpipe: from a radiology data set to a defended comparison of models."""

import importlib.util
import sys
from pathlib import Path


def _own_of_a_copy() -> Path | None:
    """Return the package of the project's copy that this process works in, if it is one.

    DVC runs `dvc exp run --temp` and `--queue` in a copy of the project below `.dvc/tmp/exps`. It
    has code of its own, that of its experiment, and no environment of its own, so that Python finds
    the package of the project, which may have been edited since.
    """
    own = Path("src/radpipe/__init__.py").absolute()
    is_copy = "/.dvc/tmp/exps/" in own.as_posix()
    return own if is_copy and own.is_file() and not own.samefile(__file__) else None


if (_own := _own_of_a_copy()) is not None:
    _spec = importlib.util.spec_from_file_location(__name__, _own)
    if _spec is None or _spec.loader is None:
        raise ImportError(f"{_own} cannot be loaded")
    # Whoever imports the package gets what stands in sys.modules when this file has run.
    sys.modules[__name__] = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(sys.modules[__name__])
