"""How well aligned detail agrees."""

import numpy as np
import pytest

from radpipe.splitting.agreement import agreement
from radpipe.splitting.detail import Level, level
from radpipe.splitting.warp import laying
from tests.splitting.films import films

FIRST, SECOND = np.array([0]), np.array([1])
SAME = laying(np.array([0]))


def made_of(signs):
    """Make two pictures of four patches, the second the first times the signs."""
    detail = np.random.default_rng(0).standard_normal((16, 16)).astype(np.float32)
    times = np.kron(np.reshape(signs, (2, 2)), np.ones((8, 8)))
    both = np.stack([detail, detail * times]).astype(np.float32)
    return Level(both, both, both)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(
    ("signs", "expected"),
    [
        pytest.param([1, 1, 1, 1], 1, id="all alike"),
        pytest.param([2, 3, 4, -1], 1, id="one patch unlike, gains differ"),
        pytest.param([1, 1, -1, -1], -1, id="the lower median of two halves"),
        pytest.param([1, -1, -1, -1], -1, id="one patch alike"),
    ],
)
def test_agreement_is_the_median_of_patches(signs, expected, stride):
    films_ = made_of(signs)
    found = agreement(films_, FIRST, SECOND, SAME, stride=stride, exact=False)
    assert found == pytest.approx([expected], abs=1e-3)


def test_where_nothing_is_seen_nothing_agrees():
    away = SAME + np.array([[0, 0, 5], [0, 0, 0]], np.float32)
    assert agreement(made_of([1, 1, 1, 1]), FIRST, SECOND, away).tolist() == [0]


def test_moved_detail_is_nearly_the_detail_of_what_was_moved():
    both = level(films(2), np.arange(2), 64)
    maps = SAME + np.array([[0, 0.03, 0.02], [-0.03, 0, 0]], np.float32)
    exact = agreement(both, FIRST, FIRST, maps)
    assert agreement(both, FIRST, FIRST, maps, exact=False) == pytest.approx(exact, abs=0.03)
