"""What a sample of the pictures looks like: sizes, grey or colour, bits, what is unreadable."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from radpipe.core.errors import DataError
from radpipe.core.plurals import counted
from radpipe.imaging.depth import brightest_of, is_shallow
from radpipe.imaging.dicom.read import DicomFilm, decode_dicom, is_dicom
from radpipe.imaging.read import Picture, decode

N_SAMPLED = 48
# Stored sides to choose from, pixels, and how many pixels all pictures together may have, so that
# a first comparison takes minutes on a laptop. A larger side is a change of one line.
SIDES = (224, 128, 96, 64)
BUDGET = 10e6
MILLIONS = f"{BUDGET / 1e6:.0f} million pixels together"
# Channels of a grey picture that was kept as colour differ by no more, because of JPEG.
GREY_LEVELS = 6


@dataclass(frozen=True)
class Look:
    """What was seen of the pictures.

    Attributes
    ----------
    n_read
        Pictures of the sample that could be decoded.
    refused
        Why others could not, and how many.
    short_sides, long_sides
        Least and largest of each, pixels.
    colour, deep, dicom
        Whether any of them is in colour, has more than 8 bits, is DICOM.
    side, why_side
        Stored side that is proposed, pixels, and the reason for it.

    """

    n_read: int
    refused: Counter[str]
    short_sides: tuple[int, int]
    long_sides: tuple[int, int]
    colour: bool
    deep: bool
    dicom: bool
    side: int
    why_side: str

    @property
    def told(self) -> str:
        """One line on sizes and colours."""
        low, high = self.short_sides[0], self.long_sides[1]
        kind = "colour" if self.colour else "grey"
        dicom = ", DICOM" if self.dicom else ""
        return (
            f"{low} to {high} pixels a side{dicom}, {kind} (a sample of {self.n_read}); stored as"
            f" squares of {self.side} pixels, {self.why_side}. More shows more and takes longer,"
            " with the square"
        )


def look_at(raw: Path, pictures: Sequence[str]) -> Look:
    """Decode a sample, spread evenly over the names.

    Raises
    ------
    DataError
        None of the sample can be decoded.

    """
    step = max(1, len(pictures) // N_SAMPLED)
    sample = pictures[::step][:N_SAMPLED]
    found, refused = _decoded([raw / file for file in sample])
    dicom = any(isinstance(picture, DicomFilm) for picture in found)
    if not found:
        reasons = "; ".join(reason for reason, _ in refused.most_common(3))
        raise DataError(
            f"none of {len(sample)} images that were tried can be read: {reasons}. Pictures are"
            " PNG, JPEG, TIFF, BMP, WebP, GIF, or DICOM of one frame."
        )
    sides = [sorted(picture.pixels.shape[:2]) for picture in found]
    short, long = [side[0] for side in sides], [side[1] for side in sides]
    side, why_side = side_for(len(pictures), int(np.median(short)))
    return Look(
        n_read=len(found),
        refused=refused,
        short_sides=(min(short), max(short)),
        long_sides=(min(long), max(long)),
        colour=any(map(_in_colour, found)),
        # DICOM is read as it is meant to be displayed, for which 8 bits do.
        deep=not dicom and _is_deep(found),
        dicom=dicom,
        side=side,
        why_side=why_side,
    )


def _decoded(files: Sequence[Path]) -> tuple[list[Picture], Counter[str]]:
    """Decode files; return the pictures, and why others could not be."""
    found: list[Picture] = []
    refused = Counter[str]()
    for file in files:
        try:
            data = file.read_bytes()
            found.append(decode_dicom(data) if is_dicom(data) else decode(data))
        except DataError as error:
            refused[str(error)] += 1
    return found, refused


def side_for(n_pictures: int, short_side: int) -> tuple[int, str]:
    """Choose the largest side that the pictures have and that a laptop trains on in minutes.

    Parameters
    ----------
    n_pictures
        Of the study.
    short_side
        Median of the pictures' shorter sides, pixels.

    Returns
    -------
    tuple
        The side, pixels, and why it is this one.

    """
    fitting = [side for side in SIDES if side <= short_side]
    if not fitting:
        return max(8, short_side), "because they have no more"
    images, choice = counted(n_pictures, "image"), ", ".join(map(str, SIDES))
    quick = [side for side in fitting if n_pictures * side**2 <= BUDGET]
    if quick:
        why = f"the largest of {choice} that they have and with which {images} stay below"
        return quick[0], f"{why} {MILLIONS}: a training then takes minutes on a laptop"
    why = f"the smallest of {choice}, because {images} have more than {MILLIONS} even so"
    return fitting[-1], f"{why}, and a training should take minutes on a laptop"


def _is_deep(found: Sequence[Picture]) -> bool:
    """Tell whether most pictures have 16 bits, or those that do would lose their levels in 8."""
    brightest = [brightest_of(picture.pixels) for picture in found if picture.bits == 16]
    return len(brightest) > len(found) / 2 or is_shallow(brightest)


def _in_colour(picture: Picture) -> bool:
    if picture.pixels.ndim == 2:
        return False
    channels = picture.pixels.astype(np.int32)
    spread = channels.max(axis=2) - channels.min(axis=2)
    # One label in colour, or a coloured frame, makes no colour picture.
    return float((spread > GREY_LEVELS).mean()) > 0.02
