"""Which values are stored so that a picture shows given greys; the inverse of PS3.3, C.11.

Greys are levels: 0 is black and `WHITE` white. Levels beyond both are darker than black and
brighter than white: where a window leaves room, they are stored as values of their own, which
whoever applies the window shows as black and white. `UNEXPOSED` is no grey: there the collimator
lay over the detector.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

WHITE = 4095
UNEXPOSED, DARKEST, BRIGHTEST = -513, -512, 5119
# SIGMOID never reaches black; this share of white, half of one grey in 255, stands for it.
NEARLY_BLACK = 1 / 512

Levels = NDArray[np.int16]
Stored = NDArray[np.int16] | NDArray[np.uint16]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FormWindow:
    """A window (C.11.2.1.2): centre and width in the units that it is applied to."""

    center: float
    width: float
    function: Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]

    def seen(self, share: Floats) -> Floats:
        """Return what is shown as a share of white, 0..1; beyond it, what lies beyond."""
        if self.function == "LINEAR":
            return (share - 0.5) * (self.width - 1) + self.center - 0.5
        if self.function == "LINEAR_EXACT":
            return (share - 0.5) * self.width + self.center
        inside = np.clip(share, NEARLY_BLACK, 1 - NEARLY_BLACK)
        # NumPy's own logarithm has other last bits on other processors.
        odds = np.array([math.log(one / (1 - one)) for one in inside.tolist()])
        return odds * (self.width / 4) + self.center


@dataclass(frozen=True, slots=True)
class FormTable:
    """A lookup table (C.11.1.1, C.11.2.1.1): rising entries for `first`, `first` + 1, ..."""

    first: int
    bits: int
    entries: NDArray[np.uint16]

    def seen(self, share: Floats) -> Floats:
        """Return what is looked up as a share of the highest entry; beyond it, what lies beyond."""
        entries = self.entries.astype(np.float64)
        wanted = share * (2**self.bits - 1)
        index = np.searchsorted((entries[1:] + entries[:-1]) / 2, wanted)
        beyond = share - np.clip(share, 0, 1)
        values: Floats = self.first + index + np.rint(beyond * len(entries))
        return values


@dataclass(frozen=True, slots=True, kw_only=True)
class GreyForm:
    """How a film keeps its grey.

    Attributes
    ----------
    bits, signed
        Bits Stored, and whether values are in two's complement.
    slope, intercept
        Rescale Slope and Intercept (C.11.1.1.2).
    modality
        A table in their place (C.11.1.1); None: there is none.
    voi
        What is shown as black, as white, and how between them; None: all that can be stored.
    inverted
        MONOCHROME1: the lowest value is white.
    padding
        Pixel Padding Value and Range Limit (C.7.5.1.1.2), the same twice if it is one value;
        None: unexposed pixels are dark, and nothing more is said.

    """

    bits: int
    signed: bool = False
    slope: float = 1.0
    intercept: float = 0.0
    modality: FormTable | None = None
    voi: FormWindow | FormTable | None = None
    inverted: bool = False
    padding: tuple[int, int] | None = None

    @property
    def ends(self) -> tuple[int, int]:
        """The lowest and the highest value that can be stored."""
        low = -(2 ** (self.bits - 1)) if self.signed else 0
        return low, low + 2**self.bits - 1

    def store(self, levels: Levels) -> Stored:
        """Return the values of a picture.

        Parameters
        ----------
        levels
            (rows, columns), `UNEXPOSED` or `DARKEST`..`BRIGHTEST`.

        Returns
        -------
        ndarray
            (rows, columns), int16 or uint16, in `ends`.

        """
        kind = np.dtype(np.int16 if self.signed else np.uint16)
        table = np.concatenate([[self._unexposed()], self._values()]).astype(kind)
        stored: NDArray[Any] = table[levels - np.int16(UNEXPOSED)]
        return stored

    def _values(self) -> Floats:
        """Return the value of each level from `DARKEST` to `BRIGHTEST`; none is padding."""
        share = np.arange(DARKEST, BRIGHTEST + 1) / WHITE
        # C.7.6.3.1.2: inversion comes last, so it is undone first.
        share = 1 - share if self.inverted else share
        if self.modality is not None:
            values = self.modality.seen(self._of_modality(share) / (2**self.modality.bits - 1))
        else:
            values = (self._of_modality(share) - self.intercept) / self.slope
        low, high = self.ends
        if self.padding is not None:
            # Padding lies at one end.
            low = max(self.padding) + 1 if low in self.padding else low
            high = min(self.padding) - 1 if high in self.padding else high
        kept: Floats = np.clip(np.rint(values), low, high)
        return kept

    def _of_modality(self, share: Floats) -> Floats:
        """Return what comes out of the modality LUT, of shares of white."""
        if self.voi is not None:
            return self.voi.seen(share)
        low, high = sorted(end * self.slope + self.intercept for end in self.ends)
        if self.modality is not None:
            low, high = 0.0, 2.0**self.modality.bits - 1
        return low + share * (high - low)

    def _unexposed(self) -> float:
        """Return what is stored where nothing was exposed: padding, or what is darkest."""
        if self.padding is not None:
            return float(sum(self.padding) // 2)
        return float(self._values()[0])
