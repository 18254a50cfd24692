"""What a gallery shows of a case: films, maps, where the finding is, and what was answered."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radpipe.evaluation.sample import Sample
from radpipe.explaining.bins import bin_around
from radpipe.explaining.choosing import Shown
from radpipe.explaining.explain import CaseMap
from radpipe.explaining.parts import Part
from radpipe.explaining.truth import Mask
from radpipe.imaging.lettering import has_lettering
from radpipe.imaging.store import Store

# Decimals of what is told of a case.
DECIMALS = 4


@dataclass(frozen=True)
class Layer:
    """One slice of a view, and what methods say of it.

    Attributes
    ----------
    view
        Its name.
    slice, slices
        Which slice it is, from 1, of how many.
    film
        (side, side, 1 or 3), 0 to 1.
    maps
        For each method (side, side), the highest value of the case being 1, below 0 what speaks
        against; nothing of a method that says nothing.
    inside
        Where the finding is; None where that is not known, or not on this slice.

    """

    view: str
    slice: int
    slices: int
    film: NDArray[np.float64]
    maps: tuple[NDArray[np.float64], ...]
    inside: Mask | None


def layers_of(store: Store, maps: Sequence[CaseMap], masks: Mapping[str, Mask]) -> list[Layer]:
    """Choose a slice of each view of a case: that with the highest place of the first method.

    Parameters
    ----------
    store
        Of the pixels.
    maps
        What each method says of the same answer.
    masks
        View to where the finding is, from `Truth.of`.

    """
    first = maps[0]
    found = []
    for view, values in first.views.items():
        pixels = store.pixels([store.row_of(first.case, view)])
        number = int(values.max(axis=(1, 2)).argmax())
        mask = masks.get(view)
        inside = mask[number] if mask is not None and mask[number].any() else None
        found.append(
            Layer(
                view,
                number + 1,
                len(values),
                pixels[number] / (2**store.bits - 1),
                tuple(each.views[view][number] / (top(each) or 1.0) for each in maps),
                inside,
            )
        )
    return found


def top(found: CaseMap) -> float:
    """Return the largest size of a value of a case's map."""
    return max((float(np.abs(values).max()) for values in found.views.values()), default=0.0)


def lettered(layers: Sequence[Layer]) -> bool:
    """Tell whether lines of letters, which may be a name, are seen in the slices that are shown."""
    return any(has_lettering(np.rint(each.film[..., 0] * 255).astype(np.uint8)) for each in layers)


def said_of(
    part: Part, tune: Sample, one: Shown, names: Sequence[str], *, confidence: float
) -> dict[str, Any]:
    """Return what is told of a shown answer, without names: why it is shown, how sure, how right.

    Parameters
    ----------
    part
        The case's.
    tune
        Of the run, in whose bins a probability gets its interval.
    one
        Which case and label.
    names
        Of the labels.
    confidence
        Of the interval.

    """
    sample, k = part.asked.sample, one.label
    probability = float(sample.probabilities[one.row, k])
    near = bin_around(tune, k, probability, confidence=confidence)
    truth = sample.truth[one.row, k]
    return {
        "part": part.name,
        "label": names[k],
        "why": one.why,
        "probability": round(probability, DECIMALS),
        "threshold": round(float(part.asked.thresholds[k]), DECIMALS),
        "decided": bool(sample.decided[one.row, k]),
        "truth": None if np.isnan(truth) else bool(truth),
        "bin": None if not near.n_cases else _bin(near.n_cases, near.share, near.low, near.high),
    }


def _bin(n_cases: int, *shares: float) -> dict[str, float]:
    found = dict(zip(("share", "low", "high"), (round(s, DECIMALS) for s in shares), strict=True))
    return {"n_cases": n_cases, **found}


def in_order(maps: Mapping[str, Sequence[CaseMap]], case: str, label: int) -> Iterator[CaseMap]:
    """Yield what each method says of one answer."""
    for found in maps.values():
        yield next(each for each in found if (each.case, each.label) == (case, label))
