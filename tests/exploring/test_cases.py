"""Cases as arrays: what is present, who is in which part."""

import numpy as np
import pyarrow as pa
import pytest

from radpipe.core.settings import Target
from radpipe.exploring.cases import groups_of, read_cases, texts_of
from tests.exploring.made import THREE, TWO_LABELS, cases

BINARY = Target(kind="binary", classes=["healthy", "ill"])


def table(**columns):
    base = {"case": ["a", "b", "c"], "patient": ["p", "p", "q"], "fold": [0, 1, -1]}
    return pa.table({**base, **columns})


def test_columns_that_a_study_need_not_have_may_be_missing():
    found = read_cases(table(target=[0.0, 1.0, None]), BINARY)
    assert (found.uncertain, found.age, found.sex, dict(found.covariates)) == (None,) * 3 + ({},)
    assert found.patient.tolist() == [0, 0, 1]
    assert found.answers == ("ill",)
    np.testing.assert_array_equal(found.present[:, 0], [0, 1, np.nan])


def test_of_classes_one_is_present_and_the_others_are_absent():
    found = cases([0, 2, np.nan], THREE)
    np.testing.assert_array_equal(found.present, [[1, 0, 0], [0, 0, 1], [np.nan] * 3])


def test_uncertain_answers_and_covariates_are_read():
    found = read_cases(
        table(
            **{f"target_{name}": [1.0, 0.0, None] for name in TWO_LABELS.classes},
            **{f"uncertain_{name}": [False, None, True] for name in TWO_LABELS.classes},
            covariate_Age=[61.0, None, 7.0],
            covariate_sex=["F", None, "M"],
        ),
        TWO_LABELS,
    )
    assert found.uncertain is not None
    assert found.uncertain[:, 0].tolist() == [False, False, True]
    np.testing.assert_array_equal(found.age, [61, np.nan, 7])
    assert found.sex is not None
    assert found.sex.tolist() == ["F", None, "M"]


def test_parts_are_those_of_fold_0():
    found = cases([0, 0, 0, 0], THREE, fold=np.array([-1, 0, 1, 2]))
    parts = {name: mask.tolist() for name, mask in found.parts.items()}
    assert parts["train"] == [False, False, True, True]
    assert parts["tune"] == [False, True, False, False]
    assert parts["test"] == [True, False, False, False]
    assert found.outside_test.tolist() == [False, True, True, True]


def test_a_study_of_test_alone_is_shown_all_the_same():
    assert cases([0, 0], THREE, fold=np.array([-1, -1])).outside_test.all()


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (np.array([0.0, 1.0, np.nan]), ["0", "1", None]),
        (np.array(["F", None], dtype=object), ["F", None]),
    ],
)
def test_numbers_are_written_as_short_as_they_are(values, texts):
    assert texts_of(values).tolist() == texts


def test_many_values_are_no_groups():
    assert groups_of(np.arange(9.0)) == {}
    assert list(groups_of(np.array([1.0, 0.0, np.nan]))) == ["0", "1"]
