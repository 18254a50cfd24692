"""Losses, class weights and probabilities, worked out by hand."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from radpipe.core.errors import ConfigError
from radpipe.core.settings import Training
from radpipe.learning.losses import class_weights, loss_name, make_loss, probabilities
from tests.small_study import LABELS, THREE, TWO

NAN = float("nan")


def how(**settings: str) -> Training:
    given = {"optimizer": "adam", "lr": 1e-3, "batch_size": 1, "epochs": 1, **settings}
    return Training.model_validate(given)


def column(*values: float) -> Tensor:
    return torch.tensor(values)[:, None]


@pytest.mark.parametrize(
    ("target", "asked", "used"),
    [
        (TWO, "auto", "binary-cross-entropy"),
        (TWO, "cross-entropy", "binary-cross-entropy"),
        (THREE, "auto", "cross-entropy"),
        (THREE, "binary-cross-entropy", "binary-cross-entropy"),
        (LABELS, "auto", "binary-cross-entropy"),
    ],
)
def test_loss_follows_the_target(target, asked, used):
    assert loss_name(target, how(loss=asked)) == used


def test_labels_have_no_cross_entropy_over_classes():
    with pytest.raises(ConfigError, match="needs one class a case"):
        make_loss(LABELS, how(loss="cross-entropy"))


def test_cross_entropy_leaves_unknown_targets_out():
    logits = torch.tensor([[0.0, 0.0, 0.0], [math.log(2), 0.0, 0.0], [9.0, 1.0, 5.0]])
    logits.requires_grad_()
    loss = make_loss(THREE, how())(logits, column(1, 0, NAN))
    assert loss.item() == pytest.approx(math.log(3) + math.log(2))  # 1/3, and 2/4
    loss.backward()
    assert logits.grad[2].tolist() == [0, 0, 0]


def test_binary_cross_entropy_is_weighted_by_class():
    weights = torch.tensor([[0.5, 2.0]])
    logits = column(0.0, math.log(3), 5.0)  # P = 1/2, 3/4
    loss = make_loss(TWO, how(), weights)(logits, column(0, 1, NAN))
    assert loss.item() == pytest.approx(0.5 * math.log(2) + 2.0 * math.log(4 / 3))


def test_labels_are_weighted_each_by_its_own():
    weights = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    truth = torch.tensor([[1.0, NAN], [0.0, 0.0]])
    loss = make_loss(LABELS, how(), weights)(torch.zeros(2, 2), truth)
    assert loss.item() == pytest.approx((2 + 1 + 3) * math.log(2))


def test_one_class_against_the_rest_is_the_mean_over_classes():
    loss = make_loss(THREE, how(loss="binary-cross-entropy"))(
        torch.tensor([[math.log(3), 0.0, 0.0], [1.0, 2.0, 3.0]]), column(0, NAN)
    )
    assert loss.item() == pytest.approx((math.log(4 / 3) + 2 * math.log(2)) / 3)


def test_weighted_cross_entropy_is_divided_by_cases_and_not_by_weights():
    weights = torch.tensor([[1.0, 5.0, 1.0]])
    loss = make_loss(THREE, how(), weights)(torch.zeros(2, 3), column(1, 0))
    assert loss.item() == pytest.approx(6 * math.log(3))


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


def test_probabilities():
    two = probabilities(column(math.log(3)), TWO, how())
    torch.testing.assert_close(two, torch.tensor([[0.25, 0.75]]))
    three = probabilities(torch.tensor([[math.log(2), 0.0, 0.0]]), THREE, how())
    torch.testing.assert_close(three, torch.tensor([[0.5, 0.25, 0.25]]))
    labels = probabilities(torch.tensor([[math.log(3), 0.0]]), LABELS, how())
    torch.testing.assert_close(labels, torch.tensor([[0.75, 0.5]]))
    rest = probabilities(torch.zeros(1, 3), THREE, how(loss="binary-cross-entropy"))
    torch.testing.assert_close(rest, torch.full((1, 3), 1 / 3))


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
