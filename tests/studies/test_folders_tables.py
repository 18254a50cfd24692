"""Tables and names that can be read in two ways: the adapter `folders` refuses or names them."""

import csv
import io
import logging
import os

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from radpipe.core.errors import ConfigError, DataError
from radpipe.core.settings import Target
from radpipe.studies.base.adapters import load_adapter, read_layout
from tests.studies.test_folders_refusals import TABLE, TWO, read, tree

HEAD = "id,y,who,age\n"


def table(tmp_path, text, images="abc", of=None, forms="refuse", **settings):
    files = {f"{name}.png": name for name in images} | {"t.csv": text}
    return read(tmp_path, files, {"table": {**TABLE, **settings}, "patient_forms": forms}, of)


def refused(tmp_path, text, message, **settings):
    """Refuse a table, without a cell of it in the message."""
    with pytest.raises((DataError, ConfigError), match=message) as caught:
        table(tmp_path, text, **settings)
    assert "4711" not in str(caught.value)
    assert "way out" in str(caught.value) or "Known" in str(caught.value)


def people(tmp_path, *who, **settings):
    rows = (
        "".join(
            f"{image},{label},{name},4{image}\n"
            for image, label, name in zip("abcd", ("healthy", "fractured") * 2, who, strict=False)
        )
        .replace(",4a", ",41")
        .replace(",4b", ",42")
        .replace(",4c", ",43")
        .replace(",4d", ",44")
    )
    images = "abcd"[: len(who)]
    return table(tmp_path, HEAD + rows, images, patient="who", **settings)


# --- columns and rows -------------------------------------------------------------------------


def test_a_column_twice(tmp_path):
    text = "id,y,y\na,healthy,fractured\nb,fractured,healthy\n"
    refused(tmp_path, text, r"t\.csv, line 1: .* 'y' is column 2 and 3")


def test_a_column_twice_in_parquet(tmp_path):
    columns = [pa.array(["a", "b"]), pa.array(["healthy", "fractured"])]
    parquet.write_table(pa.table([*columns, columns[1]], ["id", "y", " y"]), tmp_path / "t.parquet")
    data = (tmp_path / "t.parquet").read_bytes()
    files = {"a.png": "a", "b.png": "b", "t.parquet": data}
    with pytest.raises(DataError, match=r"t\.parquet: 1 name stands for several columns: 'y'"):
        read(tmp_path, files, {"table": {**TABLE, "file": "t.parquet"}})


def test_nothing_in_parquet_is_nothing(tmp_path):
    made = {
        "id": pa.array(["a", "b", " c "]),
        "y": pa.array(["healthy", "fractured", "healthy"]),
        "who": pa.array([7.0, float("nan"), None]),
    }
    parquet.write_table(pa.table(made), tmp_path / "t.parquet")
    data = (tmp_path / "t.parquet").read_bytes()
    files = {"a.png": "a", "b.png": "b", "c.png": "c", "t.parquet": data}
    found = read(tmp_path, files, {"table": {**TABLE, "file": "t.parquet", "patient": "who"}})
    assert found["patient"].to_pylist() == ["7.0", "image:b", "image:c"]


def test_an_unquoted_decimal_comma(tmp_path):
    text = HEAD + "a,healthy,4711,1,5\nb,fractured,2,6\n"
    refused(tmp_path, text, r"header, which has 4: line 2 has 5\. A cell that holds ','")


def test_a_table_without_header_shows_no_row(tmp_path):
    refused(tmp_path, "4711,healthy\n4712,fractured\n", r"unknown 'id'.* Known: 0000, healthy")


def test_a_column_of_patients_as_target_shows_none(tmp_path):
    rows = "".join(f"a,healthy,P4711{k},1\n" for k in range(30))
    refused(tmp_path, HEAD + rows, r"30 different values that are no class: 20 like", target="who")


@pytest.mark.parametrize("column", ["id", "y", "who", "age"])
def test_a_cell_of_several_lines_in_a_column_that_counts(tmp_path, column):
    cells = dict(zip(("id", "y", "who", "age"), ("a", "healthy", "4711", "6"), strict=True))
    cells[column] = f'"{cells[column]}\nx"'
    text = f"{HEAD}{','.join(cells.values())}\nb,fractured,2,6\n"
    message = rf"column {column}: 1 cell has several lines \(line 2\)"
    refused(tmp_path, text, message, patient="who", covariates=["age"])


def test_what_was_unusual_is_logged(tmp_path, caplog):
    text = "sep=;\nid;y;note\na;healthy;1,5\nb;fractured;\n;;\n"
    with caplog.at_level(logging.INFO):
        assert len(table(tmp_path, text, "ab")) == 2
    assert "t.csv, line 1: names the separator, ';'" in caplog.text
    assert "t.csv: read as parted by semicolons" in caplog.text
    assert "1 row of empty cells, left out (line 5)" in caplog.text
    assert not [
        one for one in caplog.records if one.levelno > logging.INFO and "t.csv" in one.getMessage()
    ]


