"""Deletion and insertion on networks whose answer is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radpipe.explaining.deletion import curves, faithfulness, fractions, random_ranks, ranks_of
from radpipe.explaining.explain import CaseMap
from tests.explaining.made import SIDE, Noise, material_of, member_of

SMALL = {"name": "compact", "widths": [4, 8]}
PLAIN = {"kind": "plain", "blocks": [{"filters": 4, "kernel": 3}, {"filters": 6}]}
EXAM = {"name": "exam", "trunk": PLAIN, "trunks": "shared"}


def map_of(values, label=0):
    return CaseMap("case-0", label, {"image": np.asarray(values, np.float32)})


def test_pixels_of_highest_evidence_go_first():
    ranks = ranks_of(map_of([[[3, -1], [7, 2]]]), seed=0)["image"]
    assert ranks.tolist() == [[[1, 3], [0, 2]]]


@given(st.integers(0, 5))
def test_every_pixel_goes_once_also_at_random(seed):
    flat = map_of(np.zeros((2, 16, 16)))
    for ranks in (ranks_of(flat, seed), random_ranks(flat, seed)):
        assert sorted(ranks["image"].ravel()) == list(range(512))


def test_a_random_order_goes_by_patches():
    ranks = random_ranks(map_of(np.zeros((1, 16, 16))), 0)["image"][0]
    # A patch of 2 by 2 pixels goes at once: its four ranks are neighbours.
    patches = ranks.reshape(8, 2, 8, 2).swapaxes(1, 2).reshape(64, 4)
    assert (np.ptp(patches, axis=1) == 3).all()


def test_curves_begin_and_end_with_the_whole_picture_and_with_nothing():
    member, material = member_of(SMALL), material_of(2)
    map_ = map_of(np.random.default_rng(0).random((1, SIDE, SIDE)), label=1)
    found = curves([member], material, 0, map_, steps=4, ranks=ranks_of(map_, 0))
    deletion, insertion = found["deletion"], found["insertion"]
    assert len(deletion) == len(insertion) == 5
    whole = member.answers(material.batch(member, [0]), "probability")[0, 1].item()
    assert deletion[0] == pytest.approx(whole, abs=1e-6)
    assert insertion[-1] == pytest.approx(whole, abs=1e-6)
    assert deletion[-1] == pytest.approx(insertion[0], abs=1e-6)


def test_what_is_measured_of_a_map():
    member, material = member_of(SMALL), material_of(1)
    map_ = map_of(np.random.default_rng(0).random((1, SIDE, SIDE)))
    values = faithfulness([member], material, 0, map_, steps=2)
    assert fractions(2) == [0, 0.5, 1]
    at = [values[f"deletion@{x:.2f}"] for x in fractions(2)]
    assert values["deletion"] == pytest.approx((at[0] + 2 * at[1] + at[2]) / 4)
    assert values["insertion_random@1.00"] == pytest.approx(at[0], abs=1e-6)
    assert values == faithfulness([member], material, 0, map_, steps=2)


def test_exams_of_several_planes_go_through():
    store = Noise(("coronal", "sagittal"), volumes=True)
    member = member_of(EXAM, views=2, volumes=True)
    counts = store.slices(np.array([0, 1])).tolist()
    planes = zip(store.views, counts, strict=True)
    views = {view: np.ones((n, SIDE, SIDE), np.float32) for view, n in planes}
    material = material_of(1, store)
    values = faithfulness([member], material, 0, CaseMap("case-0", 0, views), steps=2)
    whole = member.answers(material.batch(member, [0]), "probability")[0, 0].item()
    assert values["deletion@0.00"] == pytest.approx(whole, abs=1e-6)
    assert 0 <= values["deletion"] <= 1
