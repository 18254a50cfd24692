"""Published lists of what weights have learned from: fetched, held to their hash, read as names."""

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from radpipe.core import borrowed
from radpipe.core.borrowed import Listed, list_file
from radpipe.core.descriptors import Descriptor, ImageList
from radpipe.core.errors import DataError
from radpipe.core.files import sha256_bytes, sha256_file, write_text
from radpipe.learning.starts.images import image_name
from radpipe.learning.starts.obtaining import alone, diagnosis, fetch

GZIP = b"\x1f\x8b"


def obtain_list(descriptor: Descriptor, what: ImageList) -> Listed:
    """Have the names on a list in the folder that projects share, sorted, one a line.

    Raises
    ------
    DataError
        The list cannot be had, has another hash, lacks the column or names nothing.

    """
    file = _file_of(what)
    if what.address and not file.is_file():
        with alone(file.parent):
            fetch(
                [what.address],
                file,
                f"SHA-256 {what.sha256}",
                partial(_complaint, descriptor, what),
            )
    if not file.is_file():
        raise DataError(f"{descriptor.path}: learned_from: there is no list {file}.")
    if wrong := _complaint(descriptor, what, file):
        raise DataError(f"{wrong} The way out: delete it and get it again, or correct the hash.")
    names = sorted(set(_names(file, what)))
    if not names:
        raise DataError(
            f"{file}: {_column(what)} names nothing. The way out: correct `column` or"
            f" `pattern` in {descriptor.path}."
        )
    text = "".join(f"{name}\n" for name in names)
    kept = sha256_bytes(text.encode())
    if not list_file(kept).is_file():
        write_text(list_file(kept), text)
    return Listed(sha256=kept, names=what.names, count=len(names))


def _complaint(descriptor: Descriptor, what: ImageList, file: Path) -> str:
    if (digest := sha256_file(file)) == what.sha256:
        return ""
    return (
        f"{file}: has the SHA-256 {digest}, and {descriptor.path} states {what.sha256} for this"
        f" list. {diagnosis(file)}"
    )


def _column(what: ImageList) -> str:
    return "its first field" if what.column is None else f"its column {what.column!r}"


def _file_of(what: ImageList) -> Path:
    if what.path:
        return Path(what.path)
    # What speaks to servers takes time to load.
    from radpipe.studies.base.download import file_name

    # By its hash: lists of many hosts are called train.csv.
    return borrowed.home() / "files" / f"list-{what.sha256[:16]}" / file_name(what.address or "")


def _names(file: Path, what: ImageList) -> Iterator[str]:
    for name in _fields(file, what):
        if what.pattern:
            found = re.search(what.pattern, name)
            # A group that is optional may have matched nothing.
            name = (found[1] or "") if found else ""
        if name := name.strip():
            yield image_name(name) if what.names == "images" else name


def _fields(file: Path, what: ImageList) -> Iterator[str]:
    """Yield the fields of the column of names."""
    try:
        text = _text(file.read_bytes())
        table = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
        place = 0 if what.column is None else _place(file, what, next(table, []))
        yield from (row[place] for row in table if len(row) > place)
    except (csv.Error, OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{file}: cannot be read as a table ({error}). The way out: a list with one name a"
            " line, or a table with a header, its fields parted by commas or tabs."
        ) from error


def _place(file: Path, what: ImageList, columns: list[str]) -> int:
    if what.column in columns:
        return columns.index(what.column)
    raise DataError(
        f"{file}: has no column {what.column!r}; its columns are: {', '.join(columns)}. The way"
        " out: correct `column`; null, if the first line is a name and no header."
    )


def _text(data: bytes) -> str:
    """Read a list by what it is, since addresses end in all sorts of names."""
    if data.startswith(GZIP):
        data = gzip.decompress(data)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Every byte is a letter there; a spreadsheet of before wrote so.
        return data.decode("latin-1")


def _delimiter(text: str) -> str:
    first = text.lstrip().partition("\n")[0]
    return "\t" if first.count("\t") > first.count(",") else ","
