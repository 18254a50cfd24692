"""Thresholds by hand, and that only `tune` decides them."""

import numpy as np
import pytest

from radpipe.core.settings import Evaluation
from radpipe.evaluation.operating_point import OperatingPoint, between, choose, threshold
from radpipe.evaluation.tables import plain
from tests.evaluation.conftest import BINARY, THREE

NAN = float("nan")
TRUTH = np.array([0, 0, 1, 0, 1, 1, NAN])
SCORE = np.array([0.1, 0.2, 0.3, 0.4, 0.8, 0.9, 0.5])


@pytest.mark.parametrize(
    ("rule", "least", "expected"),
    [
        # J: 0.9 1/3, 0.8 2/3, 0.4 1/3, 0.3 2/3, ...: the larger of two equals, 0.8 (and 0.4).
        pytest.param("youden", 0.9, 0.6, id="largest J, then largest threshold"),
        pytest.param("sensitivity", 0.9, 0.25, id="all three positives"),
        pytest.param("sensitivity", 0.5, 0.6, id="two of three suffice"),
        pytest.param("sensitivity", 1 / 3, 0.85, id="exactly reached"),
        pytest.param("half", 0.9, 0.5, id="half"),
    ],
)
def test_threshold_by_hand(rule, least, expected):
    assert threshold(TRUTH, SCORE, rule=rule, least_sensitivity=least) == expected


def test_lowest_threshold_lies_half_way_to_zero():
    found = threshold(np.array([1.0, 0]), np.array([0.2, 0.6]), rule="sensitivity")
    assert found == 0.1


def test_one_class_alone_chooses_nothing():
    assert threshold(np.array([1.0, NAN]), np.array([0.2, 0.6]), rule="youden") == 0.5


def evaluation(**changes) -> Evaluation:
    return Evaluation.model_validate(
        {"bootstrap": 100, "confidence": 0.95, "seed": 1, "threshold": "youden", **changes}
    )


def test_point_is_applied_as_it_is_written():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, (60, 1)).astype(float)
    odds = rng.normal(size=60) + 2 * truth[:, 0]
    positive = 1 / (1 + np.exp(-3 * odds))
    scores = np.column_stack([1 - positive, positive])
    point = choose(BINARY, truth, scores, evaluation())
    written = point.as_json()
    assert written["chosen_on"] == "tune"
    assert written["rule"] == "youden"
    assert point.temperature > 1.5  # odds were three times too large
    again = OperatingPoint("youden", tuple(written["thresholds"]), written["temperature"])
    a, b = (one.sample(BINARY, truth, scores) for one in (point, again))
    np.testing.assert_array_equal(a.flags, b.flags)
    sensitivity, specificity = a.flags[truth == 1].mean(), (~a.flags[truth == 0]).mean()
    best = max(
        (positive[truth[:, 0] == 1] >= t).mean() + (positive[truth[:, 0] == 0] < t).mean()
        for t in positive
    )
    assert sensitivity + specificity == pytest.approx(best)


def test_three_classes_have_three_thresholds_and_the_same_winner():
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 3, (90, 1)).astype(float)
    scores = rng.dirichlet([1, 1, 1], 90)
    point = choose(THREE, truth, scores, evaluation(threshold="half"))
    assert point.thresholds == (0.5, 0.5, 0.5)
    sample = point.sample(THREE, truth, scores)
    np.testing.assert_array_equal(sample.decided.argmax(axis=1), scores.argmax(axis=1))


def test_saturated_scores_keep_their_positives():
    """Between 1 - 2e-7 and 1 - 1e-7 no number has six decimals; rounded, none were found."""
    truth, chances = np.array([1.0, 1, 0, 0]), 1 - np.array([1e-7, 1e-7, 2e-7, 3e-7])
    limit = threshold(truth, chances, rule="youden")
    assert chances[2] < limit <= chances[1]
    written = plain(OperatingPoint("youden", (limit,), 1.0).as_json())
    assert OperatingPoint.from_json(written).thresholds == (limit,)
    least = threshold(truth, np.array([1e-9, 1e-9, 0, 0]), rule="youden")
    assert 0 < least <= 1e-9


@pytest.mark.parametrize(
    ("below", "level", "expected"),
    [
        (0.2, 0.4, 0.3),
        (0.0, 1.0, 0.5),
        (0.1, 0.1000004, 0.1000002),
        (0.3, np.nextafter(0.3, 1), np.nextafter(0.3, 1)),
    ],
)
def test_a_number_between_has_few_decimals(below, level, expected):
    assert between(below, level) == pytest.approx(expected, abs=1e-17)
