"""The correlation that tells copies from look-alikes."""

import numpy as np
import pytest

from radpipe.splitting.alignment import copy_correlation
from tests.splitting.films import altered, films

FILMS = films(40)


def score(a, b):
    return copy_correlation(a.astype(np.float32), b.astype(np.float32))


def test_a_picture_is_its_own_copy():
    assert score(FILMS, FILMS) == pytest.approx(np.ones(len(FILMS)), abs=1e-4)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"degrees": 5}, id="turned"),
        pytest.param({"crop": 0.1}, id="cropped"),
        pytest.param({"shift": 0.03}, id="moved"),
        pytest.param({"light": 0.8}, id="darker"),
        pytest.param({"degrees": -4, "crop": 0.06, "shift": 0.01, "light": 1.1}, id="all"),
    ],
)
def test_copies_are_alike(change):
    found = score(FILMS, altered(FILMS, **change))
    assert (found > 0.9).mean() > 0.95


def test_other_pictures_are_not_alike():
    assert score(FILMS[:20], FILMS[20:]).max() < 0.6


def test_a_look_alike_in_coarse_detail_is_no_copy():
    """Same coarse picture, other fine detail: they correlate above 0.98 as wholes."""
    rng = np.random.default_rng(3)
    smooth = films(1)[0].astype(np.float32)
    a, b = (smooth + 3 * rng.standard_normal((2, 64, 64))).astype(np.float32)[:, None]
    assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.95
    assert copy_correlation(a, b)[0] < 0.9


def test_blank_pictures_have_nothing_to_compare():
    blank = np.zeros((1, 64, 64), np.float32)
    assert copy_correlation(blank, blank).tolist() == [0]
    assert abs(score(FILMS[:1], blank)[0]) < 0.5


@pytest.mark.parametrize("side", [8, 16, 32, 50])
def test_any_side_will_do(side):
    small = films(4, side=side)
    assert score(small, small).min() > 0.99


def test_no_pairs_give_no_values():
    assert score(FILMS[:0], FILMS[:0]).shape == (0,)


def test_a_value_does_not_depend_on_its_batch():
    other = altered(FILMS, degrees=3)
    alone = np.concatenate([score(FILMS[k : k + 1], other[k : k + 1]) for k in range(5)])
    assert alone == pytest.approx(score(FILMS, other)[:5], abs=1e-4)
