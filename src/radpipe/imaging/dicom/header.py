"""The header of a DICOM file: a fixed list of technical elements, read without a sound.

pydicom's warnings, log lines and exceptions can quote values, and values can be names: see
`imaging/dicom/quiet.py`. Elements that are not on the list are skipped unread.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from radpipe.imaging.dicom.quiet import UNREADABLE

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag

PIXEL_DATA = 0x7FE00010
UNDEFINED = 0xFFFFFFFF  # a length that is not told (PS3.5, 7.1.1)
_UNREADABLE = object()


@dataclass(frozen=True, slots=True, repr=False)
class DicomHeader:
    """The technical elements of one file; its representation shows none of them.

    Attributes
    ----------
    syntax
        UID of the transfer syntax.
    little_endian
        Order of bytes.

    The file's own bytes are kept for pixels that were left where they lie.

    """

    syntax: str
    little_endian: bool
    _sets: "tuple[Dataset, ...]"
    _file: bytes = b""

    def has(self, keyword: str) -> bool:
        """Say whether an element is there, empty or not."""
        return any(_tag(keyword) in found for found in self._sets)

    def number(self, keyword: str) -> float | None:
        """Return the first of an element's numbers, None if it has none."""
        found = self.numbers(keyword)
        return found[0] if found else None

    def integer(self, keyword: str) -> int | None:
        """Return the first of an element's numbers if it is a whole one."""
        found = self.number(keyword)
        return int(found) if found is not None and found == int(found) else None

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """Return an element's numbers; none if one of them is no finite number.

        Empty ones behind the last are left out.
        """
        value = self._value(keyword)
        if value is None:
            return ()
        if isinstance(value, bytes):
            # "US or SS" that pydicom leaves open (PS3.5, A.1).
            return tuple(float(word) for word in _words(value))
        many = [value] if isinstance(value, str) or not hasattr(value, "__iter__") else list(value)
        while many and isinstance(many[-1], str) and not many[-1].strip(" \0"):
            many.pop()  # a backslash too many
        try:
            numbers = tuple(float(one) for one in many)
        except UNREADABLE:
            return ()
        return numbers if all(map(math.isfinite, numbers)) else ()

    def readings(self, keyword: str) -> tuple[float | None, ...]:
        """Return an element's numbers one by one: None for an empty one, NaN for what is none."""
        value = self._value(keyword)
        if value is None:
            return (math.nan,) if self._is_unreadable(keyword) else ()
        many = [value] if isinstance(value, str) or not hasattr(value, "__iter__") else value
        return tuple(_reading(one) for one in many)

    def words(self, keyword: str) -> tuple[str, ...]:
        """Return an element's texts in upper case, to be compared and never to be shown."""
        value = self._value(keyword)
        if value is None or isinstance(value, bytes):
            return ()
        many = [value] if isinstance(value, str) or not hasattr(value, "__iter__") else value
        try:
            return tuple(str(one).strip(" \0").upper() for one in many)
        except UNREADABLE:
            return ()

    def identifier(self, keyword: str) -> str:
        """Return an element's text as it is, to be hashed and never to be shown."""
        value = self._value(keyword)
        return value.strip(" \0") if isinstance(value, str) else ""

    def word(self, keyword: str) -> str:
        """Return the first of an element's texts, or an empty one."""
        return next(iter(self.words(keyword)), "")

    def table(self, keyword: str, entries: int) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """Return an element's table, (n,): uint16 words, or uint8 bytes if their number is odd.

        Of an odd number of bytes that holds more than `entries` words, these words.
        """
        value = self._value(keyword)
        if isinstance(value, bytes):
            order = "<" if self.little_endian else ">"
            value = value[: 2 * entries] if len(value) % 2 else value
            raw = np.frombuffer(value, np.uint8)
            return raw if len(raw) % 2 else raw.view(f"{order}u2").astype(np.uint16)
        return np.array(self.numbers(keyword)).astype(np.int64).astype(np.uint16)

    def item(self, keyword: str, *, with_any: tuple[str, ...]) -> "DicomHeader | None":
        """Return the first item of a sequence that has a value in some elements, else None."""
        for found in items_of(self._value(keyword)):
            item = DicomHeader(self.syntax, self.little_endian, (found,))
            if any(item.says(element) for element in with_any):
                return item
        return None

    def says(self, keyword: str) -> bool:
        """Say whether an element has a value, be it one that cannot be read."""
        return self._value(keyword) is not None or self._is_unreadable(keyword)

    def pixel_data(self) -> bytes | memoryview:
        """Return Pixel Data (7FE0,0010) as it stands in the file, empty if it is not there."""
        found = self._pixel_element()
        if found is None:
            return b""
        if skipped(found):
            return memoryview(self._file)[found.value_tell :][: found.length]
        return found.value if isinstance(found.value, bytes) else b""

    def is_in_fragments(self) -> bool:
        """Say whether Pixel Data is of undefined length, and so encapsulated (PS3.5, A.4)."""
        found = self._pixel_element()
        undefined = getattr(found, "is_undefined_length", False)
        return bool(undefined or getattr(found, "length", 0) == UNDEFINED)

    def pixel_vr(self) -> str:
        """Return the value representation of Pixel Data, "OB" or "OW"."""
        found = self._pixel_element()
        return "OB" if found is not None and found.VR == "OB" else "OW"

    def _pixel_element(self) -> Any:
        try:
            return self._sets[0].get_item(PIXEL_DATA, keep_deferred=True)
        except UNREADABLE:
            return None

    def _value(self, keyword: str) -> Any:
        value = self._found(keyword)
        return None if value is _UNREADABLE else value

    def _is_unreadable(self, keyword: str) -> bool:
        return self._found(keyword) is _UNREADABLE

    def _found(self, keyword: str) -> Any:
        from pydicom.errors import BytesLengthException

        tag = _tag(keyword)
        for found in self._sets:
            if tag not in found:
                continue
            try:
                value = found[tag].value
            except (*UNREADABLE, BytesLengthException):
                return _UNREADABLE
            if value is not None and not (isinstance(value, str) and not value.strip(" \0")):
                return value
        return None


@cache
def _tag(keyword: str) -> "BaseTag":
    """Look up an element's tag, which takes longer than to look for the element."""
    from pydicom.tag import Tag

    return Tag(keyword)


def skipped(element: Any) -> bool:
    """Say whether pydicom has left an element's value in the file."""
    return element is not None and element.value is None and getattr(element, "length", 0) > 0


def first_item(sequence: Any) -> "Dataset | None":
    """Return the first item of a sequence; None if it has none, or is no sequence."""
    return next(items_of(sequence), None)


def items_of(sequence: Any) -> "Iterator[Dataset]":
    """Yield the items of a sequence; none if it is no sequence."""
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    if isinstance(sequence, Sequence):
        yield from (item for item in sequence if isinstance(item, Dataset))


def _reading(value: Any) -> float | None:
    if isinstance(value, str) and not value.strip(" \0"):
        return None
    try:
        number = float(value)
    except UNREADABLE:
        return math.nan
    return number if math.isfinite(number) else math.nan


def _words(value: bytes) -> NDArray[np.uint16]:
    return np.frombuffer(value[: len(value) // 2 * 2], "<u2")
