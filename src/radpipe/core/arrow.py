"""What Arrow loads without being asked."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType

OUT = "pandas"


class _Missing:
    """Finds no pandas, and leaves all other modules to others."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> None:
        del path, target
        if name == OUT:
            raise ModuleNotFoundError(f"No module named {OUT!r}", name=OUT)


@contextmanager
def without_pandas() -> Iterator[None]:
    """Let nothing load pandas meanwhile; who has it already keeps it.

    Arrow loads it with the first array that it takes or gives, to see whether that is one of
    pandas', which takes a quarter of a second of processor time: most steps are too short for it.
    Data frames can be neither made nor converted meanwhile: an `ImportError`.
    """
    sys.meta_path.insert(0, _Missing)
    try:
        yield
    finally:
        sys.meta_path.remove(_Missing)
