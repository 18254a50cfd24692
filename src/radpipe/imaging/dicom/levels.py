"""JPEG 2000 at a smaller size of its own: each level halves both sides, and the time by four.

What comes out is the picture's low frequencies, within what averaging blocks of the whole gives.
It is no choice where something needs all pixels: padding, whose edge would be smeared, and values
that wrap round.
"""

import io
import struct
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from radpipe.imaging.dicom.codestreams import Frame
from radpipe.imaging.read import Array, Shown, Side
from radpipe.imaging.regions import Facing, Region, region_of
from radpipe.imaging.resize import REDUCING_GAP, How

# Transfer syntaxes that have levels, and in which they are read.
JPEG_2000 = frozenset({"1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"})
# Of colour, Pillow keeps no more.
MAX_COLOUR_BITS = 8
CODING_STYLE, FIRST_PART = 0xFF52, 0xFF90  # COD, SOT (ISO 15444-1, A.6.1, A.4.2)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a film is wanted, and how large; so that no more is decoded.

    Attributes
    ----------
    side, resize
        The square that its region becomes, pixels, and how.
    facing
        Which side of the patient is wanted.
    region
        The part that is wanted, in pixels of the whole film; None: what shows the side.

    """

    side: int
    resize: How
    facing: Facing = field(default_factory=Facing)
    region: Region | None = None

    def halvings(
        self,
        grid: tuple[int, int],
        shows: Shown | None,
        toward: Side,
        stretch: tuple[float, float] = (1.0, 1.0),
    ) -> int:
        """Return how often a film may be halved.

        What is left is at least `REDUCING_GAP` times as large as the square along both sides, as
        where whole pictures are first averaged.

        Parameters
        ----------
        grid
            Rows and columns of the whole film, with square pixels.
        shows, toward
            The side that it shows, and that towards which its columns run.
        stretch
            How many of these rows and columns come from one of the file's.

        Raises
        ------
        DataError
            The film says that it shows the other side only.

        """
        region = self.region or region_of(grid, self.facing, shows=shows, toward=toward)
        shown = (region.height, region.width)
        longest = max(shown) if self.resize == "letterbox" else min(shown)
        # What was enlarged to make pixels square holds no more than it did before.
        spare = longest / (self.side * REDUCING_GAP * max(stretch))
        return max(0, int(np.floor(np.log2(spare)))) if spare > 0 else 0


def levels_in(coded: bytes) -> int:
    """Return how often a codestream can be halved (ISO 15444-1, A.6.1).

    Raises
    ------
    ValueError, LookupError, struct.error
        It does not say.

    """
    at = 2
    while True:
        marker, length = struct.unpack_from(">HH", coded, at)
        if marker == CODING_STYLE:
            return coded[at + 9]
        if marker == FIRST_PART:
            raise ValueError("no coding style")
        at += 2 + length


def decode_halved(coded: bytes, frame: Frame, halvings: int) -> NDArray[np.uint16]:
    """Decode a picture at a smaller size.

    Parameters
    ----------
    coded
        A JPEG 2000 codestream of one component, or of three of at most `MAX_COLOUR_BITS`.
    frame
        What it says of itself.
    halvings
        How often to halve its sides, at most `levels_in` times.

    Returns
    -------
    ndarray
        (rows, columns) or (rows, columns, 3), codes of `frame.bits` bits: in two's complement if it
        is signed.

    Raises
    ------
    OSError, ValueError
        It cannot be decoded so.

    """
    from PIL import Image

    with Image.open(io.BytesIO(coded), formats=["JPEG2000"]) as image:
        # Pillow 13 rounds sides that OpenJPEG rounds up, and then refuses what comes out. Sides
        # that can be halved so often are the same either way.
        columns, rows = (-(-side >> halvings) << halvings for side in image.size)
        image._size = columns, rows
        # How Pillow is told of a smaller size of JPEG 2000; only there it is no method.
        image.reduce = halvings  # type: ignore[method-assign, assignment]
        image.load()
        pixels: Array = np.asarray(image)
    samples = 1 if pixels.ndim == 2 else pixels.shape[-1]
    if samples != frame.samples or pixels.dtype not in (np.uint8, np.uint16):
        raise ValueError("no plain grey or colour")
    # Pillow scales to 8 or 16 bits, and moves signed values up by half of their range.
    spare = pixels.dtype.itemsize * 8 - frame.bits
    codes: NDArray[np.uint16] = pixels.astype(np.uint16) >> np.uint16(max(spare, 0))
    return codes ^ np.uint16(2 ** (frame.bits - 1) if frame.signed else 0)
