"""Archives: one member, whole, and nothing else."""

import zipfile

import pytest

from radpipe.core.errors import DataError
from radpipe.learning.starts.archives import take_member


@pytest.fixture
def packed(tmp_path):
    """Return a function that packs bytes as one member."""

    def pack(data, member="toy/a.pth"):
        path = tmp_path / "toy-1.whl"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(member, data)
        return path

    return pack


def taken(archive, member="toy/a.pth"):
    """Take a member out; nothing but the archive and the file may be left."""
    file = archive.with_name("a.pth")
    try:
        take_member(archive, member, file)
    finally:
        assert {path.name for path in archive.parent.iterdir()} <= {archive.name, "a.pth"}
    return file.read_bytes()


@pytest.mark.parametrize("member", ["toy/a.pth", "../../a.pth", "/etc/a.pth"])
def test_a_member_lands_where_it_is_wanted_however_it_is_called(packed, member):
    assert taken(packed(b"weights", member), member) == b"weights"


def test_a_bomb_is_not_unpacked(packed):
    with pytest.raises(DataError, match="the member would be 10000000 bytes, more than 20 times"):
        taken(packed(bytes(10_000_000)))


def test_a_member_that_says_a_smaller_size_gives_no_more_than_that(packed):
    """The size in the list of the archive is what zipfile reads by."""
    archive = packed(bytes(10_000_000))
    data = bytearray(archive.read_bytes())
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = (100).to_bytes(4, "little")
    archive.write_bytes(data)
    with pytest.raises(DataError, match="could be read"):
        taken(archive)


def test_a_damaged_member_and_one_with_a_password_are_told(packed):
    archive = packed(bytes(range(256)))
    whole = archive.read_bytes()
    start = 30 + len("toy/a.pth")
    archive.write_bytes(whole[:start] + b"\xff\xff\xff" + whole[start + 3 :])
    with pytest.raises(DataError, match="could be read"):
        taken(archive)
    locked = bytearray(whole)
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[whole.rindex(mark) + place] |= 1
    archive.write_bytes(locked)
    with pytest.raises(DataError, match=r"could be read .*password"):
        taken(archive)
    archive.write_bytes(b"no zip")
    with pytest.raises(DataError, match="could be read"):
        taken(archive)
