"""Knee radiographs, one picture a knee, in the two layouts in which they go round."""

# ruff: noqa: RUF012  the fake studies of the harness are never changed

import math

import pytest

from radpipe.core.errors import ConfigError, DataError
from radpipe.core.settings import Target
from radpipe.studies.base.adapters import load_adapter, read_layout
from radpipe.studies.base.manifest import list_files, write_manifest
from radpipe.studies.folders.layout import FoldersLayout
from radpipe.studies.folders.table import read_table
from radpipe.studies.folders.tree import read_tree
from tests.studies.adapter_harness import AdapterHarness, PhantomHarness
from tests.studies.test_docs_studies import STUDIES
from tests.studies.test_folders import put

NAN = math.nan
GRADES = {"kind": "ordinal", "classes": ["0", "1", "2", "3", "4"]}
LOSS = {"kind": "binary", "classes": ["stable", "loss"]}
LETTERS = {"path": "{part}/{class}/{patient:7}{side}", "parts": {"auto_test": None}}
DIGITS = {"path": "{part}/{class}/{patient}_{side}"}
HEADER = "ID,Age,Sex,BMI,Race,BL_KL_grade,Knee_Injury,Alignmnet_TRIN,Alignment_degree,JSL_Prog"
JSL = {
    "file": "JSL.csv",
    "image": "ID",
    "path": "png/{ID}.png",
    "name": "{patient}_{side}",
    "target": "JSL_Prog",
    "mapping": {"0": "stable", "1": "loss", "": None},
    "covariates": {
        "age": "Age",
        "sex": {"column": "Sex", "mapping": {1: 0, 2: 1}},
        "bmi": "BMI",
        "race": "Race",
        "injury": "Knee_Injury",
        "alignment": "Alignment_degree",
        "kl": "BL_KL_grade",
    },
}
ROWS = (
    "0000001_1,61.0,1.0,28.5,1.0,2.0,0.0,1.0,-3.5,1.0",
    "0000001_2,61.0,1.0,28.5,1.0,0.0,,0.0,,0.0",
    "0000002_2,50.0,2.0,,3.0,4.0,1.0,2.0,0.5,",
)


def grades(raw, *files):
    """Write a file for every name; its bytes need not be a picture."""
    for file in files:
        put(raw, file, file)


def knees(raw, *rows, header=HEADER, end="\n", images=("0000001_1", "0000001_2", "0000002_2")):
    """Write `JSL.csv` and the pictures."""
    for image in images:
        put(raw, f"png/{image}.png", image)
    put(raw, "JSL.csv", "".join(line + end for line in (header, *rows)))


class TestGradesWithLetters(PhantomHarness):
    """The public release for grading: official parts, R and L behind the patient."""

    name = "folders"
    layout = LETTERS
    target = GRADES
    expected = {
        "case": [
            "test/3/0000003R",
            "train/0/0000001L",
            "train/2/0000001R",
            "train/4/0000004L",
            "val/1/0000002L",
        ],
        "patient": ["0000003", "0000001", "0000001", "0000004", "0000002"],
        "official": ["test", "train", "train", "train", "tune"],
        "target": [3, 0, 2, 4, 1],
        "covariate_side": ["R", "L", "R", "L", "L"],
    }

    def fake(self, raw):
        grades(raw, *(f"{case}.png" for case in self.expected["case"]))
        grades(raw, "auto_test/3/0000003R.png", "auto_test/9/0000003L.png")


class TestGradesWithDigits(PhantomHarness):
    """The same with 1 for right and 2 for left."""

    name = "folders"
    layout = DIGITS
    target = GRADES
    expected = {
        "case": ["test/4/3_2", "train/0/1_1", "train/1/1_2", "train/2/2_1", "val/3/7_2"],
        "patient": ["3", "1", "1", "2", "7"],
        "official": ["test", "train", "train", "train", "tune"],
        "target": [4, 0, 1, 2, 3],
        "covariate_side": ["L", "R", "L", "R", "L"],
    }

    def fake(self, raw):
        grades(raw, *(f"{case}.png" for case in self.expected["case"]))


