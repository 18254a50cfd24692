"""Losses, class weights and probabilities, worked out by hand."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from radpipe.core.errors import ConfigError
from radpipe.core.settings import Target, Training
from radpipe.learning.networks.losses import (
    loss_name,
    make_loss,
    n_outputs,
    probabilities,
)
from tests.small_study import GRADES, LABELS, THREE, TWO

NAN = float("nan")


def how(**settings: Any) -> Training:
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
        (GRADES, "auto", "cross-entropy"),
        (GRADES, "ordinal", "ordinal"),
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


def test_probabilities():
    two = probabilities(column(math.log(3)), TWO, how())
    torch.testing.assert_close(two, torch.tensor([[0.25, 0.75]]))
    three = probabilities(torch.tensor([[math.log(2), 0.0, 0.0]]), THREE, how())
    torch.testing.assert_close(three, torch.tensor([[0.5, 0.25, 0.25]]))
    labels = probabilities(torch.tensor([[math.log(3), 0.0]]), LABELS, how())
    torch.testing.assert_close(labels, torch.tensor([[0.75, 0.5]]))
    rest = probabilities(torch.zeros(1, 3), THREE, how(loss="binary-cross-entropy"))
    torch.testing.assert_close(rest, torch.full((1, 3), 1 / 3))


# --- grades in order ---------------------------------------------------------------------

ORDERED = how(loss="ordinal")


@pytest.mark.parametrize(
    ("target", "asked", "width"),
    [
        (TWO, "auto", 1),
        (THREE, "auto", 3),
        (LABELS, "auto", 2),
        (GRADES, "auto", 3),
        (GRADES, "ordinal", 2),
        (GRADES, "binary-cross-entropy", 3),
    ],
)
def test_the_last_layer_is_as_wide_as_the_loss_asks(target, asked, width):
    assert n_outputs(target, how(loss=asked)) == width


@pytest.mark.parametrize("target", [TWO, THREE, LABELS])
def test_classes_without_an_order_have_no_ordinal_loss(target):
    for ask in (make_loss, n_outputs):
        with pytest.raises(ConfigError, match=f"needs classes with an order.* {target.kind};"):
            ask(target, ORDERED)


# P(beyond 0) = 3/4; P(beyond 1), given 1 or more, = 1/3.
CHAIN = [math.log(3), -math.log(2)]


def test_probabilities_of_grades_are_a_chain():
    found = probabilities(torch.tensor([CHAIN]), GRADES, ORDERED)
    torch.testing.assert_close(found, torch.tensor([[1 / 4, 3 / 4 * 2 / 3, 3 / 4 * 1 / 3]]))


@pytest.mark.parametrize(
    ("grade", "expected"),
    [
        pytest.param(0, math.log(4), id="asked once: not beyond 0"),
        pytest.param(1, math.log(4 / 3) + math.log(3 / 2), id="beyond 0, not beyond 1"),
        pytest.param(2, math.log(4 / 3) + math.log(3), id="beyond both"),
        pytest.param(NAN, 0, id="unknown"),
    ],
)
def test_ordinal_loss_by_hand(grade, expected):
    """The logs of the conditional probabilities, so -log of the grade's own."""
    loss = make_loss(GRADES, ORDERED)
    assert loss(torch.tensor([CHAIN]), column(grade)).item() == pytest.approx(expected)
    both = loss(torch.tensor([CHAIN, CHAIN]), column(grade, 2))
    assert both.item() == pytest.approx(expected + math.log(4))


def test_a_grade_teaches_only_the_questions_that_it_answers():
    logits = torch.tensor([CHAIN] * 4, requires_grad=True)
    make_loss(GRADES, ORDERED)(logits, column(0, 1, 2, NAN)).backward()
    # The gradient of a binary cross-entropy is probability less answer.
    expected = [[3 / 4, 0], [3 / 4 - 1, 1 / 3], [3 / 4 - 1, 1 / 3 - 1], [0, 0]]
    torch.testing.assert_close(logits.grad, torch.tensor(expected))


