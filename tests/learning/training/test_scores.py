"""The scores that training watches, by hand and against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, roc_auc_score

from radpipe.core.errors import ConfigError
from radpipe.learning.training.scores import area, larger_is_better, quadratic_kappa, tune_scores
from tests.small_study import GRADES, LABELS, THREE, TWO

NAN = float("nan")


def test_area_counts_pairs_and_halves_ties():
    positive = np.array([True, True, False, False])
    # Pairs: 0.9>0.5, 0.9>0.1, 0.5=0.5 (half), 0.5>0.1: 3.5 of 4.
    assert area(positive, np.array([0.9, 0.5, 0.5, 0.1])) == 3.5 / 4
    assert np.isnan(area(np.array([True]), np.array([0.5])))


def test_area_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    truth, score = rng.random(200) < 0.3, rng.integers(0, 20, 200) / 20
    assert area(truth, score) == pytest.approx(roc_auc_score(truth, score), abs=1e-12)


def test_binary_scores_leave_unknown_targets_out():
    truth = np.array([[0], [0], [0], [1], [NAN]])
    positive = np.array([0.1, 0.2, 0.8, 0.7, 0.0])
    found = tune_scores(truth, np.stack([1 - positive, positive], 1), TWO)
    assert found == pytest.approx(
        {"auc": 2 / 3, "accuracy": 3 / 4, "balanced_accuracy": (2 / 3 + 1) / 2}
    )


def test_three_classes_are_averaged_where_defined():
    truth = np.array([[0], [1], [1]])
    scores = np.array([[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.5, 0.4, 0.1]])
    assert tune_scores(truth, scores, THREE) == pytest.approx(
        {"auc": 1.0, "accuracy": 2 / 3, "balanced_accuracy": 0.75}
    )


def test_labels_are_scored_one_by_one():
    truth = np.array([[0, 1], [1, NAN], [1, NAN]])
    scores = np.array([[0.6, 0.9], [0.7, 0.1], [0.2, 0.1]])
    found = tune_scores(truth, scores, LABELS)
    assert found == pytest.approx(
        {"auc": 0.5, "accuracy": (1 / 3 + 1) / 2, "balanced_accuracy": (0.25 + 1) / 2}
    )


def test_grades_have_a_kappa():
    """Grades 0 1 2 and an unknown one, decided as 0 1 1: 1/3, by chance (2 + 1 + 6) / 9."""
    truth = np.array([[0], [1], [2], [NAN]])
    scores = np.array([[0.8, 0.1, 0.1], [0.2, 0.5, 0.3], [0.1, 0.6, 0.3], [1, 0, 0]])
    found = tune_scores(truth, scores, GRADES)
    assert list(found) == ["auc", "accuracy", "balanced_accuracy", "quadratic_kappa"]
    assert found["quadratic_kappa"] == pytest.approx(1 - 1 / 3)


def test_kappa_agrees_with_scikit_learn():
    truth, decided = np.random.default_rng(0).integers(0, 5, (2, 300))
    decided = np.where(np.arange(300) % 3, decided, truth)
    expected = cohen_kappa_score(truth, decided, weights="quadratic")
    assert quadratic_kappa(truth, decided) == pytest.approx(expected)


@pytest.mark.parametrize("target", [TWO, GRADES])
def test_nothing_known_is_undefined(target):
    found = tune_scores(np.array([[NAN]]), np.ones((1, len(target.classes))), target)
    assert all(np.isnan(value) for value in found.values())


def test_names_have_directions():
    assert larger_is_better("auc")
    assert not larger_is_better("loss")
    with pytest.raises(ConfigError, match="unknown 'acc', did you mean 'auc'"):
        larger_is_better("acc")
