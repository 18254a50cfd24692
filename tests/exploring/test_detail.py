"""How much detail a side loses."""

import numpy as np
import pytest

from radpipe.exploring.detail import SLOWEST, detail_lost, lost_at, spectrum
from radpipe.imaging.store import Store
from tests.small_study import THREE, write_study


class Pictures:
    """Something that hands out pictures as a store does."""

    def __init__(self, pictures):
        self._pictures = np.asarray(pictures)[..., None]
        self.size = self._pictures.shape[1]

    def middles(self, rows):
        return self._pictures[rows]


def wave(frequency, side=32):
    """Draw a cosine of so many half periods from left to right."""
    columns = np.cos(np.pi * frequency * (np.arange(side) + 0.5) / side)
    return np.tile(100 + 50 * columns, (side, 1))


def test_a_wave_is_kept_by_a_side_above_its_frequency():
    above, n = spectrum(Pictures([wave(12)]), np.arange(1))
    assert n == 1
    assert above[0] == pytest.approx(1)
    assert above[12] == pytest.approx(1)
    assert above[13] == pytest.approx(0, abs=1e-9)


def test_pictures_count_alike_and_blank_ones_not():
    pictures = [wave(2), 100 + 9 * (wave(20) - 100), np.full((32, 32), 7.0)]
    above, n = spectrum(Pictures(pictures), np.arange(3))
    assert n == 2
    assert above[10] == pytest.approx(0.5)


def test_beyond_the_stored_side_octaves_fall_off_as_they_did():
    # Of all, 0.8 lies below a quarter, 0.16 in the next octave, 0.04 in the last: a quarter of it.
    above = np.zeros(33)
    above[:9], above[9:17] = 1.0, 0.04
    above[8] = 0.2
    rest = 0.04 * 0.25 / 0.75
    assert lost_at(32, above) == pytest.approx(rest / (1 + rest))
    assert lost_at(64, above) == pytest.approx(rest / 4 / (1 + rest))
    assert lost_at(16, above) == pytest.approx((0.04 + rest) / (1 + rest))


def test_noise_is_not_expected_to_go_on_without_end():
    noise = np.random.default_rng(0).normal(size=(4, 32, 32))
    above, _ = spectrum(Pictures(noise), np.arange(4))
    last = above[16]
    assert lost_at(32, above) == pytest.approx(
        last * SLOWEST / (1 - SLOWEST) / (1 + last * SLOWEST / (1 - SLOWEST))
    )


def test_nothing_to_see_loses_nothing():
    above, n = spectrum(Pictures(np.ones((2, 8, 8))), np.arange(2))
    assert (n, lost_at(32, above)) == (0, 0.0)


def test_larger_sides_never_lose_more(tmp_path):
    write_study(tmp_path, THREE)
    found = detail_lost(Store(tmp_path / "data/bones/store"))
    lost = [one["lost"] for one in found["sides"]]
    assert lost == sorted(lost, reverse=True)
    assert (found["n_pictures"], found["stored"]) == (48, 16)
