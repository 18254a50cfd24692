"""The draw: whole patients, every case once, even shares, whatever the order of rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radpipe.core.errors import ConfigError
from radpipe.core.settings import Split, Target
from radpipe.splitting.parts import (
    check_classes,
    draw_parts,
    large_groups,
    missing_classes,
    strata_of,
)

TWO = Target(kind="binary", classes=["no", "yes"])
THREE = Target(kind="multi-class", classes=["a", "b", "c"])
LABELS = Target(kind="multi-label", classes=["a", "b"])


def cohort(seed, n_patients=120, most=4, classes=3, unknown=0.05):
    """Draw patients of one to `most` cases, each case with its own class."""
    rng = np.random.default_rng(seed)
    patient = np.repeat(
        [f"p{k:03d}" for k in range(n_patients)], rng.integers(1, most + 1, n_patients)
    )
    truth = rng.choice(classes, len(patient), p=[0.6, 0.3, 0.1][:classes]).astype(float)
    truth[rng.random(len(patient)) < unknown] = np.nan
    return patient, truth[:, None]


def draw(patient, truth, official=None, *, target=THREE, **split):
    official = np.full(len(patient), "") if official is None else official
    return draw_parts(patient, truth, official, split=Split(**{"seed": 1, **split}), target=target)


@given(
    seed=st.integers(0, 10_000),
    n=st.integers(40, 150),
    folds=st.integers(2, 6),
    test=st.floats(0.1, 0.5),
)
@settings(max_examples=40, deadline=None)
def test_every_case_has_one_place_and_no_patient_two(seed, n, folds, test):
    patient, truth = cohort(seed, n)
    parts = draw(patient, truth, folds=folds, test=test)
    assert set(parts.part) == {"train", "test"}
    assert ((parts.fold == -1) == (parts.part == "test")).all()
    assert set(parts.fold) == set(range(-1, folds))
    for name in np.unique(patient):
        assert len(set(parts.fold[patient == name])) == 1


@given(seed=st.integers(0, 10_000), test=st.floats(0.15, 0.5))
@settings(max_examples=40, deadline=None)
def test_shares_are_even_to_one_large_patient(seed, test):
    """No class is off by more cases than a patient can have (4) in any place.

    The number of all cases, which comes after the classes, may be off by a little more: by up to
    4.43 in 36,813 draws, and by more than 4 in 8 of them.
    """
    patient, truth = cohort(seed)
    parts = draw(patient, truth, folds=4, test=test)
    strata = strata_of(truth, THREE)
    columns = [(column, 4) for column in strata.T] + [(np.ones(len(patient)), 5)]
    for column, most in columns:
        in_test = column[parts.fold < 0].sum()
        assert abs(in_test - test * column.sum()) <= most
        outside = column.sum() - in_test
        for fold in range(4):
            assert abs(column[parts.fold == fold].sum() - outside / 4) <= most


@given(seed=st.integers(0, 10_000), random=st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_the_order_of_rows_does_not_matter(seed, random):
    patient, truth = cohort(seed, 50)
    order = list(range(len(patient)))
    random.shuffle(order)
    one, other = draw(patient, truth), draw(patient[order], truth[order])
    assert (one.fold[order] == other.fold).all()


def test_the_seed_changes_the_draw_and_folds_do_not_change_test():
    patient, truth = cohort(1)
    one = draw(patient, truth)
    assert (one.fold == draw(patient, truth).fold).all()
    assert (one.part != draw(patient, truth, seed=2).part).any()
    assert (one.part == draw(patient, truth, folds=3).part).all()


def test_six_patients_by_hand():
    """Three patients of each class: one of each goes to each of three folds' places."""
    patient = np.array(list("abcdefgh"))
    truth = np.array([0, 0, 0, 0, 1, 1, 1, 1.0])[:, None]
    parts = draw(patient, truth, target=TWO, folds=3, test=0.25)
    for fold in (-1, 0, 1, 2):
        assert sorted(truth[parts.fold == fold, 0]) == [0, 1]


def test_official_test_and_tune_are_kept():
    patient, truth = cohort(3)
    number = np.unique(patient, return_inverse=True)[1]
    official = np.array(["train", "train", "tune", "test", "train"])[number % 5]
    parts = draw(patient, truth, official, folds=4)
    assert ((parts.part == "test") == (official == "test")).all()
    assert ((parts.fold == 0) == (official == "tune")).all()
    assert set(parts.fold[official == "train"]) == {1, 2, 3}
    assert parts.drawn == {"test": False, "fold 0": False}


def test_official_train_and_test_leave_the_folds_to_the_draw():
    patient, truth = cohort(3)
    official = np.where(np.unique(patient, return_inverse=True)[1] % 4, "train", "test")
    parts = draw(patient, truth, official, folds=3)
    assert ((parts.fold == -1) == (official == "test")).all()
    assert set(parts.fold) == {-1, 0, 1, 2}
    assert parts.drawn == {"test": False, "fold 0": True}


def test_a_missing_official_test_is_drawn_from_train():
    patient, truth = cohort(3)
    official = np.where(np.unique(patient, return_inverse=True)[1] % 4, "train", "tune")
    parts = draw(patient, truth, official, folds=3, test=0.25)
    assert (official[parts.part == "test"] == "train").all()
    assert np.mean(parts.part[official == "train"] == "test") == pytest.approx(0.25, abs=0.03)


