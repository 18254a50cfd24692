"""Versions of the libraries that decide the bytes of results."""

from collections.abc import Collection, Iterable
from functools import lru_cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

# Packages whose arithmetic decides the bits of weights and predictions.
NUMERIC = ("numpy", "torch", "torchvision")

# Name in an import to name of the distribution.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "contourpy": "contourpy",
    "gdcm": "python-gdcm",
    "jinja2": "jinja2",
    "jpeg_ls": "pyjpegls",
    "markupsafe": "markupsafe",
    "matplotlib": "matplotlib",
    "numpy": "numpy",
    "openjpeg": "pylibjpeg-openjpeg",
    "pyarrow": "pyarrow",
    "pydicom": "pydicom",
    "pylibjpeg": "pylibjpeg",
    "rle": "pylibjpeg-rle",
    "safetensors": "safetensors",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "torch": "torch",
    "torchvision": "torchvision",
}
# What a library loads by itself and lets decide: decoders, and who draws its contours and texts.
BROUGHT = {
    "pydicom": ("pylibjpeg", "openjpeg", "rle", "jpeg_ls", "gdcm", "PIL"),
    "matplotlib": ("contourpy", "PIL"),
    "sklearn": ("scipy",),
}
# Libraries that decide no byte of a result: they show progress, check settings, run steps, or
# compute what every version must.
NEUTRAL = frozenset(
    {
        "dvc",
        "hydra",
        "pooch",
        "pydantic",
        "shtab",
        "snakemake",
        "tensorboard",
        "threadpoolctl",
        "tqdm",
        "xxhash",
        "yaml",
    }
)
# Every version reads such files to the same values, so these count where a step writes them.
WRITERS = {"pyarrow": ".parquet", "safetensors": ".safetensors"}
# Where a package says its version, in a file that has the same place in every release.
SAYS_VERSION = ("version.py", "_version.py", "_generated_version.py", "__init__.py")
# Links to such files: DVC compares files alone, so this is how it sees that a library changed.
LINKS = Path(".state/libraries")


def libraries(imported: Iterable[str], outputs: Collection[str]) -> dict[str, str]:
    """Return the versions of the libraries that decide what a run writes.

    Parameters
    ----------
    imported
        Top-level names of what the run's code imports.
    outputs
        Paths that it writes; a folder may hold files of every kind.

    Returns
    -------
    dict of str to str
        Distribution to version, "not installed" where a decoder is not.

    """
    suffixes = {Path(output).suffix for output in outputs}
    counts = {name for name in imported if _decides(name, suffixes)}
    names = counts.union(*(BROUGHT.get(name, ()) for name in counts))
    return versions_of(sorted(DISTRIBUTIONS.get(name, name) for name in names))


def _decides(name: str, suffixes: Collection[str]) -> bool:
    written = WRITERS.get(name)
    return name not in NEUTRAL and (written is None or written in suffixes or "" in suffixes)


def versions_of(packages: Iterable[str]) -> dict[str, str]:
    """Return the installed version of each package, without importing any."""
    return {package: _version(package) for package in packages}


@lru_cache(maxsize=64)
def _version(package: str) -> str:
    found = _distribution(package)
    return found.version if found else "not installed"


def _distribution(package: str) -> Distribution | None:
    try:
        return distribution(package)
    except PackageNotFoundError:
        return None


def link_versions() -> None:
    """Link to a file of each installed library that changes with its version."""
    LINKS.mkdir(parents=True, exist_ok=True)
    found = {package: _says_version(name, package) for name, package in DISTRIBUTIONS.items()}
    # The package itself, where it is installed and no source of the project (hatch_build.py).
    own = Path(__file__).parents[1] / "pyproject.toml"
    found["radpipe"] = own if own.is_file() else None
    for package, target in found.items():
        link = LINKS / package
        if link.is_symlink() and link.readlink() == target:
            continue
        # Also a copy, which DVC puts in the place of a link when it commits.
        link.unlink(missing_ok=True)
        if target is not None:
            link.symlink_to(target)


def _says_version(name: str, package: str) -> Path | None:
    """Find a file of a library that says its version; else the one that `pip` wrote."""
    found = _distribution(package)
    if found is None:
        return None
    spec = find_spec(name)
    folder = Path(spec.origin).parent if spec and spec.origin else Path()
    for file in (folder / part for part in SAYS_VERSION):
        if file.is_file() and found.version in file.read_text(encoding="utf-8"):
            return file
    written = [Path(file.locate()) for file in found.files or () if file.name == "METADATA"]
    return written[0] if written else None
