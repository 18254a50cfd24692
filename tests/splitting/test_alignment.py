"""The correlation that tells copies from look-alikes."""

import numpy as np
import pytest

from radpipe.splitting.alignment import correlations, look_alikes, strangers
from radpipe.splitting.nominate import Pairs
from radpipe.splitting.warp import N_ORIENTATIONS, orient
from tests.splitting.films import altered, films

FILMS = films(40)


def score(a, b, wanted=-1, orientation=0):
    """Compare pictures in order."""
    n = len(a)
    pairs = Pairs(np.arange(n), np.arange(n, 2 * n), np.full(n, orientation))
    return correlations(np.concatenate([a, b]), pairs, wanted)


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
    assert score(a, b)[0] < 0.9


def test_blank_pictures_have_nothing_to_compare():
    blank = np.zeros((1, 64, 64), np.float32)
    assert score(blank, blank).tolist() == [0]
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


@pytest.mark.parametrize("wanted", [0.5, 0.9, 0.97])
def test_sorting_out_keeps_copies_and_their_values(wanted):
    copies = altered(FILMS, degrees=4, crop=0.06, light=0.9)
    full, quick = score(FILMS, copies), score(FILMS, copies, wanted)
    assert ((quick >= wanted) == (full >= wanted)).all()
    assert quick[full >= wanted] == pytest.approx(full[full >= wanted], abs=1e-5)


def test_sorting_out_makes_no_copies_of_others():
    assert score(FILMS[:20], FILMS[20:], 0.9).max() < 0.9


@pytest.mark.parametrize("orientation", range(N_ORIENTATIONS))
def test_the_second_is_laid_as_was_nominated(orientation):
    """Laying b and comparing is comparing with b as it would be laid."""
    other = altered(FILMS[:10], degrees=3)
    laid = score(FILMS[:10], other, orientation=orientation)
    assert laid == pytest.approx(score(FILMS[:10], orient(other, orientation)), abs=1e-3)


def test_pairs_that_share_pictures_are_compared_alike():
    pairs = Pairs(np.array([0, 0, 1]), np.array([2, 3, 3]), np.zeros(3, np.int64))
    alone = score(FILMS[[0, 0, 1]], FILMS[[2, 3, 3]])
    assert correlations(FILMS[:4], pairs) == pytest.approx(alone, abs=1e-4)


def test_bars_follow_what_is_wanted():
    """0.97 - 0.03 - 1.5 * 0.03 = 0.895."""
    assert look_alikes(0.97) == pytest.approx(0.895)
    assert (strangers(0.97), strangers(0.2)) == (0.4, 0.2)
