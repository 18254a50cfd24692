"""The manifest notices what changed, came or went."""

import pytest

from radpipe.core.errors import DataError
from radpipe.studies.base.contract import File
from radpipe.studies.base.manifest import (
    check_manifest,
    list_files,
    read_manifest,
    write_manifest,
)

# SHA-256 of "abc": FIPS 180-2, appendix B.1.
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "raw"
    (folder / "b c").mkdir(parents=True)
    (folder / "b c/ü.png").write_bytes(b"abc")
    (folder / "a.png").write_bytes(b"")
    write_manifest(folder, tmp_path / "manifest.csv")
    return folder


@pytest.mark.usefixtures("raw")
def test_holds_size_and_hash_in_the_order_of_names(tmp_path):
    lines = (tmp_path / "manifest.csv").read_text("utf-8").splitlines()
    assert lines[0] == "file,bytes,sha256"
    assert [line.split(",")[0] for line in lines[1:]] == ["a.png", "b c/ü.png"]
    assert read_manifest(tmp_path / "manifest.csv")["b c/ü.png"] == File(3, ABC)


def test_workers_change_nothing(raw, tmp_path):
    write_manifest(raw, tmp_path / "again.csv", workers=3)
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "manifest.csv").read_bytes()


def test_what_systems_leave_is_ignored(raw, tmp_path):
    for name in (".DS_Store", "Thumbs.db", "._a.png", "desktop.ini"):
        (raw / name).write_bytes(b"x")
    (raw / ".git").mkdir()
    (raw / ".git/config").write_bytes(b"x")
    assert list(list_files(raw)) == ["a.png", "b c/ü.png"]
    assert (
        check_manifest(raw, tmp_path / "manifest.csv", contents=True).keys()
        == list_files(raw).keys()
    )


def test_linked_folders_are_followed_but_not_in_circles(raw, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "x.png").write_bytes(b"x")
    (raw / "linked").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(raw)
    (raw / "nowhere").symlink_to(tmp_path / "gone")
    assert list(list_files(raw)) == ["a.png", "b c/ü.png", "linked/x.png"]


def test_changes_additions_and_losses_are_named(raw, tmp_path):
    (raw / "a.png").write_bytes(b"longer")
    (raw / "new.png").write_bytes(b"x")
    (raw / "b c/ü.png").unlink()
    with pytest.raises(
        DataError,
        match=r"(?s)changed: a.png\n  added: new.png\n  missing: b c/ü.png\nThe way out.*delete",
    ):
        check_manifest(raw, tmp_path / "manifest.csv")


def test_a_flipped_byte_is_noticed_when_asked_for(raw, tmp_path):
    (raw / "b c/ü.png").write_bytes(b"abd")
    check_manifest(raw, tmp_path / "manifest.csv")
    with pytest.raises(DataError, match=r"changed: b c/ü.png"):
        check_manifest(raw, tmp_path / "manifest.csv", contents=True)


def test_long_lists_are_cut(raw, tmp_path):
    for i in range(25):
        (raw / f"n{i:02d}.png").write_bytes(b"x")
    with pytest.raises(DataError, match=r"n09.png\n  \.\.\. and 15 more"):
        check_manifest(raw, tmp_path / "manifest.csv")


def test_an_empty_folder_is_refused(tmp_path):
    (tmp_path / "raw").mkdir()
    with pytest.raises(DataError, match="holds no files"):
        write_manifest(tmp_path / "raw", tmp_path / "manifest.csv")


def test_another_table_is_refused(tmp_path):
    (tmp_path / "m.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="not a manifest"):
        read_manifest(tmp_path / "m.csv")
