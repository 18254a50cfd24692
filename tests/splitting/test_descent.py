"""The map that lays one picture on another."""

import numpy as np
import pytest

from radpipe.splitting.descent import FARTHEST, descend
from radpipe.splitting.detail import level
from radpipe.splitting.warp import laying
from tests.splitting.films import altered, films

FILMS = films(8)
ORDER = np.arange(8)
SAME = laying(np.zeros(8, np.int64))


def found(copies, *, stride=1, steps=10, maps=SAME):
    """Lay pictures on their copies: the map is that which made the copies."""
    both = level(np.concatenate([copies, FILMS]), np.arange(16), 64)
    return descend(both, ORDER, 8 + ORDER, SAME, maps, steps=steps, stride=stride)


@pytest.mark.parametrize("stride", [1, 2])
def test_the_map_of_a_copy_is_found(stride):
    """`altered` turns by an angle, crops by a share of the side, and moves by one."""
    angle = np.deg2rad(2)
    turn = 0.98 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    expected = np.concatenate([turn, [[0.02], [0.02]]], axis=1)
    maps = found(altered(FILMS, degrees=2, crop=0.02, shift=0.01), stride=stride)
    assert maps == pytest.approx(np.broadcast_to(expected, (8, 2, 3)), abs=0.01)


def test_a_picture_stays_on_itself():
    assert found(FILMS) == pytest.approx(SAME, abs=1e-4)


def test_a_map_does_not_stray_far():
    maps = found(films(8, seed=5), steps=20)
    assert np.abs(maps - SAME).max() <= FARTHEST + 1e-6


def test_a_blank_picture_keeps_its_map():
    blank = np.zeros_like(FILMS)
    assert found(blank) == pytest.approx(SAME, abs=1e-6)
