"""Outlines that radiologists drew on CheXpert's films (CheXlocalize), as pieces of boxes.

Two JSON files a part, of which any may be named: `gt_annotations_*.json`, film to finding to
contours of [x, y], and `gt_segmentations_*.json`, film to finding to a mask, `size` [rows, columns]
and `counts` in COCO's compressed run lengths. Films are called `patientN_studyK_viewJ_frontal`. A
mask is cut into boxes of equal columns; finer than 1 of `FINE` parts of a film's longer side it is
not kept, which no stored square shows. Pickles of the data set are never opened.

Saporta et al., Nat Mach Intell 2022;4:867.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image

from radpipe.core.errors import DataError
from radpipe.studies.base.contract import BOX_SCHEMA
from radpipe.studies.chexpert.layout import label_of

FINE = 512
SIZE = "img_size"
# What CheXlocalize calls otherwise than CheXpert's tables.
OTHERWISE = {"Airspace Opacity": "lung_opacity"}
Mask = NDArray[np.bool_]


def read_outlines(raw: Path, name: str, cases: Mapping[str, tuple[str, str]]) -> pa.Table:
    """Read the outlines of one file.

    Parameters
    ----------
    raw
        Root of the data set.
    name
        The JSON file below it.
    cases
        File of a film to (case, view); outlines of other films are left out.

    Raises
    ------
    DataError
        It is missing, no such file, or has a finding that CheXpert does not know.

    """
    films = {film_name(file): (file, *place) for file, place in cases.items()}
    rows: list[dict[str, Any]] = []
    for film, findings in _read(raw, name).items():
        if film not in films or not isinstance(findings, Mapping):
            continue
        file, case, view = films[film]
        with Image.open(raw / file) as opened:
            width, height = opened.size
        for finding, drawn in findings.items():
            if finding == SIZE:
                continue
            label = OTHERWISE.get(finding) or label_of(finding)
            if label is None:
                raise DataError(f"{name}: CheXpert has no finding {finding!r}")
            try:
                mask = _mask(drawn, findings.get(SIZE))
            except (KeyError, TypeError, ValueError, IndexError) as error:
                raise DataError(
                    f"{name}: an outline of {finding!r} is none ({type(error).__name__}). The way"
                    " out: the file as it was published"
                ) from error
            down, across = height / mask.shape[0], width / mask.shape[1]
            rows += [
                {"case": case, "view": view, "slice": 0, "label": label}
                | {"x0": x0 * across, "y0": y0 * down, "x1": x1 * across, "y1": y1 * down}
                for x0, y0, x1, y1 in pieces(mask)
            ]
    rows.sort(key=lambda row: (row["case"], row["view"], row["label"], row["x0"], row["y0"]))
    return pa.Table.from_pylist(rows, schema=BOX_SCHEMA)


def film_name(file: str) -> str:
    """Return what the outlines call a film: its last two folders and its name."""
    return "_".join(PurePosixPath(file).with_suffix("").parts[-3:])


def pieces(mask: Mask) -> Iterator[tuple[int, int, int, int]]:
    """Yield boxes (x0, y0, x1, y1), x1 and y1 exclusive, that cover a mask (rows, columns) once."""
    open_since: dict[tuple[int, int], int] = {}
    empty = np.zeros((len(mask), 1), np.bool_)
    for x, column in enumerate(np.concatenate([mask, empty], axis=1).T):
        ends = np.flatnonzero(np.diff(np.concatenate([[0], column.astype(np.int8), [0]])))
        runs = {(int(a), int(b)) for a, b in zip(ends[::2], ends[1::2], strict=True)}
        for run in sorted(open_since.keys() - runs):
            yield open_since.pop(run), run[0], x, run[1]
        for run in runs - open_since.keys():
            open_since[run] = x


def run_lengths(counts: str) -> list[int]:
    """Decode COCO's compressed run lengths: 5 bits a letter, differences from the one before last.

    As `rleFrString` of the COCO API defines them.
    """
    found: list[int] = []
    value = shift = 0
    for letter in counts.encode("ascii"):
        bits = letter - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        found.append(value + (found[-2] if len(found) > 2 else 0))
        value = shift = 0
    return found


def _mask(drawn: Any, size: Any) -> Mask:
    """Return a mask of at most `FINE` cells on its longer side."""
    if isinstance(drawn, Mapping):
        return _coarse(_decoded(drawn["counts"], *map(int, drawn["size"])))
    # Most data sets have no contours, and the library takes a while to load.
    from skimage.draw import polygon

    fill: Any = polygon
    rows, columns = map(int, size)
    step = _step(rows, columns)
    found = np.zeros((-(-rows // step), -(-columns // step)), np.bool_)
    for contour in drawn:
        # Pixels count from their middle there.
        x, y = np.array([[float(x), float(y)] for x, y in contour]).T / step - 0.5
        found[fill(y, x, found.shape)] = True
    return found


def _decoded(counts: str, rows: int, columns: int) -> Mask:
    runs = run_lengths(counts)
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return flat.reshape(columns, rows).T


def _coarse(mask: Mask) -> Mask:
    """Return of each square of pixels whether most belong to the mask."""
    rows, columns = mask.shape
    step = _step(rows, columns)
    whole = np.pad(mask, ((0, -rows % step), (0, -columns % step)))
    cells = whole.reshape(len(whole) // step, step, -1, step)
    found: Mask = cells.mean(axis=(1, 3)) >= 0.5
    return found


def _step(rows: int, columns: int) -> int:
    return -(-max(rows, columns) // FINE)


def _read(raw: Path, name: str) -> Mapping[str, Any]:
    try:
        found = json.loads((raw / name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(
            f"layout.outlines: {name} is missing below the root of the data set. The way out: put"
            " it there, or correct the path."
        ) from None
    except (OSError, ValueError) as error:
        raise DataError(f"{name}: no JSON ({type(error).__name__}). Fetch it again.") from error
    if not isinstance(found, Mapping):
        raise DataError(f"{name}: should map films to findings, as CheXlocalize does")
    return found
