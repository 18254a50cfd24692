"""Metrics of grades: values worked out by hand, and their limits."""

import numpy as np
import pytest

from radpipe.core.settings import Target
from radpipe.evaluation.metrics import METRICS, names_for, values
from radpipe.evaluation.sample import make_sample
from tests.evaluation.conftest import BINARY, GRADES, LABELS, THREE
from tests.evaluation.test_metrics import SCORE, SCORE3, TRUTH, TRUTH3

NAN = float("nan")
# Grades 0 0 1 1 2 2 decided as 0 2 1 0 2 1: distances 0 2 0 1 0 1.
GRADE = [0, 0, 1, 1, 2, 2]
GRADE_SCORE = [
    [0.7, 0.2, 0.1],
    [0.3, 0.3, 0.4],
    [0.3, 0.4, 0.3],
    [0.6, 0.2, 0.2],
    [0.1, 0.3, 0.6],
    [0.2, 0.5, 0.3],
]
GRADE_HAND = [
    pytest.param("accuracy", [3 / 6], id="three right"),
    pytest.param("recall", [1 / 2, 1 / 2, 1 / 2, 1 / 2], id="one of two each"),
    pytest.param("precision", [1 / 2, 1 / 2, 1 / 2, 1 / 2], id="two decided each"),
    pytest.param("kappa", [(1 / 2 - 1 / 3) / (1 - 1 / 3)], id="a third by chance"),
    pytest.param("grade_error", [4 / 6], id="mean distance"),
    # Squared 0 4 0 1 0 1: 1 on average. Of independent ones 2/9 are 2 apart and 4/9 are 1.
    pytest.param("quadratic_kappa", [1 - 1 / (2 / 9 * 4 + 4 / 9)], id="squared distances"),
    # At least 1, 0.3 0.7 | 0.7 0.4 0.9 0.8: 4, and 1.5 + 1 + 2 + 2 of 8 pairs.
    # At least 2, 0.1 0.4 0.3 0.2 | 0.6 0.3: 4, and 2.5 of 8 pairs.
    pytest.param(
        "auc_at_least", [(6.5 / 8 + 6.5 / 8) / 2, NAN, 6.5 / 8, 6.5 / 8], id="sums of probabilities"
    ),
]


@pytest.mark.parametrize(("name", "expected"), GRADE_HAND)
def test_grades_by_hand(grades, name, expected):
    found = values(METRICS[name], grades([*GRADE, NAN], [*GRADE_SCORE, [1, 0, 0]]))
    assert found == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("name", ["quadratic_kappa", "grade_error", "auc_at_least"])
def test_classes_without_an_order_have_no_grades(three, name):
    assert np.isnan(values(METRICS[name], three(TRUTH3, SCORE3))).all()
    assert name in names_for(GRADES)
    assert not any(name in names_for(target) for target in (BINARY, THREE, LABELS))


@pytest.mark.parametrize(
    ("truth", "scores", "expected"),
    [
        pytest.param([1, 1], [[0, 1, 0]] * 2, NAN, id="all one grade"),
        pytest.param([0, 2], [[0, 1, 0]] * 2, 0, id="always the same decision"),
        pytest.param([0, 2], [[1, 0, 0], [0, 0, 1]], 1, id="all right"),
        pytest.param([0, 2], [[0, 0, 1], [1, 0, 0]], -1, id="all upside down"),
    ],
)
def test_quadratic_kappa_at_its_limits(grades, truth, scores, expected):
    found = values(METRICS["quadratic_kappa"], grades(truth, scores))
    assert found == pytest.approx([expected], nan_ok=True)


def test_two_grades_are_a_binary_question(binary):
    """The only distance is 1, so both kappas are one, and "at least 1" is the AUC."""
    target = Target(kind="ordinal", classes=["0", "1"])
    positive = np.array(SCORE)
    sample = make_sample(
        target, np.array(TRUTH, dtype=float)[:, None], np.column_stack([1 - positive, positive])
    )
    found = {name: values(METRICS[name], sample) for name in METRICS}
    assert found["quadratic_kappa"] == pytest.approx(found["kappa"])
    assert found["kappa"] == pytest.approx(values(METRICS["kappa"], binary(TRUTH, SCORE)))
    assert found["auc_at_least"] == pytest.approx([4.5 / 6, NAN, 4.5 / 6], nan_ok=True)
    assert found["grade_error"] == pytest.approx(1 - found["accuracy"])


def test_a_tie_of_sums_is_a_tie(grades):
    """0.1 + 0.2 and 0.3 differ in the last bit, but not as probabilities."""
    sample = grades([0, 1], [[0.7, 0.1, 0.2], [0.7, 0.3, 0.0]])
    assert values(METRICS["auc_at_least"], sample)[2] == 0.5
