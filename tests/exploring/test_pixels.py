"""What is measured of stored pictures."""

import numpy as np
import pytest

from radpipe.core.tables import read_table
from radpipe.exploring.cases import read_cases
from radpipe.exploring.pixels import evenly, grey_values, measured, moved, views_shown
from radpipe.imaging.store import Store
from tests.small_study import LABELS, THREE, write_exams, write_study


def study(root, target):
    found = read_cases(read_table(root / "data/bones/split.parquet"), target)
    return found, Store(root / "data/bones/store")


def test_few_rows_are_all_taken_and_many_evenly():
    assert evenly(np.arange(3), 5).tolist() == [0, 1, 2]
    assert evenly(np.arange(101), 5).tolist() == [0, 25, 50, 75, 100]


def test_the_distance_of_two_histograms():
    # Everything moves from the first to the last of four bins: three quarters of the range.
    assert moved(np.array([1.0, 0, 0, 0]), np.array([0, 0, 0, 1.0])) == 0.75


def test_grey_values_of_each_part(tmp_path):
    write_study(tmp_path, THREE)
    found = grey_values(*reversed(study(tmp_path, THREE)))
    assert found["n_pictures"] == {"train": 25, "tune": 15, "test": 8}
    for share in found["histograms"].values():
        assert len(share) == 64
        assert sum(share) == pytest.approx(1, abs=1e-4)
        # Noise is 60 to 119, so that 0 to 59 and their bins are empty.
        assert sum(share[:15]) == 0
    assert set(found["distances"]) == {"tune", "test"}


def test_several_views_of_a_case_are_averaged(tmp_path):
    write_exams(tmp_path)
    cases, store = study(tmp_path, LABELS)
    found = measured(store, cases)
    slices = store.index["slices"].to_numpy()
    np.testing.assert_allclose(found["slices"], slices.reshape(-1, 2).mean(axis=1))
    assert set(found) == {"rows", "columns", "slices", "mean grey", "SD of grey"}


def test_a_case_without_a_picture_is_unknown(tmp_path):
    write_study(tmp_path, THREE)
    cases, store = study(tmp_path, THREE)
    cases.case[3] = "elsewhere"
    assert np.flatnonzero(np.isnan(measured(store, cases)["rows"])).tolist() == [3]


def test_views_are_told_where_there_are_several(tmp_path):
    write_exams(tmp_path)
    cases, store = study(tmp_path, LABELS)
    found = views_shown(store, cases)
    assert {name: int(mask.sum()) for name, mask in found.items()} == {
        "coronal": 24,
        "sagittal": 24,
    }
