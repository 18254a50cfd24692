"""Means of several variants, worked out by hand, and which of them is chosen on `tune`."""

import numpy as np
import pytest

from radpipe.core.errors import DataError
from radpipe.core.settings import Evaluation
from radpipe.evaluation.ensemble import EnsembleCases
from radpipe.evaluation.members import choose_mean, combine, mean_scores, parts_of
from radpipe.evaluation.sample import logits_of, probabilities_of
from tests.evaluation.conftest import BINARY, GRADES, LABELS, THREE

NAN = float("nan")
RUN = (0, 0)


def cases(scores, truth=None, names=None) -> EnsembleCases:
    """Return cases named a, b, ... of patients of their own."""
    names = names or [chr(ord("a") + k) for k in range(len(scores))]
    truth = np.zeros(len(scores)) if truth is None else truth
    truth = np.array(truth, dtype=float).reshape(len(scores), -1)
    text = np.array(names, dtype=object)
    return EnsembleCases(text, text, truth, np.array(scores, dtype=float))


def test_probabilities_of_classes_are_averaged_one_by_one():
    found = mean_scores(
        THREE, [np.array([[0.5, 0.3, 0.2]]), np.array([[0.1, 0.1, 0.8]])], "probabilities"
    )
    np.testing.assert_allclose(found, [[0.3, 0.2, 0.5]])


def test_logits_of_classes_are_averaged_and_brought_back_by_the_softmax():
    """Roots of 0.8 * 0.2, 0.1 * 0.4 and 0.1 * 0.4 are 0.4, 0.2 and 0.2, which come to 0.8."""
    found = mean_scores(THREE, [np.array([[0.8, 0.1, 0.1]]), np.array([[0.2, 0.4, 0.4]])], "logits")
    np.testing.assert_allclose(found, [[0.5, 0.25, 0.25]])


@pytest.mark.parametrize("target", [THREE, GRADES])
def test_logits_of_networks_and_of_their_probabilities_have_the_same_mean(target):
    """What a softmax adds to all logits of a case is lost, and changes nothing."""
    logits = np.array([[[2.0, -1.0, 0.5]], [[-3.0, 0.0, 7.0]]])
    own = [probabilities_of(target, one) for one in logits]
    found = mean_scores(target, own, "logits")
    np.testing.assert_allclose(found, probabilities_of(target, logits.mean(axis=0)), rtol=1e-9)


def test_logits_of_labels_are_averaged_one_by_one_and_brought_back_by_the_sigmoid():
    """Odds 9 and 1 have the mean log odds of odds 3; odds 4 and 1/4 that of 1."""
    found = mean_scores(LABELS, [np.array([[0.9, 0.8]]), np.array([[0.5, 0.2]])], "logits")
    np.testing.assert_allclose(found, [[0.75, 0.5]])
    found = mean_scores(LABELS, [np.array([[0.9, 0.8]]), np.array([[0.5, 0.2]])], "probabilities")
    np.testing.assert_allclose(found, [[0.7, 0.5]])


def test_logits_of_a_binary_target_are_those_of_its_positive_class():
    found = mean_scores(BINARY, [np.array([[0.1, 0.9]]), np.array([[0.5, 0.5]])], "logits")
    np.testing.assert_allclose(found, [[0.25, 0.75]])


@pytest.mark.parametrize("target", [BINARY, THREE, LABELS])
def test_a_network_that_is_quite_sure_leaves_the_mean_finite(target):
    sure = np.eye(len(target.classes), dtype=np.float32)[:1]
    found = mean_scores(target, [sure, 1 - sure], "logits")
    assert np.isfinite(logits_of(target, found)).all()


def test_runs_of_one_fold_and_seed_are_joined():
    """Fold 0 of one with fold 0 of the other, and never with another fold or seed."""
    first = {(0, 0): cases([[0.2, 0.8]]), (1, 0): cases([[0.4, 0.6]], names=["z"])}
    other = {(0, 0): cases([[0.6, 0.4]]), (1, 0): cases([[0.8, 0.2]], names=["z"])}
    found = combine(BINARY, {"one": first, "two": other}, "probabilities")
    assert found.keys() == first.keys()
    np.testing.assert_allclose(found[0, 0].scores, [[0.4, 0.6]])
    np.testing.assert_allclose(found[1, 0].scores, [[0.6, 0.4]])
    assert found[1, 0].case.tolist() == ["z"]


def test_cases_that_a_member_lacks_are_left_out():
    first = {RUN: cases([[0.2, 0.8], [0.3, 0.7]])}
    other = {RUN: cases([[0.5, 0.5]], names=["b"])}
    found = combine(BINARY, {"one": first, "two": other}, "probabilities")[RUN]
    assert found.case.tolist() == ["b"]
    np.testing.assert_allclose(found.scores, [[0.4, 0.6]])


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (cases([[0.5, 0.5]], names=["q"]), "one, two: no case was predicted by all of them"),
        (cases([[0.5, 0.5]], truth=[1]), "one and two were asked about the same cases with diff"),
    ],
)
def test_members_that_do_not_belong_together_are_refused(other, message):
    with pytest.raises(DataError, match=message):
        combine(BINARY, {"one": {RUN: cases([[0.2, 0.8]])}, "two": {RUN: other}}, "logits")


def chosen(one, two, truth):
    members = {"one": {RUN: cases(one, truth)}, "two": {RUN: cases(two, truth)}}
    return choose_mean(BINARY, members, Evaluation())


def pairs(positive):
    return [[1 - p, p] for p in positive]


def test_the_mean_with_the_smaller_log_loss_on_tune_is_chosen():
    """Where one is sure and right, and two unsure, logits let the sure one speak.

    Where one is sure and wrong of half its cases, probabilities hold it back.
    """
    truth = [0, 0, 1, 1, 0, 1]
    sure = [0.001, 0.001, 0.999, 0.999, 0.4, 0.6]
    unsure = [0.9, 0.6, 0.1, 0.4, 0.55, 0.45]
    mean, losses = chosen(pairs(sure), pairs(unsure), truth)
    assert mean == "logits"
    assert losses["logits"] < losses["probabilities"]

    wrong = [0.3, 0.3, 0.7, 0.7, 0.999999, 0.7]
    good = [0.1, 0.2, 0.8, 0.9, 0.1, 0.9]
    mean, losses = chosen(pairs(wrong), pairs(good), truth)
    assert mean == "probabilities"
    assert losses["probabilities"] < losses["logits"]


def test_equal_means_are_the_mean_of_probabilities():
    same = pairs([0.2, 0.7])
    assert chosen(same, same, [0, 1])[0] == "probabilities"
    assert chosen(same, same, [NAN, NAN])[0] == "probabilities"


def test_a_part_that_only_some_members_have_is_refused():
    runs = {RUN: cases([[0.5, 0.5]])}
    both = {"tune": runs, "test": runs}
    assert parts_of({"one": both, "two": both}) == ["tune", "test"]
    with pytest.raises(DataError, match="one and two have predicted different parts"):
        parts_of({"one": both, "two": {"tune": runs}})
