"""A table beside the pictures: which column says what."""

import pyarrow as pa
import pytest
from pyarrow import parquet

from radpipe.app.init.study import look
from radpipe.app.init.table import fitting_table, propose_table, tables_among
from radpipe.core.errors import ConfigError, DataError
from tests.dicom_files import film, scene

PICTURES = [f"png/i{n}.png" for n in range(40)]


def write(raw, header, row, name="labels.csv", n=40):
    lines = [header, *(row(i) for i in range(n))]
    (raw / name).write_text("\n".join(lines) + "\n")


def about(proposal, word):
    return next(remark.what for remark in proposal.remarks if remark.about == word)


def test_a_path_a_label_and_a_patient(tmp_path):
    write(tmp_path, "path,label,patient_id", lambda i: f"png/i{i}.png,{i % 2},{i // 2}")
    found = propose_table(tmp_path, "labels.csv", PICTURES)
    assert found.layout["table"] == {
        **{"file": "labels.csv", "image": "path", "target": "label", "patient": "patient_id"},
    }
    assert (found.kind, found.classes) == ("binary", ["0", "1"])
    assert about(found, "patients") == "20 for 40 images (column patient_id)"


def test_tables_with_a_meaning_of_their_own_hold_no_labels():
    files = ["boxes.csv", "ceiling.csv", "a/list.tsv", "labels.csv", "a/boxes.csv"]
    assert tables_among(files) == ["labels.csv", "a/boxes.csv", "a/list.tsv"]


def test_a_name_without_folder_and_suffix(tmp_path):
    write(tmp_path, "image_id;diagnosis", lambda i: f"i{i};{'sick' if i % 2 else 'healthy'}")
    found = propose_table(tmp_path, "labels.csv", PICTURES)
    block = found.layout["table"]
    assert (block["image"], block["path"]) == ("image_id", "png/{image_id}.png")
    assert found.classes == ["healthy", "sick"]
    assert "no column is called patient" in about(found, "patients")


def test_patients_from_the_names_where_no_column_says(tmp_path):
    pictures = [f"png/p{n // 2}_{n % 2}.png" for n in range(40)]
    write(tmp_path, "file,label", lambda i: f"png/p{i // 2}_{i % 2}.png,{i % 2}")
    found = propose_table(tmp_path, "labels.csv", pictures)
    assert found.layout["table"]["name"] == "{_}/{patient}_{_}"


def test_parts_subgroups_unknown_labels_and_rows_without_image(tmp_path):
    def row(i):
        part = "Training" if i < 30 else "test"
        return f"png/i{i}.png,{['a', 'b', ''][i % 3]},{part},{20 + i},{'fm'[i % 2]},{1 / (i + 1)}"

    write(tmp_path, "path,class,split,age,sex,crp", row, n=42)
    found = propose_table(tmp_path, "labels.csv", PICTURES)
    block = found.layout["table"]
    assert block["part"] == "split"
    assert found.layout["parts"] == {"Training": "train"}
    assert block["covariates"] == ["age", "sex"]
    assert block["mapping"] == {"": None}
    assert block["missing_files"] == "skip"
    assert about(found, "rows").startswith("2 rows name an image that is not there")
    assert about(found, "unknown").startswith("13 rows have none")


def test_numbers_get_the_names_of_the_folders_that_go_with_them(tmp_path):
    write(tmp_path, "path,label", lambda i: f"png/i{i}.png,{i % 2}")
    folders = {name: "SICK" if n % 2 else "NORMAL" for n, name in enumerate(PICTURES)}
    found = propose_table(tmp_path, "labels.csv", PICTURES, folder_class=folders)
    assert found.layout["table"]["mapping"] == {"0": "NORMAL", "1": "SICK"}
    assert found.classes == ["NORMAL", "SICK"]