class TestJointSpaceLoss(AdapterHarness):
    """The table of a published system: covariates under the names used elsewhere."""

    name = "folders"
    layout = {"table": JSL}
    target = LOSS
    expected = {
        "case": ["0000001_1", "0000001_2", "0000002_2"],
        "patient": ["0000001", "0000001", "0000002"],
        "official": [None, None, None],
        "target": [1, 0, NAN],
        "file_image": ["png/0000001_1.png", "png/0000001_2.png", "png/0000002_2.png"],
        "covariate_side": ["R", "L", "L"],
        "covariate_age": [61, 61, 50],
        "covariate_sex": [0, 0, 1],
        "covariate_bmi": [28.5, 28.5, NAN],
        "covariate_race": [1, 1, 3],
        "covariate_injury": [0, NAN, 1],
        "covariate_alignment": [-3.5, NAN, 0.5],
        "covariate_kl": [2, 0, 4],
    }

    def fake(self, raw):
        knees(raw, *ROWS, end="\r\n")


class TestGradesOfTheTable(AdapterHarness):
    """Grades that were saved as floats need no mapping."""

    name = "folders"
    layout = {"table": {**JSL, "target": "BL_KL_grade", "mapping": {}, "covariates": ["Age"]}}
    target = GRADES
    expected = {
        "case": ["0000001_1", "0000001_2", "0000002_1", "0000002_2", "0000003_1"],
        "target": [2, 0, 1, 4, 3],
        "covariate_Age": [61, 61, 50, 50, 70],
    }

    def fake(self, raw):
        more = ("0000002_1,50,2.0,,3,1.0,1.0,2.0,0.5,", "0000003_1,70,1,30,0,3,0,0,0,0")
        images = ("0000001_1", "0000001_2", "0000002_2", "0000002_1", "0000003_1")
        knees(raw, *ROWS, *more, images=images)


def test_the_guide_shows_these_layouts():
    assert STUDIES["knee_grades"]["layout"] == LETTERS
    assert STUDIES["knee_grades"]["target"] == GRADES
    assert STUDIES["knee_loss"]["layout"] == {"table": JSL}
    assert STUDIES["knee_loss"]["target"] == LOSS


def cases_of(raw, layout, target):
    """Read cases as the adapter does before they become a table."""
    typed = FoldersLayout.model_validate(layout)
    read = read_tree if typed.path else read_table
    files = write_manifest(raw, raw.parent / "manifest.csv")
    return read(raw, files=files, layout=typed, target=Target.model_validate(target))


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    ("text", "side"),
    [("R", "R"), ("l", "L"), ("1", "R"), ("2", "L"), ("Right", "R"), ("LEFT", "L"), ("2.0", "L")],
)
def test_sides_have_many_names(raw, text, side):
    grades(raw, f"0/1_{text}.png", "1/1_R.png")
    (case, _) = cases_of(
        raw, {"path": "{class}/{patient}_{side}"}, {**GRADES, "classes": ["0", "1"]}
    )
    assert (case.side, case.covariates["side"], case.patient) == (side, side, "1")
    assert not case.shows_both


def test_without_a_side_none_is_known(raw):
    grades(raw, "0/1_R.png", "1/2_L.png")
    cases = cases_of(raw, {"path": "{class}/{patient}_{_}"}, {**GRADES, "classes": ["0", "1"]})
    assert {case.side for case in cases} == {None}
    knees(raw, *ROWS)
    cases = cases_of(raw, {"table": {**JSL, "name": "{patient}_{_}"}}, LOSS)
    assert [(case.patient, case.side) for case in cases] == [
        ("0000001", None),
        ("0000001", None),
        ("0000002", None),
    ]


def test_a_column_can_give_the_side_and_the_name_the_part(raw):
    knees(raw, *(f"{row},{side}" for row, side in zip(ROWS, "12", strict=False)),
          header=HEADER + ",Side", images=("0000001_1", "0000001_2"))  # fmt: skip
    table = {**JSL, "name": "{patient}_{part}", "side": "Side"}
    layout = {"table": table, "parts": {1: "train", 2: "test"}}
    cases = cases_of(raw, layout, LOSS)
    assert [(case.side, case.official) for case in cases] == [("R", "train"), ("L", "test")]
    layout = {"table": table, "parts": {1: "train", 2: None}}
    assert [case.case for case in cases_of(raw, layout, LOSS)] == ["0000001_1"]


