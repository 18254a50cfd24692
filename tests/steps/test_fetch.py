"""The step fetch as a process, for each kind of source."""

import csv
import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from radpipe.core.files import read_json

ARGUMENTS = ("--study", "bones")


def manifest(project):
    with (project.root / "data/bones/manifest.csv").open(newline="") as stream:
        return {row["file"]: (int(row["bytes"]), row["sha256"]) for row in csv.DictReader(stream)}


def test_a_phantom(project):
    project.set("studies.bones.source.patients", 20)
    done = project.step("fetch", *ARGUMENTS)
    assert done.returncode == 0, done.stderr
    files = manifest(project)
    assert {"ceiling.csv", "boxes.csv"} < files.keys()
    receipt = read_json(project.root / "results/receipts/fetch/bones.json")
    assert receipt["facts"]["files"] == len(files)
    assert list(receipt["outputs"]) == ["data/bones/manifest.csv"]
    assert "listed bones: files=" in (project.root / "logs/fetch/bones.log").read_text()


def test_a_path_is_neither_copied_nor_changed(project, tmp_path):
    images = tmp_path / "my images"
    (images / "healthy").mkdir(parents=True)
    (images / "healthy/ä b.png").write_bytes(b"abc")
    project.set("studies.bones.source", {"kind": "path", "path": str(images)})
    done = project.step("fetch", *ARGUMENTS)
    assert done.returncode == 0, done.stderr
    assert manifest(project) == {"healthy/ä b.png": (3, hashlib.sha256(b"abc").hexdigest())}
    assert [path.name for path in (project.root / "data/bones").iterdir()] == ["manifest.csv"]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """Serve a folder with one archive; return the archive's address."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("healthy/1.png", "x")
    (tmp_path / "site").mkdir()
    (tmp_path / "site/set.zip").write_bytes(stream.getvalue())

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(tmp_path / "site"))  # type: ignore[arg-type]

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{http.server_port}/set.zip"
    http.shutdown()
    http.server_close()


def test_a_download_whose_hash_is_not_pinned(project, site):
    source = {"kind": "url", "licence": "CC BY 4.0", "files": [{"address": site}]}
    project.set("studies.bones.source", source)
    done = project.step("fetch", *ARGUMENTS)
    assert done.returncode == 0, done.stderr
    assert "Pin it in params.yaml: sha256: " in done.stderr
    assert list(manifest(project)) == ["healthy/1.png"]


def test_a_download_with_a_wrong_hash(project, site):
    file = {"address": site, "sha256": "0" * 64}
    project.set("studies.bones.source", {"kind": "url", "licence": "x", "files": [file]})
    done = project.step("fetch", *ARGUMENTS)
    assert done.returncode == 2
    assert "does not have the hash" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (project.root / "data/bones/raw").exists()
    assert not (project.root / "data/bones/manifest.csv").exists()


def test_a_missing_path(project):
    project.set("studies.bones.source", {"kind": "path", "path": "/no/such/folder"})
    done = project.step("fetch", *ARGUMENTS)
    assert done.returncode == 2
    assert "studies.bones.source.path: '/no/such/folder': there is no such folder" in done.stderr
