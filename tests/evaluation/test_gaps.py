"""Intervals of sums of sizes: hand values, coverage, and that every interval holds its estimate."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radpipe.core.settings import Target
from radpipe.evaluation.gaps import (
    largest_by_chance,
    mean_size,
    shrunk,
    shrunk_alike,
    sum_of_sizes,
)
from radpipe.evaluation.intervals import Estimate, estimate
from radpipe.evaluation.metrics import METRICS, names_for, values
from radpipe.evaluation.sample import make_sample

TARGETS = [
    Target(kind="binary", classes=["no", "yes"]),
    Target(kind="multi-class", classes=["a", "b", "c"]),
    Target(kind="ordinal", classes=["0", "1", "2"]),
    Target(kind="multi-label", classes=["a", "b"]),
]
BINARY = TARGETS[0]


def test_mean_size_by_hand():
    """Of N(1, 1): 0.797885 exp(-1/2) + Phi(1) - Phi(-1) = 0.483941 + 0.682689."""
    assert mean_size(1, 1) == pytest.approx(1.166630, abs=1e-6)
    assert mean_size(0, 2) == pytest.approx(2 * math.sqrt(2 / math.pi))
    assert mean_size(0.3, 0) == 0.3


def test_what_chance_adds_is_taken_off_again():
    assert shrunk(1.166630, 1) == pytest.approx(1, abs=1e-5)
    assert shrunk(0.79, 1) == 0
    assert shrunk(0.5, 0) == pytest.approx(0.5)
    assert shrunk_alike(np.array([1.0, 3.0]), np.zeros(2)) == pytest.approx(4)
    # Two alike are as one.
    both = shrunk_alike(np.full(2, 1.166630), np.ones(2))
    assert both == pytest.approx(2 * shrunk_alike(np.full(1, 1.166630), np.ones(1)))
    assert shrunk_alike(np.array([0.5, 0.9]), np.ones(2)) == pytest.approx(0, abs=1e-9)


def test_largest_by_chance_agrees_with_simulation():
    rng = np.random.default_rng(2)
    influence = rng.normal(size=(6, 400)) + 0.5 * rng.normal(size=400)
    drawn = np.abs(rng.normal(size=(20_000, 400)) @ influence.T).sum(axis=1)
    assert largest_by_chance(influence, 0.95) == pytest.approx(np.quantile(drawn, 0.95), rel=0.02)
    one = largest_by_chance(influence[:1], 0.95) / np.sqrt((influence[0] ** 2).sum())
    assert one == pytest.approx(1.96, rel=0.02)


def test_nothing_that_moves_has_no_interval():
    still = sum_of_sizes(np.array([0.0]), np.zeros((1, 4)), 0.95)
    assert (still.value, math.isnan(still.low), still.why) == (
        0, True, "leaving out any patient gives the same value",
    )  # fmt: skip
    assert sum_of_sizes(np.array([0.2]), np.ones((1, 1)), 0.95).why == "one patient"
    assert sum_of_sizes(np.array([np.nan]), np.ones((1, 4)), 0.95).why == "undefined"


def test_interval_of_the_calibration_error_holds_the_truth():
    """Of 60 patients: calibrated, so that 0 is the truth; and probabilities that are 0.2 too high.

    Limits of drawn patients (BCa) hold 0 in none of such studies.
    """
    rng, held = np.random.default_rng(5), {0.0: 0, 0.2: 0}
    for _ in range(200):
        owner = np.repeat(np.arange(60), rng.integers(1, 4, 60))
        chance = rng.uniform(0.05, 0.75, size=60)[owner]
        truth = (rng.random(len(owner)) < chance).astype(float)
        for more in held:
            shown = chance + more
            sample = make_sample(BINARY, truth[:, None], np.column_stack([1 - shown, shown]))
            [row] = METRICS["ece"].rows(sample, owner, 0.95)
            assert row.value == pytest.approx(values(METRICS["ece"], sample)[0])
            held[more] += row.low <= more <= row.high
    assert [n / 200 for n in held.values()] == pytest.approx([0.95, 0.95], abs=0.04)


@st.composite
def samples(draw):
    target = draw(st.sampled_from(TARGETS))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    patients = draw(st.integers(1, 30))
    owner = np.sort(rng.integers(patients, size=draw(st.integers(patients, 60))))
    owner = np.unique(owner, return_inverse=True)[1]
    n, k = len(owner), len(target.classes)
    sure = draw(st.sampled_from([0.3, 2.0, 30.0]))
    chance = np.exp(sure * rng.normal(size=(n, k)))
    chance = chance / (1 + chance if target.kind == "multi-label" else chance.sum(axis=1)[:, None])
    if target.kind == "multi-label":
        truth = (rng.random((n, k)) < chance).astype(float)
    else:
        truth = (rng.random((n, 1)) > chance.cumsum(axis=1)).sum(axis=1)[:, None].astype(float)
        truth = np.minimum(truth, k - 1)
    return target, make_sample(target, truth, chance), owner


@settings(max_examples=80, deadline=None)
@given(samples())
def test_every_interval_holds_its_estimate(given_sample):
    target, sample, owner = given_sample
    rng = np.random.default_rng(0)
    for name, one in estimate(sample, owner, names_for(target), n_draws=60, rng=rng).items():
        for row, value in enumerate(one.value):
            low, high, why = one.judged(row)
            assert (low <= value + 1e-12 and value <= high + 1e-12) or why, (name, row, low, high)


def test_draws_beside_the_value_are_no_interval():
    beside = np.linspace(1, 2, 50)[None]
    one = Estimate(np.array([0.5]), 0.95, draws=beside, jackknife=np.array([[0.4, 0.5, 0.6]]))
    low, _, why = one.judged()
    assert math.isnan(low)
    assert why.startswith("draws of patients lie to one side of it")
