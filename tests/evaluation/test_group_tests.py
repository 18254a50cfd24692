"""Subgroups against the rest."""

import math

import numpy as np
import pytest

from radpipe.evaluation.group_tests import compare_groups, groups_of
from radpipe.evaluation.sample import make_sample
from tests.evaluation.conftest import THREE


def two_groups(binary, *, missed, n=40):
    """Return n positives and negatives of each sex; of the men's positives so many are missed."""
    truth = np.tile(np.repeat([1.0, 0.0], n), 2)
    scores = np.where(truth == 1, 0.8, 0.3)
    scores[:missed] = 0.4
    scores[2 * n : 2 * n + 4] = 0.4
    sex = np.repeat(np.array(["m", "f"], dtype=object), 2 * n)
    return binary(truth, scores), np.arange(4 * n), {"sex": sex}


def rows_of(*args):
    return {(row["value"], row["metric"]): row for row in compare_groups(*args, 0.95)}


def test_a_group_in_which_more_is_missed(binary):
    """Men 20 of 40 found, women 36 of 40: difference -0.4, all 56 of 80.

    z^2 is Pearson's without correction, 0.16 / (0.7 * 0.3 / 20), times 79 / 80.
    """
    found = rows_of(*two_groups(binary, missed=20))
    row = found["m", "sensitivity"]
    assert row["inside"]["value"] == 0.5
    assert row["difference"]["value"] == pytest.approx(-0.4)
    z = math.sqrt(0.16 / (0.7 * 0.3 / 20) * 79 / 80)
    assert row["p"] == pytest.approx(math.erfc(z / math.sqrt(2)))
    assert row["difference"]["high"] < 0
    assert found["f", "sensitivity"]["p"] == row["p"]
    # Specificity is the same to the case; two groups are one question of each measure.
    assert found["m", "specificity"]["p"] == 1
    assert row["p_holm"] == pytest.approx(min(1, 3 * row["p"]))


def test_a_small_group_without_a_miss_is_not_certain(binary):
    """20 of 20 men, 40 of 50 women: Pearson's p is 0.031, that of two variances 0.0004."""
    counts, hits = (20, 50), (20, 40)
    scores = np.concatenate([np.arange(n) < k for n, k in zip(counts, hits, strict=True)]) * 0.5
    truth = np.append(np.ones(70), np.zeros(70))
    sex = np.repeat(np.array(["m", "f", "m", "f"], dtype=object), [20, 50, 35, 35])
    sample = binary(truth, np.append(scores + 0.3, np.full(70, 0.3)))
    row = rows_of(sample, np.arange(140), {"sex": sex})["m", "sensitivity"]
    z = math.sqrt(0.04 / (6 / 7 * (1 / 7) * 0.07) * 69 / 70)
    assert row["p"] == pytest.approx(math.erfc(z / math.sqrt(2)))


def test_observed_minus_expected_by_hand(binary):
    """Women: 40 of 80 ill, probabilities 36 * 0.8 + 4 * 0.4 + 40 * 0.3 = 42.4 of 80."""
    found = rows_of(*two_groups(binary, missed=20))
    row = found["f", "observed_minus_expected"]
    assert row["inside"]["value"] == pytest.approx((40 - 42.4) / 80)


def test_too_few_patients_are_not_compared(binary):
    sample, owner, covariates = two_groups(binary, missed=4, n=12)
    row = rows_of(sample, owner, covariates)["m", "sensitivity"]
    assert (row["difference"], row["p"]) == (None, None)
    assert row["why"] == "12 patients, 20 are needed on both sides"


def test_intersections_of_cases_enough():
    sex = np.array(["m", "f"] * 100, dtype=object)
    view = np.array(["ap"] * 150 + ["pa"] * 50, dtype=object)
    names = [(group.covariate, group.value) for group in groups_of({"sex": sex, "view": view})]
    assert names[4:] == [("sex and view", "f and ap"), ("sex and view", "m and ap")]


def test_exclusive_classes_have_no_mean_calibration():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, (300, 1)).astype(float)
    sample = make_sample(THREE, truth, rng.dirichlet([1, 1, 1], 300))
    sex = np.array(["m", "f"] * 150, dtype=object)
    rows = compare_groups(sample, np.arange(300) // 2, {"sex": sex}, 0.95)
    assert {row["metric"] for row in rows} == {"sensitivity", "specificity"}
    assert all(row["inside"]["low"] <= row["inside"]["value"] for row in rows)
