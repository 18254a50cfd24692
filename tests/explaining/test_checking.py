"""Scored maps, checked against random networks, moved pictures, other seeds and shuffled labels."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from radpipe.core.settings.explain import Checks
from radpipe.explaining.checking import Checked, check, rows_of
from radpipe.explaining.explain import explain
from radpipe.explaining.methods import read_method
from radpipe.explaining.sanity import alike, shuffled_member
from radpipe.explaining.scored import Found
from radpipe.explaining.subject import Material, Member
from radpipe.imaging.store import Store
from radpipe.learning.data.cases import read_part
from radpipe.learning.models import build_model
from radpipe.learning.networks.network import make_network, shape_of
from tests.explaining.made import SIDE, Noise, material_of, member_of
from tests.small_study import THREE, small_recipe, write_study

SMALL = {"name": "compact", "widths": [4, 8]}
LIME = {"name": "lime", "samples": 20}


class Still(Noise):
    """A store with what a moved one asks for."""

    cases = ("case-0",)

    def row_of(self, case, view="image"):
        return 0


def checked(method):
    """Return the maps of two cases, of one and of two labels, with a finding at the left."""
    member, material, how = member_of(SMALL), material_of(2, Still()), read_method(method)
    labels = [[0], [1, 2]]
    truth = np.zeros((1, SIDE, SIDE), bool)
    truth[:, :, :8] = True
    found = [
        Found(m.views, {"image": truth}, m.case, m.case, "test", "abc"[m.label], k, m.label)
        for m in explain([member], material, how=how, labels=labels, seed=3)
        for k in [int(m.case[-1])]
    ]
    return Checked(member, how, 3, material, found, labels, [{} for _ in found])


def test_everything_is_measured_of_every_map():
    what = checked({"name": "saliency"})
    facts = check(what, Checks(stages=2, steps=2))
    assert [stage["layers"] for stage in facts["cascade"]] == [1, facts["cascade"][1]["of"]]
    assert facts["draws"] is False
    rows = rows_of(what, "v", "saliency")
    assert [(row.case, row.label) for row in rows] == [
        ("case-0", "a"),
        ("case-1", "b"),
        ("case-1", "c"),
    ]
    for row in rows:
        assert row.values["randomised"] == row.values["randomised_2"]
        assert {"randomised_1", "randomised_structure", "moved", "deletion"} <= set(row.values)
        assert 0 <= row.values["randomised_energy"] <= 1
        assert "seed" not in row.values
        assert "shuffled" not in row.values


def test_what_draws_is_drawn_again_and_another_network_compared():
    what = checked(LIME)
    other = member_of(SMALL)
    facts = check(what, Checks(stages=2, steps=2), shuffled=other)
    assert facts["draws"] is True
    for values in what.numbers:
        assert -1 <= values["seed"] < 1
        # The other one happens to be the same network.
        assert values["shuffled"] == pytest.approx(1)
        assert values["shuffled_energy"] <= 1


def test_a_network_learns_shuffled_labels(tmp_path):
    write_study(tmp_path, THREE, n=24, test=4)
    recipe = small_recipe(tmp_path, THREE, train={"epochs": 1})
    store, split = Store(tmp_path / "data/bones/store"), tmp_path / "data/bones/split.parquet"
    how = {"fold": 0, "model": recipe.model}
    parts = tuple(read_part(split, store, THREE, part=p, **how) for p in ("train", "tune"))
    model = build_model(recipe.model, **shape_of(store, recipe))
    network = make_network(recipe, model, torch.zeros(1), torch.ones(1)).eval()
    member = Member(network, recipe)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    other = shuffled_member(member, recipe, store, parts=parts, seed=1)
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())
    assert not other.network.training
    assert float(other.network.mean) > 0
    material = Material.of(store, parts[1].take(np.arange(2)))
    cam = read_method({"name": "saliency"})
    maps = [explain([m], material, how=cam, labels=[[0], [1]]) for m in (member, other)]
    assert max(alike(*maps)) < 0.9
    again = shuffled_member(replace(member), recipe, store, parts=parts, seed=1)
    assert all(
        torch.equal(v, again.network.state_dict()[k]) for k, v in other.network.state_dict().items()
    )
