"""Intervals: hand values for BCa, coverage, and patients as the unit."""

import numpy as np
import pytest
from scipy.stats import bootstrap, norm

from radpipe.core.settings import Target
from radpipe.evaluation.draws import Draws, leave_out
from radpipe.evaluation.intervals import (
    acceleration,
    bca,
    difference,
    estimate,
    percentile,
    spread,
)
from radpipe.evaluation.metrics import METRICS, values
from radpipe.evaluation.sample import make_sample

NAN = float("nan")
BINARY = Target(kind="binary", classes=["no", "yes"])


def sample_of(truth, positive):
    positive = np.asarray(positive, dtype=float)
    scores = np.column_stack([1 - positive, positive])
    return make_sample(BINARY, np.asarray(truth, dtype=float)[:, None], scores)


def test_percentile_by_hand():
    """Of 0, 1, .., 100 the middle 90 % is 5 to 95."""
    assert percentile(np.arange(101.0), confidence=0.9) == pytest.approx((5, 95))


def test_undefined_draws_are_left_out_until_they_are_most():
    assert percentile(np.array([1.0, 1.0, NAN]), confidence=0.95) == (1, 1)
    assert np.isnan(percentile(np.array([1.0, NAN, NAN]), confidence=0.95)).all()
    assert np.isnan(bca(1.0, np.array([1.0, NAN, NAN]), np.ones(3), confidence=0.95)).all()


def test_acceleration_by_hand():
    """Left-out values 1, 2, 6 have mean 3, distances 2, 1, -3: sums 14 and -18."""
    assert acceleration(np.array([1.0, 2.0, 6.0])) == pytest.approx(-18 / (6 * 14**1.5))
    assert acceleration(np.array([2.0, 2.0])) == 0
    assert acceleration(np.array([NAN])) == 0


def test_bca_without_bias_and_skew_is_the_percentile_interval():
    draws = np.random.default_rng(0).permutation(np.arange(-1000.0, 1001.0))
    jackknife = np.array([-1.0, 0.0, 1.0])
    assert bca(0.0, draws, jackknife, confidence=0.9) == pytest.approx((-900, 900))


def test_bca_with_bias_by_hand():
    """A share of Phi(0.1) below: with no skew the ends move by 2 x 0.1 standard units."""
    share_below, ends = 0.539828, (0.0742, 0.9675)  # Phi(0.1); Phi(-1.4449), Phi(1.8449)
    draws = np.linspace(0, 1, 100_001)
    low, high = bca(share_below, draws, np.array([-1.0, 0.0, 1.0]), confidence=0.9)
    assert (low, high) == pytest.approx(ends, abs=1e-4)


def test_bca_with_skew_by_hand():
    """Left-out values 1, 2, 6: a = -18 / (6 x 14^1.5) = -0.057270, no bias.

    z / (1 - a z) at -+1.644854 is -1.815915 and 1.503246, whose Phi are 0.034691, 0.933612.
    """
    draws = np.linspace(0, 1, 100_001)
    found = bca(0.5, draws, np.array([1.0, 2.0, 6.0]), confidence=0.9)
    assert found == pytest.approx((0.034691, 0.933612), abs=2e-4)


def test_bca_agrees_with_scipy():
    """SciPy's bootstrap of a mean, same kind of interval, other random numbers."""
    rng = np.random.default_rng(5)
    data = rng.exponential(size=40)
    theirs = bootstrap((data,), np.mean, n_resamples=9999, method="BCa", rng=rng)
    draws = rng.choice(data, size=(9999, 40)).mean(axis=1)
    left = (data.sum() - data) / 39
    low, high = bca(data.mean(), draws, left, confidence=0.95)
    width = theirs.confidence_interval.high - theirs.confidence_interval.low
    assert low == pytest.approx(theirs.confidence_interval.low, abs=0.04 * width)
    assert high == pytest.approx(theirs.confidence_interval.high, abs=0.04 * width)


def test_bca_is_undefined_where_all_draws_lie_on_one_side():
    assert np.isnan(bca(2.0, np.array([0.0, 1.0]), np.ones(2), confidence=0.9)).all()


