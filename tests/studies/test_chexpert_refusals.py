"""What the adapter `chexpert` refuses: with lines and columns, without a patient's number."""

import re

import pytest

from radpipe.core.errors import DataError
from radpipe.core.settings import Target
from radpipe.studies.base.adapters import load_adapter, read_layout
from radpipe.studies.base.manifest import write_manifest
from tests.studies.fake_chexpert import SMALL, FakeCheXpert, row, rows_of_test

TWO = ["edema", "pleural_effusion"]
FILM = "patient00001/study1/view1_frontal.jpg"


@pytest.fixture
def fake():
    return FakeCheXpert()


def refused(fake, tmp_path, message, change=None, **layout):
    raw = fake.write(tmp_path / "raw")
    if change:
        change(raw)
    files = write_manifest(raw, tmp_path / "m.csv")
    adapter = load_adapter("chexpert")
    asked = {"layout": read_layout("s", adapter, layout)}
    asked["target"] = Target(kind="multi-label", classes=TWO)
    with pytest.raises(DataError, match=message) as found:
        adapter.cases(raw, files=files, **asked)
    text = str(found.value)
    assert "way out" in text
    assert not re.search("patient0000[1-9]", text)
    findings = adapter.examine(raw, files=dict.fromkeys(files, 1), **asked)
    problems = [one for one in findings if one.level == "problem"]
    assert any(re.search(message, one.what) for one in problems), problems
    assert all(one.way_out for one in problems)


# --- cells -----------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["2", "0.5", "yes", "-1.5", "nan", "1,0", "u"])
def test_a_label_that_is_none(fake, tmp_path, text):
    fake.rows["train.csv"][1]["Edema"] = f'"{text}"'
    fake.rows["train.csv"][3]["Edema"] = f'"{text}"'
    message = r"train\.csv: column 'Edema': neither 1, 0, -1 nor empty: 2 rows \(lines 3, 5\)"
    refused(fake, tmp_path, message)


@pytest.mark.parametrize("text", ["old", "-3", "610", "1_0", "inf"])
def test_an_age_that_is_none(fake, tmp_path, text):
    fake.rows["train.csv"][2]["Age"] = text
    refused(fake, tmp_path, r"column 'Age': no number of years from 0 to 120: 1 row \(line 4\)")


@pytest.mark.parametrize(
    "path",
    ["", "00000001_000.png", "train/patient00001/view1_frontal.jpg", "files/p10/p1/s5/x.jpg"],
)
def test_a_path_that_is_none(fake, tmp_path, path):
    fake.rows["train.csv"][1]["Path"] = path
    message = r"train\.csv: column 'Path': no path such as train/patient00000/.*: 1 row \(line 3\)"
    refused(fake, tmp_path, message)


# --- rows and columns ------------------------------------------------------------------


def test_rows_that_contradict_each_other(fake, tmp_path):
    fake.rows["train.csv"].append(row(f"train/{FILM}", edema="0.0", pleural_effusion="-1.0"))
    refused(fake, tmp_path, r"train\.csv: rows of one film say different .* \(lines 2, 7\)")


def test_a_film_in_two_formats(fake, tmp_path):
    first = fake.rows["train.csv"][0]
    fake.rows["train.csv"].append({**first, "Path": first["Path"].replace(".jpg", ".png")})
    refused(fake, tmp_path, r"train\.csv: rows stand there more than once \(lines 2, 7\)")


@pytest.mark.parametrize("prefix", [SMALL, "CheXpert-v1.0/", ""])
def test_rows_that_are_equal(fake, tmp_path, prefix):
    """A path may begin with another release's name, and is that of the same film."""
    first = fake.rows["train.csv"][0]
    fake.rows["train.csv"].append({**first, "Path": f"{prefix}train/{FILM}"})
    fake.prefix = ""
    refused(fake, tmp_path, r"train\.csv: rows stand there more than once \(lines 2, 7\)",
            lambda raw: fake.write_table(raw, "train.csv"))  # fmt: skip


@pytest.mark.parametrize("column", ["Edema", "Pleural Effusion"])
def test_a_column_that_is_missing(fake, tmp_path, column):
    for one in fake.rows["valid.csv"]:
        del one[column]
    refused(fake, tmp_path, rf"valid\.csv has no column '{column}'")


