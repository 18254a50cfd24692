"""Likelihood ratios: scikit-learn as an oracle, and intervals in closed form."""

import numpy as np
import pytest
from sklearn.metrics import class_likelihood_ratios

from radpipe.evaluation.metrics import METRICS, values
from radpipe.evaluation.shares import wilson


def counted(binary, hits, positives, alarms, negatives):
    """Return a sample with so many true and false positives."""
    truth = [1] * positives + [0] * negatives
    flags = [0.9] * hits + [0.1] * (positives - hits) + [0.9] * alarms
    return binary(truth, [*flags, *[0.1] * (negatives - alarms)])


def test_ratios_against_scikit_learn(binary):
    sample = counted(binary, 23, 30, 9, 60)
    expected = class_likelihood_ratios(sample.truth[:, 0], sample.decided[:, 0])
    names = ("positive_likelihood_ratio", "negative_likelihood_ratio")
    found = [values(METRICS[name], sample)[0] for name in names]
    assert found == pytest.approx(expected)


def test_the_interval_of_a_ratio_by_hand(binary):
    """Arms of log 23/30 and log 9/60, by Wilson, are put together as those of a difference."""
    sample = counted(binary, 23, 30, 9, 60)
    (row,) = METRICS["positive_likelihood_ratio"].rows(sample, np.arange(90), 0.95)
    (low, high), (down, up) = (
        wilson(p, n, confidence=0.95) for p, n in ((23 / 30, 30), (0.15, 60))
    )
    below = np.hypot(np.log(23 / 30 / low), np.log(up / 0.15))
    above = np.hypot(np.log(high / (23 / 30)), np.log(0.15 / down))
    value = (23 / 30) / 0.15
    assert (row.value, row.low, row.high) == pytest.approx(
        (value, value * np.exp(-below), value * np.exp(above))
    )


def test_why_a_ratio_has_no_interval(binary):
    (none,) = METRICS["negative_likelihood_ratio"].rows(
        counted(binary, 9, 9, 1, 9), np.arange(18), 0.95
    )
    assert (none.value, none.why) == (0, "no such answer with the finding")
    (never,) = METRICS["positive_likelihood_ratio"].rows(
        counted(binary, 9, 9, 0, 9), np.arange(18), 0.95
    )
    assert np.isnan(never.value)
    assert never.why == "no such answer without the finding"
