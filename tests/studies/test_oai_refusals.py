"""What the adapter `oai` refuses: it says the way out, and names nobody."""

import logging

import pytest

from radpipe.core.errors import DataError
from tests.studies.fake_oai import DATES, PEOPLE, SERIES, FakeOAI, film, write_dicom
from tests.studies.test_oai import add, read, read_folder

GRADES, WIDTHS, LATER = "kxr_sq_bu00.txt", "kxr_qjsw_duryea00.txt", "kxr_qjsw_duryea06.txt"
CLINICAL, ENROLLED, ANGLES = "AllClinical00.txt", "enrollees.txt", "kxr_fta_duryea00.txt"


@pytest.fixture
def fake():
    return FakeOAI()


def refused(tmp_path, message, make, caplog):
    with caplog.at_level(logging.DEBUG), pytest.raises(DataError, match=message) as found:
        make()
    said = str(found.value) + caplog.text
    assert "way out" in said
    for secret in (*PEOPLE, *DATES.values(), *SERIES.values()):
        assert secret not in said


# --- tables that are wrong -------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "old", "new", "message"),
    [
        (GRADES, "770002|2\n", "770002|5\n", r"V00XRKL: 1 row holds .* 0 to 4.* line 4\."),
        (GRADES, "770002|2\n", "770002|9: ???\n", r"V00XRKL: 1 row holds .* line 4\."),
        (GRADES, "770002|2\n", "770002|-1\n", r"V00XRKL: 1 row"),
        (
            GRADES,
            "9900002|1|",
            "9900002|3|",
            r"column SIDE: 1 row holds .* 1 \(right\) or 2 .* 4",
        ),
        (GRADES, "9900002|1|", "9900002||", r"column SIDE: 1 row holds"),
        (GRADES, "9900002|1|", "|1|", r"1 row has no ID, such as line 4"),
        (GRADES, "770002|2\n", "770002|2|\n", r"1 row has more or fewer cells .* line 4"),
        (GRADES, "V00XRKL", "V00XRK", r"no column V00XRKL, did you mean 'V00XRK'\?.*grade\.column"),
        (GRADES, "V00BARCDBU", "BAR", r"no column V00BARCDBU.*layout\.barcode \(null"),
        (
            GRADES,
            "9900002|1|",
            "9900002.0|1|",
            r"column ID: 1 row was written anew .* line 4, with",
        ),
        (CLINICAL, "9900002|", "9.9E+06|", r"column ID: 1 row was written anew .* line 3, with"),
        (GRADES, "READPRJ", "SIDE", r"line 1: .* 'SIDE' is column 2 and 3"),
        (CLINICAL, "|60|", "|16|", r"V00AGE: 1 row holds .* 18 to 110 years.* line 2"),
        (CLINICAL, "|60|", "|sixty|", r"V00AGE: 1 row"),
        (CLINICAL, "|25.5|", "|inf|", r"P01BMI: 1 row .*layout\.bmi\.column"),
        (CLINICAL, "P01INJL", "P01INJ", r"no column P01INJL, did you mean 'P01INJ'"),
        (CLINICAL, "|0: No|", "|2: Maybe|", r"P01INJ\{side\}: 1 row holds .* 0 or 1"),
        (ENROLLED, "|1: Male|", "|3: Other|", r"P02SEX: 1 row holds .* 1 or 2"),
        (ENROLLED, "|1: White", "|7: White", r"P02RACE: 1 row holds .* 0 to 3"),
        (ANGLES, "|-4.5", "|-90", r"V00FTANGLE: 1 row holds .* -45 to 45 degrees"),
    ],
)
def test_a_cell_that_cannot_be(fake, tmp_path, table, old, new, message, caplog):
    assert fake.tables[table].count(old) >= 1
    fake.tables[table] = fake.tables[table].replace(old, new, 1)
    refused(tmp_path, message, lambda: read(fake, tmp_path), caplog)


@pytest.mark.parametrize(("table", "setting"), [(GRADES, "grade"), (CLINICAL, "age")])
def test_a_table_that_is_missing(fake, tmp_path, table, setting, caplog):
    del fake.tables[table]
    message = rf"{table.lower()} is missing.*layout\.{setting}\.table"
    refused(tmp_path, message, lambda: read(fake, tmp_path), caplog)