five = st.lists(st.floats(-60, 60, width=32), min_size=4, max_size=4)


@settings(max_examples=60, deadline=None)
@given(st.lists(five, min_size=1, max_size=6))
def test_probabilities_of_grades_fall_in_order_and_sum_to_one(rows):
    target = Target(kind="ordinal", classes=[str(grade) for grade in range(5)])
    logits = torch.tensor(rows, dtype=torch.float32)
    found = probabilities(logits, target, ORDERED)
    assert found.shape == (len(rows), 5)
    assert ((found >= 0) & (found <= 1)).all()
    torch.testing.assert_close(found.sum(dim=1), torch.ones(len(rows)))
    beyond = 1 - found.double().cumsum(dim=1)
    assert (beyond.diff(dim=1) <= 0).all()


@settings(max_examples=40, deadline=None)
@given(five, st.integers(0, 4))
def test_ordinal_loss_is_the_log_of_the_probability(row, grade):
    target = Target(kind="ordinal", classes=[str(grade) for grade in range(5)])
    logits = torch.tensor([row], dtype=torch.float64) / 6
    loss = make_loss(target, ORDERED)(logits, column(grade))
    assert loss.item() == pytest.approx(
        -probabilities(logits, target, ORDERED)[0, grade].log().item(), rel=1e-4, abs=1e-5
    )


def test_three_classes_of_a_label_worked_out_by_hand():
    """Absent 1/4, present 1/4, uncertain 1/2; and thirds. What is unknown counts for nothing."""
    train = how(uncertain={"learn_as": "three"})
    assert n_outputs(LABELS, train) == 6
    logits = torch.tensor([[0.0, 0.0, math.log(2), 0.0, 0.0, 0.0]]).repeat(2, 1).requires_grad_()
    loss = make_loss(LABELS, train)(logits, torch.tensor([[2.0, 1.0], [0.0, NAN]]))
    assert loss.item() == pytest.approx(math.log(2) + math.log(3) + math.log(4))
    loss.backward()
    assert logits.grad is not None
    assert (logits.grad[1, 3:] == 0).all()
    np.testing.assert_allclose(logits.grad[0, :3], [1 / 4, 1 / 4, -1 / 2], rtol=1e-6)


def test_weights_of_three_classes_are_those_of_absent_and_present():
    train = how(uncertain={"learn_as": "three"})
    weights = torch.tensor([[2.0, 3.0], [5.0, 7.0]])
    logits = torch.zeros(1, 6)
    weighed = make_loss(LABELS, train, weights)
    assert weighed(logits, torch.tensor([[0.0, 1.0]])).item() == pytest.approx(9 * math.log(3))
    assert weighed(logits, torch.tensor([[2.0, 2.0]])).item() == pytest.approx(2 * math.log(3))


def test_what_is_uncertain_has_no_part_in_a_probability():
    """As the authors of CheXpert do it: present against absent, 3/4 and 1/2, whatever the third."""
    train = how(uncertain={"learn_as": "three"})
    logits = torch.tensor([[0.0, math.log(3), 9.0, 1.0, 1.0, -9.0]])
    np.testing.assert_allclose(probabilities(logits, LABELS, train), [[0.75, 0.5]], rtol=1e-6)


@pytest.mark.parametrize(("target", "loss"), [(THREE, "auto"), (TWO, "auto")])
def test_three_classes_need_labels(target, loss):
    with pytest.raises(ConfigError, match="for a multi-label target"):
        n_outputs(target, how(loss=loss, uncertain={"learn_as": "three"}))


def test_a_soft_label_weighs_between_absent_and_present():
    """0.25 of the way from 2 to 6 is 3; the entropy of logit 0 is log 2 whatever the label."""
    loss = make_loss(LABELS, how(), torch.tensor([[2.0, 6.0], [1.0, 1.0]]))
    found = loss(torch.zeros(1, 2), torch.tensor([[0.25, NAN]]))
    assert found.item() == pytest.approx(3 * math.log(2))