def test_only_what_may_mean_something_else_is_a_warning(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        table(tmp_path, "id;y;\na;healthy;note\nb;fractured;\n", "ab")
    levels = {one.getMessage(): one.levelname for one in caplog.records}
    assert levels["t.csv: read as parted by semicolons"] == "INFO"
    assert levels["t.csv: column 3 has no name, and is not read"] == "WARNING"


def test_check_data_names_it_too(tmp_path):
    (tmp_path / "t.csv").write_text("sep=;\nid;y\na;healthy\nb;fractured\n")
    for name in "ab":
        (tmp_path / f"{name}.png").write_text(name)
    files = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    layout = read_layout("s", load_adapter("folders"), {"table": TABLE})
    target = Target.model_validate(TWO)
    found = load_adapter("folders").examine(tmp_path, files=files, layout=layout, target=target)
    notes = [finding.what for finding in found if finding.level == "note"]
    assert any("line 1: names the separator" in note for note in notes)


@pytest.mark.parametrize("separator", ['"', "\n", "\r", ";;", ""])
def test_what_cannot_be_a_separator(tmp_path, separator):
    with pytest.raises(ConfigError, match="separator"):
        table(tmp_path, HEAD, separator=separator)


# --- numbers ----------------------------------------------------------------------------------

AGES = "id;y;age\na;healthy;42,5\nb;fractured;43\nc;healthy;\n"


def test_decimal_commas_are_refused_or_read(tmp_path):
    message = r"column age: 1 number has a comma \(line 2\).*layout\.table\.decimal: ','"
    refused(tmp_path, AGES, message, covariates=["age"])
    found = table(tmp_path, AGES, covariates=["age"], decimal=",")
    assert found["covariate_age"].to_pylist()[:2] == [42.5, 43.0]
    kept = table(tmp_path, AGES, covariates={"age": {"column": "age", "category": True}})
    assert kept["covariate_age"].to_pylist() == ["42,5", "43", None]


def test_a_target_saved_as_floats_with_commas(tmp_path):
    text = "id;y\na;0,0\nb;1,0\n"
    found = table(tmp_path, text, "ab", decimal=",", mapping={0: "healthy", 1: "fractured"})
    assert found["target"].to_pylist() == [0, 1]


@pytest.mark.parametrize("cell", ["1.234", "1.234,5", "42.5"])
def test_points_where_commas_are_said(tmp_path, cell):
    text = f"id;y;age\na;healthy;{cell}\nb;fractured;43\n"
    message = r"column age: 1 number has a point \(line 2\)"
    refused(tmp_path, text, message, covariates=["age"], decimal=",")


def test_thousands_with_commas(tmp_path):
    text = 'id,y,dose\na,healthy,"1,234"\nb,fractured,900\n'
    refused(tmp_path, text, r"column dose: 1 number has a comma .* thousands", covariates=["dose"])


def test_texts_with_commas_are_texts(tmp_path):
    text = 'id,y,views\na,healthy,"1,2"\nb,fractured,ap\nc,healthy,pa\n'
    found = table(tmp_path, text, covariates=["views"])
    assert found["covariate_views"].to_pylist() == ["1,2", "ap", "pa"]


def test_an_underscore_is_no_digit(tmp_path):
    text = "id,y,visit\na,healthy,1_0\nb,fractured,2_0\n"
    found = table(tmp_path, text, "ab", covariates=["visit"])
    assert found["covariate_visit"].to_pylist() == ["1_0", "2_0"]


def test_which_covariates_are_numbers_is_logged(tmp_path, caplog):
    text = "id,y,age,sex,dose\na,healthy,42,F,10mg\nb,fractured,43,M,20mg\n"
    with caplog.at_level(logging.INFO):
        table(tmp_path, text, "ab", covariates=["age", "sex", "dose"])
    assert "covariates: age numbers, dose texts (2 different), sex texts (2" in caplog.text


# --- patients ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        ("4711", "4711.0", "a decimal point"),
        ("04711", "4711", "leading zeros"),
        ("P4711", "p4711", "capitals"),
        ("P4711", "P-4711", "what stands before the number"),
        ("P4711", "P4711\u200b", "signs that look alike"),
    ],
)
def test_a_patient_in_two_forms(tmp_path, one, other, differ):
    rows = f"a,healthy,{one},1\nb,fractured,2,2\nc,healthy,{other},3\n"
    message = rf"t\.csv: column who: 1 patient is probably .*{differ}.* lines 2, 4; .*merge"
    refused(tmp_path, HEAD + rows, message, patient="who")
    merged = people(tmp_path, one, "2", other, forms="merge")
    assert len(set(merged["patient"].to_pylist())) == 2
    kept = people(tmp_path, one, "2", other, forms="keep")
    assert len(set(kept["patient"].to_pylist())) == 3


@pytest.mark.parametrize("word", ["nan", "NA", "None", "?", "null"])
def test_a_word_for_an_unknown_patient(tmp_path, word):
    rows = f"a,healthy,{word},1\nb,fractured,{word},2\nc,healthy,3,3\n"
    message = r"column who: 1 word in the place of a patient .*line 2;.*leave these cells empty"
    refused(tmp_path, HEAD + rows, message, patient="who")
    merged = people(tmp_path, word, word, "3", forms="merge")
    assert merged["patient"].to_pylist() == ["image:a", "image:b", "3"]


