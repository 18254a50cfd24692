"""From stored values to displayed grey: every step of PS3.3 in one table of 65,536 entries.

A stored value has at most 16 bits, so whatever the standard wants done to it is done to each
possible value once, and the picture is looked up. All clauses are of DICOM PS3.3.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from radpipe.core.errors import DataError

FULL = 65535
# Depths of detectors. A film whose brightest pixel takes 11 bits comes from one of 12.
DEPTHS = (8, 10, 12, 14, 16)
# A picture that leaves no more bits than this unused is shown as it was stored.
SPARE_BITS = 1
MIN_WHITE = 2 ** DEPTHS[0] - 1
# Rows that are looked up at once: their indices stay in the processor's cache.
ROWS = 128

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LookUpTable:
    """A lookup table of the file (C.11.1.1, C.11.2.1.1): entries for `first`, `first` + 1, ..."""

    first: int
    bits: int
    entries: NDArray[np.uint16]

    def __call__(self, values: Floats) -> Floats:
        """Look values up; those beyond its ends get the first or the last entry."""
        index = np.clip(np.rint(values) - self.first, 0, len(self.entries) - 1)
        found: Floats = self.entries[index.astype(np.int64)].astype(np.float64)
        return found

    @property
    def high(self) -> float:
        """What counts as white: the largest entry that its bits allow.

        Tables that say 16 bits and hold 12 are common; viewers scale to what they hold.
        """
        return float(2 ** (self.bits_held if self.is_wrong else self.bits) - 1)

    @property
    def bits_held(self) -> int:
        """Bits of the largest entry."""
        return int(self.entries.max()).bit_length()

    @property
    def is_wrong(self) -> bool:
        """Whether it says other bits than it holds.

        Half of what its bits allow goes unused, and more than black is in it; or it holds at least
        twice as much as they allow, so that most of the picture would be white.
        """
        largest = int(self.entries.max())
        unused = MIN_WHITE <= largest < 2 ** (self.bits - 1)
        return unused or bool(largest >= 2 ** (self.bits + 1))


@dataclass(frozen=True, slots=True)
class Window:
    """A window: what is shown as black, as white, and how between them."""

    center: float
    width: float
    function: Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"] = "LINEAR"

    def __post_init__(self) -> None:
        # C.11.2.1.2.1: "shall always be greater than or equal to 1"; C.11.2.1.3: above 0.
        if self.function == "LINEAR" and not self.width >= 1:
            raise DataError("a window narrower than 1")
        if not self.width > 0:
            raise DataError("a window of no width")

    def __call__(self, values: Floats) -> Floats:
        """Return shares of white, 0..1."""
        if self.function == "SIGMOID":
            # C.11.2.1.3.1; beyond +-500 exp overflows, and the share is 0 or 1 anyway.
            exponent = np.clip(-4 * (values - self.center) / self.width, -500, 500)
            return 1 / (1 + np.exp(exponent))
        if self.function == "LINEAR_EXACT":
            # C.11.2.1.3.2
            return np.clip((values - self.center) / self.width + 0.5, 0, 1)
        # C.11.2.1.2.1; a width of 1 is a threshold.
        middle = self.center - 0.5
        if self.width == 1:
            return (values > middle).astype(np.float64)
        return np.clip((values - middle) / (self.width - 1) + 0.5, 0, 1)


@dataclass(frozen=True, slots=True)
class Grey:
    """How stored values become grey.

    Attributes
    ----------
    stored, high_bit, signed
        Where the value's bits lie in its word, and whether they are in two's complement.
    padding
        Values that are background, both ends included (C.7.5.1.1.2).
    slope, intercept, modality
        To the modality's values, by a line or by a table.
    voi
        The values of interest; None shows them all.
    shown
        The lowest and the highest stored value that are shown if there is neither `voi` nor
        `modality`; None: all that could have been stored.
    inverted
        MONOCHROME1: the lowest value is white.

    """

    stored: int
    high_bit: int
    signed: bool = False
    padding: tuple[int, int] | None = None
    slope: float = 1.0
    intercept: float = 0.0
    modality: LookUpTable | None = None
    voi: LookUpTable | Window | None = None
    shown: tuple[int, int] | None = None
    inverted: bool = False


def grey_table(grey: Grey, container: int) -> NDArray[np.uint16]:
    """Build the table from words as they lie in the file to displayed grey.

    Parameters
    ----------
    grey
        What the header says.
    container
        Bits of a word, 8 or 16.

    Returns
    -------
    ndarray
        (2 ** container,), 0 is black and 65535 white. Bits of a word that do not belong to
        the value (overlays of old, PS3.5 section 8.1.1) make no difference.

    """
    values = _stored_values(grey)
    share = _display(grey, values)
    # Half up, after 1e-8 has been rounded away: then a picture and its MONOCHROME1 twin agree
    # bit by bit, since a tie stays a tie when it is subtracted from 1.
    shown = np.floor(np.round(share * FULL, 8) + 0.5).astype(np.uint16)
    codes = _codes(grey, container)
    if grey.padding is not None:
        low, high = grey.padding
        # C.7.5.1.1.2: padding is shown as background, whatever else is done to values.
        shown[(values >= low) & (values <= high)] = 0
    table: NDArray[np.uint16] = shown[codes]
    if grey.padding is not None and low == high:
        # A padding value wider than Bits Stored means the whole word.
        table[low & (2**container - 1)] = 0
    return table


def range_used(grey: Grey, words: NDArray[Any]) -> tuple[int, int] | None:
    """Return the range of the detector that a picture seems to come from, if bits go unused.

    Whole depths, so that films of one detector are shown alike, and one bright pixel changes
    nothing. Padding does not count.

    Parameters
    ----------
    grey
        What the header says.
    words
        (rows, columns), uint8 or uint16, as they lie in the file.

    """
    used, sign = _bits_used(grey, words)
    bits = next(depth for depth in DEPTHS if depth >= used)
    if bits + SPARE_BITS >= grey.stored:
        return None
    return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if sign else (0, 2**bits - 1)


def uses_all_bits(grey: Grey, words: NDArray[Any]) -> bool:
    """Say whether a picture, `words` as for `range_used`, takes as many bits as can be stored."""
    return _bits_used(grey, words)[0] == grey.stored


def _bits_used(grey: Grey, words: NDArray[Any]) -> tuple[int, bool]:
    """Return how many bits a picture takes, with that of a sign, and whether it has one."""
    brightest = int(words.max())
    if grey.signed or grey.padding is not None or brightest >= 2**grey.stored:
        low, high = _ends(grey, words)
    else:
        low, high = 0, brightest
    if low >= 0:
        return high.bit_length(), False
    return 1 + max(high.bit_length(), (-low - 1).bit_length()), True


def _ends(grey: Grey, words: NDArray[Any]) -> tuple[int, int]:
    """Return the lowest and the highest stored value of a picture, padding aside."""
    there = np.zeros(2 ** (words.dtype.itemsize * 8), np.bool_)
    there[words] = True
    if grey.padding is not None and grey.padding[0] == grey.padding[1]:
        # A padding value wider than Bits Stored means the whole word.
        there[grey.padding[0] & (len(there) - 1)] = False
    values = _stored_values(grey)[np.unique(_codes(grey, words.dtype.itemsize * 8)[there])]
    if grey.padding is not None:
        values = values[(values < grey.padding[0]) | (values > grey.padding[1])]
    return (int(values.min()), int(values.max())) if len(values) else (0, 0)


def _codes(grey: Grey, container: int) -> NDArray[np.int64]:
    """Return the bits of the value in each word, (2 ** container,)."""
    # PS3.5, section 8.1.1: the value's highest bit is High Bit, what lies above is no part.
    words = np.arange(2**container, dtype=np.int64)
    codes: NDArray[np.int64] = (words >> (grey.high_bit + 1 - grey.stored)) & (2**grey.stored - 1)
    return codes


def look_up(table: NDArray[np.uint16], words: NDArray[Any]) -> NDArray[np.uint16]:
    """Replace each word of a picture by its entry.

    Parameters
    ----------
    table
        (256,) or (65536,).
    words
        (rows, columns), uint8 or uint16 to match.

    """
    shown = np.empty(words.shape, np.uint16)
    for row in range(0, len(words), ROWS):
        # No word lies outside the table, so nothing is ever clipped; it is the quickest mode.
        np.take(table, words[row : row + ROWS], out=shown[row : row + ROWS], mode="clip")
    return shown


def _stored_values(grey: Grey) -> Floats:
    """Return what each code of `stored` bits means (C.7.6.3.1, Pixel Representation)."""
    codes = np.arange(2**grey.stored, dtype=np.float64)
    if not grey.signed:
        return codes
    return np.where(codes < len(codes) / 2, codes, codes - len(codes))


def _display(grey: Grey, values: Floats) -> Floats:
    """Return each stored value's share of white, 0..1."""
    if grey.modality is not None:
        # C.11.1.1: the table takes the place of slope and intercept.
        seen = grey.modality(values)
        low, high = 0.0, grey.modality.high
    else:
        # C.11.1.1.2: output units = slope * stored value + intercept.
        seen = values * grey.slope + grey.intercept
        ends = np.array(grey.shown or (values.min(), values.max())) * grey.slope + grey.intercept
        low, high = float(ends.min()), float(ends.max())
    if isinstance(grey.voi, LookUpTable):
        # C.11.2.1.1: entries go from 0 to 2^bits - 1.
        share = np.clip(grey.voi(seen) / grey.voi.high, 0, 1)
    elif grey.voi is not None:
        share = grey.voi(seen)
    else:
        # All that could have been stored, not what was: grey then means the same in every
        # picture of a detector, and one bright pixel does not darken the rest.
        share = np.clip((seen - low) / (high - low), 0, 1)
    # C.7.6.3.1.2: MONOCHROME1 shows the lowest value as white, after any VOI. Presentation
    # LUT Shape (C.11.6) says the same once more (INVERSE) and turns nothing a second time.
    return 1 - share if grey.inverted else share
