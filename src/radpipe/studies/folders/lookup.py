"""Which file a row of a table names: by its path, or by the file's name in whatever folder."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath

from radpipe.core.errors import DataError
from radpipe.core.plurals import counted
from radpipe.core.text_tables import some_lines
from radpipe.studies.base.template import PLACEHOLDER
from radpipe.studies.folders.covariates import Line, Row
from radpipe.studies.folders.layout import FoldersTable
from radpipe.studies.folders.rows import plain_path


class Lookup:
    """Finds the file that a row names.

    Parameters
    ----------
    files
        All of the data set.
    pictures
        Those that are pictures: what is looked for by name.
    table
        Its settings `image`, `path` and `find`.

    """

    def __init__(self, files: Iterable[str], pictures: Iterable[str], table: FoldersTable) -> None:
        self._table = table
        by_name = table.find == "name"
        self._places = _gathered(pictures if by_name else files, _name if by_name else plain_path)
        # A name as it is comes before one without its suffix: a UID ends in a number, too.
        self._bare = _gathered(pictures, _stem) if by_name else {}

    def file_of(self, row: Row) -> str | None:
        """Return the file of a row, None if it is not there."""
        return next(iter(self._found(row)), None)

    def named(self, row: Row) -> str:
        """Return what a row says of its file."""
        if self._table.path is None:
            return row[self._table.image]
        return PLACEHOLDER.sub(lambda found: row[found[1]], self._table.path)

    def refuse_doubled(self, rows: Sequence[Line]) -> None:
        """Refuse rows whose image could be either of two files.

        Raises
        ------
        DataError
            With lines of the table, and no name.

        """
        lines = [row.number for row in rows if len(self._found(row)) > 1]
        if not lines:
            return
        differ = (
            "they have the same name in several folders, or with several suffixes. The way out:"
            " give the path in layout.table.image, or rename files"
            if self._table.find == "name"
            else "their names differ only in how accents or slashes are written. The way out:"
            " delete or rename one of the two"
        )
        raise DataError(
            f"{self._table.file}: {counted(len(lines), 'row names', 'rows name')} an image of which"
            f" there are two ({some_lines(lines)}): {differ}."
        )

    def _found(self, row: Row) -> list[str]:
        named = plain_path(self.named(row))
        if self._table.find == "path":
            return self._places.get(named, [])
        name = PurePosixPath(named).name
        return self._places.get(name) or self._bare.get(name, [])


def _name(file: str) -> str:
    return PurePosixPath(plain_path(file)).name


def _stem(file: str) -> str:
    return PurePosixPath(plain_path(file)).stem


def _gathered(files: Iterable[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for file in files:
        found[key(file)].append(file)
    return dict(found)
