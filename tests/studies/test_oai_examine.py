"""What `radpipe check-data` says of OAI: counts and oddities, and nobody's name."""

import pytest

from radpipe.core.settings import Target
from radpipe.studies.base.adapters import load_adapter, read_layout
from radpipe.studies.base.manifest import list_files
from tests.studies.fake_oai import (
    DATES,
    KL,
    PEOPLE,
    PROGRESSION,
    SERIES,
    FakeOAI,
    film,
    write_dicom,
)


@pytest.fixture
def raw(tmp_path):
    return FakeOAI().write(tmp_path / "raw")


def examine(raw, **layout):
    adapter = load_adapter("oai")
    question = layout.setdefault("question", "kl")
    target = Target.model_validate(KL if question == "kl" else PROGRESSION)
    typed = read_layout("s", adapter, layout)
    found = adapter.examine(raw, files=list_files(raw), layout=typed, target=target)
    said = str(found)
    for secret in (*PEOPLE, *DATES.values(), *SERIES.values(), "Fake^Person"):
        assert secret not in said
    assert all(finding.way_out for finding in found if finding.level == "problem")
    return found


def lines(raw, level, **layout):
    return [finding.what for finding in examine(raw, **layout) if finding.level == level]


def test_counts_of_a_sound_data_set(raw):
    said = lines(raw, "ok")
    assert "3 films of 3 patients" in said
    assert "KL grades of 5 of 6 knees: 0: 1, 1: 1, 2: 1, 3: 1, 4: 1" in said
    assert "race: known for 4 of 6 knees" in said
    # 9900002 lacks an angle on the right and an injury on the left, 9900003 the race.
    assert "2 knees have a target and every covariate" in said
    assert "6 knees stand in the tables and on a film" in said
    assert "3 films of 16 x 24, 12 bits, Explicit VR Little Endian" in said
    assert "pixels of 0.15 to 0.15 mm" in said
    assert lines(raw, "problem") == lines(raw, "warning") == []


def test_progression_stands_beside_the_published_numbers(raw):
    notes = lines(raw, "note", question="progression")
    assert any(
        note.startswith("1 of 3 knees (33.3%) narrowed by 0.7 mm or more, and 3 were not seen")
        and note.endswith("published 1,351 of 4,163 with all risk factors")
        for note in notes
    )
    assert "tables/kxr_qjsw_duryea00.txt: 1 row gives a reason not to count" in notes


def test_the_published_key_is_a_remark(raw):
    (found,) = [finding for finding in examine(raw) if "key_file" in finding.what]
    assert found.level == "note"
    assert "has a list of identifiers can find them out" in found.what
    (raw / "key").write_bytes(b"0123456789abcdef")
    assert not any("key_file" in what for what in lines(raw, "note", key_file="key"))
    assert "layout.key_file cannot be read" in lines(raw, "problem", key_file="other")[0]


def test_everything_that_is_wrong_is_told_at_once(raw):
    (raw / "tables/enrollees.txt").unlink()
    clinical = raw / "tables/AllClinical00.txt"
    clinical.write_text(clinical.read_text().replace("|60|", "|6|"))
    (raw / film("9900003")).write_bytes(b"no film")
    (raw / film("9900001", file="002")).write_bytes(b"no film either")
    found = "\n".join(lines(raw, "problem"))
    for text in (
        "V00AGE: 1 row",
        "enrollees.txt is missing",
        "tables/kxr_sq_bu00.txt: 2 knees",
        "2 films: no DICOM file, or a broken one; in the order of their paths no. 2, 4",
    ):
        assert text in found


def test_knees_and_films_that_do_not_meet(raw):
    (raw / film("9900001")).rename(raw / "moved")
    table = raw / "tables/kxr_sq_bu00.txt"
    table.write_text(table.read_text().replace("770003|4", "770009|4"))
    notes = lines(raw, "note")
    assert "3 knees of the tables have no film" in notes
    assert "1 of them has films, but of series that no table names" in notes
    assert "1 file without suffix lies elsewhere than films" in notes
    write_dicom(raw / film("9900002", file="002"), 8, {})
    notes = lines(raw, "note")
    assert "1 film holds the same bytes as another one" in notes


