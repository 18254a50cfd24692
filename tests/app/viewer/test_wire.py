"""Messages: what is sent comes back, and what is no message is refused."""

import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from radpipe.app.viewer.wire import (
    LENGTHS,
    BrokenMessageError,
    Message,
    lengths,
    packed,
    receive,
    send,
    unpacked,
)

ARRAYS = hnp.arrays(st.sampled_from(["u1", "<u2", "<f4"]), hnp.array_shapes(max_side=4))


@given(st.dictionaries(st.text(), ARRAYS, max_size=3), st.dictionaries(st.text(), st.binary()))
def test_what_is_sent_comes_back(arrays, blobs):
    stream = io.BytesIO()
    send(stream, Message({"a": [1, None]}, blobs, arrays))
    stream.seek(0)
    found = receive(stream)
    assert found.says == {"a": [1, None]}
    assert found.blobs == blobs
    for name, each in arrays.items():
        np.testing.assert_array_equal(found.arrays[name], each)
        assert found.arrays[name].dtype == each.dtype
    assert receive(stream) is None


@pytest.mark.parametrize("size", [1, 20, -1])
def test_what_ends_in_the_middle_is_refused(size):
    whole = packed(Message({"a": 1}, {"b": b"bytes"}))
    with pytest.raises(BrokenMessageError, match="middle"):
        receive(io.BytesIO(whole[:size]))


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ({"says": {}, "blobs": {}, "arrays": {"a": ["object", [1]]}}, b"12345678"),
        ({"says": {}, "blobs": {"a": 9}, "arrays": {}}, b"1"),
        ({"says": {}, "blobs": {"a": -9}, "arrays": {}}, b"1"),
        ({"says": {}, "blobs": {}, "arrays": {}}, b"1"),
        ({"says": {}}, b""),
        ([], b""),
    ],
)
def test_what_does_not_fit_is_refused(header, body):
    with pytest.raises(BrokenMessageError):
        unpacked(json.dumps(header).encode(), body)


def test_longer_than_any_message_is_refused():
    with pytest.raises(BrokenMessageError, match="longer"):
        lengths(LENGTHS.pack(1 << 40, 0))
