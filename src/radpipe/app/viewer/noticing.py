"""What is odd about a file that can be read: it is said beside the answer, or refuses it."""

import numpy as np

from radpipe.core.errors import DataError
from radpipe.imaging.dicom.read import DicomFilm
from radpipe.imaging.read import Array, Picture, decode
from radpipe.imaging.volumes import Volume
from radpipe.prediction.description import Description

# DICOM's terms for projections, PS3.3 C.7.3.1.1.1.
FILMS = ("CR", "DX", "RG", "MG", "IO", "PX", "XA", "RF")
# A pixel is coloured if its channels differ by more than this share of the range.
COLOURED = 0.1
# A photograph is coloured nearly everywhere; a film has at most a few coloured marks.
PHOTOGRAPH = 0.25
MARKS = 0.001
# A film of one knee or bone is higher than wide; one of both is wider than this times its height.
WIDE = 1.3


def remarks_on(found: Picture | Volume | None, data: bytes, what: Description) -> list[str]:
    """Return sentences about a decoded file, besides the notes of whoever read it.

    Parameters
    ----------
    found, data
        What was decoded last of a case, and the bytes of that file.
    what
        Says what the model takes.

    Raises
    ------
    DataError
        It is a colour photograph, and the model learned from grey pictures.

    """
    if found is None or isinstance(found, Volume):
        return []
    remarks = []
    # For a model of grey pictures colour is taken off while decoding.
    whole = decode(data).pixels if found.mode == "RGB" and found.pixels.ndim == 2 else found.pixels
    share = coloured(whole)
    grey = what.inputs.image.channels == "grey"
    if grey and share > PHOTOGRAPH:
        raise DataError(
            f"it is in colour ({100 * share:.0f} % of its pixels), a photograph or a drawing, and"
            " the model learned from grey pictures"
        )
    if grey and share > MARKS:
        remarks.append(
            f"{100 * share:.1f} % of its pixels are coloured, such as marks drawn on a screenshot;"
            " the model has seen none."
        )
    if isinstance(found, DicomFilm):
        remarks += _of_film(found)
    rows, columns = found.grid
    if what.inputs.sides and not what.inputs.halves and columns > WIDE * rows:
        remarks.append(
            "It is wider than high, like a film of both sides, and the model takes one side:"
            " cut out the side that is meant."
        )
    return remarks


def _of_film(film: DicomFilm) -> list[str]:
    remarks = []
    if film.modality is not None and film.modality not in FILMS:
        remarks.append(
            f"The file says that it is {film.modality} and no radiograph. Unless the model learned"
            " from such pictures, its answer means nothing."
        )
    if film.burned_in:
        remarks.append("Text is likely to stand in the pixels, which the model may take for signs.")
    return remarks


def coloured(pixels: Array) -> float:
    """Return the share of pixels, 0 to 1, whose channels differ; (rows, columns[, 3])."""
    if pixels.ndim != 3:
        return 0.0
    step = max(1, max(pixels.shape[:2]) // 512)
    some = pixels[::step, ::step].astype(np.int32)
    limit = COLOURED * np.iinfo(pixels.dtype).max
    return float((some.max(axis=2) - some.min(axis=2) > limit).mean())
