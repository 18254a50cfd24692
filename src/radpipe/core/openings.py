"""The book of openings: every time a `test` part, or a cohort, was looked at.

`openings.csv` goes with the commits, so a checkout, `dvc exp apply` or another branch puts an older
one in its place. What was seen stays seen. A second copy, in Git's own folder, only ever grows, and
whoever reads or writes takes the lines of both together, and of every commit and experiment
that Git has.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from radpipe.core.errors import DataError
from radpipe.core.files import write_text
from radpipe.core.git import own_folder, versions_of_file
from radpipe.core.locks import lock
from radpipe.core.places import home
from radpipe.core.recipe import Named

FILE = Path("openings.csv")
# With or without the mark that spreadsheets put before it.
ENCODING = "utf-8-sig"
COLUMNS = ("time", "study", "variant", "recipe", "fold", "seed")
# Lines that a merge of Git leaves where both sides have new ones: both count.
MARKS = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")

Opening = tuple[str, ...]


def note_opening(
    path: Path, recipe: Named, *, fold: int, seed: int, study: str | None = None
) -> None:
    """Write one opening down, in both copies; safe for several processes at once.

    Parameters
    ----------
    path
        `openings.csv` of the project.
    recipe, fold, seed
        The run that is judged.
    study
        The cohort that was opened; None: the `test` of the recipe's own study.

    Raises
    ------
    DataError
        A line of the book is none of ours.
    OSError
        It cannot be written, so nothing may be looked at.

    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    row = (now, study or recipe.study, recipe.variant, recipe.sha256, str(fold), str(seed))
    with _locked(path) as kept:
        rows = {*_in_files(path), row}
        _write(kept, rows)
        _write(path, rows)


def read_openings(path: Path = FILE) -> tuple[dict[str, str], ...]:
    """Read all openings that this machine knows of, the oldest first.

    Raises
    ------
    DataError
        A line of the book is none of ours.

    """
    rows = _in_files(path) | _in_commits(path)
    _remember(path, rows)
    return tuple(dict(zip(COLUMNS, row, strict=True)) for row in sorted(rows))


def complete(path: Path = FILE) -> int:
    """Put the lines that `openings.csv` lacks into it; return how many these were."""
    rows = _in_files(path) | _in_commits(path)
    _remember(path, rows)
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    missing = rows - _in_file(path)
    if rows and before != _text(rows):
        _write(path, rows)
    return len(missing)


def _remember(path: Path, rows: Iterable[Opening]) -> None:
    """Let the second copy have what was found: branches and experiments may be removed."""
    try:
        if set(rows) - {row for kept in _kept(path) for row in _in_file(kept)}:
            with _locked(path) as kept:
                _write(kept, {*_in_files(path), *rows})
    except OSError:
        return  # a project that may only be read: the lines are found again next time


def _kept(path: Path) -> list[Path]:
    """Return where the second copy may lie, best first; `.state` where Git has no folder."""
    folder = home(path.parent)
    own = own_folder(folder)
    places = [own] if own else []
    return [place / path.name for place in (*places, folder / ".state")]


@contextmanager
def _locked(path: Path) -> Iterator[Path]:
    """Hold the book; yield where its second copy is written.

    Raises
    ------
    OSError
        There is no place that can be written.

    """
    for kept in (places := _kept(path)):
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            stream = kept.with_suffix(".lock").open("a")
        except OSError:
            if kept is places[-1]:
                raise
            continue
        with stream:
            lock(stream)
            yield kept
        return


def _in_files(path: Path) -> set[Opening]:
    files = [path, home(path.parent) / path.name, *_kept(path)]
    return {row for file in files for row in _in_file(file)}


def _in_file(file: Path) -> set[Opening]:
    try:
        text = file.read_text(encoding=ENCODING)
    except (FileNotFoundError, NotADirectoryError):
        return set()
    except UnicodeDecodeError as error:
        raise DataError(
            f"{file}: no UTF-8 ({error.reason}). The way out: save it as CSV in UTF-8, or put back"
            f" the last one that Git has: git checkout {file.name}"
        ) from error
    rows = set()
    for number, row in _lines(text):
        if len(row) != len(COLUMNS):
            raise DataError(
                f"{file}, line {number}: no opening, which has {len(COLUMNS)} cells"
                f" ({', '.join(COLUMNS)}). Correct the line, or delete it if it says nothing."
            )
        rows.add(row)
    return rows


def _in_commits(path: Path) -> set[Opening]:
    """Read what commits hold; they cannot be corrected, so a line that is none is left out."""
    texts = versions_of_file(home(path.parent) / path.name)
    rows = (row for text in texts for _, row in _lines(text.decode(ENCODING, errors="replace")))
    return {row for row in rows if len(row) == len(COLUMNS)}


def _lines(text: str) -> Iterator[tuple[int, Opening]]:
    for number, row in enumerate(csv.reader(text.splitlines()), start=1):
        if row and tuple(row) != COLUMNS and not row[0].startswith(MARKS):
            yield number, tuple(row)


def _write(file: Path, rows: Iterable[Opening]) -> None:
    write_text(file, _text(rows))


def _text(rows: Iterable[Opening]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *sorted(rows)])
    return text.getvalue()