def test_grouped_jackknife_has_the_same_acceleration():
    """For a mean, leaving out groups estimates the skewness of the mean as single cases do."""
    rng = np.random.default_rng(1)
    skewed = rng.exponential(size=6000)
    alone = acceleration((skewed.sum() - skewed) / 5999)
    grouped = acceleration((skewed.sum() - skewed.reshape(400, 15).sum(axis=1)) / 5985)
    assert alone == pytest.approx(2 / 6 / np.sqrt(6000), rel=0.2)
    assert grouped == pytest.approx(alone, abs=0.002)


def test_jackknife_values_by_hand():
    sample = sample_of([1, 0, 1, 0], [0.9, 0.1, 0.2, 0.4])
    left = spread(sample, leave_out(np.arange(4)), ["auc", "accuracy"])
    # Without 0.9: 1 of 2 pairs; without 0.1: 1 of 2; without 0.2: 2 of 2; without 0.4: 2 of 2.
    np.testing.assert_allclose(left["auc"][0], [1 / 2, 1 / 2, 1, 1])
    np.testing.assert_allclose(left["accuracy"][0], [2 / 3, 2 / 3, 1, 2 / 3])


def test_draws_equal_repeated_cases():
    """A weighted draw is the metric of the repeated cases."""
    sample = sample_of([1, 0, 1, 0, 1, 0], [0.9, 0.1, 0.2, 0.4, 0.7, 0.7])
    owner = np.array([0, 0, 1, 1, 2, 2])
    draws = Draws(owner, 1, lambda: lambda n: np.array([[2.0], [0], [1]]))
    rows = np.array([0, 0, 1, 1, 4, 5])
    for name in ("auc", "brier"):
        found = spread(sample, draws, [name])[name][:, 0]
        np.testing.assert_allclose(found, values(METRICS[name], sample.take(rows)))


def simulate(rng, patients, per_patient, shift):
    """Cases whose scores share a patient's part; the AUC is Phi(shift / sqrt(2))."""
    truth = np.repeat(rng.integers(0, 2, patients), per_patient)
    own = np.repeat(rng.normal(size=patients), per_patient)
    noise = np.sqrt(0.5) * own + np.sqrt(0.5) * rng.normal(size=patients * per_patient)
    score = 1 / (1 + np.exp(-(noise + shift * truth)))
    return sample_of(truth, score), np.repeat(np.arange(patients), per_patient)


def test_coverage_of_clustered_intervals():
    """200 small studies: a 90 % interval holds the truth about nine times in ten.

    Drawing images instead of patients, it must hold it less often.
    """
    rng, shift, kept = np.random.default_rng(7), 1.0, {"patient": 0, "image": 0}
    expected = norm.cdf(shift / np.sqrt(2))
    for _ in range(200):
        sample, owner = simulate(rng, 60, 4, shift)
        one = estimate(sample, owner, ["auc"], n_draws=200, confidence=0.9, rng=rng)["auc"]
        image = estimate(
            sample, np.arange(len(owner)), ["auc"], n_draws=200, confidence=0.9, rng=rng
        )["auc"]
        for name, (low, high) in (("patient", one.interval()), ("image", image.interval())):
            kept[name] += low <= expected <= high
    assert 0.85 <= kept["patient"] / 200 <= 0.95
    assert kept["image"] / 200 < kept["patient"] / 200 - 0.08


def test_differences_are_paired():
    """Two variants that differ by little on the same cases: far narrower than unpaired."""
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 2, 200)
    odds = rng.normal(size=200) + truth
    pair = []
    for shift in (0.0, 0.2):
        chance = 1 / (1 + np.exp(-(odds + shift * truth)))
        pair.append(
            estimate(
                sample_of(truth, chance),
                np.arange(200),
                ["auc"],
                n_draws=300,
                rng=np.random.default_rng(1),
            )
        )
    found = difference(pair[1], pair[0], "auc")
    low, high = found.interval()
    assert 0 < low < found.value[0] < high
    alone = pair[0]["auc"].interval()
    assert high - low < (alone[1] - alone[0]) / 3


