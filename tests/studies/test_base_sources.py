"""Where files come from: used where they lie, drawn, or downloaded; kept while they agree."""

import hashlib
import io
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from radpipe.core import versions
from radpipe.core.errors import DataError
from radpipe.core.files import sha256_file
from radpipe.core.settings import Study
from radpipe.core.sources import source_of
from radpipe.studies.base import sources
from radpipe.studies.base.adapters import load_adapter, read_layout
from radpipe.studies.base.contract import File
from radpipe.studies.base.manifest import list_files
from radpipe.studies.base.sources import materialise, raw_root

STUDY = {
    "adapter": "folders",
    "remote": None,
    "layout": {"path": "{class}/{patient}-{_}"},
    "target": {"kind": "binary", "classes": ["whole", "broken"]},
    "image": {"side": 32},
    "split": {"seed": 1},
}
PHANTOM = {"kind": "phantom", "seed": 1, "patients": 20}


def study(source, **more):
    return Study.model_validate({**STUDY, **more, "source": source})


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def state(root):
    return {file: (root / file).stat().st_mtime_ns for file in list_files(root)}


def test_a_path_is_used_where_it_lies(tmp_path, monkeypatch):
    (tmp_path / "my data").mkdir()
    monkeypatch.setenv("MINE", str(tmp_path))
    source = study({"kind": "path", "path": "$MINE/my data"})
    assert materialise("mine", source) == tmp_path / "my data" == raw_root("mine", source)
    assert not Path("data").exists()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert materialise("mine", study({"kind": "path", "path": "~/my data"})).is_dir()


@pytest.fixture
def copy(tmp_path):
    """Return the folder of a copy in which DVC runs an experiment."""
    folder = tmp_path / ".dvc/tmp/exps/standalone/tmp1"
    folder.mkdir(parents=True)
    return folder


def test_a_relative_path_counts_from_the_project_in_a_copy_of_it(tmp_path, copy, monkeypatch):
    (tmp_path / "pictures").mkdir()
    monkeypatch.chdir(copy)
    source = study({"kind": "path", "path": "pictures"})
    assert materialise("mine", source) == tmp_path / "pictures"
    # What Git knows, the copy has itself.
    (copy / "pictures").mkdir()
    assert materialise("mine", source) == Path("pictures")


def test_a_copy_reads_the_files_of_the_project_unless_it_asks_for_others(
    tmp_path, copy, monkeypatch
):
    raw = materialise("bones", study(PHANTOM)).absolute()
    before = state(raw)
    monkeypatch.chdir(copy)
    assert materialise("bones", study(PHANTOM)) == raw
    assert not Path("data").exists()
    assert materialise("bones", study({**PHANTOM, "seed": 2})) == Path("data/bones/raw")
    assert state(raw) == before


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("gone", "there is no such folder.*The way out"),
        ("$NOT_SET_HERE/x", "variable that is not set"),
        ("file.txt", "is a file"),
    ],
)
def test_a_wrong_path_is_refused(path, message):
    Path("file.txt").write_text("")
    with pytest.raises(DataError, match=rf"studies\.mine\.source\.path.*{message}"):
        materialise("mine", study({"kind": "path", "path": path}))


def test_a_phantom_is_drawn_once():
    raw = materialise("bones", study(PHANTOM))
    assert raw == Path("data/bones/raw")
    before = state(raw)
    materialise("bones", study(PHANTOM))
    assert state(raw) == before


@pytest.mark.parametrize("change", ["seed", "target", "lost file", "longer file"])
def test_a_phantom_that_does_not_agree_is_drawn_again(change):
    raw = materialise("bones", study(PHANTOM))
    before = state(raw)
    first = next(iter(before))
    again = study(PHANTOM)
    if change == "seed":
        again = study({**PHANTOM, "seed": 2})
    elif change == "target":
        again = study(PHANTOM, target={"kind": "binary", "classes": ["ok", "broken"]})
    elif change == "lost file":
        (raw / first).unlink()
    else:
        (raw / first).write_bytes(b"x" * 99_999)
    materialise("bones", again)
    after = state(raw)
    assert before != after
    assert (after.keys() == before.keys()) == ("file" in change)


