"""Shares of the train patients: whole patients, nested, every class in them."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radpipe.core.settings import Target
from radpipe.learning.data.cases import Cases
from radpipe.learning.data.fraction import places, rarest, within

THREE = Target(kind="multi-class", classes=["a", "b", "c"])
LABELS = Target(kind="multi-label", classes=["edema", "fracture"])


def part(targets, patients):
    table = pa.table({"patient": patients})
    rows = np.arange(len(patients))[:, None]
    return Cases(table, rows, np.asarray(targets, np.float32))


def patients_of(cases):
    return set(cases.table["patient"].to_pylist())


@pytest.fixture(scope="module")
def many():
    """100 patients of two cases: 70 have class a, 28 class b, 2 class c."""
    truth = np.repeat([0] * 70 + [1] * 28 + [2] * 2, 2)
    return part(truth[:, None], [f"p{k // 2:03}" for k in range(200)])


def test_shares_are_nested_whole_and_of_every_class(many):
    before: set[str] = set()
    for fraction, n in ((0.1, 10), (0.25, 25), (0.5, 50), (0.9, 90)):
        some = within(many, THREE, fraction, 0)
        mine = patients_of(some)
        assert before <= mine
        assert abs(len(mine) - n) <= 3
        assert len(some) == 2 * len(mine)
        assert set(some.targets[:, 0]) == {0, 1, 2}
        assert abs((some.targets == 0).mean() - 0.7) < 0.12
        before = mine
    assert within(many, THREE, 1.0, 0) is many


def test_another_seed_draws_other_patients(many):
    assert patients_of(within(many, THREE, 0.3, 0)) != patients_of(within(many, THREE, 0.3, 1))


def test_the_order_of_cases_draws_nothing(many):
    turned = many.take(np.arange(len(many))[::-1])
    assert patients_of(within(turned, THREE, 0.3, 0)) == patients_of(within(many, THREE, 0.3, 0))


def test_rarest_label_of_a_patient():
    """Both labels at one patient: fracture is rarer. Neither: the stratum behind all labels."""
    has = np.array([[True, False], [True, True], [False, False]])
    np.testing.assert_array_equal(rarest(np.arange(3), has), [0, 1, 2])
    some = within(part([[1, 0], [1, 1], [0, 0]], list("xyz")), LABELS, 0.01, 0)
    assert len(some) == 3


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.integers(0, 9))
@settings(max_examples=50, deadline=None)
def test_places_are_shares_of_each_stratum(strata, seed):
    stratum = np.array(strata)
    place = places(np.array([f"p{k}" for k in range(len(strata))]), stratum, seed)
    assert ((place >= 0) & (place <= 1)).all()
    for each in set(strata):
        mine = np.sort(place[stratum == each])
        assert mine[0] == 0
        wanted = np.arange(len(mine)) / len(mine)
        assert (mine >= wanted - 1e-12).all()
        assert (mine <= wanted + 1 / len(mine)).all()
