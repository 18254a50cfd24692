"""Answers to questions, by hand."""

import pytest
import torch

from radpipe.core.settings import ModelChoice, Target
from radpipe.explaining.subject import answers_of
from tests.explaining.made import HOW, LABELS, What

FLOOR = ModelChoice(name="floor")
LOGITS = torch.tensor([[0.5, -1.0, 2.0]])


@pytest.mark.parametrize(
    ("kind", "classes"), [("multi-label", ["a", "b", "c"]), ("multi-class", ["a", "b", "c"])]
)
def test_a_logit_is_the_networks_own_output(kind, classes):
    what = What(FLOOR, Target(kind=kind, classes=classes), HOW)
    assert torch.equal(answers_of(LOGITS, what, "logit"), LOGITS)
    share = LOGITS.sigmoid() if kind == "multi-label" else LOGITS.softmax(1)
    torch.testing.assert_close(answers_of(LOGITS, what, "probability"), share)


def test_a_binary_answer_is_about_the_positive_class():
    what = What(FLOOR, Target(kind="binary", classes=["no", "yes"]), HOW)
    one = torch.tensor([[0.5], [-3.0]])
    assert torch.equal(answers_of(one, what, "logit"), one)
    torch.testing.assert_close(answers_of(one, what, "probability"), one.sigmoid())


def test_where_an_output_is_no_logit_of_a_class_it_is_the_log_odds():
    """Grades 0.5, 0.5 x 0.25, 0.5 x 0.75; present 1.5 against absent 1, whatever is uncertain."""
    ordinal = HOW.model_copy(update={"loss": "ordinal"})
    grades = What(FLOOR, Target(kind="ordinal", classes=["0", "1", "2"]), ordinal)
    conditional = torch.tensor([[0.0, 3.0]]).sub(torch.tensor([[0.0, 3.0 - 1.0986123]]))
    odds = torch.tensor([[1.0, 0.125 / 0.875, 0.375 / 0.625]]).log()
    torch.testing.assert_close(answers_of(conditional, grades, "logit"), odds, atol=1e-5, rtol=0)
    uncertain = HOW.uncertain.model_copy(update={"learn_as": "three"})
    three = What(FLOOR, LABELS, HOW.model_copy(update={"uncertain": uncertain}))
    found = answers_of(torch.tensor([[1.0, 1.5, 9.0] * 3]), three, "logit")
    torch.testing.assert_close(found, torch.full((1, 3), 0.5))
