"""Whole files and their hashes."""

import pytest

from radpipe.core.files import (
    atomic,
    clear_leftovers,
    files_below,
    guarded,
    sha256_bytes,
    sha256_file,
    sha256_json,
    sha256_path,
    write_json,
    write_text,
)

# FIPS 180-2, appendix B.1: the digest of "abc".
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_published_digest(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256_bytes(b"abc") == ABC
    assert sha256_file(tmp_path / "abc") == ABC
    assert sha256_path(tmp_path / "abc") == ABC


def test_a_folder_is_its_names_and_contents(tmp_path):
    for name in ("a", "b"):
        folder = tmp_path / name / "inner"
        folder.mkdir(parents=True)
        (folder / "file").write_text("x")
    assert sha256_path(tmp_path / "a") == sha256_path(tmp_path / "b")
    (tmp_path / "b/.snakemake_timestamp").touch()
    assert sha256_path(tmp_path / "a") == sha256_path(tmp_path / "b")
    (tmp_path / "b/inner/file").rename(tmp_path / "b/inner/other")
    assert sha256_path(tmp_path / "a") != sha256_path(tmp_path / "b")
    assert [file.name for file in files_below(tmp_path / "b")] == ["other"]


def test_json_is_hashed_whatever_its_order():
    assert sha256_json({"a": 1, "b": [2]}) == sha256_json({"b": [2], "a": 1})


def test_a_failure_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="halfway"), atomic(path) as temporary:
        temporary.write_text("new")
        raise RuntimeError("halfway")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_no_number_is_no_json(tmp_path):
    with pytest.raises(ValueError, match="Out of range"):
        write_json(tmp_path / "x.json", {"auc": float("nan")})


def test_a_guard_is_asked_before_a_file_is_written_and_before_it_gets_its_name(tmp_path):
    asked = []

    def check():
        asked.append(sorted(path.name for path in tmp_path.iterdir()))
        if len(asked) == 2:
            raise RuntimeError("not yours")

    with guarded(check):
        with pytest.raises(RuntimeError, match="not yours"):
            write_text(tmp_path / "file", "new")
        write_text(tmp_path / "other", "new")
    write_text(tmp_path / "third", "new")
    assert [len(names) for names in asked] == [0, 1, 0, 1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "third"]


def test_what_killed_processes_left_is_removed(tmp_path):
    """Files that `atomic` had not renamed yet, and nothing else."""
    path, others = tmp_path / "weights.safetensors", [".weights", ".other.json.abcd1234", "weights"]
    for name in (".weights.safetensors.abcd_234", ".weights.safetensors.x1234567", *others):
        (tmp_path / name).write_text("half")
    clear_leftovers(path)
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(others)
