"""Messages between the page and the process that computes: JSON and plain arrays, never pickle.

The process decodes files of strangers. Were one of them to take it over, it could send back
nothing that the page would run.
"""

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
# Lengths of the header and of the body, bytes.
LENGTHS = struct.Struct("<QQ")
MAX_HEADER = 4 * 2**20
MAX_BODY = 2**30
TYPES = ("uint8", "uint16", "float32")


class BrokenMessageError(Exception):
    """What came is no message; who sent it is not to be asked again."""


@dataclass(frozen=True)
class Message:
    """What is asked or answered.

    Attributes
    ----------
    says
        Whatever JSON can hold.
    blobs
        Bytes of files, by name.
    arrays
        Of uint8, uint16 or float32, by name.

    """

    says: Mapping[str, Any]
    blobs: Mapping[str, bytes] = field(default_factory=dict)
    arrays: Mapping[str, Array] = field(default_factory=dict)


def packed(message: Message) -> bytes:
    """Return a message as bytes."""
    arrays = {name: np.ascontiguousarray(each) for name, each in message.arrays.items()}
    header = {
        "says": message.says,
        "blobs": {name: len(each) for name, each in message.blobs.items()},
        "arrays": {name: [each.dtype.name, list(each.shape)] for name, each in arrays.items()},
    }
    text = json.dumps(header).encode()
    body = b"".join([*message.blobs.values(), *(each.tobytes() for each in arrays.values())])
    return LENGTHS.pack(len(text), len(body)) + text + body


def lengths(start: bytes) -> tuple[int, int]:
    """Return how long the header and the body are that follow.

    Raises
    ------
    BrokenMessageError
        Longer than any message.

    """
    header, body = LENGTHS.unpack(start)
    if header > MAX_HEADER or body > MAX_BODY:
        raise BrokenMessageError("longer than any message")
    return header, body


def unpacked(header: bytes, body: bytes) -> Message:
    """Return the message that a header and a body hold.

    Raises
    ------
    BrokenMessageError
        They do not fit each other, or an array is of another type than `TYPES`.

    """
    try:
        found = json.loads(header)
        blobs, rest = {}, memoryview(body)
        for name, size in found["blobs"].items():
            blobs[name], rest = _taken(rest, size)
        arrays = {}
        for name, (kind, shape) in found["arrays"].items():
            if kind not in TYPES:
                raise BrokenMessageError(f"an array of {kind}")
            size = np.dtype(kind).itemsize * int(np.prod(shape, dtype=np.int64))
            raw, rest = _taken(rest, size)
            arrays[name] = np.frombuffer(raw, kind).reshape(shape)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BrokenMessageError(type(error).__name__) from error
    if len(rest):
        raise BrokenMessageError("bytes that nobody claims")
    return Message(found["says"], blobs, arrays)


def _taken(rest: memoryview, size: int) -> tuple[bytes, memoryview]:
    if not 0 <= size <= len(rest):
        raise BrokenMessageError("shorter than it says")
    return bytes(rest[:size]), rest[size:]


def send(stream: BinaryIO, message: Message) -> None:
    """Write a message to a pipe."""
    stream.write(packed(message))
    stream.flush()


def receive(stream: BinaryIO) -> Message | None:
    """Read a message from a pipe; None at its end.

    Raises
    ------
    BrokenMessageError
        It ends in the middle, or holds something else.

    """
    start = stream.read(LENGTHS.size)
    if not start:
        return None
    sizes: Sequence[int] = lengths(start) if len(start) == LENGTHS.size else (0, 0)
    pieces = [stream.read(size) for size in sizes]
    if len(start) < LENGTHS.size or [len(each) for each in pieces] != list(sizes):
        raise BrokenMessageError("ended in the middle")
    return unpacked(*pieces)