@pytest.mark.parametrize("name", ["template.py", "truth.py", "bones.py"])
def test_a_phantom_is_drawn_again_by_other_code(monkeypatch, name):
    """Whatever it imports, or a new manifest would vouch for what older code has drawn."""
    raw = materialise("bones", study(PHANTOM))
    before = state(raw)

    def edited(file):
        found = source_of(file)
        return replace(found, digest="edited") if file.name == name else found

    monkeypatch.setattr(sources, "source_of", edited)
    materialise("bones", study(PHANTOM))
    assert state(raw) != before


def test_a_phantom_is_drawn_again_by_another_version_of_a_library(monkeypatch):
    raw = materialise("bones", study(PHANTOM))
    before = state(raw)
    installed = versions._version
    monkeypatch.setattr(versions, "_version", lambda n: "0" if n == "pillow" else installed(n))
    materialise("bones", study(PHANTOM))
    assert state(raw) != before


def test_half_a_phantom_is_cleared_away():
    left = Path("data/bones/.raw-left")
    left.mkdir(parents=True)
    (left / "x.png").write_bytes(b"x")
    materialise("bones", study(PHANTOM))
    assert not left.exists()
    assert sorted(path.name for path in Path("data/bones").iterdir()) == [
        ".source.json",
        ".source.lock",
        "raw",
    ]


def test_two_at_once_draw_it_once(monkeypatch):
    drawn = []

    class Slow:
        layout_model = load_adapter("folders").layout_model

        def phantom(self, out, **_):
            drawn.append(out)
            time.sleep(0.3)
            (out / "x.png").write_bytes(b"x")

    monkeypatch.setattr(sources, "load_adapter", lambda _: Slow())
    with ThreadPoolExecutor(2) as pool:
        made = [pool.submit(materialise, "bones", study(PHANTOM)) for _ in range(2)]
        assert [future.result() for future in made] == [Path("data/bones/raw")] * 2
    assert len(drawn) == 1


def zipped(**members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/"), content)
    return stream.getvalue()


def url(server, *names, unpack=True):
    files = [{"address": f"{server.url}/{name}", "unpack": unpack} for name in names]
    return {"kind": "url", "licence": "CC BY 4.0", "files": files}


def test_an_archive_is_downloaded_and_unpacked(server):
    server.content = zipped(a__x="1", b__y="22")
    raw = materialise("net", study(url(server, "43283628")))
    assert list_files(raw) == {"a/x": 1, "b/y": 2}
    assert Path("data/net/source.json").exists()
    materialise("net", study(url(server, "43283628")))
    assert len(server.ranges) == 1
    (raw / "a/x").unlink()  # unpacked again from the download
    materialise("net", study(url(server, "43283628")))
    assert list_files(raw) == {"a/x": 1, "b/y": 2}
    assert len(server.ranges) == 1


@pytest.mark.parametrize("unpack", [True, False])
def test_other_files_are_kept_as_they_are(server, unpack):
    server.content = b"abc" if unpack else zipped(a="1")
    raw = materialise("net", study(url(server, "x.npz", "y.csv", unpack=unpack)))
    assert list_files(raw) == dict.fromkeys(["x.npz", "y.csv"], len(server.content))


def test_arrays_become_pictures_and_a_table(server):
    """As MedMNIST serves them; the adapter `folders` then reads the table."""
    stream = io.BytesIO()
    pictures = np.arange(6 * 8 * 8).astype(np.uint8).reshape(6, 8, 8)
    labels = np.array([[0], [1]] * 3, np.uint8)
    np.savez(stream, train_images=pictures[:4], train_labels=labels[:4])
    server.content = stream.getvalue()
    source = url(server, "small.npz")
    source["files"][0] |= {"arrays": {}, "sha256": f"md5:{md5(server.content)}"}
    raw = materialise("net", study(source))
    assert set(list_files(raw)) == {"labels.csv", *(f"train/{k:06d}.png" for k in range(4))}
    layout = {"table": {"file": "labels.csv", "image": "file", "target": "label", "part": "part"}}
    layout["table"]["mapping"] = {"0": "whole", "1": "broken"}
    adapter = load_adapter("folders")
    read = read_layout("net", adapter, layout)
    cases = adapter.cases(raw, files=files_of(raw), layout=read, target=study(source).target).cases
    assert cases["target"].to_pylist() == [0, 1, 0, 1]
    assert set(cases["official"].to_pylist()) == {"train"}
    source["files"][0]["sha256"] = "md5:" + "0" * 32
    with pytest.raises(DataError, match="hash"):
        materialise("other", study(source))


@pytest.fixture
def local(tmp_path):
    """Return a function that saves an .npz, and the study that reads it."""

    def save(pictures, labels, **source):
        path = tmp_path / "mine.npz"
        np.savez(path, x=pictures, y=labels)
        given = {"kind": "arrays", "path": str(path), "sha256": sha256_file(path)}
        return study({**given, "images": "x", "labels": "y", **source}, layout=TABLE)

    return save


TABLE = {"table": {"file": "labels.csv", "image": "file", "target": "label"}}
SQUARES = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)


