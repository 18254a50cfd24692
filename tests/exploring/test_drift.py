"""Standardised differences between parts."""

import numpy as np
import pytest

from radpipe.exploring.drift import compare_parts, difference_of_means, difference_of_shares
from tests.exploring.made import THREE, cases


def test_means_one_standard_deviation_apart():
    # Both have the variance 2.5, so the difference is 2 / sqrt(2.5).
    a = np.array([1.0, 2, 3, 4, 5])
    assert difference_of_means(a, a + 2) == pytest.approx(2 / np.sqrt(2.5))
    assert difference_of_means(a + 2, a) == pytest.approx(-2 / np.sqrt(2.5))


def test_shares_worked_out_by_hand():
    # (0.5 - 0.2) / sqrt((0.2 * 0.8 + 0.5 * 0.5) / 2) = 0.3 / sqrt(0.205)
    assert difference_of_shares(0.2, 0.5) == pytest.approx(0.662589, abs=1e-6)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        pytest.param([3.0, 3], [3.0, 3], 0.0, id="all alike"),
        pytest.param([3.0, 3], [4.0, 4], None, id="no variance to measure by"),
        pytest.param([3.0], [4.0, 5], None, id="one value has no variance"),
    ],
)
def test_where_there_is_no_difference_to_tell(a, b, expected):
    assert difference_of_means(np.array(a), np.array(b)) == expected
    assert difference_of_shares(0.0, 0.0) == 0.0
    assert difference_of_shares(0.0, 1.0) is None


def rows_of(study, **measured):
    found = compare_parts(study, measured)
    return {row["title"]: row for row in found["rows"]}


FOLD = np.repeat([1, 0, -1], 10)


def test_every_part_is_compared_with_train():
    age = np.concatenate([np.arange(10.0), np.arange(10.0), np.arange(10.0) + 3])
    study = cases([0] * 15 + [1] * 15, THREE, fold=FOLD, covariates={"age": age})
    rows = rows_of(study, rows=np.full(30, 200.0))
    assert rows["a"]["values"] == {"train": 1.0, "tune": 0.5, "test": 0.0}
    assert rows["age"]["values"] == {"train": 4.5, "tune": 4.5, "test": 7.5}
    assert rows["age"]["differences"]["tune"] == 0.0
    assert rows["age"]["differences"]["test"] == pytest.approx(3 / np.std(np.arange(10), ddof=1))
    assert rows["rows"]["differences"] == {"tune": 0.0, "test": 0.0}


def test_of_two_values_one_is_told():
    sex = np.array(["F", "M"] * 15, dtype=object)
    rows = rows_of(cases([0] * 30, THREE, fold=FOLD, covariates={"sex": sex}))
    assert "sex: F" not in rows
    assert rows["sex: M"]["values"] == {"train": 0.5, "tune": 0.5, "test": 0.5}


def test_values_of_few_patients_are_put_together():
    # Two patients of train have an LL projection, three an RL: together they are five.
    view = np.array(["AP"] * 30 + ["PA"] * 20 + ["LL"] * 2 + ["RL"] * 3, dtype=object)
    study = cases([0] * 55, THREE, fold=np.ones(55, int), covariates={"projection": view})
    rows = rows_of(study)
    assert rows["projection: other"]["values"] == {"train": pytest.approx(5 / 55, abs=1e-6)}
    assert {"projection: AP", "projection: PA"} < set(rows)
    assert not {"projection: LL", "projection: RL"} & set(rows)


def test_a_rare_value_of_two_hides_both():
    sex = np.array(["F"] * 28 + ["M"] * 2, dtype=object)
    rows = rows_of(cases([0] * 30, THREE, fold=FOLD, covariates={"sex": sex}))
    assert not [title for title in rows if title.startswith("sex")]


def test_means_of_few_patients_are_not_told():
    age = np.arange(24.0)
    fold = np.array([1] * 20 + [-1] * 4)
    rows = rows_of(cases([0] * 24, THREE, fold=fold, covariates={"age": age}))
    assert set(rows["age"]["values"]) == {"train"}
    assert rows["age"]["differences"] == {"test": None}


def test_uncertain_answers_are_compared_label_by_label():
    uncertain = np.zeros((30, 2), bool)
    uncertain[:5, 0] = True
    truth = np.where(uncertain, np.nan, 1.0)
    rows = rows_of(cases(truth, fold=FOLD, uncertain=uncertain))
    assert rows["edema: uncertain"]["values"] == {"train": 0.5, "tune": 0.0, "test": 0.0}
