"""Versions of the packages whose arithmetic decides the bits of results."""

from collections.abc import Iterable
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version

# Packages whose arithmetic decides the bits of weights and predictions.
NUMERIC = ("numpy", "torch", "torchvision")


def versions_of(packages: Iterable[str]) -> dict[str, str]:
    """Return the installed version of each package, without importing any."""
    return {package: _version(package) for package in packages}


@lru_cache(maxsize=64)
def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
