"""Labels in one cell, lists of parts and ages as DICOM writes them, on films as of the NIH."""

import copy

import pytest

from radpipe.core.errors import ConfigError, DataError
from radpipe.core.files import sha256_bytes
from radpipe.core.settings import Target
from radpipe.studies.base.adapters import load_adapter, read_layout
from radpipe.studies.base.contract import File
from radpipe.studies.base.manifest import list_files
from radpipe.studies.folders.cells import years
from tests.studies.fake_nih import LAYOUT, TARGET, FakeNih

NAME = "00000001_000.png"


@pytest.fixture
def fake(tmp_path):
    """Return ten patients of two films."""
    return FakeNih.of(10)


def cases_of(root, of=TARGET, **table):
    """Read what lies below a folder, some settings of the table being others."""
    layout = copy.deepcopy(LAYOUT)
    layout["table"] |= table
    adapter = load_adapter("folders")
    read, asked = read_layout("chest", adapter, layout), Target.model_validate(of)
    adapter.check_target(read, asked)
    files = {
        name: File(size, sha256_bytes(name.encode())) for name, size in list_files(root).items()
    }
    return adapter.cases(root, files=files, layout=read, target=asked).cases.to_pylist()


def refused(fake, tmp_path, message, **table):
    """Refuse what lies there, without a name of a film in the message."""
    with pytest.raises((DataError, ConfigError), match=message) as caught:
        cases_of(fake.write(tmp_path), **table)
    assert NAME not in str(caught.value)
    assert any(word in str(caught.value) for word in ("way out", "Allowed", "Known"))


def test_every_label_of_a_cell_has_a_column(fake, tmp_path):
    found = {row["case"]: row for row in cases_of(fake.write(tmp_path))}
    expected = {
        "No Finding": (0, 0, 0),
        "Effusion": (1, 0, 0),
        "Mass": (0, 1, 0),
        "Effusion|Mass|Hernia": (1, 1, 0),
        "Pleural_Thickening": (0, 0, 1),
    }
    assert len(found) == 20
    for name, (said, patient, age, part) in fake.rows.items():
        row = found[name]
        assert tuple(row[f"target_{label}"] for label in TARGET["classes"]) == expected[said]
        assert row["patient"] == str(patient)
        assert row["covariate_age"] == float(age[:3])
        assert row["official"] == ("test" if part == "test" else "train")
        assert row["covariate_view"] in ("PA", "AP")


def test_an_empty_cell_is_unknown(fake, tmp_path):
    fake.rows[NAME] = ("", *fake.rows[NAME][1:])
    row = next(row for row in cases_of(fake.write(tmp_path)) if row["case"] == NAME)
    values = [row[f"target_{label}"] for label in TARGET["classes"]]
    assert all(value is None or value != value for value in values)


def test_without_a_list_of_train_it_is_what_no_list_names(fake, tmp_path):
    rows = cases_of(fake.write(tmp_path), part_files={"test": "test_list.txt"})
    assert sorted({row["official"] for row in rows}) == ["test", "train"]
    assert sum(row["official"] == "test" for row in rows) == 4


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("Effusion|Nodule", "holds labels that nobody explained: 'Nodule'. Known: 'Effusion'"),
        ("effusoin", "nobody explained: 'effusoin', did you mean 'effusion'"),
        ("Effusion, Mass", "nobody explained: 'Effusion, Mass'"),
        ("No Finding|Mass", r"say that there is none, and name one \(line 2\)"),
        ("Mass|Mass", r"name a label twice \(line 2\)"),
    ],
)
def test_a_cell_that_nobody_explained_is_refused(fake, tmp_path, cell, message):
    cell = f'"{cell}"' if "," in cell else cell
    fake.rows[NAME] = (cell, *fake.rows[NAME][1:])
    refused(fake, tmp_path, message)


def test_names_of_images_are_not_shown_where_their_column_was_taken_for_labels(tmp_path):
    message = "column Image Index holds 24 labels that nobody explained"
    refused(FakeNih.of(12), tmp_path, message, target="Image Index")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": "Finding Label"}, "unknown 'Finding Label', did you mean 'Finding Labels'"),
        ({"labels": {"names": {"Mass": "masss"}}}, "unknown 'masss', did you mean 'mass'"),
        ({"part_files": {"test": "tests_list.txt"}}, "no 'tests_list.txt', did you mean 'test_li"),
        ({"patient": "Patient"}, "unknown 'Patient', did you mean 'Patient ID'"),
    ],
)
def test_a_wrong_setting_is_told_with_what_there_is(fake, tmp_path, change, message):
    refused(fake, tmp_path, message, **change)


def test_another_release_of_the_table_is_told_by_its_columns(fake, tmp_path):
    """The release of 2020 calls it Data_Entry_2017_v2020.csv; others rename columns."""
    fake.head = fake.head.replace("Finding Labels", "Findings")
    refused(fake, tmp_path, "layout.table.target: column of Data_Entry_2017.csv: unknown 'Find")


def test_lists_that_do_not_fit_the_table_are_refused(fake, tmp_path):
    root = fake.write(tmp_path)
    good = (root / "test_list.txt").read_text()
    for text, message in (
        (good + f"{NAME}\n", "1 image is in two lists named in layout.table.part_files"),
        (good + "00000099_000.png\n", r"1 image is named in layout.table.part_files, and not in"),
        (good.partition("\n")[2], "1 image is in Data_Entry_2017.csv, and in no list named in"),
    ):
        (root / "test_list.txt").write_text(text)
        with pytest.raises(DataError, match=message) as caught:
            cases_of(root)
        assert NAME not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"part": "View Position"}, "give either part or part_files"),
        ({"target": ["Finding Labels", "View Position"]}, "with labels, target is one column"),
        ({"mapping": {"Mass": 1}}, "with labels, target is one column and labels.names what a"),
        ({"part_files": {"tst": "test_list.txt"}}, "part_files"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(tmp_path, settings, message):
    with pytest.raises(ConfigError, match=message):
        cases_of(tmp_path, **settings)


def test_labels_in_one_cell_need_a_target_of_labels(fake, tmp_path):
    with pytest.raises(ConfigError, match="several labels in a cell are a multi-label target"):
        cases_of(fake.write(tmp_path), {"kind": "multi-class", "classes": ["mass", "effusion"]})


@pytest.mark.parametrize(
    ("text", "expected"),
    [("058Y", "58"), ("58", "58"), ("018M", "1.5"), ("012W", "0.23"), ("003D", "0.0082")],
)
def test_ages_are_years(text, expected):
    assert years(text) == expected


@pytest.mark.parametrize("text", ["58.5Y", "Y", "-1", "1234Y", "58 years", "058y"])
def test_what_is_no_age_is_refused_with_its_line(fake, tmp_path, text):
    assert years(text) is None
    said, patient, _, part = fake.rows[NAME]
    fake.rows[NAME] = (said, patient, text, part)
    refused(fake, tmp_path, r"column Patient Age: 1 cell is no age such as 058Y.*\(line 2\)")


def test_an_unknown_age_stays_unknown(fake, tmp_path):
    said, patient, _, part = fake.rows[NAME]
    fake.rows[NAME] = (said, patient, "", part)
    row = next(row for row in cases_of(fake.write(tmp_path)) if row["case"] == NAME)
    assert row["covariate_age"] is None or row["covariate_age"] != row["covariate_age"]
