"""What Git knows of a project; nothing where there is no Git, and no lock is ever taken.

Many steps ask at once, on nodes that may lack the program. An answer is None if there is none.
"""

import subprocess
from collections.abc import Iterable, Iterator
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


def commit() -> str | None:
    """Return the commit that is checked out, 40 digits."""
    said = lines("rev-parse", "--verify", "HEAD")
    return said[0] if said else None


def changed() -> list[str] | None:
    """List the files that differ from the commit, and what Git does not know of code and settings.

    Results, data and logs are left out: steps write them.
    """
    tracked = _status("no", *(f":!{name}" for name in WRITTEN))
    new = _status("all", *DECIDES)
    return None if tracked is None or new is None else sorted({*tracked, *new})


def _status(untracked: str, *paths: str) -> list[str] | None:
    asked = ("status", "--porcelain", "--no-renames", "-z", f"--untracked-files={untracked}")
    said = ask(*asked, "--", *paths)
    if said is None:
        return None
    entries = said.decode(errors="surrogateescape").split("\0")
    return [entry[3:] for entry in entries if entry]


def is_known(paths: Iterable[Path]) -> bool:
    """Tell whether Git tracks one of these files."""
    return bool(ask("ls-files", "-z", "--", *map(str, paths)))
