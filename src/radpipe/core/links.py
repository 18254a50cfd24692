"""Links among what steps read and write: DVC's, into its cache, and those to another disk.

With `cache.type symlink` or `hardlink` an output is DVC's own copy under another name, so whoever
opened it to write would change every commit that has it. Outputs are therefore let go of before
a step begins. And where `data` is a link to another disk, DVC wants to be told that its files
need no line in `.gitignore` there.
"""

from collections.abc import Iterable
from pathlib import Path

from radpipe.core.errors import ConfigError
from radpipe.core.git import lines

# Below a project, and written by `dvc init`: what says that it is one of DVC's.
DVC_IGNORE = Path(".dvc/.gitignore")
RESULTS = Path("results")


def broken(path: Path) -> list[Path]:
    """List the links to nothing: the path itself, or what lies below the folder that it is."""
    found = [path, *sorted(path.rglob("*"))] if path.is_dir() else [path]
    return [each for each in found if each.is_symlink() and not each.exists()]


def said_of(path: Path) -> str:
    """Return the end of a sentence for a file that is missing or changed: why, if links say so."""
    return " (a link to nothing: DVC's cache has lost its file)" if broken(path) else ""


def let_go(path: Path) -> None:
    """Remove an output, or what of its folder shares its bytes with another name.

    What a step writes then is a file of its own, however it opens it.
    """
    if path.is_symlink():
        path.unlink()
    elif path.is_dir():
        for each in list(path.rglob("*")):
            if each.is_symlink() or not each.is_dir():
                let_go(each)
    elif path.exists() and path.stat().st_nlink > 1:
        path.unlink()


def link_above(path: Path) -> Path | None:
    """Return the uppermost folder on a relative path that is a link; None: all are folders."""
    above = [folder for folder in path.parents if folder != Path()]
    return next((folder for folder in reversed(above) if folder.is_symlink()), None)


def adopt(path: Path) -> None:
    """Make an output behind a link one that DVC can record and Git leaves alone.

    DVC, before it records a file, wants a `.gitignore` beside it, and refuses one outside the
    project. A link back into the project satisfies it, and nothing is written there, because the
    link `data` itself is ignored. Git's own list of what it ignores holds in older commits, too.
    """
    link = link_above(path)
    if link is None or not DVC_IGNORE.exists():
        return
    beside = path.parent / ".gitignore"
    if not (beside.is_symlink() and beside.exists() and beside.samefile(DVC_IGNORE)):
        beside.unlink(missing_ok=True)
        beside.symlink_to(DVC_IGNORE.absolute())
        _ignore(link)


def refuse_links(outputs: Iterable[str]) -> None:
    """Refuse what no engine could record, before anything runs; `data` may be a link, and below it.

    Raises
    ------
    ConfigError
        A folder with files that Git keeps is a link, or the whole folder of an output; or what a
        link stands for is not there.

    """
    names = list(outputs)
    above = _above(names)
    for folder in sorted(folder for folder in map(Path, above) if folder.is_symlink()):
        if not folder.exists():
            raise ConfigError(
                f"{folder} is a link to {folder.readlink()}, which is not there. The way out:"
                " connect the disk, or let the link lead to a folder."
            )
        if folder.parts[0] == RESULTS.name:
            raise ConfigError(f"{_no_link(folder)} Git, which keeps files in it, {_NEVER_BEHIND}")
    for output in (Path(name) for name in names if "." not in name.rpartition("/")[2]):
        if output.is_symlink() and output.is_dir():
            raise ConfigError(f"{_no_link(output)} DVC, which keeps all of it, {_NEVER_BEHIND}")


def _above(names: Iterable[str]) -> set[str]:
    """List the folders above paths, each once; a large plan has thousands of outputs."""
    found: set[str] = set()
    for name in names:
        folder = name.rpartition("/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


_NEVER_BEHIND = (
    "does not look behind links, so that nothing could be recorded. The way out: put a folder in"
    " the place of the link, with what the link leads to; what is large may lie on another disk all"
    " the same, because data may be a link, and DVC's cache may be anywhere (dvc cache dir)."
)


def _no_link(folder: Path) -> str:
    return f"{folder} is a link to {folder.readlink()}, and"


def _ignore(link: Path) -> None:
    """Let Git ignore a link whatever the commit's `.gitignore` says ("/data/" misses a link)."""
    said = lines("rev-parse", "--git-path", "info/exclude", "--show-prefix")
    if said is None:
        return
    file, entry = Path(said[0]), f"/{(said[1:] or [''])[0]}{link}"
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    if entry not in text.splitlines():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text.rstrip()}\n{entry}\n".lstrip(), encoding="utf-8")