def test_a_visit_that_is_missing(fake, tmp_path, caplog):
    del fake.tables[LATER]
    assert len(read(fake, tmp_path).cases) == 6
    message = rf"{LATER} is missing.*layout\.later_width\.table"
    again = lambda: read_folder(tmp_path / "raw", tmp_path, question="progression")  # noqa: E731
    refused(tmp_path, message, again, caplog)


@pytest.mark.parametrize(
    ("column", "message"),
    [("MCMJSW", r"no column V06MCMJSW"), ("NOMJSWX", r"no column V06NOMJSWX")],
)
def test_a_visit_without_its_columns(fake, tmp_path, column, message, caplog):
    fake.tables[LATER] = fake.tables[LATER].replace(f"V06{column}", f"V08{column}")
    refused(tmp_path, message, lambda: read(fake, tmp_path, question="progression"), caplog)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no rows"),
        (" \r\n\r\n", "has no rows"),
        ("ID|SIDE|READPRJ|V00BARCDBU|V00XRKL\n", "has no rows"),
        ("ID,SIDE,V00XRKL\n9900001,1,2\n", r"not parted by \| and looks parted by commas"),
        ("ID\tSIDE\tV00XRKL\n", "looks parted by tabs"),
        ("ID;SIDE;V00XRKL\n", "looks parted by semicolons"),
        ("9900001\n", r"is not parted by \|\."),
        ("PK\x03\x04\x00\x00", "no table of text"),
        ("9900001|1|15|016600770001|2\n9900002|1|15|016600770001|2\n", "has no column ID"),
    ],
)
def test_a_file_that_is_no_such_table(fake, tmp_path, text, message, caplog):
    fake.tables[GRADES] = text
    refused(tmp_path, message, lambda: read(fake, tmp_path), caplog)


def test_a_table_at_two_places(fake, tmp_path, caplog):
    raw = fake.write(tmp_path / "raw")
    (raw / "old").mkdir()
    (raw / "old" / GRADES).write_bytes((raw / "tables" / GRADES).read_bytes())
    refused(tmp_path, "lies at 2 places: old/", lambda: read_folder(raw, tmp_path), caplog)
    grade = {"table": f"tables/{GRADES}", "column": "V00XRKL"}
    assert len(read_folder(raw, tmp_path, grade=grade).cases) == 6


def test_a_table_that_came_after_the_manifest_is_not_read(fake, tmp_path, caplog):
    text = fake.tables.pop(GRADES)
    raw = fake.write(tmp_path / "raw")
    with pytest.MonkeyPatch.context() as patch:
        from tests.studies import test_oai

        real = test_oai.write_manifest

        def late(*arguments):
            files = real(*arguments)
            (raw / "tables" / GRADES).write_text(text)
            return files

        patch.setattr(test_oai, "write_manifest", late)
        refused(tmp_path, f"{GRADES} is missing", lambda: read_folder(raw, tmp_path), caplog)


# --- readings --------------------------------------------------------------------------


def test_readings_that_contradict_each_other(fake, tmp_path, caplog):
    add(fake, "9900001|1|15|016600770001|4")
    add(fake, "9900002|2|15|016600770002|0")
    message = r"V00XRKL: 2 knees .* contradict .* lines 2, 5, 8, 9\..*layout\.readings"
    refused(tmp_path, message, lambda: read(fake, tmp_path), caplog)


def test_projects_that_no_one_named_are_equals(fake, tmp_path, caplog):
    add(fake, "9900003|2|80|016600770003|4")
    add(fake, "9900003|2|81|016600770003|0")
    refused(tmp_path, r"1 knee .* lines 8, 9\.", lambda: read(fake, tmp_path), caplog)
    assert len(read_folder(tmp_path / "raw", tmp_path, readings=["15", "80"]).cases) == 6


def test_a_patient_twice_with_two_ages(fake, tmp_path, caplog):
    add(fake, "9900001|61|25.5|0|1", CLINICAL)
    refused(tmp_path, r"V00AGE: .* contradict .* lines 2, 5", lambda: read(fake, tmp_path), caplog)


# --- films -----------------------------------------------------------------------------


def test_two_films_and_nothing_that_tells_which(fake, tmp_path, caplog):
    fake.films[film("9900001", "00778888")] = 77
    message = r"kxr_sq_bu00\.txt: 2 knees have several films .* lines 2, 3\..*layout\.barcode"
    refused(tmp_path, message, lambda: read(fake, tmp_path, barcode=None), caplog)


