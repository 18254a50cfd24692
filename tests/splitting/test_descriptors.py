"""Descriptions that nominate candidates."""

import numpy as np
import pytest

from radpipe.splitting.descriptors import describe
from radpipe.splitting.warp import N_ORIENTATIONS, orient
from tests.splitting.films import altered, films

FILMS = films(200, seed=2)


def test_descriptions_are_unit_vectors_and_the_same_every_time():
    one = describe(FILMS, np.random.default_rng(1)).oriented(0)
    again = describe(FILMS, np.random.default_rng(1)).oriented(0)
    assert np.linalg.norm(one, axis=1) == pytest.approx(np.ones(200), abs=1e-5)
    assert (one == again).all()


@pytest.mark.parametrize("orientation", range(N_ORIENTATIONS))
def test_orienting_a_description_is_describing_the_oriented_picture(orientation):
    both = np.concatenate([FILMS, orient(FILMS, orientation)])
    found = describe(both, np.random.default_rng(1))
    laid = found.oriented(orientation)[:200]
    assert laid == pytest.approx(found.oriented(0)[200:], abs=1e-3)


def test_copies_are_the_nearest():
    both = np.concatenate([FILMS, altered(FILMS, degrees=4, crop=0.05)])
    laid = describe(both, np.random.default_rng(1)).oriented(0)
    alike = laid[:200] @ laid[200:].T
    assert (alike.argmax(axis=1) == np.arange(200)).all()


@pytest.mark.parametrize("n", [1, 2])
def test_few_pictures_do(n):
    assert describe(films(n, side=16), np.random.default_rng(1)).oriented(0).shape[0] == n
