"""Weights of classes, worked out by hand."""

import math

import numpy as np
import pytest
import torch

from radpipe.core.errors import ConfigError
from radpipe.learning.networks.class_weights import class_weights
from radpipe.learning.networks.losses import make_loss
from tests.learning.networks.test_losses import CHAIN, NAN, ORDERED, column, how
from tests.small_study import GRADES, LABELS, THREE, TWO


def test_balanced_weights():
    """Of 6 known cases, 3, 2 and 1: 6/(3*3), 6/(3*2), 6/(3*1)."""
    truth = np.array([[0, 0, 0, 1, 1, 2, NAN]]).T
    expected = torch.tensor([[2 / 3, 1.0, 2.0]])
    torch.testing.assert_close(class_weights(truth, THREE, how(class_weights="balanced")), expected)


def test_balanced_weights_of_labels_and_of_an_absent_class():
    truth = np.array([[1, 0], [0, 0], [0, NAN], [0, 0]])
    expected = torch.tensor([[4 / 6, 2.0], [0.5, 1.0]])
    torch.testing.assert_close(
        class_weights(truth, LABELS, how(class_weights="balanced")), expected
    )


def test_the_present_weigh_as_many_as_the_absent():
    """3 absent and 1 present: 3; the label that is always absent keeps 1."""
    truth = np.array([[1, 0], [0, 0], [0, NAN], [0, 0]])
    found = class_weights(truth, LABELS, how(class_weights="positive"))
    assert found.tolist() == [[1, 3], [1, 1]]


def test_prevalence_weighs_each_by_the_share_of_the_other():
    truth = np.array([[1, 0], [0, 0], [0, NAN], [0, 0]])
    found = class_weights(truth, LABELS, how(class_weights="prevalence"))
    assert found.tolist() == [[0.25, 0.75], [1, 1]]


def test_no_weights_are_none():
    assert class_weights(np.zeros((2, 1)), TWO, how()) is None


def test_exclusive_classes_are_neither_present_nor_absent():
    with pytest.raises(ConfigError, match=r"weighs what is present.*the target is multi-class"):
        class_weights(np.zeros((2, 1)), THREE, how(class_weights="positive"))


def test_ordinal_loss_is_weighted_by_grade():
    weights = class_weights(np.array([[0.0, 0, 1, 2]]).T, GRADES, how(class_weights="balanced"))
    assert weights.tolist() == [[pytest.approx(2 / 3), pytest.approx(4 / 3), pytest.approx(4 / 3)]]
    loss = make_loss(GRADES, ORDERED, weights)(torch.tensor([CHAIN] * 3), column(0, 2, NAN))
    assert loss.item() == pytest.approx(2 / 3 * math.log(4) + 4 / 3 * math.log(4))


def test_classes_weigh_by_their_effective_number():
    """With beta 1/2, one case counts 1 and two 1.5: weights 2 and 4/3, scaled to 1.2 and 0.8."""
    train = how(class_weights="effective", effective_beta=0.5)
    found = class_weights(np.array([[0.0], [0.0], [1.0], [NAN]]), TWO, train)
    np.testing.assert_allclose(found, [[0.8, 1.2]], rtol=1e-6)
    near_one = how(class_weights="effective", effective_beta=1 - 1e-12)
    few = np.array([[0.0]] * 30 + [[1.0]] * 10)
    balanced = class_weights(few, TWO, how(class_weights="balanced"))
    scaled = balanced / balanced.mean()
    np.testing.assert_allclose(class_weights(few, TWO, near_one), scaled, rtol=1e-6)