def test_a_column_that_is_called_otherwise(fake, tmp_path):
    fake.rows["valid.csv"] = [
        {("edema" if name == "Edema" else name): cell for name, cell in one.items()}
        for one in fake.rows["valid.csv"]
    ]
    refused(fake, tmp_path, r"has no column 'Edema', did you mean 'edema'\?")


def test_a_column_that_stands_twice(fake, tmp_path):
    for one in fake.rows["train.csv"]:
        one["Edema "] = "1.0"
    refused(fake, tmp_path, r"train\.csv, line 1: 1 name stands .*'Edema' is column 11 and 20")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            ["Image Index", "Finding Labels"],
            r"has no column 'Path'\..* looks like one of ChestX-ray14 of the NIH",
        ),
        (
            ["subject_id", "study_id", "Edema"],
            r"has no column 'Path'\..* looks like one of MIMIC-CXR",
        ),
        (["path_to_image", "age"], r"has no column 'Path'\..* looks like one of CheXpert Plus"),
        (["path", "Edema"], "has no column 'Path', did you mean 'path'"),
        (["a", "b"], r"has no column 'Path'\."),
    ],
)
def test_the_table_of_another_data_set(fake, tmp_path, columns, message):
    fake.rows["train.csv"] = [dict.fromkeys(columns, "1")]
    refused(fake, tmp_path, rf"train\.csv {message}")


def test_a_table_without_rows(fake, tmp_path):
    def empty(raw):
        table = raw / SMALL / "valid.csv"
        table.write_text(table.read_text().partition("\n")[0] + "\n")

    refused(fake, tmp_path, r"valid\.csv has no rows", empty)


# --- files -----------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["train.csv", "valid.csv"])
def test_a_table_that_is_missing(fake, tmp_path, table):
    del fake.rows[table]
    refused(fake, tmp_path, rf"^{table} is missing below the root")


def test_a_table_at_several_places(fake, tmp_path):
    fake.write(tmp_path / "raw")
    fake.prefix = "CheXpert-v1.0/"
    refused(fake, tmp_path, "the table of train lies at 2 places")


def test_a_film_at_several_places(fake, tmp_path):
    """Both releases below one root, and tables that say which is meant by none of their names."""
    fake.prefix = "small/"
    fake.write(tmp_path / "raw")
    fake.prefix = "large/"
    fake.write(tmp_path / "raw")

    def move(raw):
        for name in fake.rows:
            (raw / "small" / name).unlink()
            (raw / "large" / name).rename(raw / name)

    refused(fake, tmp_path, r"train\.csv: 3 films lie in several folders \(lines 2, 4, 5\)", move)


def test_no_films_at_all(fake, tmp_path):
    def remove(raw):
        for film in raw.rglob("*.jpg"):
            film.unlink()

    refused(fake, tmp_path, "no file such as train/patient00000/study0/view0_frontal.jpg", remove)


def test_most_films_are_missing(fake, tmp_path):
    def remove(raw):
        (raw / SMALL / "train/patient00001/study1/view1_frontal.jpg").unlink()
        (raw / SMALL / "train/patient00001/study2/view1_frontal.jpg").unlink()

    message = r"train\.csv: 2 of 3 films missing: 2 like 'xxxxxxxx-x0\.0-xxxxx/xxxxx/x"
    refused(fake, tmp_path, message, remove)


# --- patients --------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["valid.csv", "test.csv"])
def test_a_patient_in_two_parts(fake, tmp_path, table):
    fake.rows["test.csv"] = rows_of_test()
    fake.rows[table][0]["Path"] = f"{table[:-4]}/{FILM}"
    message = rf"{table}: 1 film is of patients who stand in another table, too \(line 2\)"
    refused(fake, tmp_path, message)


def test_a_patient_whose_number_is_written_in_two_ways(fake, tmp_path):
    fake.rows["train.csv"][2]["Path"] = "train/patient1/study2/view1_frontal.jpg"
    refused(fake, tmp_path, r"train\.csv: 1 path writes a patient's number .* \(line 4\)")


def test_a_patient_in_two_parts_under_two_forms(fake, tmp_path):
    fake.rows["valid.csv"][0]["Path"] = "valid/patient2/study1/view1_frontal.jpg"
    refused(fake, tmp_path, r"valid\.csv: 1 film is of patients who stand in another table")


def test_films_of_a_study_that_say_different_things(fake, tmp_path):
    fake.rows["train.csv"][1]["Edema"] = "0.0"
    message = r"train\.csv: films of one study have different labels \(lines 2, 3\)"
    refused(fake, tmp_path, message, unit="study", views="all")
