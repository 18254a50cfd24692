"""Numbers with their intervals, as text and as small bars."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

MISSING = "–"
MINUS = "−"


@dataclass(frozen=True)
class ShownEstimate:
    """A number that may stand in a comparison: it has an interval.

    Attributes
    ----------
    value, low, high
        Point estimate and limits of its interval, in the metric's own unit.

    """

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, block: Mapping[str, Any] | None) -> Self | None:
        """Read `{"value", "low", "high"}`; None unless all three are finite numbers.

        A number whose interval is missing must not be compared, so it is not read.
        """
        numbers = [number((block or {}).get(key)) for key in ("value", "low", "high")]
        if any(n is None for n in numbers):
            return None
        return cls(*(n for n in numbers if n is not None))

    @staticmethod
    def why(block: Mapping[str, Any] | None) -> str:
        """Return why a block has no interval; empty if it has one, or if nobody knows."""
        return str((block or {}).get("why") or "")

    @property
    def text(self) -> str:
        """The value with three decimals, such as "0.912"."""
        return decimal(self.value)

    @property
    def interval(self) -> str:
        """The limits, such as "0.884 to 0.933"."""
        return f"{decimal(self.low)} to {decimal(self.high)}"

    @property
    def signed(self) -> str:
        """The value with its sign, for differences."""
        return decimal(self.value, sign=True)


@dataclass(frozen=True)
class Scale:
    """The common axis of a column of bars, from `low` to `high`."""

    low: float
    high: float

    @classmethod
    def around(
        cls, estimates: Iterable[ShownEstimate | None], perfect: float | None = None
    ) -> Self:
        """Span all intervals and the perfect value, with a little room at both ends."""
        found = [end for e in estimates if e is not None for end in (e.low, e.high)]
        found += [] if perfect is None else [perfect]
        low, high = min(found, default=0.0), max(found, default=1.0)
        room = 0.04 * (high - low) or 0.01
        return cls(low - room, high + room)

    def percent(self, value: float) -> float:
        """Return where `value` lies on the axis, 0 to 100."""
        share = (value - self.low) / (self.high - self.low)
        return round(100 * min(max(share, 0.0), 1.0), 2)


def number(value: Any) -> float | None:
    """Return a finite float, or None for text, null and NaN."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def decimal(value: float | None, *, digits: int = 3, sign: bool = False) -> str:
    """Write a number with a fixed number of decimals and a true minus sign."""
    if value is None:
        return MISSING
    text = f"{value:{'+' if sign else ''}.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


def probability(value: float | None) -> str:
    """Write a p-value: three decimals, or "< 0.001"."""
    if value is None:
        return MISSING
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def whole(value: Any) -> str:
    """Write a count with thin spaces between thousands."""
    found = number(value)
    return MISSING if found is None else f"{round(found):,}".replace(",", "\u202f")


def percent(share: float) -> str:
    """Write a share as a percentage without needless decimals, such as "95 %"."""
    return f"{100 * share:.3g}\u202f%"
