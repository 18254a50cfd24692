"""Methods of explanation: settings and function each, in a file of its own.

Every module in this folder is imported here and files what it holds: a new file is enough.
"""

from importlib import import_module
from pkgutil import iter_modules

from radpipe.explaining.methods.base import EXPLANATIONS, Method, read_method

__all__ = ["EXPLANATIONS", "Method", "file_all", "read_method"]


def file_all() -> None:
    """Import every module of this folder, by name, which files the methods in it."""
    for name in sorted(found.name for found in iter_modules(__path__)):
        import_module(f"{__name__}.{name}")


file_all()
