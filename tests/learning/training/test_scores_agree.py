"""What training watches is what the report's metrics say, for every kind of target."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radpipe.core.cards import KINDS
from radpipe.core.settings import Target
from radpipe.evaluation.metrics import METRICS, names_for, values
from radpipe.evaluation.sample import make_sample
from radpipe.learning.training.scores import NAMES, larger_is_better, tune_scores

NAN = float("nan")
WATCHED = [name for name in NAMES if name != "loss"]


@st.composite
def predictions(draw, kind: str):
    """Draw a target of a kind, truths with unknown ones, and probabilities with ties."""
    n_classes = 2 if kind == "binary" else draw(st.integers(2, 4))
    names = [f"class {k}" for k in range(n_classes)]
    scored = None
    if kind == "multi-label" and draw(st.booleans()):
        scored = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    target = Target(kind=kind, classes=names, score_on=scored)
    n = draw(st.integers(1, 14))

    def table(cells, columns):
        rows = st.lists(cells, min_size=n * columns, max_size=n * columns)
        return np.array(draw(rows), dtype=float).reshape(n, columns)

    if kind == "multi-label":
        truth = table(st.sampled_from([0, 1, 1, 0, NAN]), n_classes)
        return target, truth, table(st.integers(0, 12), n_classes) / 12
    truth = table(st.sampled_from([*range(n_classes), NAN]), 1)
    if kind == "binary":
        # None of exactly 0.5: see `test_half_is_decided_otherwise`.
        positive = table(st.integers(0, 13), 1) / 13
        return target, truth, np.hstack([1 - positive, positive])
    parts = 1 + table(st.integers(0, 6), n_classes)
    return target, truth, parts / parts.sum(axis=1, keepdims=True)


def mean(rows) -> float:
    """Return the mean over what is defined, NaN over nothing."""
    defined = np.asarray(rows)[np.isfinite(rows)]
    return float(defined.mean()) if len(defined) else NAN


def expected(name: str, sample) -> float:
    """Return the metric with training's mean: over the classes or labels that have cases."""
    found = values(METRICS[name], sample)
    if name == "balanced_accuracy":
        each = [values(METRICS[part], sample) for part in ("recall", "specificity")]
        columns = sample.n_columns
        rows = [one[-columns:] for one in each]
        # Of classes the mean recall, of labels the mean of with and without, label by label.
        if sample.exclusive:
            return mean(rows[0])
        each = np.array([mean(pair) for pair in np.transpose(rows)])
        return mean(each if sample.scored is None else each[list(sample.scored)])
    return mean(counted(found, sample) if len(found) > 1 else found)


def counted(found, sample):
    """Return a metric's values of the labels that count in means, or of all classes."""
    return found[1:] if sample.scored is None else found[1:][list(sample.scored)]


def is_answerable(sample) -> bool:
    """Tell whether every question has cases of both answers."""
    truth = sample.truth
    return bool((truth == 1).any(axis=0).all() and (truth == 0).any(axis=0).all())


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_training_and_report_agree(kind, data):
    target, truth, scores = data.draw(predictions(kind))
    sample = make_sample(target, truth, scores)
    found = tune_scores(truth, scores, target)
    assert list(found) == [name for name in WATCHED if name in names_for(target)]
    for name, value in found.items():
        assert value == pytest.approx(expected(name, sample), abs=1e-12, nan_ok=True), name
        if is_answerable(sample):
            reported = values(METRICS[name], sample)[0]
            assert value == pytest.approx(reported, abs=1e-12, nan_ok=True), name


def test_a_missing_class_is_left_out_by_training_and_undefined_in_the_report():
    """Classes 0 0 1 of three, all right: the mean over two classes, and no mean over three."""
    target = Target(kind="multi-class", classes=["a", "b", "c"])
    truth, scores = np.array([[0.0], [0], [1]]), np.array([[8, 1, 1], [7, 2, 1], [1, 8, 1]]) / 10
    assert tune_scores(truth, scores, target) == {
        "auc": 1.0,
        "accuracy": 1.0,
        "balanced_accuracy": 1.0,
    }
    sample = make_sample(target, truth, scores)
    assert values(METRICS["accuracy"], sample)[0] == 1
    assert np.isnan(values(METRICS["auc"], sample)[0])
    assert np.isnan(values(METRICS["balanced_accuracy"], sample)[0])


def test_half_is_decided_otherwise():
    """Training decides for the first of equal probabilities, a threshold of 0.5 for "yes"."""
    target = Target(kind="binary", classes=["no", "yes"])
    truth, scores = np.array([[1.0]]), np.array([[0.5, 0.5]])
    assert tune_scores(truth, scores, target)["accuracy"] == 0
    assert values(METRICS["accuracy"], make_sample(target, truth, scores))[0] == 1


@pytest.mark.parametrize("name", WATCHED)
def test_both_know_the_same_direction(name):
    assert larger_is_better(name) == (METRICS[name].card.best == "high")
