"""Versions of the libraries that decide the bytes of results."""

import operator
import re
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from importlib.metadata import (
    Distribution,
    PackageNotFoundError,
    distribution,
    packages_distributions,
)
from importlib.util import find_spec
from pathlib import Path

# Packages whose arithmetic decides the bits of weights and predictions.
NUMERIC = ("numpy", "torch", "torchvision")

COMPARED = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}

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
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "timm": "timm",
    "torch": "torch",
    "torchvision": "torchvision",
}
# What a library loads by itself and lets decide: decoders, and who draws its contours and texts.
BROUGHT = {
    "pydicom": ("pylibjpeg", "openjpeg", "rle", "jpeg_ls", "gdcm", "PIL"),
    "matplotlib": ("contourpy", "PIL"),
    "skimage": ("scipy",),
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
        "streamlit",
        "tensorboard",
        "threadpoolctl",
        "tqdm",
        "xxhash",
        "yaml",
    }
)
# Every version reads such files to the same values, so these count where a step writes them.
WRITERS = {"pyarrow": ".parquet", "safetensors": ".safetensors"}
# How the metadata of a distribution state it, on a line above the description.
STATED_VERSION = re.compile(r"^Version: ([0-9A-Za-z.+!_-]+)$", re.MULTILINE)
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
    return versions_of(sorted({each for name in names for each in _distributions_of(name)}))


def _distributions_of(name: str) -> list[str]:
    """Return what `pip` calls a top-level name; several if they share it, itself if nobody does."""
    if name in DISTRIBUTIONS:
        return [DISTRIBUTIONS[name]]
    return [name] if _distribution(name) else _installed().get(name, [name])


@lru_cache(maxsize=1)
def _installed() -> Mapping[str, list[str]]:
    return packages_distributions()


def _decides(name: str, suffixes: Collection[str]) -> bool:
    written = WRITERS.get(name)
    return name not in NEUTRAL and (written is None or written in suffixes or "" in suffixes)


def versions_of(packages: Iterable[str]) -> dict[str, str]:
    """Return the installed version of each package, without importing any."""
    return {package: _version(package) for package in packages}


def within(version: str, clauses: str) -> bool:
    """Tell whether a version is one of those that clauses such as ">=0.13,<2" allow.

    Releases alone are compared, without what stands after them (rc1, +cpu); 1 is 1.0.
    """
    return all(_holds(version, clause) for clause in clauses.split(","))


def _holds(version: str, clause: str) -> bool:
    sign = clause.rstrip("0123456789.")
    ours, theirs = (_release(each) for each in (version, clause[len(sign) :]))
    return bool(COMPARED[sign](ours, theirs))


def _release(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(\.\d+)*", version)
    numbers = [int(each) for each in found[0].split(".")] if found else []
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


@lru_cache(maxsize=64)
def _version(package: str) -> str:
    found = _distribution(package)
    return _said_by(found) if found else "not installed"


def _said_by(package: Distribution) -> str:
    """Return the version that a distribution states, as `Distribution.version` does.

    That one parses all of a file which is as long as the library's description.
    """
    stated = STATED_VERSION.findall(_header(package))
    return str(stated[0]) if len(stated) == 1 else package.version


def needs(package: str, other: str) -> bool:
    """Tell whether one distribution is another, or cannot be installed without it."""
    if package == other:
        return True
    found = _distribution(package)
    asked = rf"(?im)^Requires-Dist: {re.escape(other)}(?![\w.-])(?!.*\bextra\b)"
    return found is not None and re.search(asked, _header(found)) is not None


def _header(package: Distribution) -> str:
    """Return the metadata of a distribution without its description."""
    return (package.read_text("METADATA") or "").partition("\n\n")[0]


def _distribution(package: str) -> Distribution | None:
    try:
        return distribution(package)
    except PackageNotFoundError:
        return None


def link_versions(packages: Collection[str] | None = None) -> None:
    """Link to a file of each installed library that changes with its version.

    Parameters
    ----------
    packages
        Distributions on which the plan depends; those that radpipe itself uses are linked to
        anyway. None: the plan is not known, so whatever was linked to so far.

    """
    LINKS.mkdir(parents=True, exist_ok=True)
    found = {package: _says_version(name, package) for name, package in DISTRIBUTIONS.items()}
    linked = {link.name for link in LINKS.iterdir()}
    wanted = linked if packages is None else packages
    others = linked.union(wanted) - found.keys()
    found |= {name: _metadata(name) if name in wanted else None for name in others}
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


def mend_links() -> None:
    """Link anew if a library was upgraded or removed, and with it the file that a link leads to.

    At a link to nothing DVC stops with an error, so `radpipe.pth` calls this before it starts.
    """
    if LINKS.is_dir() and not all(link.exists() for link in LINKS.iterdir()):
        link_versions()


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
    return _metadata(package)


def _metadata(package: str) -> Path | None:
    """Find what `pip` wrote of an installed library; it says the version, too."""
    found = _distribution(package)
    files = (found.files or ()) if found else ()
    # Those of libraries that it brings along lie deeper.
    written = [
        Path(file.locate()) for file in files if file.name == "METADATA" and len(file.parts) == 2
    ]
    return written[0] if written else None
