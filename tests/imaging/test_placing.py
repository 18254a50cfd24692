"""Volumes lie whole, in order and without gaps in shards; work stays within one shard."""

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from radpipe.imaging.placing import parts, places, runs

COUNTS = st.lists(st.integers(1, 40), max_size=60).map(lambda counts: np.array(counts, np.int64))


def test_by_hand() -> None:
    # Shards of 5 slices: 2 + 3 fill the first, 9 has the second for itself, 1 + 4 the third.
    slices = np.array([2, 3, 9, 1, 4, 1])
    shard, first = places(slices, 5)
    assert shard.tolist() == [0, 0, 1, 2, 2, 3]
    assert first.tolist() == [0, 2, 0, 0, 1, 0]
    assert list(runs(shard, slices, 4)) == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6)]
    assert list(runs(shard, slices, 5)) == [(0, 2), (2, 3), (3, 5), (5, 6)]


@settings(deadline=None)
@given(count=st.integers(0, 200), capacity=st.integers(1, 30))
def test_pictures_fill_each_shard_to_its_end(count: int, capacity: int) -> None:
    shard, first = places(np.ones(count, np.int64), capacity)
    assert shard.tolist() == [k // capacity for k in range(count)]
    assert first.tolist() == [k % capacity for k in range(count)]


@settings(deadline=None)
@given(slices=COUNTS, capacity=st.integers(1, 60))
@example(slices=np.array([7, 1]), capacity=3)
def test_every_volume_has_a_place_of_its_own(slices: np.ndarray, capacity: int) -> None:
    shard, first = places(slices, capacity)
    end_of: dict[int, int] = {}
    for number, start, count in zip(shard, first, slices, strict=True):
        assert start == end_of.get(number, 0)
        end_of[number] = start + count
    assert list(end_of) == list(range(len(end_of)))
    for number, end in end_of.items():
        assert end <= capacity or (shard == number).sum() == 1


@settings(deadline=None)
@given(slices=COUNTS, capacity=st.integers(1, 60), most=st.integers(1, 50))
def test_runs_are_bounded_and_leave_no_one_out(
    slices: np.ndarray, capacity: int, most: int
) -> None:
    shard, _ = places(slices, capacity)
    found = list(runs(shard, slices, most))
    assert [k for start, end in found for k in range(start, end)] == list(range(len(slices)))
    for start, end in found:
        assert len(set(shard[start:end])) == 1
        assert slices[start:end].sum() <= most or end - start == 1


def test_parts_by_hand() -> None:
    # 3 + 2 are 5; 9 is too large for any part and has one with what weighs nothing behind it.
    assert list(parts([3, 2, 9, 0, 4, 1, 1], 5)) == [(0, 2), (2, 4), (4, 6), (6, 7)]
    assert list(parts([9, 9], 5)) == [(0, 1), (1, 2)]
    assert list(parts([0, 9, 0, 0, 1], 5)) == [(0, 1), (1, 4), (4, 5)]
    assert list(parts([], 5)) == []


@settings(deadline=None)
@given(sizes=st.lists(st.integers(0, 40), max_size=60), most=st.integers(0, 50))
def test_parts_are_bounded_and_leave_no_one_out(sizes: list[int], most: int) -> None:
    found = list(parts(iter(sizes), most))
    assert [k for start, end in found for k in range(start, end)] == list(range(len(sizes)))
    for start, end in found:
        assert sum(sizes[start:end]) <= most or np.count_nonzero(sizes[start:end]) == 1
        assert start == 0 or sizes[start]
