"""Which files of radpipe a file needs, found from its source without importing anything."""

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import radpipe
from radpipe.core.files import files_below
from radpipe.core.sources import Source, remember, source_of

ROOT = Path(radpipe.__file__).parent


class Code:
    """One look at the code: no file is asked twice what it says, so that all answers agree."""

    def __init__(self) -> None:
        self._sources: dict[Path, Source] = {}
        self._near: dict[Path, set[Path]] = {}

    def source_of(self, file: Path) -> Source:
        """Return what a file said when it was first asked."""
        if file not in self._sources:
            self._sources[file] = source_of(file)
        return self._sources[file]

    def needed(self, script: Path, loads: Iterable[str] = ()) -> set[Path]:
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
        loaded = [name for module in loads for name in _spread(module)]
        ends = {
            file for name in (*self.source_of(script).imports, *loaded) for file in files_of(name)
        }
        found: set[Path] = set()
        while ends:
            found |= ends
            ends = set[Path]().union(*map(self._beside_and_imported, ends)) - found
        remember()
        return found

    def _beside_and_imported(self, file: Path) -> set[Path]:
        """List what a file of the package needs at once."""
        if file not in self._near:
            source = self.source_of(file)
            package = ".".join(("radpipe", *file.parent.relative_to(ROOT).parts))
            names = [*source.imports, *(_spread(f"{package}.*") if source.whole_package else ())]
            self._near[file] = {each for name in names for each in files_of(name)}
            self._near[file].update(_beside(file.parent))
        return self._near[file]


def needed(script: Path, loads: Iterable[str] = ()) -> set[Path]:
    """List the files of the package that a script needs now, see `Code.needed`."""
    return Code().needed(script, loads)


@lru_cache(maxsize=4096)
def files_of(module: str) -> tuple[Path, ...]:
    """Return the file of a module and those of the packages above it; none if it is no module."""
    above, _, name = module.rpartition(".")
    if not above:
        return (ROOT / "__init__.py",)
    own = ROOT.joinpath(*above.split(".")[1:], name)
    files = (own / "__init__.py", own.with_suffix(".py"))
    return *files_of(above), *(file for file in files if file.is_file())


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


def registered(package: str) -> dict[str, str]:
    """Find which module of a package registers which architecture, without importing any.

    Parameters
    ----------
    package
        Such as "radpipe.learning.models".

    Returns
    -------
    dict of str to str
        Name to module.

    """
    folder = ROOT.joinpath(*package.split(".")[1:])
    return {
        name: f"{package}.{file.stem}"
        for file in sorted(folder.glob("*.py"))
        for name in source_of(file).architectures
    }


def remembering(package: str) -> set[str]:
    """Find the architectures of a package whose weights hold what they were shown, as `registered`.

    Parameters
    ----------
    package
        Such as "radpipe.learning.models".

    """
    folder = ROOT.joinpath(*package.split(".")[1:])
    return {name for file in folder.glob("*.py") for name in source_of(file).remembering}


def _spread(module: str) -> list[str]:
    if not module.endswith(".*"):
        return [module]
    package = module.removesuffix(".*")
    folder = ROOT.joinpath(*package.split(".")[1:])
    return [f"{package}.{file.stem}" for file in sorted(folder.glob("*.py"))]