@pytest.mark.parametrize("name", ["4.4711E+12", "02-Jan"])
def test_a_patient_that_a_spreadsheet_changed(tmp_path, name):
    rows = f"a,healthy,{name},1\nb,fractured,2,2\n"
    with pytest.raises(DataError, match=r"a long number that a spreadsheet .*line 2:"):
        table(tmp_path, HEAD + rows, patient="who")
    assert people(tmp_path, name, "2", forms="keep")["patient"].to_pylist() == [name, "2"]


BODY = [
    ("a", "healthy", "P 1, left", "42.5"),
    ("b", "fractured", 'P"2', ""),
    ("c", "healthy", "", "7"),
]


@given(
    separator=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    mark=st.sampled_from(["", "\ufeff"]),
    sep_line=st.booleans(),
    empty=st.sampled_from(["", "\n"]),
)
@settings(max_examples=60, deadline=None)
def test_a_table_in_any_dress_gives_the_same_cases(
    tmp_path_factory, separator, end, quoting, mark, sep_line, empty
):
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=separator, lineterminator=end, quoting=quoting)
    writer.writerows([("id", "y", "who", "age"), *BODY])
    text = mark + (f"sep={separator}{end}" if sep_line else "") + stream.getvalue() + empty
    folder = tmp_path_factory.mktemp("dress")
    found = table(folder, text, patient="who", covariates=["age"])
    assert found["patient"].to_pylist() == ["P 1, left", 'P"2', "image:c"]
    assert found["target"].to_pylist() == [0, 1, 0]
    assert [age for age in found["covariate_age"].to_pylist() if age == age] == [42.5, 7]


def test_patients_of_two_columns(tmp_path):
    rows = "a,healthy,007,1\nb,fractured,7,2\n"
    found = table(tmp_path, HEAD + rows, "ab", patient=["age", "who"])
    assert found["patient"].to_pylist() == ["1/007", "2/7"]
    rows = "a,healthy,007,1\nb,fractured,7,1\n"
    message = r"columns age, who: 1 patient is probably"
    refused(tmp_path, HEAD + rows, message, patient=["age", "who"])


def test_patients_in_names_of_files(tmp_path):
    files = ("healthy/P01-1.png", "fractured/p01-2.png", "healthy/P02-1.png")
    message = r"layout\.path: 1 patient .*such as 2 like 'x00'.*merge"
    with pytest.raises(DataError, match=message) as caught:
        tree(tmp_path, *files, path="{class}/{patient}-{_}")
    assert "P01" not in str(caught.value)
    merged = tree(tmp_path, *files, path="{class}/{patient}-{_}", patient_forms="merge")
    assert merged["patient"].to_pylist() == ["P01", "P01", "P02"]


# --- Unicode ----------------------------------------------------------------------------------

NFC, NFD = "br\u00fcchig", "bru\u0308chig"
BRITTLE = {"kind": "binary", "classes": ["heil", NFC]}


@pytest.mark.parametrize("said", [NFC, NFD])
@pytest.mark.parametrize("there", [NFC, NFD])
def test_a_class_of_the_same_letters(tmp_path, said, there):
    target = {"kind": "binary", "classes": ["heil", said]}
    found = tree(tmp_path, "heil/a.png", f"{there}/b.png", target=target)
    assert sorted(found["target"].to_pylist()) == [0, 1]
    assert found["file_image"].to_pylist()[0].startswith(there)  # as it lies on the disk


@pytest.mark.parametrize("said", [NFC, NFD])
@pytest.mark.parametrize("there", [NFC, NFD])
def test_names_in_settings_and_files_of_the_same_letters(tmp_path, said, there):
    found = tree(tmp_path, f"x_{there}/heil/a.png", f"x_{there}/zu/b.png", f"{there}.png",
                 path=f"x_{said}/{{class}}/{{file}}", classes={"zu": said},
                 leave_out=[f"{said}.*"], target=BRITTLE)  # fmt: skip
    assert sorted(found["target"].to_pylist()) == [0, 1]
    text = f"id,{there},who\na,heil,{there}\nb,{there},{there}\n"
    found = table(tmp_path, text, "ab", target=said, patient="who", of=BRITTLE)
    assert found["patient"].to_pylist() == [NFC, NFC]


def test_two_files_of_the_same_letters(tmp_path):
    text = f"id,y\n{NFC},healthy\nb,fractured\n"
    message = r"1 row names an image of which there are two \(line 2\): .*accents"
    refused(tmp_path, text, message, images=("b", NFC, NFD))


def test_a_name_that_is_no_utf8(tmp_path):
    file = tmp_path / "raw" / "healthy" / os.fsdecode(b"br\xfcch4711.png")
    file.parent.mkdir(parents=True)
    file.write_text("x")
    message = (
        r"1 name of a file is no UTF-8: 1 like 'xxxxxxx/xx\\xfcxx0000\.png'.*The way out: .*convmv"
    )
    with pytest.raises(DataError, match=message) as caught:
        tree(tmp_path, "fractured/b.png")
    assert "4711" not in str(caught.value)
