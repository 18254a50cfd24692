"""radpipe: from a radiology data set to a defended comparison of models."""

import os
import sys


def _hand_over_to_a_copy() -> None:
    """Let the package of the project's copy stand for this one, if the process works in a copy.

    DVC runs `dvc exp run --temp` and `--queue` in a copy of the project below `.dvc/tmp/exps`. It
    has code of its own, that of its experiment, and no environment of its own, so that Python finds
    the package of the project, which may have been edited since.
    """
    # Every step comes here twice before it works, so little is loaded.
    if "/.dvc/tmp/exps/" not in f"{os.getcwd()}/":  # noqa: PTH109
        return
    from importlib.util import module_from_spec, spec_from_file_location
    from pathlib import Path

    own = Path("src/radpipe/__init__.py").absolute()
    if not own.is_file() or own.samefile(__file__):
        return
    spec = spec_from_file_location(__name__, own)
    if spec is None or spec.loader is None:
        raise ImportError(f"{own} cannot be loaded")
    # Whoever imports the package gets what stands in sys.modules when this file has run.
    sys.modules[__name__] = module_from_spec(spec)
    spec.loader.exec_module(sys.modules[__name__])


_hand_over_to_a_copy()
