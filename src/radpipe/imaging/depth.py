"""Grey levels that a study would lose: pictures of 16 bits that use fewer, stored in 8.

Detectors give 10 to 14 bits, and many files keep them in the lower end of 16. In 8 bits, of which
255 stands for 65535, 12 of 16 bits are 17 grey levels.
"""

import logging
from collections.abc import Sequence

import numpy as np

from radpipe.core.errors import DataError
from radpipe.core.plurals import counted
from radpipe.core.settings import Image
from radpipe.imaging.read import Array

log = logging.getLogger("radpipe.ingest")

# The highest bit of 16: who uses it loses nothing that 8 bits could keep.
HALF = 2**15
# Of the pictures, how many may be this dark by chance: blank or underexposed.
BY_CHANCE = 0.05
# One picture alone may be dark; with no more bits than these, it is the file's depth.
DETECTOR_BITS = 12


def is_shallow(brightest: Sequence[int]) -> bool:
    """Tell whether pictures of 16 bits leave the highest unused, given each one's brightest."""
    dark = sum(value < HALF for value in brightest)
    return dark > BY_CHANCE * len(brightest)


def settle_depth(brightest: Sequence[int], n_8_bits: int, image: Image) -> None:
    """Refuse to store pictures in 8 bits that would lose most of their levels; say what happens.

    Parameters
    ----------
    brightest
        The brightest pixel of each picture of 16 bits that is not DICOM, 0..65535.
    n_8_bits
        How many pictures have 8 bits.
    image
        The form of the store.

    Raises
    ------
    DataError
        With the way out.

    """
    if not brightest:
        return
    most = max(brightest)
    if image.bits == 8 and is_shallow(brightest):
        dark = sorted(value for value in brightest if value < HALF)
        top = dark[-1]
        raise DataError(
            f"{len(dark):,} of {counted(len(brightest), 'picture')} of 16 bits use"
            f" {top.bit_length()} of them at most (brightest pixel {top:,} of 65,535): stored in 8"
            f" bits, {levels_left(top)} grey levels of {top + 1:,} would be left. The way out:"
            " say image.bits: 16 for the study in params.yaml, which keeps all of them."
        )
    if image.bits == 8:
        n = counted(len(brightest), "picture has", "pictures have")
        log.info("%s 16 bits, of which the upper 8 are stored; image.bits: 16 keeps all", n)
    elif n_8_bits and most < HALF:
        log.warning(
            "pictures of 16 bits use %d of them at most, so that %d pictures of 16 bits are much"
            " darker than %d of 8 bits; a network may tell them apart by that",
            most.bit_length(),
            len(brightest),
            n_8_bits,
        )


def refuse_lost(pixels: Array, image: Image) -> None:
    """Refuse one picture of 12 or fewer of 16 bits where 8 are wanted.

    Parameters
    ----------
    pixels
        Of any shape, uint8 or uint16; not DICOM, which is read as it is displayed.
    image
        The form that is wanted.

    Raises
    ------
    DataError
        A short reason without a file name.

    """
    top = brightest_of(pixels)
    if image.bits == 8 and 0 < top < 2**DETECTOR_BITS:
        raise DataError(
            f"uses {top.bit_length()} of 16 bits, and the model looks at 8: {levels_left(top)} grey"
            " levels would be left (save it as 8 bits, or give the 16 bits their whole range)"
        )


def brightest_of(pixels: Array) -> int:
    """Return the brightest pixel of an array of any shape, uint16; 0 for uint8."""
    return int(pixels.max()) if pixels.dtype == np.uint16 else 0


def levels_left(brightest: int) -> int:
    """Count the grey levels from 0 to the brightest, 0..65535, that 8 bits keep."""
    return (brightest + 128) // 257 + 1