def test_local_arrays_become_pictures_and_a_table_once(local, tmp_path):
    mine = local(SQUARES, np.array([0, 1, 1]))
    raw = materialise("mine", mine)
    assert raw == Path("data/mine/raw")
    assert list(list_files(raw)) == [*(f"images/00000{k}.png" for k in range(3)), "labels.csv"]
    before = state(raw)
    (tmp_path / "mine.npz").unlink()
    assert materialise("mine", mine) == raw
    assert state(raw) == before


def test_local_arrays_are_checked_by_their_hash(local, tmp_path):
    mine = local(SQUARES, np.array([0, 1, 1]))
    good = md5((tmp_path / "mine.npz").read_bytes())
    materialise("mine", local(SQUARES, np.array([0, 1, 1]), sha256=f"md5:{good}"))
    other = local(SQUARES, np.array([0, 1, 1]), sha256=f"md5:{'0' * 32}")
    with pytest.raises(DataError, match=r"mine\.npz has the hash [0-9a-f]{32}, and not 0{32}"):
        materialise("other", other)
    assert not Path("data/other/raw").exists()
    (tmp_path / "mine.npz").write_bytes(b"another release")
    with pytest.raises(DataError, match="damaged, or of another release"):
        materialise("more", mine)


@pytest.mark.parametrize(
    ("pictures", "labels", "message"),
    [
        (SQUARES, np.array([0, 1]), "has 3 pictures, and there are 2 labels"),
        (SQUARES, np.array([0, None, "one"], dtype=object), "array 'y' holds object"),
        (SQUARES.astype(object), np.array([0, 1, 1]), "array 'x' holds object"),
    ],
)
def test_local_arrays_of_objects_or_unequal_lengths_are_refused(local, pictures, labels, message):
    with pytest.raises(DataError, match=message):
        materialise("mine", local(pictures, labels))


def test_the_path_of_local_arrays_is_that_of_a_file(local, tmp_path):
    for path, message in (
        (tmp_path / "none.npz", "there is no such file"),
        (tmp_path, "is a folder; give the .npz in it"),
        ("$NOWHERE/x.npz", "names a variable that is not set"),
    ):
        with pytest.raises(DataError, match=message):
            materialise("mine", local(SQUARES, np.array([0, 1, 1]), path=str(path)))
    with pytest.raises(DataError, match=r"Of an \.npz say kind: arrays"):
        materialise("mine", study({"kind": "path", "path": str(tmp_path / "mine.npz")}))


def md5(data):
    """Return the hash that MedMNIST states."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def files_of(raw):
    sizes = list_files(raw)
    return {name: File(size, sha256_file(raw / name)) for name, size in sizes.items()}


def test_an_archive_that_tries_to_escape_leaves_nothing(server, tmp_path):
    server.content = zipped(**{"..__..__..__evil": "x"})
    with pytest.raises(DataError, match="refused"):
        materialise("net", study(url(server, "a.zip")))
    assert not list(tmp_path.rglob("evil"))
    assert sorted(path.name for path in Path("data/net").iterdir()) == [
        ".source.lock",
        "download",
        "source.json",
    ]
