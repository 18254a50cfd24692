"""Arrays of pictures and labels in one .npz, as of MedMNIST: to pictures and a table.

An .npz is a zip of .npy files. Their headers are read by NumPy, their rows one by one, so that a
file larger than memory is unpacked, too; an array of objects, which would be a pickle, is refused.
"""

import csv
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from PIL import Image as Pillow
from tqdm import tqdm

from radpipe.core.errors import DataError
from radpipe.core.settings import Arrays
from radpipe.studies.base.unpack import Limits

TABLE = "labels.csv"
SUFFIX = ".npy"
# Largest side of a picture and most labels of one; beyond, the array is something else.
LARGEST_SIDE, MOST_LABELS = 4096, 1000


@dataclass(frozen=True)
class Header:
    """What an .npy says of its array."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def row_bytes(self) -> int:
        """Bytes of one entry along the first axis."""
        return self.dtype.itemsize * int(np.prod(self.shape[1:], dtype=np.int64))


def unpack_arrays(path: Path, out: Path, how: Arrays) -> None:
    """Write the pictures of an .npz as `<part>/<number>.png`, and `labels.csv`, below `out`.

    The table has the columns file, part ("" without parts), and `label`, or `label_0`, `label_1`
    and so on where a picture has several.

    Parameters
    ----------
    path
        The .npz. Pictures are (n, rows, columns) or (n, rows, columns, 1 or 3), of 8 or 16 bits
        or, with 8, of numbers that are whole; labels (n,) or (n, labels), whole numbers.
    out
        A folder.
    how
        Which arrays.

    Raises
    ------
    DataError
        It is no .npz, lacks an array, is damaged, or holds objects or something else than that.

    """
    out.mkdir(parents=True, exist_ok=True)
    with _named(path), zipfile.ZipFile(path) as stream:
        limits = Limits(path)
        for member in stream.infolist():
            limits.add(member.file_size)
        parts = _parts(stream, how)
        rows: list[list[Any]] = []
        for part in parts:
            labels = _labels(stream, how.labels.format(part=part))
            names = _write_pictures(stream, how.images.format(part=part), out, part, len(labels))
            rows += [[name, part, *some.tolist()] for name, some in zip(names, labels, strict=True)]
    widths = {len(row) for row in rows}
    if len(widths) != 1:
        raise DataError(f"{path.name}: refused, its parts have unequal numbers of labels.")
    _write_table(out / TABLE, rows, n_labels=widths.pop() - 2)


def _parts(stream: zipfile.ZipFile, how: Arrays) -> list[str]:
    """Return the parts of which there are pictures; [""] where arrays have one name."""
    names = [name.removesuffix(SUFFIX) for name in stream.namelist()]
    if "{part}" not in how.images:
        return [""]
    before, after = (re.escape(piece) for piece in how.images.split("{part}"))
    found = [match[1] for name in names if (match := re.fullmatch(f"{before}(\\w+){after}", name))]
    if not found:
        raise DataError(
            f"it has no array like {how.images!r}. Found: {', '.join(names[:20])}. The way out:"
            " name the arrays in the study's source (images, labels)"
        )
    return found


def _labels(stream: zipfile.ZipFile, name: str) -> np.ndarray:
    """Read labels as int64 (n, labels)."""
    with _opened(stream, name) as file:
        header = _header(file, name)
        if len(header.shape) not in (1, 2) or header.shape[1:] > (MOST_LABELS,):
            raise DataError(
                f"array {name!r} has shape {header.shape}; labels are (n,) or (n, labels)"
            )
        data = file.read(header.row_bytes * header.shape[0])
        _refuse_short(data, header, header.shape[0], name)
    values = np.frombuffer(data, header.dtype).reshape(header.shape[0], -1)
    whole = values.astype(np.int64)
    if not np.array_equal(whole, values):
        raise DataError(f"array {name!r} holds labels that are no whole numbers")
    return whole


def _write_pictures(
    stream: zipfile.ZipFile, name: str, out: Path, part: str, n_labels: int
) -> list[str]:
    """Write each row of an array as a PNG; return their paths below `out`."""
    folder = part or "images"
    (out / folder).mkdir(exist_ok=True)
    names = []
    with _opened(stream, name) as file:
        header = _header(file, name)
        _check_pictures(header, name, n_labels)
        for number in tqdm(range(n_labels), f"unpacking {folder}", unit="files", mininterval=2):
            data = file.read(header.row_bytes)
            _refuse_short(data, header, 1, name)
            pixels = np.frombuffer(data, header.dtype).reshape(header.shape[1:])
            names.append(f"{folder}/{number:06d}.png")
            Pillow.fromarray(_whole(pixels, name)).save(out / names[-1])
    return names


def _check_pictures(header: Header, name: str, n_labels: int) -> None:
    shape = header.shape
    grey, colour = len(shape) == 3, len(shape) == 4 and shape[3] in (1, 3)
    if not (grey or colour) or not 0 < min(shape[1:3]) <= max(shape[1:3]) <= LARGEST_SIDE:
        raise DataError(
            f"array {name!r} has shape {shape}; pictures are (n, rows, columns) or (n, rows,"
            " columns, 1 or 3)"
        )
    if shape[0] != n_labels:
        raise DataError(f"array {name!r} has {shape[0]} pictures, and there are {n_labels} labels")
    if header.dtype.itemsize == 2 and colour and shape[3] == 3:
        raise DataError(f"array {name!r}: colours of 16 bits are not read")


def _whole(pixels: np.ndarray, name: str) -> np.ndarray:
    """Return pixels as uint8 or uint16, (rows, columns) or (rows, columns, 3)."""
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.dtype.kind == "u" and pixels.dtype.itemsize <= 2:
        return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    if pixels.dtype.kind in "iufb" and (pixels >= 0).all() and (pixels <= 255).all():
        whole = pixels.astype(np.uint8)
        if np.array_equal(whole, pixels):
            return whole
    raise DataError(
        f"array {name!r} holds {pixels.dtype} that are no whole numbers from 0 to 255. The way out:"
        " save it as uint8 or uint16"
    )


@contextmanager
def _opened(stream: zipfile.ZipFile, name: str) -> Iterator[IO[bytes]]:
    if f"{name}{SUFFIX}" not in stream.namelist():
        found = ", ".join(found.removesuffix(SUFFIX) for found in stream.namelist()[:20])
        raise DataError(
            f"it has no array {name!r}. Found: {found}. The way out: name the arrays in"
            " the study's source (images, labels)"
        )
    with stream.open(f"{name}{SUFFIX}") as file:
        yield file


def _header(file: IO[bytes], name: str) -> Header:
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, is_fortran, dtype = read(file)
    if dtype.kind not in "iufb":
        raise DataError(f"array {name!r} holds {dtype}, and no numbers")
    if is_fortran and len(shape) > 1:
        raise DataError(
            f"array {name!r} is stored column by column. The way out: save it with"
            " numpy.ascontiguousarray"
        )
    return Header(shape, dtype)


def _refuse_short(data: bytes, header: Header, n: int, name: str) -> None:
    if len(data) != header.row_bytes * n:
        raise DataError(f"array {name!r} ends before its {header.shape[0]} entries do")


def _write_table(path: Path, rows: Sequence[Sequence[Any]], *, n_labels: int) -> None:
    labels = ["label"] if n_labels == 1 else [f"label_{k}" for k in range(n_labels)]
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["file", "part", *labels])
        writer.writerows(rows)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Put the file's name before whatever is wrong with it."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{path.name}: refused, {error}.") from error
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError) as error:
        raise DataError(
            f"{path.name}: damaged, or no .npz ({error}). Delete {path} and run again."
        ) from error
