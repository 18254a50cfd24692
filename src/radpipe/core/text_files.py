"""Files of text in, signs out: what they are is told by their first bytes, never guessed."""

import codecs
import logging
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from radpipe.core.errors import DataError

# How files begin that are given as tables and are none.
SIGNATURES = (
    (b"PK\x03\x04", "a workbook or another zip archive; save its sheet as CSV in UTF-8"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook; save its sheet as CSV in UTF-8"),
    (b"\x1f\x8b", "a gzip archive; unpack it"),
    (b"PAR1", "a Parquet table; give it the suffix .parquet"),
    (b"%PDF", "a PDF"),
    (b"version https://git-lfs", "the pointer that Git LFS keeps in its place; run git lfs pull"),
    (b"<", "a web page or XML; download the table itself"),
    (b"{\\rtf", "a document of formatted text; save it as CSV in UTF-8"),
)
# Control characters but tabs and line ends.
CONTROL = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")
# UTF-32 first: its mark begins like that of UTF-16.
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Certain(str):
    """A note on a file that can be read in one way only: worth knowing, and nothing to look at.

    Other notes, which are plain text, tell of what may mean something else than was read.
    """

    __slots__ = ()


def log_notes(log: logging.Logger, notes: Iterable[str]) -> None:
    """Log notes on a file: as a warning only what a person should look at."""
    for note in notes:
        log.log(logging.INFO if isinstance(note, Certain) else logging.WARNING, "%s", note)


def read_text(
    path: Path, name: str, *, encoding: str = "utf-8", fallback: str = "", setting: str = ""
) -> tuple[str, list[str]]:
    """Read a file of text; accents are composed (Unicode's form NFC), line ends stay.

    Parameters
    ----------
    path
        The file.
    name
        By which messages call it.
    encoding
        How its signs are written, unless a byte order mark says it.
    fallback
        Encoding to take where the first one does not fit; "" refuses.
    setting
        Block of params.yaml in which `encoding` can be said; "" if nowhere.

    Returns
    -------
    text, notes
        Its signs, and what was unusual.

    Raises
    ------
    DataError
        It cannot be opened, is another kind of file, or is not written as it should be.

    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{name}: cannot be opened ({error.strerror}).") from error
    _refuse_foreign(data, name)
    notes: list[str] = []
    marked = next((codec for mark, codec in MARKS if data.startswith(mark)), None)
    if marked and _family(encoding) not in (_family("utf-8"), _family(marked)):
        raise DataError(
            f"{name}: begins with the mark of {_family(marked)}, and {setting}.encoding says"
            f" {encoding}. The way out: take that setting out."
        )
    if marked and marked != "utf-8-sig":
        notes.append(Certain(f"{name}: read as {marked}, by its byte order mark"))
    text = _decoded(data, name, marked or encoding, fallback, setting, notes)
    if (end := text.find("\0")) >= 0:
        raise DataError(
            f"{name}, line {_line(text[:end])}: holds a zero byte, so it is no table of text. The"
            " way out: get the file once more, or save it as CSV in UTF-8."
        )
    # A mark that was written twice, and how DOS ended a file.
    text = text.lstrip("\ufeff").removesuffix("\x1a")
    _note_signs(text, name, notes)
    return composed(text), notes


def _refuse_foreign(data: bytes, name: str) -> None:
    """Refuse a file that is given as a table and is none."""
    start = data[:512].lstrip()
    for signature, what in SIGNATURES:
        if start.startswith(signature):
            raise DataError(f"{name} is {what.partition('; ')[0]}, no table of text.{_out(what)}")


def _note_signs(text: str, name: str, notes: list[str]) -> None:
    """Note signs that are not seen, and those that were lost."""
    if odd := CONTROL.search(text):
        notes.append(f"{name}, line {_line(text[: odd.start()])}: holds signs that are not seen")
    if (end := text.find("\ufffd")) >= 0:
        notes.append(
            f"{name}, line {_line(text[:end])}: holds signs that were lost before (U+FFFD)"
        )


def composed(text: str) -> str:
    """Return a name with accents composed (Unicode's form NFC); systems write them in two ways."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _decoded(
    data: bytes, name: str, encoding: str, fallback: str, setting: str, notes: list[str]
) -> str:
    """Decode bytes, or refuse them with the line that does not fit."""
    try:
        text = data.decode(encoding)
        if not _family(encoding).startswith("utf") and not data.isascii() and _is_utf8(data):
            notes.append(f"{name}: read as {encoding}, and could be UTF-8 as well")
        return text
    except LookupError:
        raise DataError(
            f"{name}: {setting}.encoding: Python knows no encoding {encoding!r}. Usual ones: utf-8,"
            " cp1252, utf-16."
        ) from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        if fallback:
            notes.append(f"{name}, line {line}: is no {encoding}; the file was read as {fallback}")
            return data.decode(fallback, errors="replace")
        say = (
            f"Say its encoding in params.yaml, such as {setting}.encoding: cp1252"
            if setting
            else "The way out: save it as CSV in UTF-8."
        )
        raise DataError(f"{name}, line {line}: cannot be read as {encoding}. {say}") from error


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _family(encoding: str) -> str:
    """Return an encoding's name without byte order and mark."""
    name = encoding.lower().replace("_", "-").removesuffix("-sig")
    return {"utf8": "utf-8"}.get(name, name.removesuffix("-le").removesuffix("-be"))


def _line(text: str) -> int:
    return text.count("\n") + 1


def _out(what: str) -> str:
    way_out = what.partition("; ")[2]
    return f" The way out: {way_out}." if way_out else ""
