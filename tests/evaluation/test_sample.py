"""Samples: one column per question, unknown kept unknown."""

import numpy as np
import pytest

from radpipe.evaluation.sample import EPSILON, column_names, logit, make_sample
from tests.evaluation.conftest import BINARY, LABELS, THREE

NAN = float("nan")


def test_binary_asks_for_the_positive_class():
    scores = np.array([[0.7, 0.3], [0.4, 0.6], [0.5, 0.5]])
    sample = make_sample(BINARY, np.array([[0.0], [1], [NAN]]), scores, thresholds=[0.6])
    np.testing.assert_array_equal(sample.truth[:, 0], [0, 1, NAN])
    assert sample.scores[:, 0].tolist() == [0.3, 0.6, 0.5]
    assert sample.flags[:, 0].tolist() == [False, True, False]
    assert not sample.exclusive
    assert column_names(BINARY) == ["ill"]


def test_of_three_classes_the_most_probable_is_decided():
    scores = np.array([[0.4, 0.35, 0.25], [0.1, 0.2, 0.7]])
    sample = make_sample(THREE, np.array([[1.0], [NAN]]), scores, thresholds=[0.5, 0.3, 0.2])
    assert sample.decided.tolist() == [[True, False, False], [False, False, True]]
    assert sample.flags.tolist() == [[False, True, True], [False, False, True]]
    np.testing.assert_array_equal(sample.truth, [[0, 1, 0], [NAN] * 3])
    assert sample.exclusive
    assert column_names(THREE) == ["a", "b", "c"]


def test_labels_stand_as_they_are():
    truth, scores = np.array([[1, NAN]]), np.array([[0.2, 0.5]])
    sample = make_sample(LABELS, truth, scores, probabilities=np.array([[0.6, 0.4]]))
    np.testing.assert_array_equal(sample.truth, truth)
    assert sample.flags.tolist() == [[True, False]]
    assert sample.take(np.array([False])).n_columns == 2


def test_a_label_is_a_question_of_its_own():
    truth, scores = np.array([[1.0, NAN], [0, 1]]), np.array([[0.8, 0.2], [0.5, 0.9]])
    one = make_sample(LABELS, truth, scores, thresholds=[0.6, 0.1]).column(1)
    assert (one.n_columns, one.exclusive) == (1, False)
    np.testing.assert_array_equal(one.truth, [[NAN], [1]])
    assert one.scores.tolist() == [[0.2], [0.9]]
    assert one.flags.tolist() == one.decided.tolist() == [[True], [True]]


def test_logit_is_finite():
    found = logit(np.array([0.0, 0.5, 1.0]))
    assert found == pytest.approx([np.log(EPSILON), 0, -np.log(EPSILON)], rel=1e-6)