def test_which_column_is_the_label_is_asked_where_it_cannot_be_seen(tmp_path):
    write(tmp_path, "path,view,edema", lambda i: f"png/i{i}.png,{'ap' if i % 3 else 'pa'},{i % 2}")
    with pytest.raises(ConfigError, match=r"It could be: view, edema\. The way out: name it, --la"):
        propose_table(tmp_path, "labels.csv", PICTURES)
    found = propose_table(tmp_path, "labels.csv", PICTURES, label="edema")
    assert found.layout["table"]["target"] == "edema"
    with pytest.raises(ConfigError, match="unknown 'edma', did you mean 'edema'"):
        propose_table(tmp_path, "labels.csv", PICTURES, label="edma")


def test_several_labels(tmp_path):
    write(tmp_path, "path,edema,mass", lambda i: f"png/i{i}.png,{i % 2},{i % 4 // 3}")
    found = propose_table(tmp_path, "labels.csv", PICTURES, label="edema,mass")
    assert (found.kind, found.classes) == ("multi-label", ["edema", "mass"])
    assert about(found, "labels") == "edema 20, mass 10 (rows in which it is 1)"


def test_grades(tmp_path):
    write(tmp_path, "path,KL", lambda i: f"png/i{i}.png,{i % 5}")
    found = propose_table(tmp_path, "labels.csv", PICTURES)
    assert (found.kind, found.classes) == ("ordinal", ["0", "1", "2", "3", "4"])


def test_a_table_in_parquet(tmp_path):
    table = {"path": PICTURES, "label": [n % 2 if n else None for n in range(40)]}
    parquet.write_table(pa.table(table), tmp_path / "labels.parquet")
    found = propose_table(tmp_path, "labels.parquet", PICTURES)
    assert found.layout["table"]["mapping"] == {"": None}
    (tmp_path / "broken.parquet").write_text("no table")
    with pytest.raises(DataError, match=r"broken.parquet: cannot be read as Parquet"):
        propose_table(tmp_path, "broken.parquet", PICTURES)


def test_the_table_that_names_the_most_pictures(tmp_path):
    write(tmp_path, "path,label", lambda i: f"png/i{i}.png,{i % 2}")
    write(tmp_path, "name,value", lambda i: f"n{i},{i}", name="other.csv")
    (tmp_path / "broken.csv").write_text("")
    tables = ["broken.csv", "labels.csv", "other.csv"]
    best, unread = fitting_table(tmp_path, tables, PICTURES)
    assert (best, [why.partition(":")[0] for why in unread]) == ("labels.csv", ["broken.csv"])
    assert fitting_table(tmp_path, ["other.csv"], PICTURES) == (None, [])


def test_a_table_that_names_no_picture(tmp_path):
    write(tmp_path, "name,label", lambda i: f"n{i},{i % 2}")
    with pytest.raises(DataError, match=r"no column names the images.*Columns: name, label"):
        propose_table(tmp_path, "labels.csv", PICTURES)


def test_names_of_pictures_in_another_form_of_unicode(tmp_path):
    pictures = [f"png/u\u0308{n}.png" for n in range(40)]
    write(tmp_path, "image,label", lambda i: f"\u00fc{i},{i % 2}")
    found = propose_table(tmp_path, "labels.csv", pictures)
    assert found.layout["table"]["path"] == "png/{image}.png"


def test_ages_with_commas_are_named_and_not_used(tmp_path):
    write(tmp_path, "path;label;age", lambda i: f"png/i{i}.png;{i % 2};4{i % 10},5")
    found = propose_table(tmp_path, "labels.csv", PICTURES)
    assert "covariates" not in found.layout["table"]
    assert about(found, "commas").startswith("age: numbers with commas, not used; decimal: ','")


def test_films_called_by_an_id_in_several_folders(tmp_path):
    for n in range(40):
        (tmp_path / f"{n % 4}").mkdir(exist_ok=True)
        (tmp_path / f"{n % 4}" / f"1.2.3.{n}").write_bytes(film(scene((32, 24), seed=n)))
    write(tmp_path, "uid,label", lambda i: f"1.2.3.{i},{i % 2}")
    found = look(tmp_path).proposal
    assert found.layout == {
        "table": {"file": "labels.csv", "image": "uid", "find": "name", "target": "label"}
    }