def test_a_third_side_is_refused(raw):
    grades(raw, "train/0/1_3.png", "train/1/1_2.png")
    with pytest.raises(DataError, match=r"1 side is not known, '3': 1 like 'xxxxx/0/0_0.png' .*Kn"):
        cases_of(raw, DIGITS, GRADES)
    knees(raw, ROWS[0], "0000001_3" + ROWS[1][9:], images=("0000001_1", "0000001_3"))
    with pytest.raises(DataError, match=r"'3': 1 like '0000000_0' .* Known: R, right or 1,"):
        cases_of(raw, {"table": JSL}, LOSS)
    layout = {"table": JSL, "leave_out": ["png/0000001_3.png"]}
    assert [case.side for case in cases_of(raw, layout, LOSS)] == ["R"]


def test_six_digits_among_seven_are_listed_and_no_case(raw, caplog):
    grades(raw, "train/0/0000001R.png", "train/1/000001L.png")
    cases = cases_of(raw, LETTERS, GRADES)
    assert [case.patient for case in cases] == ["0000001"]
    assert "1 image does not fit layout.path" in caplog.text
    assert "1 like 'train/1/000000x.png' (0 is any digit, x any letter)" in caplog.text
    assert "Expected: part / class / patient (7 digits), side." in caplog.text
    assert "000001L" not in caplog.text


def test_placeholders_with_nothing_between_them_are_explained(raw):
    """{patient} takes one sign, so the rest of the number and a dash are taken for a side."""
    grades(raw, "train/0/9000099_1.png", "train/1/9000099_2.png")
    layout = {"path": "{part}/{class}/{patient}{side}"}
    with pytest.raises(DataError) as caught:
        cases_of(raw, layout, GRADES)
    text = str(caught.value)
    assert "2 sides are not known, '000000_0': 2 like 'xxxxx/0/0000000_0.png' (0 is any" in text
    assert "Expected: part / class / patient, side. Nothing parts {patient} from {side}, so" in text
    assert "such as {patient:7}." in text
    assert "000099" not in text


def test_a_class_folder_5_is_refused(raw):
    grades(raw, "train/0/0000001R.png", "train/5/0000002L.png")
    with pytest.raises(DataError, match=r"the folders '5' are no classes.*Known: 0, 1, 2, 3, 4"):
        cases_of(raw, LETTERS, GRADES)


def test_another_part_is_asked_about(raw):
    grades(raw, "train/0/0000001R.png", "auto_test/0/0000001R.png")
    with pytest.raises(DataError, match=r"part 'auto_test' is not known.*or null to leave it out"):
        cases_of(raw, {"path": LETTERS["path"]}, GRADES)


def test_an_empty_class_folder_counts_only_in_parts_that_are_read(raw):
    grades(raw, "train/0/0000001R.png")
    (raw / "auto_test/2").mkdir(parents=True)
    assert len(cases_of(raw, LETTERS, GRADES)) == 1
    (raw / "val/2").mkdir(parents=True)
    with pytest.raises(DataError, match="class folders without images:\n  val/2"):
        cases_of(raw, LETTERS, GRADES)


def test_a_class_in_digits_has_its_folder_checked_too(raw):
    grades(raw, "0/0000001R.png")
    (raw / "2").mkdir()
    with pytest.raises(DataError, match="class folders without images:\n  2"):
        cases_of(raw, {"path": "{class:1}/{patient:7}{side}"}, GRADES)


def test_codes_that_no_one_explained(raw):
    knees(raw, *ROWS[:2], ROWS[2].replace(",2.0,,", ",9.0,,"))
    with pytest.raises(
        DataError,
        match=r"column Sex holds values that layout.table.covariates.sex.mapping does not explain:"
        r" '9.0'. Known: '1', '2'. The way out",
    ):
        cases_of(raw, {"table": JSL}, LOSS)
    sex = {"column": "Sex", "mapping": {1: 0, 2: 1, 9: None}}
    table = {**JSL, "covariates": {"sex": sex}}
    assert [case.covariates["sex"] for case in cases_of(raw, {"table": table}, LOSS)] == [
        "0",
        "0",
        "",
    ]


def test_a_grade_that_is_no_class(raw):
    knees(raw, *ROWS[:2], ROWS[2].replace(",4.0,", ",4.5,"))
    table = {**JSL, "target": "BL_KL_grade", "mapping": {}}
    with pytest.raises(
        DataError, match=r"column BL_KL_grade holds values that are no class: '4.5'"
    ):
        cases_of(raw, {"table": table}, GRADES)


def test_a_progression_that_is_empty_must_be_explained(raw):
    knees(raw, *ROWS)
    table = {**JSL, "mapping": {0: "stable", 1: "loss"}}
    with pytest.raises(DataError, match=r"no class: ''\. Known.*or null for unknown"):
        cases_of(raw, {"table": table}, LOSS)


