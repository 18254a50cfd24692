"""DICOM films in folders and tables: any suffix or none, found by a path, a name or a UID."""

import numpy as np
import pytest

from radpipe.core.errors import ConfigError, DataError
from radpipe.core.settings import Target
from radpipe.studies.base.adapters import load_adapter, read_layout
from radpipe.studies.base.contract import check_cases
from radpipe.studies.base.manifest import list_files, write_manifest
from tests.dicom_files import film, scene

TWO = {"kind": "binary", "classes": ["healthy", "fractured"]}
TABLE = {"file": "t.csv", "image": "id", "target": "y"}
UID = "1.2.840.99999.7.{n}"


def shot(n=0, **elements):
    """Return a small film; films of other numbers have other pixels."""
    return film(scene((16, 12), seed=n), **elements)


def write(raw, files):
    for name, content in files.items():
        (raw / name).parent.mkdir(parents=True, exist_ok=True)
        (raw / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def cases(tmp_path, files, layout, target=TWO):
    """Return the table of cases of a folder, as the step `index` makes it."""
    raw = tmp_path / "raw"
    write(raw, files)
    adapter = load_adapter("folders")
    typed = read_layout("s", adapter, layout)
    seen = write_manifest(raw, tmp_path / "manifest.csv")
    wanted = Target.model_validate(target)
    found = adapter.cases(raw, files=seen, layout=typed, target=wanted)
    check_cases(found, target=wanted, views=adapter.views(typed), files=seen)
    return found.cases


def examined(tmp_path, files, layout, target=TWO):
    """Return what `radpipe check-data` says of a folder."""
    raw = tmp_path / "raw"
    write(raw, files)
    adapter = load_adapter("folders")
    typed = read_layout("s", adapter, layout)
    found = adapter.examine(
        raw, files=list_files(raw), layout=typed, target=Target.model_validate(target)
    )
    return [(finding.level, finding.what) for finding in found]


@pytest.mark.parametrize("name", ["{n}", "IM{n:04}", "x{n}.ima", "x.{n}", UID, "x{n}.dcm"])
def test_films_of_any_suffix_are_found_in_class_folders(tmp_path, name):
    files = {f"healthy/{name.format(n=n)}": shot(n) for n in range(3)}
    files |= {"fractured/z": shot(9), "fractured/notes.txt": "no film", "DICOMDIR": shot(8)}
    found = cases(tmp_path, files, {"path": "{class}/{file}"})
    assert len(found) == 4
    assert set(found["file_image"].to_pylist()) == set(files) - {"fractured/notes.txt", "DICOMDIR"}


def test_the_last_number_of_a_uid_is_no_suffix(tmp_path):
    files = {f"healthy/{UID.format(n=n)}": shot(n) for n in (1, 2)} | {"fractured/a.png": "x"}
    found = cases(tmp_path, files, {"path": "{class}/{file}"})
    assert found["case"].to_pylist() == ["fractured/a", *sorted(files)[1:]]


@pytest.mark.parametrize("suffix", ["", ".dcm", ".ima"])
def test_a_table_of_ids_finds_films_in_any_folder(tmp_path, suffix):
    files = {f"{n}/deep/ab{n}{suffix}": shot(n) for n in range(4)}
    files["t.csv"] = "id,y\n" + "".join(
        f"ab{n},{'healthy' if n % 2 else 'fractured'}\n" for n in range(4)
    )
    found = cases(tmp_path, files, {"table": {**TABLE, "find": "name"}})
    assert found["case"].to_pylist() == ["ab0", "ab1", "ab2", "ab3"]
    assert found["file_image"][2].as_py() == f"2/deep/ab2{suffix}"


def test_a_uid_is_found_whole_before_one_without_its_last_number(tmp_path):
    files = {"a/1.2.3": shot(1), "a/1.2.3.4": shot(2), "a/1.2.3.5": shot(3)}
    files["t.csv"] = "id,y\n1.2.3,healthy\n1.2.3.4,fractured\n"
    found = cases(tmp_path, files, {"table": {**TABLE, "find": "name"}})
    assert found["file_image"].to_pylist() == ["a/1.2.3", "a/1.2.3.4"]


def test_a_name_of_two_films_is_refused_by_line(tmp_path):
    files = {
        "a/x": shot(1),
        "b/x": shot(2),
        "a/y": shot(3),
        "t.csv": "id,y\ny,healthy\nx,healthy\n",
    }
    with pytest.raises(DataError, match=r"1 row names an image of which there are two \(line 3\)"):
        cases(tmp_path, files, {"table": {**TABLE, "find": "name"}})


def test_ids_are_missing_where_they_are_taken_for_paths(tmp_path):
    files = {"a/x": shot(1), "t.csv": "id,y\nx,healthy\n"}
    with pytest.raises(DataError, match=r"layout\.table\.find: name looks for them in all folders"):
        cases(tmp_path, files, {"table": TABLE})


def test_a_path_and_a_name_are_not_both_said():
    layout = {"table": {**TABLE, "path": "{id}.png", "find": "name"}}
    with pytest.raises(ConfigError, match="take find: name out"):
        read_layout("s", load_adapter("folders"), layout)


def test_pictures_and_films_stand_side_by_side(tmp_path):
    files = {"healthy/a.png": "x", "healthy/b": shot(1), "fractured/c.dcm": shot(2)}
    assert len(cases(tmp_path, files, {"path": "{class}/{file}"})) == 3
    assert np.unique(cases(tmp_path, {}, {"path": "{class}/{file}"})["target"]).tolist() == [0, 1]


def test_films_without_suffix_are_counted_and_others_are_no_pictures(tmp_path):
    files = {"healthy/a": shot(1), "fractured/b": shot(2), "stray": shot(3), "notes.docx": "x"}
    found = examined(tmp_path, files, {"path": "{class}/{file}"})
    assert ("ok", "no official part: 2 images; healthy 1, fractured 1") in found
    assert any(what.startswith("1 image does not fit layout.path") for _, what in found)
    assert ("note", "1 file is no picture, such as notes.docx") in found