def test_unequal_draws_are_not_paired():
    a, b = (
        estimate(
            sample_of([0, 1], [0.1, yes]),
            np.arange(2),
            ["brier"],
            n_draws=n,
            rng=np.random.default_rng(1),
        )
        for n, yes in ((4, 0.9), (5, 0.8))
    )
    with pytest.raises(ValueError, match="brier: draws of shapes"):
        difference(a, b, "brier")


def test_an_undefined_value_has_no_interval():
    one = estimate(
        sample_of([1, 1], [0.1, 0.9]),
        np.arange(2),
        ["auc"],
        n_draws=9,
        rng=np.random.default_rng(0),
    )["auc"]
    assert np.isnan(one.interval()).all()
    assert one.judged()[2] == "one answer only"


def test_a_difference_of_draws_has_students_interval():
    """The mean difference of 20 cases, times sqrt(20 / 19), t of 19 degrees of freedom: 2.093."""
    rng = np.random.default_rng(3)
    truth = np.arange(20) % 2
    pair = [
        estimate(
            sample_of(truth, np.clip(0.5 + 0.3 * (truth - 0.5) + noise, 0.01, 0.99)),
            np.arange(20),
            ["brier"],
            n_draws=4000,
            rng=np.random.default_rng(1),
        )
        for noise in 0.1 * rng.normal(size=(2, 20))
    ]
    change = difference(*pair, "brier")
    low, high = change.interval()
    assert (low + high) / 2 == pytest.approx(change.value[0])
    spread = (pair[0]["brier"].draws - pair[1]["brier"].draws)[0].std(ddof=1)
    assert (high - low) / 2 == pytest.approx(2.093 * spread * np.sqrt(20 / 19), rel=1e-3)
    same = difference(pair[0], pair[0], "brier")
    assert same.interval() == (0, 0)


def test_two_that_agree_on_everything_have_no_interval_of_kappa():
    sample = sample_of([1, 0] * 10, [0.9, 0.1] * 10)
    one = estimate(sample, np.arange(20), ["kappa"], n_draws=50, rng=np.random.default_rng(1))
    assert one["kappa"].judged()[2] == "every draw of patients gives the same value"
    low, high, why = difference(one, one, "kappa").judged()
    assert np.isnan([low, high]).all()
    assert why == "every draw of patients gives the same value"


def estimates(truth, positive, owner, *names):
    return estimate(
        sample_of(truth, positive), owner, names, n_draws=60, rng=np.random.default_rng(1)
    )


def test_only_the_same_answers_certainly_differ_by_nothing():
    """19 of 20 decided alike by scores that are others, in closed form and from draws."""
    truth = np.arange(20) % 2
    first = np.where(truth == 1, 0.9, 0.1)
    first[0] = 0.8
    names = ("accuracy", "kappa")
    one, other = (estimates(truth, p, np.arange(20), *names) for p in (first, first * 0.9))
    for name in names:
        assert one[name].value[0] == other[name].value[0] < 1
        assert difference(one, one, name).interval() == (0, 0)
    low, high = difference(one, other, "accuracy").interval()
    assert low < -0.1 < 0.1 < high
    low, high, why = difference(one, other, "kappa").judged()
    assert np.isnan([low, high]).all()
    assert why == "every draw of patients gives the same value"


def test_a_positive_likelihood_ratio_of_one_is_no_certainty():
    """Every patient has one case of each answer, and the same decision on both."""
    truth, owner = np.tile([1, 0], 20), np.repeat(np.arange(20), 2)
    positive = np.where(owner % 2 == 0, 0.9, 0.1)
    found = estimates(truth, positive, owner, "positive_likelihood_ratio")
    low, high = found["positive_likelihood_ratio"].interval()
    assert low < 0.97
    assert high > 1.03


def test_one_patient_has_no_interval_of_draws():
    """Whatever rounding makes of sixty draws of the same patient."""
    rng, owner = np.random.default_rng(2), np.zeros(30, dtype=int)
    pair = [estimates(np.arange(30) % 2, rng.random(30), owner, "brier") for _ in range(2)]
    assert pair[0]["brier"].judged()[2] == "one patient"
    low, high, why = difference(*pair, "brier").judged()
    assert np.isnan([low, high]).all()
    assert why == "one patient"
