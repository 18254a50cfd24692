"""Which files of radpipe a file needs, found from its source without importing anything."""

import ast
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

import radpipe
from radpipe.core.files import files_below
from radpipe.core.sources import parsed, remember, source_of

ROOT = Path(radpipe.__file__).parent


def needed(script: Path, loads: Iterable[str] = ()) -> set[Path]:
    """List the files of the package that a script needs, those of needed files included.

    An import inside a function counts, because it runs sooner or later. So does whatever lies
    beside a needed module and is no Python, such as the templates of a page.

    Parameters
    ----------
    script
        A file outside the package.
    loads
        Modules that it loads by name, such as "radpipe.studies.folders"; "radpipe.x.*" stands
        for every module of a package.

    """
    open_ends = [*source_of(script).imports, *map(_spread, loads)]
    names = {name for end in open_ends for name in ([end] if isinstance(end, str) else end)}
    found: set[Path] = set()
    seen: set[str] = set()
    while names:
        files = {file for name in names for file in files_of(name)} - found
        found |= files
        seen |= names
        names = {name for file in files for name in _imports_of(file)} - seen
    remember()
    return found.union(*(_beside(file.parent) for file in found))


def _imports_of(file: Path) -> tuple[str, ...]:
    """List the modules of radpipe that a file of it imports itself."""
    source = source_of(file)
    if not source.whole_package:
        return source.imports
    package = ".".join(("radpipe", *file.parent.relative_to(ROOT).parts))
    return *source.imports, *_spread(f"{package}.*")


@lru_cache(maxsize=4096)
def files_of(module: str) -> tuple[Path, ...]:
    """Return the file of a module and those of the packages above it; none if it is no module."""
    parts = module.split(".")[1:]
    above = [ROOT.joinpath(*parts[:k], "__init__.py") for k in range(len(parts) + 1)]
    own = ROOT.joinpath(*parts).with_suffix(".py") if parts else above[0]
    return tuple(file for file in [*above, own] if file.is_file())


@lru_cache(maxsize=256)
def _beside(package: Path) -> tuple[Path, ...]:
    """Return what a package holds that is no Python; hidden files and backups are nobody's.

    None of the uppermost one, in which a wheel keeps the files of a project.
    """
    if package == ROOT:
        return ()
    return tuple(
        file
        for file in files_below(package)
        if file.suffix != ".py"
        and not file.name.startswith(".")
        and not file.name.endswith("~")
        and _package_of(file) == package
    )


def _package_of(file: Path) -> Path:
    return next(folder for folder in file.parents if (folder / "__init__.py").exists())


def registered(package: str, decorator: str) -> dict[str, str]:
    """Find which module of a package registers which name, without importing any.

    Parameters
    ----------
    package
        Such as "radpipe.learning.models".
    decorator
        The end of the name of the function that registers, whose first argument is the name.

    Returns
    -------
    dict of str to str
        Name to module.

    """
    folder = ROOT.joinpath(*package.split(".")[1:])
    return {
        name: f"{package}.{file.stem}"
        for file in sorted(folder.glob("*.py"))
        for name in _registered_in(file, decorator, file.stat().st_mtime_ns)
    }


@lru_cache(maxsize=1024)
def _registered_in(file: Path, decorator: str, changed: int) -> tuple[str, ...]:
    del changed
    return tuple(_first_arguments(parsed(file), decorator))


def _first_arguments(tree: ast.Module, decorator: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name.endswith(decorator):
                yield str(node.args[0].value)


def _spread(module: str) -> list[str]:
    if not module.endswith(".*"):
        return [module]
    package = module.removesuffix(".*")
    folder = ROOT.joinpath(*package.split(".")[1:])
    return [f"{package}.{file.stem}" for file in sorted(folder.glob("*.py"))]