def test_labels_are_shared_out_and_both_answers_asked_for():
    rng = np.random.default_rng(1)
    truth = (rng.random((400, 2)) < (0.5, 0.1)).astype(float)
    truth[:20, 0] = np.nan
    patient = np.arange(400).astype(str)
    parts = draw(patient, truth, target=LABELS, test=0.25)
    for column in (truth[:, 0] == 1, truth[:, 1] == 1):
        assert abs((column & (parts.fold < 0)).sum() - column.sum() / 4) <= 1
    assert missing_classes(parts, truth, LABELS) == []
    truth[parts.fold == 2, 1] = 1
    assert missing_classes(parts, truth, LABELS) == [("fold 2", "no b")]


def check(parts, truth, patient, folds, target=THREE):
    return check_classes(parts, truth, patient, target=target, study="bones", folds=folds)


def test_a_fold_without_a_class_is_refused():
    patient = np.arange(40).astype(str)
    truth = np.array([0] * 20 + [1] * 17 + [2] * 3, float)[:, None]
    parts = draw(patient, truth, folds=5)
    with pytest.raises(ConfigError, match=r"fold \d has no case of 'c', which 3 cases of 3 patie"):
        check(parts, truth, patient, 5)


def test_folds_that_stay_empty_are_refused():
    patient, truth = np.array(["a", "a", "b", "c"]), np.array([0, 1, 0, 1.0])[:, None]
    parts = draw(patient, truth, target=TWO, folds=5)
    with pytest.raises(ConfigError, match=r"5 folds cannot be filled from \d patients"):
        check(parts, truth, patient, 5, TWO)


def test_an_official_part_without_a_class_is_a_remark():
    patient, truth = cohort(3, unknown=0)
    number = np.unique(patient, return_inverse=True)[1]
    official = np.where(number % 4, "train", "test")
    truth[(official == "test") & (truth[:, 0] == 2), 0] = 0
    parts = draw(patient, truth, official, folds=2)
    assert check(parts, truth, patient, 2) == ["the official test has no case of 'c'"]


def test_a_group_that_swallows_many_patients_is_remarked():
    """60 patients with one case each and one group of 10 cases: 10 of 70 is too many."""
    patient = np.array([f"p{number}" for number in range(60)] + ["group"] * 10)
    named = np.array([f"p{number}" for number in range(70)])
    assert "joins 10 patients and holds 10 of 70 cases" in large_groups(patient, named)[0]
    assert large_groups(patient, patient) == []
    assert large_groups(patient[:62], named[:62]) == []
    assert large_groups(patient[-10:], named[-10:]) == []


@given(seed=st.integers(0, 10_000), random=st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_a_hashed_place_does_not_depend_on_who_else_is_there(seed, random):
    """Patients leave, others come, classes change: who stays, stays where he is."""
    patient, truth = cohort(seed, 60)
    whole = draw(patient, truth, draw="hashed", seed=seed)
    stay = np.isin(patient, random.sample(sorted(set(patient)), 30))
    names = np.concatenate([patient[stay], [f"new{k}" for k in range(20)]])
    other = np.concatenate([1 - truth[stay], np.zeros((20, 1))])
    changed = draw(names, other, draw="hashed", seed=seed)
    n = stay.sum()
    assert (changed.fold[:n] == whole.fold[stay]).all()
    assert (changed.part[:n] == whole.part[stay]).all()


@given(seed=st.integers(0, 10_000), test=st.floats(0.1, 0.5), folds=st.integers(2, 6))
@settings(max_examples=20, deadline=None)
def test_hashed_shares_are_close_to_those_asked_for(seed, test, folds):
    """Binomial shares: 6 SD are exceeded once in 500 million."""
    n = 3000
    patient = np.arange(n).astype(str)
    parts = draw(patient, np.zeros((n, 1)), draw="hashed", seed=seed, test=test, folds=folds)
    shares = [((parts.fold < 0).sum(), n, test)]
    rest = (parts.fold >= 0).sum()
    shares += [((parts.fold == fold).sum(), rest, 1 / folds) for fold in range(folds)]
    for count, of, share in shares:
        assert abs(count - of * share) < 6 * np.sqrt(of * share * (1 - share))


def test_a_larger_hashed_test_takes_nobody_out_of_it():
    patient = np.arange(500).astype(str)
    small, large = (
        draw(patient, np.zeros((500, 1)), draw="hashed", test=share).part == "test"
        for share in (0.2, 0.3)
    )
    assert large[small].all()
    assert large.sum() > small.sum()


def test_a_hashed_place_worked_out_by_hand():
    """SHA-256 of "1 0 p1" starts with 0xb8cd, 0.7219 of 1; of "1 1 p1" with 0x0b2e, 0.0437."""
    for share, fold in ((0.73, -1), (0.72, 0)):
        parts = draw(np.array(["p1"]), np.zeros((1, 1)), draw="hashed", test=share, folds=4)
        assert parts.fold.tolist() == [fold]


def test_official_parts_are_kept_by_the_hashed_draw():
    patient, truth = cohort(3)
    number = np.unique(patient, return_inverse=True)[1]
    official = np.array(["train", "train", "tune", "test", "train"])[number % 5]
    parts = draw(patient, truth, official, folds=4, draw="hashed")
    assert ((parts.part == "test") == (official == "test")).all()
    assert ((parts.fold == 0) == (official == "tune")).all()
    assert set(parts.fold[official == "train"]) == {1, 2, 3}
