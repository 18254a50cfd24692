"""Archives that try to escape, link out or explode."""

import io
import stat
import tarfile
import zipfile

import pytest

from radpipe.core.errors import DataError
from radpipe.studies.base import unpack as module
from radpipe.studies.base.unpack import is_archive, unpack


def make_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as stream:
        for name, content in members:
            stream.writestr(name, content)
    return path


def make_tar(path, members):
    with tarfile.open(path, "w:gz") as stream:
        for info, content in members:
            info.size = len(content)
            stream.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_unpacks_folders_and_files(tmp_path, kind):
    if kind == "zip":
        archive = make_zip(tmp_path / "a", [("d/", b""), ("d/ä b.txt", b"x")])
    else:
        archive = make_tar(tmp_path / "a", [(tarfile.TarInfo("d/ä b.txt"), b"x")])
    assert is_archive(archive)
    unpack(archive, tmp_path / "out")
    assert (tmp_path / "out/d/ä b.txt").read_bytes() == b"x"


def test_a_picture_is_no_archive(tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert not is_archive(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "C:/evil", "..\\evil"])
def test_names_that_escape_are_refused(tmp_path, name):
    archive = make_zip(tmp_path / "a.zip", [("good", b"1"), (name, b"x")])
    with pytest.raises(DataError, match=r"a\.zip: refused, member .*outside.*The way out"):
        unpack(archive, tmp_path / "out")
    tar = make_tar(tmp_path / "a.tgz", [(tarfile.TarInfo(name), b"x")])
    with pytest.raises(DataError, match="outside"):
        unpack(tar, tmp_path / "out")
    assert not any(file.name == "evil" for file in tmp_path.rglob("*"))


def test_links_are_refused(tmp_path):
    info = zipfile.ZipInfo("link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive = make_zip(tmp_path / "a.zip", [(info, "/etc/passwd")])
    with pytest.raises(DataError, match="is a link or a device"):
        unpack(archive, tmp_path / "out")
    info = tarfile.TarInfo("link")
    info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with pytest.raises(DataError, match="is a link or a device"):
        unpack(make_tar(tmp_path / "a.tgz", [(info, b"")]), tmp_path / "out")


def test_encrypted_members_are_refused(tmp_path):
    archive = make_zip(tmp_path / "a.zip", [("a", b"x")])
    content = bytearray(archive.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1  # general purpose flag, APPNOTE 4.4.4
    archive.write_bytes(content)
    with pytest.raises(DataError, match="encrypted"):
        unpack(archive, tmp_path / "out")


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_bombs_are_refused(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(module, "SMALL_BYTES", 1000)
    zeros = bytes(1_000_000)  # packs to about a thousandth
    if kind == "zip":
        archive = make_zip(tmp_path / "a", [("a", zeros)])
    else:
        archive = make_tar(tmp_path / "a", [(tarfile.TarInfo("a"), zeros)])
    with pytest.raises(DataError, match="decompression bomb"):
        unpack(archive, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_too_many_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST_FILES", 2)
    archive = make_zip(tmp_path / "a.zip", [(str(i), b"x") for i in range(3)])
    with pytest.raises(DataError, match="2 files"):
        unpack(archive, tmp_path / "out")


def test_members_do_not_overwrite_each_other(tmp_path):
    members = [(tarfile.TarInfo("a"), b"1"), (tarfile.TarInfo("a"), b"2")]
    with pytest.raises(DataError, match="overwrite"):
        unpack(make_tar(tmp_path / "a.tgz", members), tmp_path / "out")


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_damaged_archives_are_refused(tmp_path, kind):
    if kind == "zip":
        archive = make_zip(tmp_path / "a", [("a", bytes(range(256)))])
        content = bytearray(archive.read_bytes())
        content[40] ^= 0xFF
    else:
        archive = make_tar(tmp_path / "a", [(tarfile.TarInfo("a"), bytes(range(256)) * 99)])
        content = archive.read_bytes()[:-40]
    archive.write_bytes(content)
    with pytest.raises(DataError, match="damaged archive"):
        unpack(archive, tmp_path / "out")
