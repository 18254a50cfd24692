"""Points of curves, partial areas and average precision."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from radpipe.evaluation import curves
from radpipe.evaluation.curve_points import (
    average_precision,
    partial_area,
    sensitivity_at,
    specificity_at,
    student_ends,
)
from radpipe.evaluation.draws import Weights

# Subarachnoid haemorrhage: WFNS grade 1 to 5 of patients with a good and with a poor outcome
# (Turck et al., Intensive Care Med 2010;36:107; the data set aSAH of pROC).
GOOD, POOR = (37, 20, 3, 8, 4), (2, 12, 1, 8, 18)
WFNS = np.concatenate([np.repeat(np.arange(1, 6), n) for n in (GOOD, POOR)]).astype(float)
OUTCOME = np.repeat([0.0, 1.0], [72, 41])


def levels(truth, scores, weights=None):
    weights = np.ones((len(truth), 1)) if weights is None else weights
    return curves.Levels.of(truth, *curves.levels_of(truth, scores), Weights.of(weights))


def test_partial_area_as_proc_has_it():
    """`auc(roc, partial.auc = c(1, .9), partial.auc.correct = TRUE)` of pROC's own tests."""
    assert roc_auc_score(OUTCOME, WFNS) == pytest.approx(0.823678861788618)
    assert partial_area(levels(OUTCOME, WFNS))[0, 0] == pytest.approx(0.649693339038653)


def test_points_by_hand():
    """Grade 5 flags 18 of 41 and 4 of 72, grades 4 and 5 26 and 12.

    Of 72, 7.2 may be flagged at a specificity of 0.9: 3.2 of the 8 of grade 4, with as many eighths
    of its 8 poor ones. A sensitivity of 0.95 is 38.95 of 41: 39 are flagged from grade 2 on, 12 of
    them in grade 2, with 20 good ones.
    """
    found = levels(OUTCOME, WFNS)
    assert sensitivity_at(found)[0, 0] == pytest.approx((18 + 8 * 3.2 / 8) / 41)
    assert sensitivity_at(found)[1, 0] == pytest.approx(18 * 3.6 / 4 / 41)
    alarms = 15 + 20 * (38.95 - 27) / 12
    assert specificity_at(found)[1, 0] == pytest.approx(1 - alarms / 72)


def test_perfect_and_useless_scores():
    truth = np.repeat([0.0, 1.0], 20)
    perfect, equal = levels(truth, truth), levels(truth, np.zeros(40))
    for curve in (sensitivity_at, specificity_at, partial_area, average_precision):
        assert curve(perfect)[:, 0] == pytest.approx(1.0)
    assert sensitivity_at(equal)[:, 0] == pytest.approx([0.1, 0.05])
    assert partial_area(equal)[0, 0] == pytest.approx(0.5)
    assert average_precision(equal)[0, 0] == 0.5


def test_an_area_of_few_patients_has_students_interval_of_its_logit():
    """Three ill patients: 2 degrees of freedom, 4.303; logits of draws 0 and 2, deviation 1.

    The value 0.5 has the logit 0.
    """
    truth, owner = np.array([1.0, 1, 1, 1, 0, 0, 0, 0]), np.array([0, 0, 1, 2, 3, 4, 5, 6])
    drawn = np.array([[0.5, 1 / (1 + np.exp(-2))]])
    low, high = student_ends(np.array([0.5]), drawn, truth, owner, 0.95)
    expected = 1 / (1 + np.exp([4.303, -4.303]))
    np.testing.assert_allclose([low[0], high[0]], expected, rtol=1e-3)


def test_no_area_reaches_beyond_one():
    rng = np.random.default_rng(0)
    truth = np.repeat([0.0, 1.0], 30)
    drawn = np.minimum(1, 0.99 + 0.01 * rng.normal(size=(1, 200)))
    low, high = student_ends(np.array([0.99]), drawn, truth, np.arange(60), 0.95)
    assert 0.9 < low[0] < 0.99 < high[0] < 1


def test_one_answer_has_no_points():
    alone = levels(np.ones(4), np.arange(4.0))
    assert np.isnan(sensitivity_at(alone)).all()
    assert np.isnan(partial_area(alone)).all()


CASES = st.lists(
    st.tuples(st.booleans(), st.integers(0, 9), st.integers(1, 3)), min_size=4, max_size=30
).filter(lambda cases: 0 < sum(yes for yes, *_ in cases) < len(cases))


@given(CASES)
@settings(max_examples=60, deadline=None)
def test_average_precision_and_part_are_scikit_learns(cases):
    truth, scores, weight = (np.array(column, float) for column in zip(*cases, strict=True))
    found = levels(truth, scores, weight[:, None])
    expected = average_precision_score(truth, scores, sample_weight=weight)
    assert average_precision(found)[0, 0] == pytest.approx(expected)
    part = roc_auc_score(truth, scores, sample_weight=weight, max_fpr=0.1)
    assert partial_area(found)[0, 0] == pytest.approx(part)


@given(CASES)
@settings(max_examples=60, deadline=None)
def test_turning_answers_around_swaps_sensitivity_and_specificity(cases):
    truth, scores, _ = (np.array(column, float) for column in zip(*cases, strict=True))
    turned = levels(1 - truth, -scores)
    np.testing.assert_allclose(specificity_at(levels(truth, scores)), sensitivity_at(turned))
