"""Arrow without pandas, which it would load to ask of every array whether it is one of pandas'."""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class _Absent(MetaPathFinder):
    """Says of pandas that it is not installed, and of nothing else anything."""

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """Find nothing."""
        if name == "pandas":
            raise ModuleNotFoundError("no part of this step uses pandas", name=name)
        return None


def keep_pandas_out() -> None:
    """Let Arrow believe, in this process, that there is no pandas; a quarter of a second is saved.

    It asks once, at the first array. pandas itself can be imported afterwards, and Arrow's
    `to_pandas` does so, but Arrow then takes a missing number in a series for NaN and not for null:
    so this is only for a process whose own code imports neither pandas nor what needs it. Nothing
    happens where Arrow is not loaded, or pandas is already.
    """
    arrow = sys.modules.get("pyarrow")
    if arrow is None or "pandas" in sys.modules:
        return
    absent = _Absent()
    sys.meta_path.insert(0, absent)
    try:
        arrow.array([0])
    finally:
        sys.meta_path.remove(absent)
