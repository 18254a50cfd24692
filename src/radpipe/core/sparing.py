"""Keep Arrow from loading pandas, which no step of radpipe's own needs."""

import sys
from importlib.abc import MetaPathFinder
from typing import Any


def spare_pandas() -> None:
    """Let Arrow do without pandas in this process, if Arrow is loaded and pandas is not.

    Arrow looks for pandas once, when it makes or hands out its first array, and loads it if it is
    there: a quarter of a second. Afterwards it takes no data frame.
    """
    arrow: Any = sys.modules.get("pyarrow")
    if arrow is None or "pandas" in sys.modules:
        return
    hidden = _NotInstalled()
    sys.meta_path.insert(0, hidden)
    try:
        arrow.array([0.0]).to_numpy()
    finally:
        sys.meta_path.remove(hidden)


class _NotInstalled(MetaPathFinder):
    """Answers whoever imports pandas that there is none."""

    def find_spec(self, name: str, *_: object) -> None:
        """Refuse pandas, and leave all else to the next finder."""
        if name == "pandas":
            raise ModuleNotFoundError("pandas is spared", name=name)
