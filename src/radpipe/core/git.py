"""What Git knows of a project; nothing where there is no Git, and no lock is ever taken.

Many steps ask at once, on nodes that may lack the program. An answer is None if there is none.
"""

import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

# Where code and settings lie that decide what a step does: a file that Git does not know counts.
DECIDES = ("Snakefile", "params.yaml", "presets", "src", "weights", "workflow")
# What steps and engines write, so that it says nothing of what they were started with.
WRITTEN = ("data", "dvc.lock", "logs", "openings.csv", "results")


def ask(*arguments: str, folder: Path = Path(), given: bytes | None = None) -> bytes | None:
    """Return what a command of Git prints; None if it fails or is not installed.

    Parameters
    ----------
    arguments
        Of its command line.
    folder
        Where it is asked.
    given
        What it reads from its standard input.

    """
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, input=given, capture_output=True, check=False)
    except OSError:
        return None
    return None if done.returncode else done.stdout


def lines(*arguments: str, folder: Path = Path()) -> list[str] | None:
    """Return the lines that a command of Git prints; None if it fails or is not installed."""
    said = ask(*arguments, folder=folder)
    return None if said is None else said.decode(errors="surrogateescape").splitlines()


def own_folder(folder: Path) -> Path | None:
    """Return a folder of the project's own that Git never touches, shared by all work trees.

    It lies in Git's own folder, which no checkout, `git clean` or `make clean` reaches.
    """
    said = lines("rev-parse", "--git-common-dir", "--show-prefix", folder=folder)
    if said is None:
        return None
    common, prefix = said[0], (said[1:] or [""])[0]
    return folder / common / "radpipe" / prefix


def versions_of_file(path: Path) -> Iterator[bytes]:
    """Yield the content of a file in every commit that Git has, experiments of DVC included."""
    wanted = ("rev-list", "--all", "--full-history", "--objects", "--", path.name)
    found = (line.partition(" ") for line in lines(*wanted, folder=path.parent) or ())
    blobs = [key for key, _, name in found if Path(name).name == path.name]
    asked = "".join(f"{blob}\n" for blob in blobs).encode()
    answer = ask("cat-file", "--batch", folder=path.parent, given=asked) if blobs else b""
    yield from _contents(answer or b"")


def _contents(answer: bytes) -> Iterator[bytes]:
    """Take the answer of `git cat-file --batch` apart: name, kind and length; content; newline."""
    while answer:
        head, _, rest = answer.partition(b"\n")
        *_, kind, length = head.split() or [b""]
        if not length.isdigit():
            answer = rest
            continue
        if kind == b"blob":
            yield rest[: int(length)]
        answer = rest[int(length) + 1 :]


@dataclass(frozen=True)
class Commit:
    """What is checked out.

    Attributes
    ----------
    name
        40 digits; None without a commit or without Git.
    clean
        Whether code, settings and all else that Git keeps are as the commit has them, but for what
        steps write, and no file of code or settings is new; None without Git.

    """

    name: str | None
    clean: bool | None


def checked_out() -> Commit:
    """Ask what is checked out, and whether it was changed."""
    asked = ("status", "--porcelain=v2", "--branch", "--no-renames", "-z")
    said = ask(*asked, "--untracked-files=normal", "--", ".", *(f":!{name}" for name in WRITTEN))
    if said is None:
        return Commit(None, None)
    entries = said.decode(errors="surrogateescape").split("\0")
    oid = next((entry.split()[-1] for entry in entries if entry.startswith("# branch.oid")), "")
    changed = [entry for entry in entries if entry and entry[0] != "#"]
    above = (lines("rev-parse", "--show-prefix") or [""])[0] if changed else ""
    clean = not any(_counts(entry, above) for entry in changed)
    return Commit(None if oid.startswith("(") else oid, clean)


def _counts(entry: str, above: str) -> bool:
    """Tell whether an entry of `git status` makes the tree unclean: notes that lie about do not.

    Git names paths from the top of the repository; `above` leads from there to the project, of
    which nothing may be known at all.
    """
    name = entry[2:]
    known = entry[0] != "?"
    return known or above.startswith(name) or name.removeprefix(above).split("/")[0] in DECIDES


def is_known(paths: Iterable[Path]) -> bool:
    """Tell whether Git tracks one of these files."""
    return bool(ask("ls-files", "-z", "--", *map(str, paths)))
