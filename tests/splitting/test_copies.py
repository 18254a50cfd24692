"""The search for pictures that stand alike."""

import logging

import numpy as np
import pytest

from radpipe.splitting.copies import Copy, find_copies
from radpipe.splitting.warp import orient
from tests.splitting.films import altered, films

N = 50


def search(pictures, *, patients=None, pixels=None, files=None):
    names = np.arange(len(pictures)).astype(str)
    return find_copies(
        pictures,
        sha256=names if files is None else files,
        pixel_hash=names if pixels is None else pixels,
        patients=names if patients is None else patients,
        correlation=0.9,
    )


def names(n, **same):
    """Return n different names, except that "k" is named like the value."""
    found = np.arange(n).astype(str)
    for k, other in same.items():
        found[int(k[1:])] = str(other)
    return found


def test_unlike_pictures_give_nothing():
    assert search(films(N)) == []


def test_each_kind_is_found_and_named():
    near = orient(altered(films(N)[3:4], degrees=4, light=0.9), 1)
    pictures = np.concatenate([films(N), films(N)[1:3], near])
    found = search(pictures, files=names(N + 3, k50=1), pixels=names(N + 3, k50=1, k51=2))
    assert found[0] == Copy(1, 50, "bytes", 1.0)
    assert found[1] == Copy(2, 51, "pixels", 1.0)
    assert (found[2].first, found[2].second, found[2].kind) == (3, 52, "near")
    assert 0.9 < found[2].correlation < 1
    assert len(found) == 3


def test_copies_within_a_patient_are_none():
    pictures = np.concatenate([films(N), films(N)[:3], altered(films(N)[3:4], degrees=2)])
    same = names(N + 4, k50=0, k51=1, k52=2, k53=3)
    assert search(pictures, patients=same, files=same, pixels=same) == []


def test_of_identical_pictures_each_is_paired_with_the_first():
    pictures = np.concatenate([films(N), films(N)[:1], films(N)[:1]])
    same = names(N + 2, k50=0, k51=0)
    assert search(pictures, files=same, pixels=same) == [
        Copy(0, 50, "bytes", 1.0),
        Copy(0, 51, "bytes", 1.0),
    ]


def test_blank_pictures_are_copies_only_if_identical():
    blank = np.zeros((2, 64, 64), np.uint8)
    pictures = np.concatenate([films(N), blank])
    assert search(pictures) == []


def test_one_picture_has_no_copy():
    assert search(films(1)) == []


def test_small_pictures_are_warned_about(caplog):
    with caplog.at_level(logging.WARNING):
        search(films(N, side=32))
    assert "have 32 pixels a side" in caplog.text


@pytest.mark.parametrize("side", [32, 64])
def test_most_planted_copies_are_found_and_nothing_else(side):
    """Both precision and recall at the size of a small store."""
    big = films(N, side=128, seed=9)
    copies = altered(big[:20], degrees=-3, crop=0.05, light=1.1)
    small = np.concatenate([big, copies]).reshape(N + 20, side, 128 // side, side, 128 // side)
    found = {(one.first, one.second) for one in search(small.mean(axis=(2, 4)).astype(np.uint8))}
    assert found <= {(k, N + k) for k in range(20)}
    assert len(found) >= 19
