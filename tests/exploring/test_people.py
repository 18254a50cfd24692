"""How many cases a patient has, and how old they are."""

import numpy as np
import pytest

from radpipe.exploring.people import age_by_answer, ages, cases_a_patient, groups
from tests.exploring.made import THREE, cases


def test_cases_a_patient_are_counted_in_bins():
    # Six patients of one case, five of two, five of seven.
    each = [1] * 6 + [2] * 5 + [7] * 5
    patient = np.repeat(np.arange(16), each)
    found = cases_a_patient(cases([0] * len(patient), THREE, patient=patient))
    assert found["cases"][:7] == ["1", "2", "3", "4", "5", "6-10", "11-20"]
    assert found["cases"][-1] == "51 or more"
    assert found["patients"] == [6, 5, 0, 0, 0, 5, 0, 0, 0]
    assert (found["n_cases"], found["n_patients"], found["median"]) == (51, 16, 2.0)
    # The fifth patient from above has seven.
    assert found["five_reach"] == 7


def test_the_most_that_one_patient_has_is_not_told():
    patient = np.repeat(np.arange(6), [92, 1, 1, 1, 1, 1])
    found = cases_a_patient(cases([0] * 97, THREE, patient=patient))
    assert found["five_reach"] == 1
    assert 92 not in found.values()


def test_ages_are_counted_by_decade_and_sex():
    age = np.array([61.0] * 6 + [69.0] * 5 + [95.0] * 5 + [np.nan])
    sex = np.array(["F"] * 6 + ["M"] * 10 + [None], dtype=object)
    found = ages(cases([0] * 17, THREE, covariates={"age": age, "sex": sex}))
    assert found is not None
    assert found["decades"][6] == "60-69"
    assert found["decades"][-1] == "90 or older"
    assert found["sexes"]["F"] == [0, 0, 0, 0, 0, 0, 6, 0, 0, 0]
    assert found["sexes"]["M"] == [0, 0, 0, 0, 0, 0, 5, 0, 0, 5]
    assert found["n_known"] == 16
    assert found["mean"] == pytest.approx((6 * 61 + 5 * 69 + 5 * 95) / 16, abs=0.01)


def test_without_ages_there_is_nothing():
    assert ages(cases([0, 1], THREE)) is None
    assert ages(cases([0, 1], THREE, covariates={"age": np.array([np.nan, np.nan])})) is None
    assert age_by_answer(cases([0, 1], THREE)) == {}


def test_without_a_sex_all_are_one_group():
    found = ages(cases([0] * 5, THREE, covariates={"age": np.full(5, 30.0)}))
    assert found is not None
    assert found["sexes"] == {"all": [0, 0, 0, 5, 0, 0, 0, 0, 0, 0]}


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        pytest.param(101, [10.0, 25.0, 50.0, 75.0, 90.0], id="enough for all"),
        pytest.param(21, [None, 5.0, 10.0, 15.0, None], id="ends would be two patients"),
        pytest.param(19, None, id="quarters would be four patients"),
    ],
)
def test_no_quantile_has_fewer_than_five_patients_beyond_it(n, expected):
    found = age_by_answer(cases([0] * n, THREE, covariates={"age": np.arange(n, dtype=float)}))
    assert found["a"]["all"] == expected
    assert found["b"]["all"] is None


def test_ages_of_test_are_left_out_by_answer():
    age = np.array([50.0] * 60 + [90.0] * 60)
    fold = np.array([0] * 60 + [-1] * 60)
    found = age_by_answer(cases([0] * 120, THREE, fold=fold, covariates={"age": age}))
    assert found["a"]["all"] == [50.0] * 5


def test_views_and_values_are_counted_and_rare_ones_put_together():
    view = {"axial": np.ones(12, bool), "coronal": np.arange(12) < 6}
    side = np.array(["L"] * 6 + ["R"] * 5 + [None], dtype=object)
    study = cases([0] * 12, THREE, fold=np.ones(12, int), covariates={"knee_side": side})
    found = [(row["title"], row["n"]) for row in groups(study, view)]
    assert found == [
        ("view: axial", 12),
        ("view: coronal", 6),
        ("knee side: L", 6),
        ("knee side: R", 5),
    ]
