"""Weights that others learned, once they are here: their folder, and what they have seen."""

from pathlib import Path

import pytest

from radpipe.core.borrowed import home, is_start, seen_by_name, whole
from radpipe.core.errors import StaleError
from radpipe.core.files import sha256_bytes


def test_the_folder_is_the_variables_else_the_caches(monkeypatch):
    monkeypatch.setenv("RADPIPE_WEIGHTS", "/shared/weights")
    assert home() == Path("/shared/weights")
    monkeypatch.delenv("RADPIPE_WEIGHTS")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert home() == Path("/caches/radpipe/weights")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert home() == Path("/home/somebody/.cache/radpipe/weights")


def test_only_a_file_with_its_hash_is_whole(tmp_path):
    file, digest = tmp_path / "a", sha256_bytes(b"abc")
    with pytest.raises(StaleError, match=r"not here.*weights.py --start x.*RADPIPE_WEIGHTS"):
        whole(file, digest, "x")
    file.write_bytes(b"abd")
    with pytest.raises(StaleError, match=r"changed since it was written.*delete it, then"):
        whole(file, digest, "x")
    file.write_bytes(b"abc")
    assert whole(file, digest, "x") == file


def test_what_a_list_says_counts_more_than_a_name():
    listed = {"data_set": "CheXpert", "list": {"sha256": "0", "names": "images", "count": 3}}
    named = {"data_set": "CheXpert", "list": None}
    other = {"data_set": "ImageNet-1k", "list": None}
    assert seen_by_name([named, other, named], ["chest", "chexpert"]) == ["CheXpert"]
    assert seen_by_name([listed, other], ["chest", "chexpert"]) == []
    assert seen_by_name([{**listed, "hits": 3}], ["chexpert"]) == []
    # A list that hits nothing may name images in another way.
    assert seen_by_name([{**listed, "hits": 0}], ["chexpert"]) == ["CheXpert"]
    assert seen_by_name([{**listed, "hits": 0}], ["mura"]) == []


def test_a_study_that_is_unrelated_is_not_known_by_name():
    named = {"data_set": "Knees", "list": None, "unrelated": ["knees"]}
    assert seen_by_name([named], ["knees", "folders"]) == []
    assert seen_by_name([named], ["knees-2", "Knees"]) == ["Knees"]


def test_a_start_is_known_by_its_file():
    assert is_start("results/starts/a/start.json")
    assert not is_start("weights/random.json")