@pytest.mark.parametrize("soft", [0.55, 0.7, 0.85])
def test_the_gradient_of_a_soft_label_is_what_its_formula_says(soft):
    """Sigmoid less label; and by differences in float64."""
    loss, truth = make_loss(LABELS, how()), torch.tensor([[soft, NAN]], dtype=torch.float64)
    logits = torch.tensor([[0.3, -2.0]], dtype=torch.float64, requires_grad=True)
    loss(logits, truth).backward()
    assert logits.grad is not None
    expected = [[1 / (1 + math.exp(-0.3)) - np.float32(soft), 0.0]]
    np.testing.assert_allclose(logits.grad, expected, rtol=1e-6)


def test_the_asymmetric_loss_worked_out_by_hand():
    """At p = 1/2: 0.5 * log 2 of what is present; 0.45^4 * -log 0.55 of what is absent."""
    loss, logits = make_loss(LABELS, how(loss="asymmetric")), torch.zeros(1, 2)
    present = loss(logits, torch.tensor([[1.0, NAN]])).item()
    absent = loss(logits, torch.tensor([[0.0, NAN]])).item()
    assert present == pytest.approx(0.5 * math.log(2))
    assert absent == pytest.approx(0.45**4 * -math.log(0.55))
    both = loss(logits, torch.tensor([[0.25, NAN]])).item()
    assert both == pytest.approx(0.25 * present + 0.75 * absent)


def test_an_absent_label_below_the_margin_is_at_rest():
    loss = make_loss(LABELS, how(loss="asymmetric"))
    logits = torch.tensor([[-3.0, -4.0]], requires_grad=True)  # 0.047 and 0.018
    found = loss(logits, torch.tensor([[0.0, NAN]]))
    found.backward()
    assert found.item() == 0
    assert (logits.grad == 0).all()


def test_without_focus_and_margin_the_asymmetric_loss_is_binary_cross_entropy():
    plain = {"gamma_absent": 0, "gamma_present": 0, "margin": 0}
    logits, truth = torch.randn(9, 2), torch.tensor([[1.0, 0.0]] * 8 + [[NAN, 0.3]])
    found = make_loss(LABELS, how(loss="asymmetric", asymmetric=plain))(logits, truth)
    torch.testing.assert_close(found, make_loss(LABELS, how())(logits, truth))


@pytest.mark.parametrize(
    "settings",
    [
        {"loss": "asymmetric"},
        {"loss": "asymmetric", "asymmetric": {"gamma_absent": 1, "margin": 0}},
        {"label_smoothing": 0.2},
        {"uncertain": {"learn_as": "three"}, "label_smoothing": 0.2},
        {"loss": "auc-margin"},
    ],
)
def test_gradients_are_those_of_differences(settings):
    train = how(**settings)
    weights = torch.tensor([[0.5, 2.0], [1.0, 3.0]], dtype=torch.float64)
    loss = make_loss(LABELS, train, weights)
    truth = torch.tensor([[1.0, 0.0], [0.0, NAN], [1.0, 1.0]], dtype=torch.float64)
    logits = torch.randn(3, n_outputs(LABELS, train), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda given: loss(given, truth), (logits,))


def test_smoothing_worked_out_by_hand():
    """0.9 and 0.1 of a label; 0.8, 0.1 and 0.1 of one class of three."""
    labels = make_loss(LABELS, how(label_smoothing=0.2))
    found = labels(torch.tensor([[math.log(3), 0.0]]), torch.tensor([[1.0, NAN]])).item()
    assert found == pytest.approx(-0.9 * math.log(0.75) - 0.1 * math.log(0.25))
    classes = make_loss(THREE, how(label_smoothing=0.3))
    found = classes(torch.tensor([[math.log(2), 0.0, 0.0]]), column(0)).item()
    assert found == pytest.approx(-0.8 * math.log(0.5) - 0.2 * math.log(0.25))


