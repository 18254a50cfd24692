"""Which cases are shown and scored."""

from collections import Counter

import numpy as np
import pytest

from radpipe.core.errors import DataError
from radpipe.core.settings import Explain, Gallery, Target
from radpipe.evaluation.sample import make_sample
from radpipe.explaining.bins import bin_around
from radpipe.explaining.choosing import Asked, check_named, choose, draw_scored, explained_labels

THREE = Target(kind="multi-class", classes=["a", "b", "c"])
TWO = Target(kind="multi-label", classes=["x", "y"])


def asked(target, truth, scores, *, patients=None, part="tune", thresholds=(0.5, 0.5, 0.5)):
    """Return answers to some cases, called case-0 and so on."""
    scores = np.array(scores, dtype=float)
    truth = np.array(truth, dtype=float).reshape(len(scores), -1)
    limits = thresholds[: scores.shape[1]]
    names = np.array([f"case-{k}" for k in range(len(scores))], dtype=object)
    owners = names if patients is None else np.array(patients, dtype=object)
    return Asked(part, names, owners, make_sample(target, truth, scores, thresholds=limits), limits)


def picked(shown):
    return [(one.why, one.row, one.label) for one in shown]


def test_the_surest_right_and_wrong_of_each_class():
    scores = [(0.9, 0.1, 0), (0.8, 0.1, 0.1), (0.7, 0.2, 0.1), (0.1, 0.6, 0.3), (0.2, 0.5, 0.3)]
    found = asked(THREE, [0, 0, 1, 1, 2], scores)
    how = Gallery(confident=1, nearest=0, random=0)
    assert picked(choose(THREE, found, how, [0, 1, 2])) == [
        *(("right", 0, 0), ("wrong", 2, 0), ("right", 3, 1), ("wrong", 4, 1))
    ]
    # Of the second, another patient; the first two are the same one's.
    twins = asked(THREE, [0, 0, 0, 1, 2], scores, patients=["p", "p", "q", "r", "s"])
    two = Gallery(confident=2, nearest=0, random=0, labels=["a"])
    assert picked(choose(THREE, twins, two, [0, 1, 2])) == [("right", 0, 0), ("right", 2, 0)]


def test_labels_are_shown_present_and_absent_and_nearest_to_their_threshold():
    scores = [(0.9, 0.1), (0.8, 0.2), (0.3, 0.3), (0.1, 0.45)]
    found = asked(TWO, [(1, 0), (0, 0), (1, 0), (0, 1)], scores, thresholds=(0.7, 0.4))
    how = Gallery(confident=1, nearest=1, random=0, labels=["x"])
    assert picked(choose(TWO, found, how, [0, 1])) == [
        *(("right", 0, 0), ("wrong", 1, 0), ("absent", 3, 0), ("missed", 2, 0))
    ]
    every = picked(choose(TWO, found, Gallery(confident=0, nearest=1, random=0), [0, 1]))
    assert every == [("nearest", 1, 0), ("nearest", 3, 1)]


def test_unknown_truth_is_neither_right_nor_wrong():
    found = asked(THREE, [np.nan, 0], [(0.9, 0.1, 0), (0.6, 0.4, 0)])
    how = Gallery(confident=1, nearest=0, random=0)
    assert picked(choose(THREE, found, how, [0, 1, 2])) == [("right", 1, 0)]


def test_a_draw_is_the_same_each_time_and_another_with_another_seed():
    rng = np.random.default_rng(1)
    found = asked(THREE, rng.integers(0, 3, 60), rng.dirichlet(np.ones(3), 60))
    draws = {
        seed: picked(
            choose(THREE, found, Gallery(confident=0, nearest=0, random=5, seed=seed), [0])
        )
        for seed in (1, 1, 2)
    }
    assert all(len(draw) == 5 for draw in draws.values())
    assert draws[1] != draws[2]
    assert draws[1] == picked(
        choose(THREE, found, Gallery(confident=0, nearest=0, random=5, seed=1), [0])
    )


def test_named_cases_are_shown_and_refused_by_their_place():
    found = asked(TWO, [(1, 0), (0, 0)], [(0.9, 0.1), (0.2, 0.8)])
    how = Gallery(confident=0, nearest=0, random=0, named=["case-1", "nobody"])
    assert picked(choose(TWO, found, how, [0, 1])) == [("named", 1, 1)]
    with pytest.raises(DataError, match="of 2 cases these are not in tune: number 2") as told:
        check_named(how.named, [found])
    assert "nobody" not in str(told.value)


def test_an_answer_is_shown_once():
    found = asked(TWO, [(1, 0)], [(0.9, 0.1)])
    how = Gallery(confident=1, nearest=1, random=1, named=["case-0"], labels=["x"])
    assert picked(choose(TWO, found, how, [0, 1])) == [("right", 0, 0)]


def test_scored_are_findings_that_are_there_and_of_known_place():
    found = asked(TWO, [(1, 0), (1, 1), (0, 1), (0, 0)], [(0.5, 0.5)] * 4)
    places = [[0, 1], [0], [0], [0, 1]]
    assert draw_scored(found, places, count=9, seed=1) == {0: [0], 1: [0]}
    assert len(draw_scored(found, places, count=1, seed=1)) == 1
    drawn = Counter(next(iter(draw_scored(found, places, count=1, seed=s))) for s in range(40))
    assert set(drawn) == {0, 1}


def test_explained_are_the_labels_that_a_study_is_scored_on():
    block = {"study": "s", "remote": None, "methods": {"m": {"name": "saliency"}}}
    target = TWO.model_copy(update={"score_on": ["y"]})
    assert explained_labels(target, Explain.model_validate(block)) == [1]
    assert explained_labels(target, Explain.model_validate(block | {"labels": ["x"]})) == [0]
    binary = Target(kind="binary", classes=["no", "yes"])
    assert explained_labels(binary, Explain.model_validate(block)) == [0]


def test_a_bin_holds_tune_cases_of_similar_probability():
    """Wilson 1927 of 3 of 4: 0.3006 to 0.9544."""
    scores = [(p, 0.5) for p in (0.71, 0.75, 0.78, 0.79, 0.1)]
    truth = [(1, 0), (1, 0), (1, 0), (0, 0), (1, 0)]
    tune = asked(TWO, truth, scores).sample
    found = bin_around(tune, 0, 0.72, confidence=0.95)
    assert (found.n_cases, found.share) == (4, 0.75)
    assert (found.low, found.high) == pytest.approx((0.3006, 0.9544), abs=1e-4)
    assert bin_around(tune, 0, 0.95, confidence=0.95).n_cases == 0