def test_two_films_of_the_series_that_was_read(fake, tmp_path, caplog):
    fake.films[film("9900001", file="002")] = 77
    message = r"2 knees .* several films .*correct the column V00BARCDBU"
    refused(tmp_path, message, lambda: read(fake, tmp_path), caplog)


def test_films_of_other_series_only(fake, tmp_path, caplog):
    fake.films = {film(person, f"0088000{n}"): n for n, person in enumerate(PEOPLE)}
    message = r"none of the 6 knees .* For 6 of them .* other series .*layout\.barcode: null"
    refused(tmp_path, message, lambda: read(fake, tmp_path), caplog)
    assert len(read_folder(tmp_path / "raw", tmp_path, barcode=None).cases) == 6


def test_films_of_nobody_in_the_tables(fake, tmp_path, caplog):
    for table, text in fake.tables.items():
        fake.tables[table] = text.replace("990000", "880000")
    refused(tmp_path, r"none of the 6 knees .* has a film\.", lambda: read(fake, tmp_path), caplog)


def test_no_films_where_one_would_look_in_vain(fake, tmp_path, caplog):
    fake.films = {}
    raw = fake.write(tmp_path / "raw")
    message = r"lie in OAIScreeningImages, and not in OAIBaselineImages\. The way out"
    refused(tmp_path, message, lambda: read_folder(raw, tmp_path), caplog)
    wrong = raw / "OAIBaselineImages/results/00m/0.E.1/9900001/19011231/00770001/mri/001"
    wrong.parent.mkdir(parents=True)
    write_dicom(wrong, 1, {})
    message = r"not in OAIBaselineImages, which is what is there"
    refused(tmp_path, message, lambda: read_folder(raw, tmp_path), caplog)


# --- key, boxes, ideal observer --------------------------------------------------------


def test_a_key_file_that_is_no_secret(fake, tmp_path, caplog):
    raw = fake.write(tmp_path / "raw")
    missing = lambda: read_folder(raw, tmp_path, key_file="no/such")  # noqa: E731
    refused(tmp_path, r"layout\.key_file cannot be read \(No such file", missing, caplog)
    (raw / "short").write_bytes(b"123")
    short = lambda: read_folder(raw, tmp_path, key_file="short")  # noqa: E731
    refused(tmp_path, r"holds 3 bytes; a secret has 16", short, caplog)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,x0,y0,x1,y1\n", "lacks the columns side"),
        ("file,side,x0,y0,x1,y1\nFILM,B,0,0,1,1\n", "line 2: side should be R or L"),
        ("file,side,x0,y0,x1,y1\nFILM,R,0,0,,1\n", "line 2: should be a box"),
        ("file,side,x0,y0,x1,y1\nFILM,R,5,0,5,1\n", "line 2: should be a box"),
        ("file,side,x0,y0,x1,y1\nFILM,R,-1,0,5,1\n", "line 2: should be a box"),
        ("file,side,x0,y0,x1,y1\nFILM,R,0,0,1,1\nFILM,1,0,0,2,1\n", "lines 2, 3 name some twice"),
    ],
)
def test_boxes_that_cannot_be(fake, tmp_path, text, message, caplog):
    raw = fake.write(tmp_path / "raw")
    (raw / "joints.csv").write_text(text.replace("FILM", film("9900001")))
    refused(tmp_path, rf"joints\.csv.*{message}", lambda: read_folder(raw, tmp_path), caplog)


def test_boxes_that_were_promised(fake, tmp_path, caplog):
    message = r"layout\.boxes: mine\.csv is missing"
    refused(tmp_path, message, lambda: read(fake, tmp_path, boxes="mine.csv"), caplog)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,side,0,1\n", "columns for 2 classes, and kl has 5"),
        ("file,side,0,1,2,3,4\nx,R,0.5,0.1,0,0,0\n", "line 2: .* add up to 1"),
        ("file,side,0,1,2,3,4\nx,R,2,-1,0,0,0\n", "line 2: .* add up to 1"),
    ],
)
def test_an_ideal_observer_that_is_none(fake, tmp_path, text, message, caplog):
    raw = fake.write(tmp_path / "raw")
    (raw / "ceiling_kl.csv").write_text(text)
    refused(tmp_path, rf"ceiling_kl\.csv.*{message}", lambda: read_folder(raw, tmp_path), caplog)
