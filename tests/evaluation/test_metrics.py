"""Every metric: values worked out by hand, scikit-learn second, properties third."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from radpipe.core.errors import ConfigError
from radpipe.core.settings import Target
from radpipe.evaluation.draws import Weights
from radpipe.evaluation.metrics import METRICS, names_for, values
from radpipe.evaluation.metrics.areas import area_of
from radpipe.evaluation.sample import make_sample
from tests.evaluation.conftest import GRADES

NAN = float("nan")


def area(truth, scores, weights):
    return area_of(truth, scores, Weights.of(weights))


# Positives 0.9, 0.4; negatives 0.4, 0.1, 0.6: pairs won 1 + 1 + 1, then 0.5 + 1 + 0.
TRUTH = [1, 1, 0, 0, 0]
SCORE = [0.9, 0.4, 0.4, 0.1, 0.6]
# Two of each class; the fourth case is decided wrongly (c for b).
TRUTH3 = [0, 0, 1, 1, 2, 2]
SCORE3 = [
    [0.8, 0.1, 0.1],
    [0.5, 0.3, 0.2],
    [0.2, 0.7, 0.1],
    [0.1, 0.4, 0.5],
    [0.1, 0.3, 0.6],
    [0.3, 0.2, 0.5],
]
HAND = [
    pytest.param("auc", 4.5 / 6, id="4.5 of 6 pairs"),
    pytest.param("accuracy", 3 / 5, id="one miss, one false alarm"),
    pytest.param("balanced_accuracy", (1 / 2 + 2 / 3) / 2, id="mean of 1/2 and 2/3"),
    pytest.param("sensitivity", 1 / 2, id="0.9 of two"),
    pytest.param("specificity", 2 / 3, id="0.4 and 0.1 of three"),
    pytest.param("recall", 1 / 2, id="sensitivity again"),
    pytest.param("precision", 1 / 2, id="0.9 right, 0.6 wrong"),
    pytest.param("f1", 2 / (2 + 1 + 1), id="TP 1, FP 1, FN 1"),
    pytest.param("npv", 2 / 3, id="0.4 and 0.1 of three left alone"),
    pytest.param("positive_likelihood_ratio", (1 / 2) / (1 / 3), id="1 of 2, 1 of 3"),
    pytest.param("observed_expected", sum(TRUTH) / sum(SCORE), id="positives over probabilities"),
    pytest.param("negative_likelihood_ratio", (1 / 2) / (2 / 3), id="1 of 2, 2 of 3"),
    # By chance 2/5 * 2/5 + 3/5 * 3/5 = 13/25.
    pytest.param("kappa", (3 / 5 - 13 / 25) / (1 - 13 / 25), id="3 of 5 right"),
    pytest.param("brier", (0.01 + 0.36 + 0.16 + 0.01 + 0.36) / 5, id="mean square"),
    pytest.param(
        "log_loss", -(np.log(0.9 * 0.4 * 0.6 * 0.9 * 0.4)) / 5, id="mean log of the truth's"
    ),
    # Bins: 0.1 (share 0), 0.4 twice (share 1/2), 0.6 (share 0), 0.9 (share 1).
    pytest.param("ece", (0.1 + 2 * 0.1 + 0.6 + 0.1) / 5, id="four bins"),
]
HAND3 = [
    # a: all of 2 x 4 pairs. b: 0.7 beats four, 0.4 beats four. c: 0.6 four, 0.5 three and a tie.
    pytest.param("auc", [(1 + 1 + 7.5 / 8) / 3, 1, 1, 7.5 / 8], id="one tie in c"),
    pytest.param("accuracy", [5 / 6], id="one wrong"),
    pytest.param("balanced_accuracy", [(1 + 1 / 2 + 1) / 3], id="recalls 1, 1/2, 1"),
    pytest.param("sensitivity", [(1 + 1 / 2 + 1) / 3, 1, 1 / 2, 1], id="at 0.5 each"),
    pytest.param("specificity", [(1 + 1 + 3 / 4) / 3, 1, 1, 3 / 4], id="0.5 is yes"),
    pytest.param("recall", [(1 + 1 / 2 + 1) / 3, 1, 1 / 2, 1], id="rows of the confusion table"),
    pytest.param("precision", [(1 + 1 + 2 / 3) / 3, 1, 1, 2 / 3], id="and its columns"),
    pytest.param("f1", [(1 + 2 / 3 + 4 / 5) / 3, 1, 2 / 3, 4 / 5], id="argmax"),
    # By chance (2 * 2 + 2 * 1 + 2 * 3) / 36 = 1/3.
    pytest.param("kappa", [(5 / 6 - 1 / 3) / (1 - 1 / 3)], id="5 of 6 right"),
    pytest.param(
        "brier",
        [
            (0.06 + 0.38 + 0.14 + 0.62 + 0.26 + 0.38) / 6,
            (0.04 + 0.25 + 0.04 + 0.01 + 0.01 + 0.09) / 6,
            (0.01 + 0.09 + 0.09 + 0.36 + 0.09 + 0.04) / 6,
            (0.01 + 0.04 + 0.01 + 0.25 + 0.16 + 0.25) / 6,
        ],
        id="sum over classes",
    ),
    pytest.param(
        "log_loss", [-np.log(0.8 * 0.5 * 0.7 * 0.4 * 0.6 * 0.5) / 6], id="log of the truth's"
    ),
]


@pytest.mark.parametrize(("name", "expected"), HAND)
def test_binary_by_hand(binary, name, expected):
    assert values(METRICS[name], binary(TRUTH, SCORE)) == pytest.approx([expected])


@pytest.mark.parametrize(("name", "expected"), HAND3)
def test_three_classes_by_hand(three, name, expected):
    assert values(METRICS[name], three(TRUTH3, SCORE3)) == pytest.approx(expected)


def test_ece_of_three_classes_is_the_mean_over_classes(three):
    """Class a, bins 0.1 0.1 | 0.2 | 0.3 | 0.5 | 0.8: |excess| 0.2 + 0.2 + 0.3 + 0.5 + 0.2."""
    found = values(METRICS["ece"], three(TRUTH3, SCORE3))
    assert found[1] == pytest.approx(1.4 / 6)
    assert found[0] == pytest.approx(found[1:].mean())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("auc", [1, 1, 1], id="all pairs won"),
        pytest.param("accuracy", [(3 / 4 + 2 / 3) / 2, 3 / 4, 2 / 3], id="unknown left out"),
        pytest.param("brier", [(0.3925 / 4 + 0.42 / 3) / 2, 0.3925 / 4, 0.42 / 3], id="mean"),
        pytest.param("sensitivity", [3 / 4, 1 / 2, 1], id="per label"),
        pytest.param("recall", [3 / 4, 1 / 2, 1], id="per label, too"),
        pytest.param("precision", [3 / 4, 1, 1 / 2], id="unknown ones are not counted"),
        # Edema: 3/4 right, 1/2 by chance. Fracture: 2/3 right, (1 * 2 + 2 * 1) / 9 by chance.
        pytest.param("kappa", [(1 / 2 + 2 / 5) / 2, 1 / 2, 2 / 5], id="each and their mean"),
        pytest.param(
            "log_loss",
            [
                -np.log(0.9 * 0.45 * 0.8 * 0.8) / 8 - np.log(0.6 * 0.5 * 0.9) / 6,
                -np.log(0.9 * 0.45 * 0.8 * 0.8) / 4,
                -np.log(0.6 * 0.5 * 0.9) / 3,
            ],
            id="binary losses",
        ),
    ],
)
def test_labels_by_hand(labels, name, expected):
    """Edema: 1 1 0 0; fracture: 1 ? 0 0, so one unknown is left out, not called absent."""
    truth = [[1, 1], [1, NAN], [0, 0], [0, 0]]
    scores = [[0.9, 0.6], [0.45, 0.9], [0.2, 0.1], [0.2, 0.5]]
    assert values(METRICS[name], labels(truth, scores)) == pytest.approx(expected)


def test_calibration_of_probabilities_that_are_right(binary):
    """0.25 of four is one, 0.75 of four is three: slope 1, intercept 0, ECE 0."""
    sample = binary([1, 0, 0, 0, 1, 1, 1, 0], [0.25] * 4 + [0.75] * 4)
    assert values(METRICS["calibration_slope"], sample) == pytest.approx([1])
    assert values(METRICS["calibration_intercept"], sample) == pytest.approx([0], abs=1e-9)
    assert values(METRICS["ece"], sample) == pytest.approx([0])


def test_calibration_of_probabilities_that_are_too_sure(binary):
    """Odds 1:9 where 1:3 is true: slope log 3 / log 9 = 1/2, and still no shift."""
    sample = binary([1, 0, 0, 0, 1, 1, 1, 0], [0.1] * 4 + [0.9] * 4)
    assert values(METRICS["calibration_slope"], sample) == pytest.approx([0.5])
    assert values(METRICS["calibration_intercept"], sample) == pytest.approx([0], abs=1e-9)


def test_intercept_of_equal_probabilities(binary):
    """All 0.5, three of four positive: shifted by log 3; a slope cannot be told."""
    sample = binary([1, 1, 1, 0], [0.5] * 4)
    assert values(METRICS["calibration_intercept"], sample) == pytest.approx([np.log(3)])
    assert np.isnan(values(METRICS["calibration_slope"], sample)).all()


@pytest.mark.parametrize(
    ("name", "truth", "scores"),
    [
        ("auc", [1, 1, 1], [0.1, 0.5, 0.9]),
        ("auc", [0, 0, NAN], [0.1, 0.5, 0.9]),
        ("sensitivity", [0, 0, 0], [0.1, 0.5, 0.9]),
        ("specificity", [1, 1, 1], [0.1, 0.5, 0.9]),
        ("balanced_accuracy", [1, 1, 1], [0.1, 0.5, 0.9]),
        ("f1", [0, 0, 0], [0.1, 0.2, 0.3]),
        ("recall", [0, 0, 0], [0.1, 0.5, 0.9]),
        ("precision", [0, 1, 1], [0.1, 0.2, 0.3]),
        ("precision", [0, 1, NAN], [0.1, 0.2, 0.9]),
        ("npv", [0, 1, NAN], [0.6, 0.7, 0.2]),
        ("positive_likelihood_ratio", [0, 1, 1], [0.1, 0.7, 0.2]),
        ("negative_likelihood_ratio", [0, 1, 1], [0.6, 0.7, 0.2]),
        ("kappa", [0, 0, 0], [0.1, 0.2, 0.3]),
        ("kappa", [NAN, NAN, NAN], [0.1, 0.2, 0.3]),
        ("quadratic_kappa", [0, 1, 1], [0.1, 0.2, 0.9]),
        ("grade_error", [0, 1, 1], [0.1, 0.2, 0.9]),
        ("auc_at_least", [0, 1, 1], [0.1, 0.2, 0.9]),
        ("calibration_slope", [0, 0, 1], [0.1, 0.2, 0.3]),
        ("calibration_slope", [0, 1, 1], [0.1, 0.1, 0.3]),
        ("calibration_slope", [1, 1, 1], [0.1, 0.2, 0.3]),
        ("calibration_intercept", [1, 1, 1], [0.1, 0.2, 0.3]),
        ("accuracy", [NAN, NAN, NAN], [0.1, 0.2, 0.3]),
        ("log_loss", [NAN, NAN, NAN], [0.1, 0.2, 0.3]),
    ],
)
def test_undefined_is_nan(binary, name, truth, scores):
    assert np.isnan(values(METRICS[name], binary(truth, scores))).all()


def test_a_missing_class_leaves_no_macro_mean(three):
    found = values(METRICS["auc"], three(TRUTH3[:4], SCORE3[:4]))
    assert np.isnan(found[[0, 3]]).all()
    assert np.isfinite(found[[1, 2]]).all()


def test_a_label_that_cannot_be_answered_leaves_the_mean(labels):
    found = values(METRICS["auc"], labels([[1, 0], [0, 0]], [[0.9, 0.1], [0.1, 0.2]]))
    assert found[:2].tolist() == [1, 1]
    assert np.isnan(found[2])
    nothing = labels([[1, 0], [1, 0]], [[0.9, 0.1], [0.1, 0.2]])
    assert np.isnan(values(METRICS["auc"], nothing)).all()


def test_a_draw_leaves_out_the_label_that_it_lacks(labels):
    """Areas 1 and 1/2; the second draw has no positive of fracture, the third none at all."""
    sample = labels([[1, 1], [0, 0], [0, 0]], [[0.9, 0.5], [0.1, 0.5], [0.2, 0.5]])
    sample = sample.take(np.array([0, 1, 2, 0]))
    sample.truth[3, 1] = 0
    weights = np.array([[1.0, 0, 0], [1, 1, 1], [1, 1, 1], [0, 1, 0]])
    found = METRICS["auc"](sample, weights)
    assert found[0] == pytest.approx([0.75, 1, NAN], nan_ok=True)
    assert found[2] == pytest.approx([0.5, NAN, NAN], nan_ok=True)


def test_labels_that_are_not_to_score_leave_every_mean_and_are_still_shown():
    """Areas of 1, 0 and 1/2; the mean over the second and the third is 1/4."""
    target = Target(kind="multi-label", classes=["a", "b", "c"], score_on=["c", "b"])
    truth = np.array([[1.0, 1, 1], [0, 0, 0]])
    sample = make_sample(target, truth, np.array([[0.9, 0.1, 0.5], [0.1, 0.9, 0.5]]))
    assert values(METRICS["auc"], sample).tolist() == [0.25, 1, 0, 0.5]
    for name in names_for(target):
        found = values(METRICS[name], sample)
        if np.isfinite(found).all() and len(found) == 4:
            assert found[0] == pytest.approx(found[2:].mean()), name


def test_unknown_metric_shows_the_near_miss():
    with pytest.raises(ConfigError, match="unknown 'brire', did you mean 'brier'"):
        METRICS["brire"]


# --- scikit-learn as a second opinion --------------------------------------------------


def some_cases(seed: int, n: int = 300, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, n)
    odds = rng.normal(size=(n, classes))
    odds[np.arange(n), truth] += 1
    scores = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)
    # Rounded scores hold ties.
    scores = np.round(scores, 2) + 1e-3
    return truth, scores / scores.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("seed", [0, 1])
def test_three_classes_against_scikit_learn(three, seed):
    truth, scores = some_cases(seed)
    weight = np.random.default_rng(seed).integers(0, 4, len(truth)).astype(float)
    decided, sample = scores.argmax(axis=1), three(truth, scores)

    def ours(name: str) -> float:
        return METRICS[name](sample, weight[:, None])[0, 0]

    areas = [oracle.roc_auc_score(truth == k, scores[:, k], sample_weight=weight) for k in range(3)]
    expected = {
        "auc": np.mean(areas),
        "accuracy": oracle.accuracy_score(truth, decided, sample_weight=weight),
        "balanced_accuracy": oracle.balanced_accuracy_score(truth, decided, sample_weight=weight),
        "f1": oracle.f1_score(truth, decided, average="macro", sample_weight=weight),
        "recall": oracle.recall_score(truth, decided, average="macro", sample_weight=weight),
        "precision": oracle.precision_score(truth, decided, average="macro", sample_weight=weight),
        "kappa": oracle.cohen_kappa_score(truth, decided, sample_weight=weight),
        "log_loss": oracle.log_loss(truth, scores, sample_weight=weight),
        "brier": np.average(((np.eye(3)[truth] - scores) ** 2).sum(axis=1), weights=weight),
    }
    assert {name: ours(name) for name in expected} == pytest.approx(expected)


@pytest.mark.parametrize("seed", [0, 1])
def test_five_grades_against_scikit_learn(seed):
    truth, scores = some_cases(seed, classes=5)
    weight = np.random.default_rng(seed + 10).integers(0, 4, len(truth)).astype(float)
    target = Target(kind="ordinal", classes=[str(k) for k in range(5)])
    sample, decided = make_sample(target, truth[:, None].astype(float), scores), scores.argmax(1)
    found = {name: METRICS[name](sample, weight[:, None])[:, 0] for name in METRICS}
    expected = oracle.cohen_kappa_score(truth, decided, weights="quadratic", sample_weight=weight)
    assert found["quadratic_kappa"] == pytest.approx([expected])
    expected = oracle.mean_absolute_error(truth, decided, sample_weight=weight)
    assert found["grade_error"] == pytest.approx([expected])
    areas = [
        oracle.roc_auc_score(truth >= k, scores[:, k:].sum(axis=1).round(12), sample_weight=weight)
        for k in range(1, 5)
    ]
    assert found["auc_at_least"] == pytest.approx([np.mean(areas), NAN, *areas], nan_ok=True)


# --- properties ------------------------------------------------------------------------

scored = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 20).map(lambda i: i / 20), st.integers(0, 3)),
    min_size=2,
    max_size=25,
)


def arrays(cases):
    truth, score, weight = (np.array(column, dtype=float) for column in zip(*cases, strict=True))
    return truth, score, weight[:, None]


@settings(max_examples=60, deadline=None)
@given(scored)
def test_auc_is_the_share_of_pairs_won(cases):
    truth, score, weight = arrays(cases)
    won = total = 0.0
    for i in np.flatnonzero(truth == 1):
        for j in np.flatnonzero(truth == 0):
            pair = weight[i, 0] * weight[j, 0]
            total += pair
            won += pair * ((score[i] > score[j]) + (score[i] == score[j]) / 2)
    expected = won / total if total else NAN
    assert area(truth, score, weight)[0] == pytest.approx(expected, nan_ok=True)


@settings(max_examples=60, deadline=None)
@given(scored)
def test_auc_knows_only_the_order(cases):
    truth, score, weight = arrays(cases)
    found = area(truth, score, weight)
    np.testing.assert_array_equal(area(truth, np.exp(3 * score) - 7, weight), found)
    np.testing.assert_allclose(area(truth, -score, weight), 1 - found)


@pytest.mark.parametrize("name", list(METRICS))
@settings(max_examples=25, deadline=None)
@given(cases=scored)
def test_weights_are_repetitions(name, cases):
    truth, score, weight = arrays(cases)
    target = Target(kind="binary", classes=["no", "yes"])
    scores = np.column_stack([1 - score, score])
    sample = make_sample(target, truth[:, None], scores)
    repeated = np.repeat(np.arange(len(truth)), weight[:, 0].astype(int))
    weighted = METRICS[name](sample, weight)[:, 0]
    np.testing.assert_allclose(
        weighted, values(METRICS[name], sample.take(repeated)), atol=1e-6, rtol=1e-5
    )


@pytest.mark.parametrize("name", list(METRICS))
@settings(max_examples=15, deadline=None)
@given(cases=scored)
def test_weights_of_grades_are_repetitions(name, cases):
    truth, score, weight = arrays(cases)
    middle = np.minimum(score, 1 - score)
    scores = np.column_stack([1 - score, middle, score]) / (1 + middle)[:, None]
    sample = make_sample(GRADES, (truth + (score > 0.5))[:, None], scores)
    repeated = np.repeat(np.arange(len(truth)), weight[:, 0].astype(int))
    weighted = METRICS[name](sample, weight)[:, 0]
    np.testing.assert_allclose(
        weighted, values(METRICS[name], sample.take(repeated)), atol=1e-6, rtol=1e-5
    )


@pytest.mark.parametrize("name", list(METRICS))
@pytest.mark.parametrize(
    ("kind", "classes"), [("binary", 2), ("multi-class", 3), ("ordinal", 3), ("multi-label", 2)]
)
def test_order_of_cases_and_of_draws_does_not_matter(name, kind, classes):
    truth, scores = some_cases(3, n=80, classes=classes)
    target = Target(kind=kind, classes=[f"class {k}" for k in range(classes)])
    answers = truth[:, None] == np.arange(classes) if kind == "multi-label" else truth[:, None]
    sample = make_sample(target, answers.astype(float), scores)
    rng = np.random.default_rng(3)
    weights = rng.integers(0, 3, (80, 4)).astype(float)
    found, order = METRICS[name](sample, weights), rng.permutation(80)
    assert found.shape in [(1, 4), (1 + classes, 4)]
    np.testing.assert_allclose(METRICS[name](sample.take(order), weights[order]), found, atol=1e-12)
    np.testing.assert_allclose(METRICS[name](sample, weights[:, 2:3]), found[:, 2:3], atol=1e-12)
