"""Cards tell the truth about their metrics, and every list follows from them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from radpipe.core.cards import KINDS, RANKED_BY, Card, read_cards, write_cards
from radpipe.core.errors import ConfigError
from radpipe.core.settings import Target
from radpipe.evaluation import metrics
from radpipe.evaluation.comparison import paired_metrics
from radpipe.evaluation.metrics import METRICS, cards, names_for, values
from radpipe.evaluation.sample import make_sample
from tests.evaluation.conftest import BINARY, GRADES, LABELS, THREE

# As they stand in files and tables; a new metric comes between them, or after.
ORDER = (
    *("auc", "auc_at_least", "accuracy", "balanced_accuracy", "sensitivity", "specificity"),
    *("recall", "precision", "f1", "kappa", "quadratic_kappa", "grade_error"),
    *("brier", "ece", "log_loss", "calibration_slope", "calibration_intercept"),
)
TESTED = ("auc", "accuracy", "balanced_accuracy", "f1", "brier", "log_loss")
MEANT = [(name, kind) for name in METRICS for kind in METRICS[name].card.targets]
OTHERS = [(name, kind) for name in METRICS for kind in KINDS if (name, kind) not in MEANT]
TARGETS = {target.kind: target for target in (BINARY, THREE, GRADES, LABELS)}


def sample_of(kind: str, *, upside_down: bool = False, seed: int = 2):
    """Return 300 cases whose scores mostly say what is true, or mostly the contrary."""
    target, rng = TARGETS[kind], np.random.default_rng(seed)
    classes = len(target.classes)
    if kind == "multi-label":
        truth = rng.integers(0, 2, (300, classes)).astype(float)
        right = truth
    else:
        truth = rng.integers(0, classes, (300, 1)).astype(float)
        right = (truth == np.arange(classes)).astype(float)
    odds = rng.normal(size=right.shape) + (-1.5 if upside_down else 1.5) * (right - 0.5)
    if kind == "multi-label":
        scores = 1 / (1 + np.exp(-odds))
    else:
        scores = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)
    return make_sample(target, truth, scores)


def test_every_file_in_the_folder_is_filed():
    folder = Path(metrics.__file__).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "base"}
    assert {METRICS[name].function.__module__.rpartition(".")[2] for name in METRICS} == files


def test_cards_come_as_their_functions_stand():
    found = [card.name for card in cards()]
    assert found[0] == RANKED_BY
    assert tuple(name for name in found if name in ORDER) == ORDER
    assert {card.name for card in cards(BINARY)} == set(names_for(BINARY))


def test_tests_of_grades_come_last():
    found = paired_metrics(GRADES)
    assert tuple(name for name in found if name in TESTED) == TESTED
    special = [METRICS[name].card.special for name in found]
    assert special == sorted(special)
    assert "quadratic_kappa" in found
    assert "quadratic_kappa" not in paired_metrics(LABELS)


@pytest.mark.parametrize("name", list(METRICS))
def test_a_card_is_written_for_a_reader(name):
    card = METRICS[name].card
    assert card.name == name == METRICS[name].function.__name__
    assert card.words.endswith(".")
    assert card.title[0].isupper()
    assert card.targets


@pytest.mark.parametrize("name", list(METRICS))
def test_interval_says_where_it_comes_from(name):
    assert (METRICS[name].card.interval == "draws") == (METRICS[name].exact is None)


@pytest.mark.parametrize(("name", "kind"), OTHERS)
def test_other_targets_have_no_value(name, kind):
    assert np.isnan(values(METRICS[name], sample_of(kind))).all()


@pytest.mark.parametrize(("name", "kind"), MEANT)
def test_best_says_which_way_is_better(name, kind):
    card = METRICS[name].card
    good, bad = (
        values(METRICS[name], sample_of(kind, upside_down=upside_down))[0]
        for upside_down in (False, True)
    )
    if card.goal is not None:
        # Classes of equal numbers: upside down moves no intercept.
        assert abs(good - card.goal) < abs(bad - card.goal) + 0.2
    else:
        assert good > bad if card.best == "high" else good < bad


@pytest.mark.parametrize(("name", "kind"), MEANT)
def test_calibrated_says_what_is_taken(name, kind):
    """Only the probabilities change, sharper; neither the order of cases nor any decision."""
    card, sample = METRICS[name].card, sample_of(kind)
    powers = sample.probabilities**3
    whole = powers + (1 - sample.probabilities) ** 3
    sharper = powers / (powers.sum(axis=1, keepdims=True) if sample.exclusive else whole)
    before, after = (
        values(METRICS[name], s)[0] for s in (sample, replace(sample, probabilities=sharper))
    )
    assert (before != after) == card.calibrated


def test_one_label_is_a_question_like_a_binary_one():
    labels = Target(kind="multi-label", classes=["one"])
    sample = make_sample(labels, np.array([[1.0], [0.0]]), np.array([[0.9], [0.2]]))
    assert sample.kinds == {"binary", "multi-label"}
    assert sample_of("multi-label").column(1).kinds == sample.kinds


def test_cards_are_read_as_they_were_written(tmp_path):
    write_cards(tmp_path / "cards.json", cards())
    found = read_cards(tmp_path / "cards.json")
    assert list(found.values()) == cards()
    assert next(iter(found)) == RANKED_BY


def test_a_file_that_is_no_card_is_refused(tmp_path):
    (tmp_path / "cards.json").write_text('[{"name": "x"}]')
    with pytest.raises(ConfigError, match=r"cards.json: title"):
        read_cards(tmp_path / "cards.json")


def card(**more) -> Card:
    return Card(name="x", title="X", words="X.", best="high", **more)


def test_a_gap_needs_a_ceiling():
    with pytest.raises(ValueError, match="metric x: a gap needs a ceiling"):
        card(gap=True)


def test_words_that_follow_from_a_card():
    assert card().aim == "Higher is better."
    assert card().model_copy(update={"best": "low"}).aim == "Lower is better."
    slope = METRICS["calibration_slope"].card
    assert (slope.aim, slope.goal, card().goal) == ("1 is right.", 1.0, None)
    assert not card().special
    assert card(targets=("ordinal",)).special
    assert card(also="y").heading("binary") == card(also="y").heading("multi-label") == "X (y)"
    assert card(also="y").heading("ordinal") == card().heading("binary") == "X"
    assert (card().in_text, card(phrase="an x").in_text) == ("X", "an x")
