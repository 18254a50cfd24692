"""Where findings are known to be, in the form of the stored square, so that a map can be scored.

The boxes of a study (`boxes.parquet`: of a phantom, of the user, or of a data set's own outlines)
are in pixels of its files. Here they become masks of what a store holds of these files: regions,
crops and mirrored sides are followed.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from radpipe.core.errors import DataError, near_miss
from radpipe.core.settings import Image, Target
from radpipe.evaluation.sample import column_names
from radpipe.imaging.boxes import Boxes, to_square
from radpipe.imaging.crops import regions_of, stretch_of
from radpipe.imaging.store import Store

Mask = NDArray[np.bool_]
# Case, view, and the place of the class or label among the columns of the question.
Place = tuple[str, str, int]
EDGES = ("x0", "y0", "x1", "y1")
NO_BOXES = (
    "It has no boxes at all. The way out: take `boxes` out of the block, and maps are shown but not"
    " scored; or put a boxes.csv beside the files (docs/how-to/explanations.md) and delete the"
    " study's manifest.csv"
)


@dataclass(frozen=True)
class Truth:
    """Where the findings of some cases are.

    Attributes
    ----------
    masks
        Case, view and label to bool (slices, side, side), in the form of the stored square. A case
        and label of which nothing is known, or whose finding lies beyond the square, is not there.
    shown
        Class or label to the labels of the boxes that show it; those without any are not there.

    """

    masks: Mapping[Place, Mask]
    shown: Mapping[str, tuple[str, ...]]

    def of(self, case: str, label: int) -> dict[str, Mask]:
        """Return view to mask of one finding; empty if nothing is known."""
        return dict(self._views.get((case, label), {}))

    @cached_property
    def _views(self) -> dict[tuple[str, int], dict[str, Mask]]:
        found: dict[tuple[str, int], dict[str, Mask]] = {}
        for (case, view, label), mask in self.masks.items():
            found.setdefault((case, label), {})[view] = mask
        return found


def shown_by(
    target: Target, boxes: pa.Table, asked: Mapping[str, Sequence[str]]
) -> dict[str, tuple[str, ...]]:
    """Return which boxes show which class or label: the asked ones, else those of its own name.

    Parameters
    ----------
    target
        What is predicted.
    boxes
        `boxes.parquet`.
    asked
        `explain.<variant>.boxes`.

    Raises
    ------
    DataError
        A box of such a label does not occur.

    """
    known = sorted(set(boxes["label"].to_pylist()))
    for name, labels in asked.items():
        for label in labels:
            if label not in known:
                there = (
                    f"{near_miss(label, known)} There are: {', '.join(known)}."
                    if known
                    else f". {NO_BOXES}"
                )
                raise DataError(f"boxes.{name}: no box of the study is labelled {label!r}{there}")
    found = {n: tuple(asked.get(n, [n] if n in known else [])) for n in column_names(target)}
    return {name: labels for name, labels in found.items() if labels}


def located(boxes: pa.Table, shown: Mapping[str, Sequence[str]], target: Target) -> set[Place]:
    """Return case, view and label of every finding whose place is known; no pixel is looked at."""
    names = column_names(target)
    labels = {
        label: [names.index(n) for n, by in shown.items() if label in by] for label in _all(shown)
    }
    columns = zip(*(boxes[name].to_pylist() for name in ("case", "view", "label")), strict=True)
    return {(case, view, k) for case, view, label in columns for k in labels.get(label, ())}


def truth_of(
    boxes: pa.Table,
    store: Store,
    image: Image,
    target: Target,
    *,
    shown: Mapping[str, Sequence[str]],
    cases: Collection[str],
) -> Truth:
    """Return where the findings of some cases are.

    Parameters
    ----------
    boxes
        `boxes.parquet`: pixels of files, slices from 0.
    store
        Pictures, volumes or crops, whose index says what of each file is shown.
    image
        How regions were made square: the store's own.
    target
        Gives the labels their places.
    shown
        From `shown_by`.
    cases
        Whose; the fewer, the less memory.

    """
    names = column_names(target)
    regions, stretch = regions_of(store), stretch_of(store)
    by_row: dict[tuple[int, int], list[tuple[int, list[float]]]] = {}
    wanted = set(cases)
    for box in boxes.to_pylist():
        row = _row_of(store, box, wanted)
        if row is None:
            continue
        edges = [box[edge] for edge in EDGES]
        for k, name in enumerate(names):
            if box["label"] in shown.get(name, ()):
                by_row.setdefault((row, k), []).append((box["slice"], edges))
    masks = {}
    keys = (store.index["case"], store.index["view"])
    for (row, k), found in by_row.items():
        raw = np.array([edges for _, edges in found]) * stretch[row]
        squares = to_square(raw, [regions[row]] * len(found), image)
        slices = int(store.slices(np.array(row)))
        mask = rasterised(squares, [s for s, _ in found], (slices, store.size))
        if mask.any():
            masks[keys[0][row].as_py(), keys[1][row].as_py(), k] = mask
    return Truth(masks, {name: tuple(by) for name, by in shown.items()})


def rasterised(boxes: Boxes, slices: Sequence[int], shape: tuple[int, int]) -> Mask:
    """Return the pixels of which boxes cover at least half; of a smaller finding, the best covered.

    Parameters
    ----------
    boxes
        (n, 4) in pixels of the stored square; they may reach beyond it. What several cover counts
        together, so that they may be the pieces of an outline.
    slices
        Of each box, from 0; one that does not exist is left out.
    shape
        Number of slices, and side of the square.

    Returns
    -------
    ndarray
        Bool (slices, side, side); nothing where all boxes lie beyond the square.

    """
    count, side = shape
    mask = np.zeros((count, side, side), np.bool_)
    starts = np.arange(side)
    across, down = (
        np.clip(
            np.minimum(boxes[:, k + 2, None], starts + 1) - np.maximum(boxes[:, k, None], starts),
            0,
            1,
        )
        for k in (0, 1)
    )
    which = np.asarray(slices)
    for number in sorted({n for n in slices if 0 <= n < count}):
        mine = which == number
        covered = down[mine].T @ across[mine]
        most = float(covered.max())
        if most > 0:
            mask[number] = covered >= min(0.5, most)
    return mask


def _row_of(store: Store, box: Mapping[str, object], wanted: Collection[str]) -> int | None:
    """Return the row of the store that shows a box's view; None: of no use, or not there."""
    if box["case"] not in wanted:
        return None
    try:
        return store.row_of(str(box["case"]), str(box["view"]))
    except DataError:
        return None


def _all(shown: Mapping[str, Sequence[str]]) -> set[str]:
    return {label for labels in shown.values() for label in labels}
