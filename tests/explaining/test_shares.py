"""Contributions of covariates: brute force, the sum that they promise, trees and fusion."""

from dataclasses import replace
from functools import cache
from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from radpipe.core.errors import ConfigError
from radpipe.explaining.explain import explain
from radpipe.explaining.methods import read_method
from radpipe.explaining.shares import by_permutations, exact
from radpipe.explaining.subject import Material
from tests.explaining.made import Noise, material_of, member_of

TABLE = {
    "numbers": {"age": "mean", "bmi": "mean"},
    "categories": {"sex": [0, 1], "grade": [0, 1, 2]},
    "standardise": True,
}
MODELS = {
    "linear": {"name": "table", "table": TABLE},
    "trees": {"name": "boosting", "table": TABLE, "trees": 5, "depth": 2},
    "fusion": {
        "name": "joint",
        "image": {"name": "compact", "widths": [4, 8]},
        "table": TABLE,
        "hidden": 6,
        "activation": "relu",
    },
}


def entries_of(n, seed=0):
    rng = np.random.default_rng(seed)
    columns = [rng.normal(60, 8, n), rng.normal(27, 3, n), rng.integers(0, 2, n)]
    found = np.stack([*columns, rng.integers(0, 3, n)], axis=1).astype(np.float32)
    found[0, 1] = np.nan
    return found


def asked(kind, n=3):
    """Return a fitted member, and cases with a background."""
    member, known = member_of(MODELS[kind]), entries_of(40)
    model = member.network.model
    model.encoder.fit(known)
    if kind == "trees":
        rng = np.random.default_rng(2)
        model.trees.feature.copy_(torch.from_numpy(rng.integers(0, 7, model.trees.feature.shape)))
        model.trees.threshold.copy_(torch.from_numpy(rng.normal(size=model.trees.feature.shape)))
        model.trees.value.copy_(torch.from_numpy(rng.normal(size=model.trees.value.shape)))
    return member, material_of(n, Noise(), entries_of(n, seed=5), known)


def said(member, material, entries):
    """Return what is said of the first case's picture and other covariates, (n, questions)."""
    many = replace(
        material,
        names=["case-0"] * len(entries),
        rows=material.rows[:1].repeat(len(entries), 0),
        entries=entries,
    )
    with torch.no_grad():
        found = member.answers(many.batch(member, range(len(entries))), "logit")
    return found.double().numpy()


@pytest.mark.parametrize("kind", list(MODELS))
@pytest.mark.parametrize("against", ["cases", "means"])
def test_values_are_those_of_every_order_and_add_up(kind, against):
    """Each covariate's mean gain over all 24 orders, asked of the whole network case by case."""
    member, material = asked(kind)
    material = replace(material, background=material.background[:5])
    how = read_method({"name": "shapley", "against": against})
    one = explain([member], material, how=how, labels=[[1], [], []])[0]
    assert list(one.table) == ["age", "bmi", "sex", "grade"]
    assert not one.views
    assert one.signed
    others = material.background
    if against == "means":
        numbers = np.nanmean(others[:, :2].astype(float), axis=0)
        modes = [np.bincount(others[:, k].astype(int)).argmax() for k in (2, 3)]
        others = np.array([[*numbers, *modes]], np.float32)
    own = material.entries[0]

    @cache
    def value(columns):
        mixed = others.copy()
        mixed[:, list(columns)] = own[list(columns)]
        return said(member, material, mixed)[:, 1].mean()

    gains = np.zeros(4)
    for order in permutations(range(4)):
        for place, column in enumerate(order):
            joined = value(frozenset(order[: place + 1])) - value(frozenset(order[:place]))
            gains[column] += joined / 24
    np.testing.assert_allclose(list(one.table.values()), gains, atol=1e-5)
    whole = value(frozenset(range(4))) - value(frozenset())
    assert sum(one.table.values()) == pytest.approx(whole, abs=1e-5)


@given(st.lists(st.floats(-5, 5), min_size=16, max_size=16))
@settings(max_examples=30, deadline=None)
def test_permutations_add_up_and_come_near(values):
    table = np.array(values)

    def value(sets):
        return table[sets @ (1 << np.arange(4))][:, None]

    true = exact(value, 4)[:, 0]
    near = by_permutations(value, 4, np.random.default_rng(0), 300)[:, 0]
    assert true.sum() == pytest.approx(table[15] - table[0], abs=1e-9)
    assert near.sum() == pytest.approx(table[15] - table[0], abs=1e-9)
    np.testing.assert_allclose(near, true, atol=2.0)


def test_players_that_do_nothing_get_nothing_and_equal_ones_the_same():
    """The glove game: one left glove, two right ones, a pair is worth 1 (2/3, 1/6, 1/6)."""

    def value(sets):
        left, right = sets[:, 0], sets[:, 1] | sets[:, 2]
        return (left & right).astype(float)[:, None]

    np.testing.assert_allclose(exact(value, 4)[:, 0], [2 / 3, 1 / 6, 1 / 6, 0], atol=1e-12)


def test_of_many_covariates_permutations_are_drawn_from_the_seed():
    member, material = asked("linear")
    few = {"name": "shapley", "exact_up_to": 3, "permutations": 20, "cases": 10}
    labels = [[0], [1, 2], []]
    one, two, other = (
        explain([member], material, how=read_method(few), labels=labels, seed=seed)
        for seed in (0, 0, 1)
    )
    assert [m.table for m in one] == [m.table for m in two]
    assert [m.table for m in one] != [m.table for m in other]
    whole = explain([member], material, how=read_method({"name": "shapley"}), labels=labels)
    for mine, theirs in zip(one, whole, strict=True):
        assert mine.table == pytest.approx(theirs.table, abs=0.8)


def test_a_picture_beside_a_table_has_both():
    member, material = asked("fusion")
    how = read_method({"name": "grad-cam"})
    found = explain([member], material, how=how, labels=[[0], [1], [2, 0]])
    assert all(m.views["image"].any() and len(m.table) == 4 for m in found)
    shapley = explain([member], material, how=read_method({"name": "shapley"}), labels=[[0]] * 3)
    assert found[0].table == shapley[0].table
    off = read_method({"name": "grad-cam", "table": None})
    assert not explain([member], material, how=off, labels=[[0]] * 3)[0].table


def test_what_does_not_fit_is_refused():
    member, material = asked("linear")
    with pytest.raises(ConfigError, match=r"lime needs pixels.*model.name: table.*use shapley"):
        explain([member], material, how=read_method({"name": "lime"}), labels=[[0]] * 3)
    picture = member_of({"name": "floor"})
    with pytest.raises(ConfigError, match=r"shapley explains covariates.*takes none"):
        explain([picture], material, how=read_method({"name": "shapley"}), labels=[[0]] * 3)
    bare = Material(material.store, material.names, material.rows, material.entries)
    with pytest.raises(ConfigError, match="counts against cases of the train part"):
        explain([member], bare, how=read_method({"name": "shapley"}), labels=[[0]] * 3)
    with pytest.raises(ConfigError, match="takes the covariates age, bmi, sex, grade"):
        replace(bare, entries=None).batch(member, [0])
