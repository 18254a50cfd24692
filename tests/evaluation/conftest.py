"""Small samples for the tests of scores."""

from collections.abc import Callable

import numpy as np
import pytest

from radpipe.core.settings import Target
from radpipe.evaluation.sample import Sample, make_sample

BINARY = Target(kind="binary", classes=["healthy", "ill"])
THREE = Target(kind="multi-class", classes=["a", "b", "c"])
GRADES = Target(kind="ordinal", classes=["0", "1", "2"])
LABELS = Target(kind="multi-label", classes=["edema", "fracture"])


@pytest.fixture
def binary() -> Callable[..., Sample]:
    """Build a binary sample from truths, P(positive) and a threshold."""

    def build(truth: list[float], positive: list[float], threshold: float = 0.5) -> Sample:
        scores = np.column_stack([1 - np.array(positive), positive])
        column = np.array(truth, dtype=float)[:, None]
        return make_sample(BINARY, column, scores, thresholds=[threshold])

    return build


@pytest.fixture
def three() -> Callable[..., Sample]:
    """Build a sample of three classes from class indices and probabilities."""

    def build(truth: list[float], scores: list[list[float]]) -> Sample:
        return make_sample(THREE, np.array(truth, dtype=float)[:, None], np.array(scores))

    return build


@pytest.fixture
def grades() -> Callable[..., Sample]:
    """Build a sample of three grades from grades and probabilities."""

    def build(truth: list[float], scores: list[list[float]]) -> Sample:
        return make_sample(GRADES, np.array(truth, dtype=float)[:, None], np.array(scores))

    return build


@pytest.fixture
def labels() -> Callable[..., Sample]:
    """Build a sample of two labels from 0/1/NaN and probabilities."""

    def build(truth: list[list[float]], scores: list[list[float]]) -> Sample:
        return make_sample(LABELS, np.array(truth, dtype=float), np.array(scores))

    return build