def test_no_film_and_the_wrong_folder(raw, tmp_path):
    (raw / "OAIScreeningImages").rename(raw / "OAIBaselineImages")
    for person in PEOPLE:
        (raw / film(person).replace("Screening", "Baseline")).unlink()
    (raw / "OAIBaselineImages/readme").write_text("about")
    assert "not in OAIBaselineImages, which is what is there" in lines(raw, "problem")[0]
    assert "OAIBaselineImages holds no knee radiographs of the baseline visit" in lines(raw, "note")


def test_a_table_without_which_nothing_is_known(raw):
    (raw / "tables/kxr_sq_bu00.txt").unlink()
    (problem,) = lines(raw, "problem")
    assert "kxr_sq_bu00.txt is missing" in problem
    assert any("3 films of 16 x 24" in said for said in lines(raw, "ok"))


def test_classes_that_no_knee_has(raw):
    table = raw / "tables/kxr_sq_bu00.txt"
    text = table.read_text()
    table.write_text(text.replace("770003|4", "770003|."))
    assert "no knee of the classes 4" in lines(raw, "warning")
    for grade in ("1: One", "2", "3"):
        text = text.replace(f"|{grade}\n", "|0\n")
    table.write_text(text.replace("|4\n", "|0\n"))
    assert "no knee of the classes 1, 2, 3, 4" in lines(raw, "problem")


def test_a_covariate_that_is_not_there(raw):
    angles = raw / "tables/kxr_fta_duryea00.txt"
    angles.write_text("ID|SIDE|V00FTANGLE\n9900001|1|.\n")
    assert "alignment: known for no knee" in lines(raw, "warning")
    assert "layout leaves out alignment" in lines(raw, "note", alignment=None)


def test_boxes_are_counted_and_checked(raw):
    (raw / "joints.csv").write_text(f"file,side,x0,y0,x1,y1\n{film('9900001')},R,0,0,5,5\n")
    assert "joints.csv: boxes of 1 knee" in lines(raw, "ok")
    (raw / "joints.csv").write_text(f"file,side,x0,y0,x1,y1\n{film('9900001')},R,5,0,5,5\n")
    assert "joints.csv, line 2: should be a box" in lines(raw, "problem")[0]


@pytest.mark.parametrize(
    ("tags", "level", "what"),
    [
        ({"PixelSpacing": None}, "warning", "neither Pixel Spacing nor Imager Pixel Spacing"),
        ({"PixelSpacing": [7, 7]}, "warning", "larger than 1 mm"),
        ({"PixelSpacing": None, "ImagerPixelSpacing": [0.2, 0.2]}, "ok", "pixels of 0.2 to 0.2"),
        ({"PatientOrientation": None}, "note", "no Patient Orientation"),
        ({"PatientOrientation": ["R", "F"]}, "note", "3 films are mirrored"),
        ({"Laterality": "L"}, "note", "films of one knee: 0 right, 3 left"),
        ({"ImageLaterality": "R"}, "note", "films of one knee: 3 right, 0 left"),
        ({"Modality": "MR"}, "warning", "not that of a radiograph"),
        ({"PhotometricInterpretation": "RGB"}, "problem", "not a grey picture"),
        ({"Rows": None}, "problem", "the header lacks Rows"),
        ({"NumberOfFrames": 3}, "problem", "several pictures in one file"),
    ],
)
def test_an_odd_header(tmp_path, tags, level, what):
    raw = FakeOAI(tags=tags).write(tmp_path / "raw")
    assert any(what in said for said in lines(raw, level))


def test_a_compression_that_cannot_be_undone(raw):
    data = (raw / film("9900001")).read_bytes()
    new = data.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.9\0")
    assert new != data
    (raw / film("9900001")).write_bytes(new)
    assert any("in a transfer syntax that is not read" in said for said in lines(raw, "problem"))