def test_a_knee_that_stands_twice(raw, caplog):
    knees(raw, *ROWS, ROWS[0])
    assert len(cases_of(raw, {"table": JSL}, LOSS)) == 3
    assert "rows that say the same of an image as another row: 1" in caplog.text
    knees(raw, *ROWS, ROWS[0].replace("28.5", "31.0"))
    with pytest.raises(DataError, match=r"twice with another .* covariate: lines"):
        cases_of(raw, {"table": JSL}, LOSS)


def test_one_knee_of_a_patient_is_enough(raw):
    knees(raw, ROWS[0], ROWS[2].removesuffix(",") + ",0.0", images=("0000001_1", "0000002_2"))
    cases = cases_of(raw, {"table": JSL}, LOSS)
    assert [(case.patient, case.side) for case in cases] == [("0000001", "R"), ("0000002", "L")]


def test_names_that_do_not_fit_are_refused(raw):
    knees(
        raw,
        *ROWS,
        "000003_1" + ROWS[0][9:],
        images=("0000001_1", "0000001_2", "0000002_2", "000003_1"),
    )
    table = {**JSL, "name": "{patient:7}_{side}"}
    with pytest.raises(
        DataError,
        match=r"1 of 4 rows do not fit layout.table.name .*'000000_0' .*The way out",
    ):
        cases_of(raw, {"table": table}, LOSS)
    layout = {"table": table, "leave_out": ["png/000003_1.png"]}
    assert len(cases_of(raw, layout, LOSS)) == 3


def test_a_column_of_a_renamed_covariate_must_exist(raw):
    knees(raw, *ROWS)
    table = {**JSL, "covariates": {"alignment": "Alignment_degrees"}}
    with pytest.raises(ConfigError, match="unknown 'Alignment_degrees', did you mean 'Alignment_"):
        cases_of(raw, {"table": table}, LOSS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"patient": "ID"}, "both name and a column give patient"),
        ({"covariates": {"side": "ID"}}, "both name and a column give side"),
        ({"name": "{class}_{patient}"}, "the class stands in the column of target"),
        ({"name": "{patient"}, "a brace without its partner"),
        ({"covariates": {"sex": {"colum": "Sex"}}}, "covariates.sex.colum: unknown setting"),
        ({"covariates": {"sex": {"column": "Sex", "mapping": {True: 1}}}}, "YAML reads yes"),
        ({"covariates": "Sex"}, "covariates: input should be a valid dict"),
    ],
)
def test_tables_that_make_no_sense(change, message):
    with pytest.raises(ConfigError, match=message):
        read_layout("s", load_adapter("folders"), {"table": {**JSL, **change}})


def examine(raw, layout, target):
    adapter = load_adapter("folders")
    found = adapter.examine(
        raw,
        files=list_files(raw),
        layout=read_layout("s", adapter, layout),
        target=Target.model_validate(target),
    )
    return [(finding.level, finding.what) for finding in found]


def test_check_data_counts_sides_and_names_what_is_odd(raw):
    grades(raw, *(f"train/{grade}/000000{grade}R.png" for grade in range(5)))
    grades(raw, "test/0/0000000L.png", "train/3/0000001R.png", "train/0/000009L.png")
    assert examine(raw, LETTERS, GRADES) == [
        ("ok", "test: 1 image; 0 1"),
        ("ok", "train: 6 images; 0 1, 1 1, 2 1, 3 2, 4 1"),
        ("ok", "5 patients, or images whose patient is unknown"),
        ("ok", "sides: right 6, left 1"),
        ("note", "1 side of a patient has several images, each a case of its own"),
        ("warning", "1 patient stands in several official parts"),
        (
            "warning",
            "1 image does not fit layout.path '{part}/{class}/{patient:7}{side}': 1 like"
            " 'train/0/000000x.png' (0 is any digit, x any letter)",
        ),
    ]


def test_check_data_reads_the_table(raw):
    knees(raw, *ROWS)
    assert ("ok", "sides: right 1, left 2") in examine(raw, {"table": JSL}, LOSS)
    knees(raw, *ROWS, "0000004_3" + ROWS[0][9:], images=("0000004_3",))
    ((level, what),) = examine(raw, {"table": JSL}, LOSS)
    assert level == "problem"
    assert what.startswith("1 side is not known, '3': 1 like '0000000_0' ")