@pytest.mark.parametrize("target", [THREE, GRADES])
@pytest.mark.parametrize("loss", ["asymmetric", "auc-margin"])
def test_losses_of_what_is_present_need_labels(target, loss):
    with pytest.raises(ConfigError, match="weighs what is absent against what is present"):
        loss_name(target, how(loss=loss))


def logit(*shares: float) -> Tensor:
    return torch.logit(torch.tensor(shares, dtype=torch.float64))[:, None].requires_grad_()


def test_the_auc_margin_loss_worked_out_by_hand():
    """Present 0.6 and 0.8: mean 0.7, variance 0.01. Absent 0.3 and 0.5: 0.4 and 0.01.

    Of a margin of 1 the difference of 0.3 lacks 0.7, of one of 0.2 nothing. Four cases are known.
    """
    logits, truth = logit(0.6, 0.8, 0.3, 0.5, 0.9), column(1, 1, 0, 0, NAN).double()
    wide = make_loss(TWO, how(loss="auc-margin"))(logits, truth)
    assert wide.item() == pytest.approx(4 * (0.01 + 0.01 + 0.49))
    near = make_loss(TWO, how(loss="auc-margin", auc_margin=0.2))(logits, truth)
    assert near.item() == pytest.approx(4 * 0.02)
    wide.backward()
    assert logits.grad is not None
    assert logits.grad[4] == 0
    assert (logits.grad[:2] < 0).all()
    assert (logits.grad[2:4] > 0).all()


def test_a_batch_of_the_absent_alone_brings_their_scores_together():
    logits = logit(0.2, 0.4)
    found = make_loss(TWO, how(loss="auc-margin"))(logits, column(0, 0).double())
    assert found.item() == pytest.approx(2 * 0.01)
    found.backward()
    assert torch.isfinite(logits.grad).all()


def test_the_auc_margin_loss_is_the_saddle_point_of_the_paper():
    """Of all a and b the least, and of all alpha of at least 0 the greatest, at p = 1/2.

    A = (1 - p) E[(s - a)^2 present] + p E[(s - b)^2 absent] + 2 alpha (p (1 - p) m
    + E[p s absent - (1 - p) s present]) - p (1 - p) alpha^2, which is p (1 - p) times our sum.
    """
    score, present = np.array([0.6, 0.8, 0.3, 0.5]), np.array([1.0, 1.0, 0.0, 0.0])

    def paper(a: float, b: float, alpha: float) -> float:
        squares = (score - a) ** 2 * present + (score - b) ** 2 * (1 - present)
        moved = 0.5 * score * (1 - present) - 0.5 * score * present
        return float(0.5 * squares.mean() + 2 * alpha * (0.25 + moved.mean()) - 0.25 * alpha**2)

    grid = np.linspace(0, 1.5, 151)
    inner = max(paper(0.7, 0.4, alpha) for alpha in grid)
    assert inner == pytest.approx(min(paper(a, 0.4, 0.7) for a in grid))
    assert inner == pytest.approx(min(paper(0.7, b, 0.7) for b in grid))
    ours = make_loss(TWO, how(loss="auc-margin"))(logit(*score), column(*present).double())
    assert inner == pytest.approx(0.25 * ours.item() / 4)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"loss": "ordinal", "label_smoothing": 0.1}, "no meaning for loss ordinal"),
        ({"loss": "auc-margin", "class_weights": "balanced"}, "takes no class_weights"),
        ({"asymmetric": {"gamma_absent": 0.5}}, "0 or at least 1"),
    ],
)
def test_settings_of_losses_that_cannot_be_are_refused(settings, told):
    with pytest.raises(ValueError, match=told):
        how(**settings)
