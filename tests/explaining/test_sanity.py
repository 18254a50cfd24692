"""Random networks, moved pictures and other seeds."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import structural_similarity

from radpipe.explaining.explain import CaseMap, explain
from radpipe.explaining.methods import read_method
from radpipe.explaining.sanity import (
    Moved,
    alike,
    cascade,
    draws,
    layers_with_weights,
    moved,
    moved_alike,
    reaches,
    redrawn_alike,
    structure_alike,
)
from tests.explaining.made import Noise, material_of, member_of

SMALL = {"name": "compact", "widths": [4, 8]}
GRAD = read_method({"name": "saliency"})


def one_map(values, **how):
    return CaseMap("a", 0, {"image": np.asarray(values, np.float32)}, **how)


@given(st.integers(1, 200), st.integers(2, 9))
def test_stages_reach_from_the_last_layer_to_all(n_layers, stages):
    found = reaches(n_layers, stages)
    assert (found[0], found[-1]) == (1, n_layers)
    assert found == sorted(set(found))
    assert len(found) <= stages


def test_weights_are_random_from_the_last_layer_on():
    member, material = member_of(SMALL), material_of(3)
    before = copy.deepcopy(member.network.state_dict())
    names = layers_with_weights(member.network.model)
    found = list(cascade(member, material, stages=3, seed=1))
    assert [stage.layers for stage in found] == reaches(len(names), 3)
    assert found[-1].reaches == names[0]
    for stage in found:
        changed = {
            name
            for name, part in stage.member.network.model.named_modules()
            if name in names
            and any(
                not torch.equal(weight, before[f"model.{name}.{own}"])
                for own, weight in part.named_parameters(recurse=False)
            )
        }
        # Weights that are all equal, as those of a fresh norm, look the same in any order.
        assert changed <= set(names[-stage.layers :])
        assert names[-1] in changed
    assert all(torch.equal(before[k], v) for k, v in member.network.state_dict().items())


def test_a_shuffled_layer_keeps_its_values():
    member = member_of(SMALL)
    *_, last = cascade(member, material_of(2), stages=2, seed=1)
    for own, other in zip(
        member.network.model.parameters(), last.member.network.model.parameters(), strict=True
    ):
        assert torch.equal(own.flatten().sort().values, other.flatten().sort().values)


def test_norms_of_a_random_network_see_the_cases():
    member, material = member_of(SMALL), material_of(4)
    seen = []
    *_, last = cascade(member, material, stages=2, seed=1)
    norm = next(m for m in last.member.network.modules() if isinstance(m, torch.nn.BatchNorm2d))
    norm.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    last.member.logits(material.batch(last.member, range(4)))
    assert not norm.training
    assert torch.allclose(seen[0].mean((0, 2, 3)), norm.running_mean, atol=1e-5)


def test_the_same_seed_gives_the_same_networks():
    member, material = member_of(SMALL), material_of(2)
    first, again, other = (
        list(cascade(member, material, stages=2, seed=s))[-1].member.network.state_dict()
        for s in (1, 1, 2)
    )
    assert all(torch.equal(first[k], again[k]) for k in first)
    assert any(not torch.equal(first[k], other[k]) for k in first)


def test_maps_of_a_random_network_are_others():
    member, material = member_of(SMALL), material_of(3)
    labels = [[0]] * 3
    own = explain([member], material, how=GRAD, labels=labels)
    *_, last = cascade(member, material, stages=2, seed=1)
    other = explain([last.member], material, how=GRAD, labels=labels)
    assert max(alike(own, other)) < 0.6
    assert alike(own, own) == pytest.approx([1, 1, 1])


def test_structure_is_that_of_the_library_over_slices():
    rng = np.random.default_rng(1)
    first, second = rng.random((2, 2, 9, 9))
    pairs = zip(first / first.max(), second / second.max(), strict=True)
    expected = np.mean([structural_similarity(*p, win_size=7, data_range=1.0) for p in pairs])
    assert structure_alike([one_map(first)], [one_map(second)]) == pytest.approx(
        [expected], abs=1e-5
    )
    assert structure_alike([one_map(first)], [one_map(first)]) == pytest.approx([1])
    assert np.isnan(structure_alike([one_map(first[:, :5, :5])], [one_map(second[:, :5, :5])]))


def test_pixels_move_and_edges_repeat():
    pixels = np.arange(6).reshape(1, 2, 3, 1)
    assert moved(pixels, 1, 0)[0, :, :, 0].tolist() == [[0, 0, 1], [3, 3, 4]]
    assert moved(pixels, 0, -1)[0, :, :, 0].tolist() == [[3, 4, 5], [3, 4, 5]]


@given(st.integers(-2, 2), st.integers(-2, 2))
def test_moving_back_restores_all_but_the_edges(right, down):
    pixels = np.random.default_rng(0).random((1, 8, 8))
    back = moved(moved(pixels, right, down), -right, -down)
    assert np.array_equal(back[:, 2:-2, 2:-2], pixels[:, 2:-2, 2:-2])


def test_a_store_can_be_moved():
    store = Noise()
    store.cases, store.row_of = ["a"], lambda case, view="image": 7
    away = Moved(store, 1, 1)
    rows = np.array([3, 4])
    assert np.array_equal(away.pixels(rows), moved(store.pixels(rows), 1, 1))
    assert (away.row_of("a"), away.slices(rows).tolist()) == (7, [1, 1])


def test_a_moved_picture_gives_a_map_to_compare():
    member, material = member_of(SMALL), material_of(2, Still())
    how = read_method({"name": "occlusion", "window": 4, "stride": 4})
    labels = [[0], [1]]
    own = explain([member], material, how=how, labels=labels)
    found = moved_alike([member], material, own, how=how, labels=labels, seed=0)
    assert all(-1 <= value <= 1 for value in found)
    flat = [replace(m, views={v: np.ones_like(x) for v, x in m.views.items()}) for m in own]
    assert alike(flat, flat) == [1, 1]


class Still(Noise):
    """A store with what `Moved` asks for."""

    cases = ("a",)

    def row_of(self, case, view="image"):
        return 0


def test_only_what_draws_depends_on_the_seed():
    member, material = member_of(SMALL), material_of(2)
    lime = read_method({"name": "lime", "samples": 20})
    assert draws([member], material, how=lime, labels=[[0], [1]])
    assert not draws([member], material, how=GRAD, labels=[[0], [1]])


def test_maps_of_another_seed_are_compared_where_a_method_draws():
    member, material = member_of(SMALL), material_of(2)
    lime = read_method({"name": "lime", "samples": 20})
    found = {}
    for how, labels in ((lime, [[0, 1], [1]]), (GRAD, [[0], [1]])):
        own = explain([member], material, how=how, labels=labels, seed=3)
        found[how.name] = redrawn_alike([member], material, own, how=how, labels=labels, seed=3)
    other = explain([member], material, how=lime, labels=[[0, 1], [1]], seed=4)
    own = explain([member], material, how=lime, labels=[[0, 1], [1]], seed=3)
    assert found == {"lime": alike(own, other), "saliency": []}
    assert len(found["lime"]) == 3
    assert max(found["lime"]) < 1
