"""Maps beside the mean map of others and chance, by hand."""

import numpy as np
import pytest

from radpipe.explaining.scored import Found, averages, ideal_of, measured, thresholds_of


def found(values, truth, *, patient="a", part="test", label="acl", view="image", tolerance=0):
    """Return a map of one row of pixels."""
    map_ = np.array([[values]], np.float32)
    place = (f"case-{patient}", patient, part, label, 0, 0)
    inside = {view: np.array([[truth]], bool)}
    return Found({view: map_}, inside, *place, tolerance=tolerance)


def by_name(rows):
    return {row.patient: row.values for row in rows}


def test_scores_stand_beside_others_and_chance():
    maps = [
        found([4, 0, 0, 0], [1, 1, 0, 0], patient="tune", part="tune"),
        found([4, 0, 0, 4], [1, 1, 0, 0], patient="a"),
        found([0, 0, 0, 2], [0, 0, 1, 1], patient="b"),
    ]
    values = by_name(measured("v", "m", maps))["a"]
    assert values["pointing"] == 0.5
    assert values["energy"] == 0.5
    assert values["overlap"] == pytest.approx(1 / 3)
    assert (values["pointing_chance"], values["energy_chance"]) == (0.5, 0.5)
    # Of the 6 masks of two pixels 1 overlaps whole, 4 by a third, 1 not at all.
    assert values["overlap_chance"] == pytest.approx((1 + 4 / 3) / 6)
    # The other test map, that of b, points elsewhere.
    assert (values["pointing_average"], values["energy_average"]) == (0, 0)


def test_overlaps_are_undefined_without_a_map_of_tune():
    (row,) = measured("v", "m", [found([1, 0], [1, 0])])
    assert np.isnan([row.values["overlap"], row.values["overlap_chance"]]).all()
    assert "pointing_average" not in row.values


def test_thresholds_are_of_tune_and_of_each_label():
    maps = [
        found([4, 2, 0, 0], [1, 1, 0, 0], part="tune"),
        found([4, 2, 0, 0], [1, 0, 0, 0], part="tune", label="meniscus"),
        found([4, 2, 0, 0], [0, 0, 1, 1], part="test"),
    ]
    assert thresholds_of(maps) == {"acl": 0.05, "meniscus": 0.55}


def test_the_mean_map_leaves_out_all_of_a_patient():
    maps = [
        found([8, 0], [1, 0], patient="a"),
        found([0, 1], [1, 0], patient="a"),
        found([3, 1], [1, 0], patient="b"),
    ]
    means = [mean.evidence.tolist() for mean in averages(maps)]
    assert means[0] == means[1] == pytest.approx([0.75, 0.25])
    assert means[2] == pytest.approx([1, 1])


def test_volumes_of_unequal_depth_have_a_mean():
    deep = np.zeros((4, 1, 1), np.float32)
    deep[3] = 1
    flat = np.array([[[1]], [[0]]], np.float32)
    maps = [
        Found({"s": m}, {"s": np.ones(m.shape, bool)}, n, n, "test", "acl", 0, 0)
        for n, m in (("a", deep), ("b", flat))
    ]
    first, second = averages(maps)
    assert first.views["s"].ravel().tolist() == [1, 1, 0, 0]
    assert second.views["s"].ravel().tolist() == [0, 1]


def test_pointing_beside_a_finding_counts_within_the_tolerance():
    maps = [found([0, 0, 1, 0], [1, 0, 0, 0], tolerance=t) for t in (1, 2)]
    values = [row.values for row in measured("v", "m", maps)]
    assert [each["pointing"] for each in values] == [0, 1]
    assert [each["pointing_chance"] for each in values] == [0.5, 0.75]
    assert [each["energy"] for each in values] == [0, 0]


def test_an_ideal_observer_replaces_maps_where_it_sees_something():
    maps = [found([1, 0], [1, 0], patient=name) for name in "abc"]
    seen = {"a": np.array([[[0, 5]]]), "b": np.zeros((1, 1, 2))}

    def ideal(each):
        return {"image": seen[each.patient]} if each.patient in seen else None

    (one,) = ideal_of(maps, ideal)
    assert (one.patient, one.evidence.tolist()) == ("a", [0, 5])
