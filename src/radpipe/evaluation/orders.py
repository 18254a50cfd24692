"""The order of cases by score, and areas under the ROC curve of many draws from it.

Cases are sorted once. Of the two answers, the rarer one's distinct scores cut the other one's
cases into segments; for a draw the weight of each segment is a sum over patients, and the area
follows from running sums over segments (Hanley & McNeil, Radiology 1982;143:29). Running sums
are taken over blocks of segments, for many draws at once.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radpipe.evaluation.draws import Floats, Integers, Weights, segments_of

# Segments in a block of running sums.
LONGEST = 32
# Whole numbers up to here are exact in float32.
EXACT = 1 << 24


@dataclass(frozen=True)
class Order:
    """Cases of one question, sorted by score.

    Attributes
    ----------
    few, many
        Rows of the cases with the rarer and with the other answer, by score; shape (n,) each.
    level, between, equal
        One segment per distinct score of the rarer answer: its cases of this score; the other
        answer's between this score and the one below; the other's of this score (None: no tie).
    length
        Segments in a block.
    positives_few
        The rarer answer is yes.

    """

    few: Integers
    many: Integers
    level: "Segments"
    between: "Segments"
    equal: "Segments | None"
    length: int
    positives_few: bool

    @classmethod
    def of(cls, truth: Floats, scores: Floats) -> "Order":
        """Sort cases: truth 1, 0 or NaN and scores, any real numbers, of shape (cases,)."""
        positive, negative = np.flatnonzero(truth == 1), np.flatnonzero(truth == 0)
        few, many = sorted((positive, negative), key=len)
        few = few[np.argsort(scores[few], kind="stable")]
        many = many[np.argsort(scores[many], kind="stable")]
        levels, starts = np.unique(scores[few], return_index=True)
        left = np.searchsorted(scores[many], levels, side="left")
        right = np.searchsorted(scores[many], levels, side="right")
        length = max(1, min(LONGEST, math.isqrt(len(levels))))
        return cls(
            few,
            many,
            Segments.of(few, starts, np.append(starts, len(few))[1:], length),
            Segments.of(many, np.append(0, right)[:-1], left, length),
            Segments.of(many, left, right, length) if (left < right).any() else None,
            length,
            len(positive) <= len(negative),
        )

    def areas(self, weights: Weights, positive: Floats, negative: Floats) -> Floats:
        """Return the area under the ROC curve in each draw, ties counted half; NaN undefined.

        `positive` and `negative` are what either answer weighs, shape (draws,), as the result is.
        Pairs are counted in whole numbers, so equal orders give equal areas.
        """
        pairs = 2 * positive * negative
        won = np.concatenate(list(self._won(weights))) if len(self.few) else 0 * pairs
        won = won if self.positives_few else pairs - won
        area = np.full(len(pairs), np.nan)
        np.divide(won, pairs, out=area, where=pairs > 0)
        return area

    def _won(self, weights: Weights) -> Iterator[Floats]:
        """Count twice the pairs in which the rarer answer scores higher, ties once, per draw."""
        level, between = self.level.of_patients(weights), self.between.of_patients(weights)
        equal = None if self.equal is None else self.equal.of_patients(weights)
        for counts in weights.slices:
            shape = (self.length, -1, counts.shape[1])
            inside, own, other = _within_blocks(
                (level @ counts).reshape(shape),
                (between @ counts).reshape(shape),
                None if equal is None else (equal @ counts).reshape(shape),
            )
            # Of a block, all pairs with lower blocks are won twice.
            lower = np.cumsum(other, axis=0, dtype=np.float64) - other
            yield inside + 2 * np.einsum("bd,bd->d", own.astype(np.float64), lower)


@dataclass(frozen=True)
class Segments:
    """Runs of cases, laid out so that the same place in all blocks lies together.

    Attributes
    ----------
    rows
        Shape (n,): rows of the cases, segment by segment: the first of each block, the second of
        each block, and so on.
    edges
        Shape (segments + 1,): where they begin and end in `rows`.
    length
        Segments in a block; the last block is filled up with empty ones.

    """

    rows: Integers
    edges: Integers
    length: int

    @classmethod
    def of(cls, rows: Integers, starts: Integers, ends: Integers, length: int) -> "Segments":
        """Lay out `rows[start:end]` of every start and end, in blocks of `length`."""
        blocks = -(-len(starts) // length)
        number = np.arange(blocks * length).reshape(blocks, length).T.ravel()
        # What fills up the last block is empty.
        first = np.append(starts, np.zeros(blocks * length - len(starts), dtype=np.int64))[number]
        after = np.append(ends, np.zeros(blocks * length - len(ends), dtype=np.int64))[number]
        edges = np.append(0, np.cumsum(after - first))
        place = np.arange(edges[-1]) + np.repeat(first - edges[:-1], after - first)
        return cls(rows[place], edges, length)

    def of_patients(self, weights: Weights) -> Any:
        """Return the matrix (segments, patients) that turns a slice of counts into sums."""
        owner = weights.owner[self.rows]
        return segments_of(owner, self.edges, weights.n_patients, single=weights.whole)


def _within_blocks(
    level: NDArray[Any], between: NDArray[Any], equal: NDArray[Any] | None
) -> tuple[Floats, NDArray[Any], NDArray[Any]]:
    """Run through the segments of all blocks at once, each from the block's own beginning.

    Returns twice the pairs won within blocks, (draws,), and what either answer weighs in each
    block, (blocks, draws).
    """
    won, own, other = (np.zeros_like(level[0]) for _ in range(3))
    pairs = np.empty_like(won)
    for place in range(len(level)):
        other += between[place]
        won += np.multiply(level[place], other, out=pairs)
        if equal is not None:
            other += equal[place]
            won += np.multiply(level[place], other, out=pairs)
        own += level[place]
    # Every sum so far is at most twice this product; beyond it, float32 may have rounded.
    if won.dtype == np.float32 and 2 * float((own * other).max(initial=0.0)) > EXACT:
        return _within_blocks(
            level.astype(np.float64),
            between.astype(np.float64),
            None if equal is None else equal.astype(np.float64),
        )
    twice = won.sum(axis=0, dtype=np.float64) * (1 if equal is not None else 2)
    return twice, own, other
