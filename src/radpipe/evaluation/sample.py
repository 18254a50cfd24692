"""A sample: truth, scores and frozen decisions of cases, as every metric sees them.

Whatever the target, a sample has one column per question "is it this class?": one for a
binary target (the positive class), one per class or label otherwise. Metrics are written
once, over columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from radpipe.core.settings import Kind, Target
from radpipe.evaluation.draws import Floats, Integers
from radpipe.evaluation.orders import Order
from radpipe.evaluation.recalibration import Grouping

# Networks write float32 probabilities, in which 1 - 1e-7 is the last number below 1.
EPSILON = 1e-7


@dataclass(frozen=True)
class Sample:
    """Cases in columns of yes-or-no questions.

    Attributes
    ----------
    truth
        Shape (cases, columns): 1 yes, 0 no, NaN unknown.
    scores
        Shape (cases, columns): what ranks the cases, in 0..1; any monotone scale would do.
    probabilities
        Shape (cases, columns): calibrated probabilities in 0..1.
    flags
        Shape (cases, columns): True where the probability reaches the column's threshold.
    decided
        Shape (cases, columns): True for the class decided for; equals `flags` unless
        `exclusive`, where exactly one column of a case is True.
    exclusive
        One class of several (multi-class, ordinal), so columns exclude each other.
    ordinal
        These classes have an order, that of the columns.
    scored
        Columns over which means are taken; None: all.

    """

    truth: Floats
    scores: Floats
    probabilities: Floats
    flags: NDArray[np.bool_]
    decided: NDArray[np.bool_]
    exclusive: bool
    ordinal: bool = False
    scored: tuple[int, ...] | None = None

    @property
    def n_columns(self) -> int:
        """Number of questions."""
        return int(self.truth.shape[1])

    @property
    def kinds(self) -> set[Kind]:
        """Kinds of target that ask such questions; one label alone is like a binary target."""
        if self.exclusive:
            return {"ordinal" if self.ordinal else "multi-class"}
        return {"binary", "multi-label"} if self.n_columns == 1 else {"multi-label"}

    @cached_property
    def positive(self) -> NDArray[np.bool_]:
        """Cases that are known to be positive, (cases, columns)."""
        return np.asarray(self.truth == 1)

    @cached_property
    def negative(self) -> NDArray[np.bool_]:
        """Cases that are known to be negative, (cases, columns)."""
        return np.asarray(self.truth == 0)

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        """Cases whose truth is known, (cases, columns)."""
        return ~np.isnan(self.truth)

    @property
    def wanted(self) -> NDArray[np.bool_]:
        """Columns over which means are taken, (columns,)."""
        every = np.arange(self.n_columns)
        return (
            np.ones_like(every, dtype=bool) if self.scored is None else np.isin(every, self.scored)
        )

    @property
    def answerable(self) -> NDArray[np.bool_]:
        """Labels that count in a mean: those to score, of which both answers occur; (columns,)."""
        return np.asarray(self.positive.any(axis=0) & self.negative.any(axis=0) & self.wanted)

    @cached_property
    def orders(self) -> list[Order]:
        """The cases sorted by the scores of each column."""
        return [Order.of(*columns) for columns in zip(self.truth.T, self.scores.T, strict=True)]

    @cached_property
    def groupings(self) -> list[Grouping]:
        """The cases in groups by the log odds of each column's probability."""
        columns = zip(self.truth.T, logit(self.probabilities).T, strict=True)
        return [Grouping.of(*column) for column in columns]

    def take(self, rows: NDArray[np.bool_] | Integers) -> "Sample":
        """Return some of the cases: by mask, bool (cases,), or by row number, int (n,)."""
        return replace(
            self,
            **{
                name: getattr(self, name)[rows]
                for name in ("truth", "scores", "probabilities", "flags", "decided")
            },
        )

    def column(self, index: int) -> "Sample":
        """Return one question alone, such as one label of several."""
        one = slice(index, index + 1)
        return Sample(
            self.truth[:, one],
            self.scores[:, one],
            self.probabilities[:, one],
            self.flags[:, one],
            self.decided[:, one],
            exclusive=False,
        )


