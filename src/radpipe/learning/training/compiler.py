"""torch's compiler, which nothing here uses, stays out until somebody asks for it.

torch's optimisers load it (a second of processor time) only to tell it to leave them alone.
"""

import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import torch

NAME = "torch._dynamo"


class _Absent(ModuleType):
    """Says what the compiler is told where it is not used; for all else it is loaded."""

    def disable(self, function: Callable[..., Any], *_: Any, **__: Any) -> Callable[..., Any]:
        """Return a function that is not to be compiled: it is not."""
        return function

    def graph_break(self, *_: Any, **__: Any) -> None:
        """End what is compiled: nothing is."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(NAME) is self:
            del sys.modules[NAME]
            torch.__dict__.pop("_dynamo", None)
        return getattr(importlib.import_module(NAME), name)


def keep_compiler_out() -> None:
    """Let torch's optimisers do without its compiler, unless it is loaded already."""
    if NAME not in sys.modules:
        absent = _Absent(NAME)
        sys.modules[NAME] = absent
        torch.__dict__["_dynamo"] = absent
