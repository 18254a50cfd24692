"""Union-find."""

from hypothesis import given
from hypothesis import strategies as st

from radpipe.splitting.groups import Groups

PAIRS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)))


def test_sets_are_named_by_their_smallest_member():
    groups = Groups([("d", "c"), ("x", "y"), ("c", "a")])
    assert groups.sets() == [["a", "c", "d"], ["x", "y"]]
    assert groups.name("d") == "a"
    assert groups.name("alone") == "alone"


@given(PAIRS, st.randoms())
def test_the_order_of_joining_does_not_matter(pairs, random):
    shuffled = list(pairs)
    random.shuffle(shuffled)
    assert Groups(pairs).sets() == Groups(shuffled).sets()


@given(PAIRS)
def test_joined_members_share_a_name(pairs):
    groups = Groups(pairs)
    assert all(groups.name(a) == groups.name(b) for a, b in pairs)
