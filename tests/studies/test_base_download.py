"""Downloads on a server that breaks off, answers 500 or serves something else."""

import hashlib
import logging

import pytest

from radpipe.core.errors import DataError
from radpipe.core.files import read_json
from radpipe.core.settings import Download
from radpipe.studies.base import download as module
from radpipe.studies.base.download import Resuming, download, file_name


def fetch(server, folder, sha256=None, name="a.bin"):
    file = Download(address=f"{server.url}/{name}", sha256=sha256)
    return download(file, folder / "download", seen=folder / "source.json")


def test_goes_on_where_the_transfer_broke_off(server, tmp_path):
    server.plan = ["break", "break"]
    path = fetch(server, tmp_path)
    assert path.read_bytes() == server.content
    # 10,240 bytes: half came, then half of the other half.
    assert server.ranges == [None, "bytes=5120-", "bytes=7680-"]
    assert list(path.parent.iterdir()) == [path]


def test_goes_on_in_another_process(server, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "TRIES", 1)
    server.plan = ["break"]
    with pytest.raises(DataError, match=r"no answer after 1 tries .5120 of 10240 bytes"):
        fetch(server, tmp_path)
    assert fetch(server, tmp_path).read_bytes() == server.content
    assert server.ranges == [None, "bytes=5120-"]


def test_starts_again_when_the_server_knows_no_ranges(server, tmp_path):
    server.plan = ["break", "whole"]
    assert fetch(server, tmp_path).read_bytes() == server.content


def test_starts_again_when_the_part_is_too_long(server, tmp_path):
    part = tmp_path / "download" / "a.bin.part"
    part.parent.mkdir()
    part.write_bytes(bytes(20_000))
    server.plan = ["416"]
    assert fetch(server, tmp_path).read_bytes() == server.content
    assert server.ranges == ["bytes=20000-", None]


def test_asks_again_after_500_and_429(server, tmp_path):
    server.plan = ["500", "503", "429"]
    assert fetch(server, tmp_path).read_bytes() == server.content


def test_gives_up_after_some_tries_without_a_byte(server, tmp_path):
    server.plan = ["500"] * 20
    with pytest.raises(DataError, match=r"no answer after 6 tries .*500.*The way out"):
        fetch(server, tmp_path)
    assert len(server.ranges) == module.TRIES


def test_gives_up_on_silence(server, tmp_path):
    server.plan = ["nothing"] * 20
    with pytest.raises(DataError, match="0 of 10240 bytes came"):
        fetch(server, tmp_path)


def test_gives_up_at_once_on_404(server, tmp_path):
    server.plan = ["404"]
    with pytest.raises(DataError, match="answered 404"):
        fetch(server, tmp_path)
    assert len(server.ranges) == 1


def test_errors_of_our_disk_are_not_retried(server, tmp_path, monkeypatch):
    def full(*_args, **_more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_copy", full)
    with pytest.raises(OSError, match="No space left"):
        fetch(server, tmp_path)
    assert len(server.ranges) == 1


@pytest.mark.parametrize("prefix", ["", "sha256:"])
def test_a_right_hash_passes(server, tmp_path, prefix):
    digest = hashlib.sha256(server.content).hexdigest()
    fetch(server, tmp_path, sha256=prefix + digest)


def test_an_md5_passes_and_the_file_is_not_fetched_twice(server, tmp_path):
    digest = "md5:" + hashlib.md5(server.content, usedforsecurity=False).hexdigest()
    fetch(server, tmp_path, sha256=digest)
    fetch(server, tmp_path, sha256=digest)
    assert len(server.ranges) == 1


def test_a_wrong_hash_is_refused_and_nothing_kept(server, tmp_path):
    with pytest.raises(DataError, match=r"does not have the hash sha256:0+ of params.yaml"):
        fetch(server, tmp_path, sha256="0" * 64)
    assert list((tmp_path / "download").iterdir()) == []
    assert not (tmp_path / "source.json").exists()


def test_the_first_download_is_written_down_and_binds_the_next(server, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        path = fetch(server, tmp_path)
    digest = hashlib.sha256(server.content).hexdigest()
    assert f"sha256: {digest}" in caplog.text
    seen = read_json(tmp_path / "source.json")
    assert seen == {f"{server.url}/a.bin": {"sha256": digest, "bytes": 10240}}
    path.unlink()
    server.content = b"something else"
    with pytest.raises(DataError, match=r"source.json \(the first download\)"):
        fetch(server, tmp_path)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://a.org/files/x.npz?download=1", "x.npz"),
        ("https://a.org/files/43283628", "43283628"),
        ("https://a.org/", "download"),
        ("https://a.org/%2e%2e%2fpass wd", "pass_wd"),
    ],
)
def test_file_names_are_safe(address, name):
    assert file_name(address) == name


def test_who_is_impatient_waits_for_a_busy_server_and_not_for_none(server, tmp_path):
    server.plan = ["503", "429"]
    Resuming(tmp_path / "a.part", "", patient=False)(server.url, str(tmp_path / "a"), None)
    assert (tmp_path / "a").read_bytes() == server.content
    with pytest.raises(DataError, match=r"http://127\.0\.0\.1:9: nobody answers .*ask somebody"):
        Resuming(tmp_path / "b.part", " ask somebody", patient=False)(
            "http://127.0.0.1:9", str(tmp_path / "b"), None
        )
