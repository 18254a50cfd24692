"""Patient, side and view from headers of DICOM films: as hashes and out of lists, or unknown."""

import logging

import pytest

from radpipe.core.errors import ConfigError, DataError
from radpipe.studies.base.adapters import load_adapter, read_layout
from radpipe.studies.base.keyed import patient_name
from radpipe.studies.folders.headers import PUBLIC_KEY
from tests.studies.test_folders_dicom import TABLE, TWO, cases, examined, shot

TREE = {"path": "{class}/{file}"}
# Invented, and looked for in everything that is said.
IDS = ("MRN-007431", "MRN-007432", "MRN-009999")


def films(*ids, **elements):
    """Return films of patients, every other one fractured."""
    return {
        f"{'healthy' if n % 2 else 'fractured'}/{n}": shot(n, PatientID=who, **elements)
        for n, who in enumerate(ids)
    }


def refused(tmp_path, files, layout, match):
    with pytest.raises(DataError, match=match) as caught:
        cases(tmp_path, files, layout)
    assert "MRN" not in str(caught.value).upper()
    found = examined(tmp_path, {}, layout)
    assert any(level == "problem" for level, _ in found)
    assert "MRN" not in str(found).upper()


def test_patients_are_keyed_hashes(tmp_path):
    files = films(IDS[0], IDS[0], IDS[1], IDS[2])
    found = cases(tmp_path, files, {**TREE, "header": ["patient"]})
    names = [patient_name(who, PUBLIC_KEY) for who in (IDS[0], IDS[1], IDS[0], IDS[2])]
    assert found["patient"].to_pylist() == names
    (tmp_path / "raw" / "key").write_bytes(b"0123456789abcdef")
    keyed = cases(tmp_path, {}, {**TREE, "header": ["patient"], "key_file": "key"})
    assert set(keyed["patient"].to_pylist()).isdisjoint(names)
    assert len(set(keyed["patient"].to_pylist())) == 3


def test_patients_of_a_table_of_ids(tmp_path):
    files = {f"deep/{n}": shot(n, PatientID=IDS[n % 2]) for n in range(4)}
    files["t.csv"] = "id,y\n0,healthy\n1,fractured\n2,healthy\n3,fractured\n"
    layout = {"table": {**TABLE, "find": "name"}, "header": ["patient"]}
    found = cases(tmp_path, files, layout)["patient"].to_pylist()
    assert found[0] == found[2] != found[1] == found[3]


def test_sides_and_views(tmp_path):
    said = [("R", "AP"), ("L", "LL"), ("B", "PA"), ("U", "x")]
    files = {
        f"{'healthy' if n % 2 else 'fractured'}/{n}": shot(n, ImageLaterality=a, ViewPosition=b)
        for n, (a, b) in enumerate(said)
    }
    found = cases(tmp_path, files, {**TREE, "header": ["side", "view"]})
    assert found["case"].to_pylist()[:2] == ["fractured/0", "fractured/2"]
    assert found["side"].to_pylist() == ["R", None, "L", None]
    assert found["covariate_view"].to_pylist() == ["frontal", "frontal", "lateral", None]


def test_what_headers_do_not_say_is_unknown_and_counted(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    files = films(IDS[0], IDS[1]) | {"healthy/a.png": "x", "healthy/b": shot(9)}
    files["healthy/c.dcm"] = b"\0" * 128 + b"DICM" + b"\xff" * 9
    found = cases(tmp_path, files, {**TREE, "header": ["patient", "side"]})
    unknown = [name for name in found["patient"].to_pylist() if name.startswith("image:")]
    assert len(unknown) == 3
    assert "patients unknown for 3 of 5 images" in caplog.text
    assert "headers do not say the side of 5 of 5 images" in caplog.text
    assert "MRN" not in caplog.text


@pytest.mark.parametrize(
    ("ids", "match"),
    [
        (["ANONYMOUS", "mrn1", "mrn2"], "1 film has a Patient ID that stands for an unknown"),
        (["n/a", "NA", "mrn2"], "2 films have a Patient ID that stands for an unknown"),
        (["mrn1", "MRN1", "mrn2"], "1 Patient ID is probably written in several forms"),
        (["0071", "71", "mrn2"], "1 Patient ID is probably written in several forms"),
        (["mrn1", "mrn1", "mrn1"], "all 3 films have the same Patient ID"),
    ],
)
def test_patient_ids_that_name_nobody_or_one_twice(tmp_path, ids, match):
    refused(tmp_path, films(*ids), {**TREE, "header": ["patient"]}, match)


def test_forms_of_a_patient_id_are_merged_or_kept(tmp_path):
    files = films("mrn1", "MRN1", "ANONYMOUS", "NA")
    layout = {**TREE, "header": ["patient"], "patient_forms": "keep"}
    assert len(set(cases(tmp_path, files, layout)["patient"].to_pylist())) == 4
    layout["patient_forms"] = "merge"
    merged = cases(tmp_path, files | {"healthy/9": shot(9, PatientID="x2")}, layout)
    known = {name for name in merged["patient"].to_pylist() if not name.startswith("image:")}
    assert (len(set(merged["patient"].to_pylist())), len(known)) == (4, 2)


@pytest.mark.parametrize(
    "layout",
    [
        {"path": "{class}/{patient}-{_}", "header": ["patient"]},
        {"path": "{class}/{side}", "header": ["side"]},
        {"path": "{class}/{view}", "header": ["view"]},
        {"table": {**TABLE, "patient": "who"}, "header": ["patient"]},
        {"table": {**TABLE, "side": "s"}, "header": ["side"]},
        {"table": {**TABLE, "covariates": ["view"]}, "header": ["view"]},
        {"table": {**TABLE, "name": "{patient}_{_}"}, "header": ["patient"]},
    ],
)
def test_what_two_places_would_say_is_refused(layout):
    with pytest.raises(ConfigError, match="gives the same; take it out of one of the two"):
        read_layout("s", load_adapter("folders"), layout)


def test_a_key_that_is_not_there(tmp_path):
    layout = {**TREE, "header": ["patient"], "key_file": "nokey"}
    with pytest.raises(DataError, match=r"layout\.key_file cannot be read"):
        cases(tmp_path, films(IDS[0], IDS[1]), layout)


def test_headers_are_not_read_unless_they_are_asked(tmp_path, monkeypatch):
    monkeypatch.setattr("radpipe.studies.folders.headers.headers_of", None)
    assert len(cases(tmp_path, films(*IDS), TREE, TWO)) == 3