def make_sample(
    target: Target,
    truth: Floats,
    scores: Floats,
    *,
    probabilities: Floats | None = None,
    thresholds: Sequence[float] | None = None,
) -> Sample:
    """Build a sample from the columns of a table.

    Parameters
    ----------
    target
        What is predicted.
    truth
        Shape (cases, len(target.columns)): class index, or 0/1 a label; NaN unknown.
    scores
        Shape (cases, len(target.classes)): probabilities, as in `score_<class>`.
    probabilities
        The same after calibration; the scores themselves if left out.
    thresholds
        One per column, applied to `probabilities`; 0.5 each if left out.

    """
    probabilities = scores if probabilities is None else probabilities
    columns = columns_of(target, scores)
    calibrated = columns_of(target, probabilities)
    limits = np.full(columns.shape[1], 0.5) if thresholds is None else np.asarray(thresholds)
    flags = calibrated >= limits
    exclusive = target.kind in ("multi-class", "ordinal")
    decided = flags
    if exclusive:
        decided = calibrated.argmax(axis=1)[:, None] == np.arange(columns.shape[1])
    return Sample(
        questions(target, truth),
        columns,
        calibrated,
        flags,
        decided,
        exclusive,
        ordinal=target.kind == "ordinal",
        scored=None if target.score_on is None else scored_columns(target),
    )


def scored_columns(target: Target) -> tuple[int, ...]:
    """Return the places of the columns over which means are taken."""
    return tuple(column_names(target).index(name) for name in target.scored)


def questions(target: Target, truth: Floats) -> Floats:
    """Turn target columns into yes-or-no columns; unknown stays NaN in all of them.

    From shape (cases, target columns), class index or 0/1 a label, to (cases, columns), 0 or 1.
    """
    if target.kind == "multi-label":
        return truth.astype(np.float64)
    index = truth[:, :1]
    wanted = np.array([1.0]) if target.kind == "binary" else np.arange(len(target.classes))
    return np.where(np.isnan(index), np.nan, (index == wanted).astype(np.float64))


def columns_of(target: Target, scores: Floats) -> Floats:
    """Return the score columns that answer the questions (binary: the positive class).

    From shape (cases, classes) to float64 of shape (cases, columns).
    """
    scores = scores.astype(np.float64)
    return scores[:, 1:] if target.kind == "binary" else scores


def column_names(target: Target) -> list[str]:
    """Return the class that each column asks about."""
    return target.classes[1:] if target.kind == "binary" else list(target.classes)


def decisions(target: Target, sample: Sample) -> np.ndarray:
    """Return class indices, shape (cases, 1), or 0/1 per label, shape (cases, labels)."""
    if target.kind in ("multi-class", "ordinal"):
        return np.asarray(sample.decided.argmax(axis=1)[:, None])
    return sample.decided.astype(np.int64)


def logit(probabilities: Floats) -> Floats:
    """Return log odds, of any shape; probabilities are kept `EPSILON` away from 0 and 1."""
    inside = np.clip(probabilities, EPSILON, 1 - EPSILON)
    odds: Floats = np.log(inside) - np.log1p(-inside)
    return odds


def logits_of(target: Target, scores: Floats) -> Floats:
    """Return the logits that probabilities come from, but for a constant per case.

    Parameters
    ----------
    target
        What is predicted.
    scores
        Shape (cases, classes): probabilities in 0..1, kept `EPSILON` away from 0.

    Returns
    -------
    ndarray
        Float64: log odds (cases, labels) of labels and (cases, 1) of the positive class; of
        exclusive classes log probabilities (cases, classes).

    """
    scores = scores.astype(np.float64)
    if target.kind in ("multi-label", "binary"):
        return logit(columns_of(target, scores))
    powers: Floats = np.log(np.clip(scores, EPSILON, 1.0))
    return powers


def probabilities_of(target: Target, logits: Floats) -> Floats:
    """Return the probabilities (cases, classes) of logits as `logits_of` gives them.

    The sigmoid of labels and of the positive class, the softmax of exclusive classes.
    """
    if target.kind in ("multi-label", "binary"):
        yes: Floats = 1 / (1 + np.exp(-logits))
        return np.column_stack([1 - yes, yes]) if target.kind == "binary" else yes
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares
