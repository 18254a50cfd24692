"""What the adapter `folders` refuses or warns of, and that it says the way out."""

import logging

import pytest

from radpipe.core.errors import ConfigError, DataError
from radpipe.core.settings import Target
from radpipe.studies.base.adapters import load_adapter, read_layout
from radpipe.studies.base.manifest import write_manifest

TWO = {"kind": "binary", "classes": ["healthy", "fractured"]}
TABLE = {"file": "t.csv", "image": "id", "path": "{id}.png", "target": "y"}


def read(tmp_path, files, layout, target=None):
    raw = tmp_path / "raw"
    for name, content in files.items():
        (raw / name).parent.mkdir(parents=True, exist_ok=True)
        (raw / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    manifest = write_manifest(raw, tmp_path / "m.csv")
    adapter = load_adapter("folders")
    typed = read_layout("s", adapter, layout)
    target = Target.model_validate(target or TWO)
    return adapter.cases(raw, files=manifest, layout=typed, target=target).cases


def tree(tmp_path, *files, path="{class}/{file}", target=None, **layout):
    """Read class folders; every file has bytes of its own."""
    return read(tmp_path, {name: name for name in files}, {"path": path, **layout}, target)


def table(tmp_path, text, images="abc", target=None, **settings):
    files = {f"{name}.png": name for name in images} | {"t.csv": text}
    return read(tmp_path, files, {"table": {**TABLE, **settings}}, target)


# --- class folders ---------------------------------------------------------------------


def test_a_folder_that_is_no_class(tmp_path):
    with pytest.raises(DataError, match=r"'Fractured' are no classes, did you mean 'fractured'"):
        tree(tmp_path, "healthy/a.png", "Fractured/b.png")


def test_a_folder_may_be_left_out(tmp_path):
    cases = tree(
        tmp_path, "healthy/a.png", "fractured/b.png", "other/c.png", classes={"other": None}
    )
    assert cases["case"].to_pylist() == ["fractured/b", "healthy/a"]


def test_a_mapping_to_an_unknown_class(tmp_path):
    with pytest.raises(ConfigError, match=r"layout.classes.neg: unknown 'helthy', did you mean"):
        tree(tmp_path, "neg/a.png", classes={"neg": "helthy"})


def test_a_class_without_images(tmp_path):
    with pytest.raises(DataError, match=r"no image of the classes 'fractured'.*The way out"):
        tree(tmp_path, "healthy/a.png")


@pytest.mark.parametrize(
    ("path", "empty"), [("{class}/{file}", "fractured"), ("{part}/{class}/{file}", "test/healthy")]
)
def test_an_empty_class_folder(tmp_path, path, empty):
    (tmp_path / "raw" / empty).mkdir(parents=True)
    start = "train/" if "part" in path else ""
    with pytest.raises(DataError, match=rf"(?s)class folders without images:\n  {empty}\n.*way"):
        tree(tmp_path, f"{start}healthy/a.png", f"{start}fractured2/b.png", path=path,
             classes={"fractured2": "fractured"})  # fmt: skip


def test_an_empty_folder_of_a_patient_is_nothing_special(tmp_path):
    (tmp_path / "raw/p1/fractured").mkdir(parents=True)
    cases = tree(
        tmp_path, "p1/healthy/a.png", "p2/fractured/a.png", path="{patient}/{class}/{file}"
    )
    assert cases["patient"].to_pylist() == ["p1", "p2"]


def test_no_file_fits(tmp_path):
    with pytest.raises(
        DataError, match=r"no image fits layout.path '\{part\}/\{class\}/\{file\}'.*'healthy/x.png'"
    ):
        tree(tmp_path, "healthy/a.png", path="{part}/{class}/{file}")


def test_no_images_at_all(tmp_path):
    with pytest.raises(DataError, match="holds no images"):
        tree(tmp_path, "healthy/a.txt")


def test_files_that_do_not_fit_are_listed(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        tree(tmp_path, "healthy/a.png", "fractured/b.png", "stray.png", "notes.txt")
    assert "1 image does not fit layout.path '{class}/{file}', and no case" in caplog.text
    assert "comes of that: 1 like 'xxxxx.png' (0 is" in caplog.text
    assert "images=3 fitting=2 other_files=1" in caplog.text


def test_an_unknown_part(tmp_path):
    with pytest.raises(DataError, match="the part 'trian' is not known, did you mean 'train'"):
        tree(tmp_path, "trian/healthy/a.png", "test/fractured/a.png", path="{part}/{class}/{file}")


def test_unknown_patients_are_warned_of(tmp_path, caplog):
    cases = tree(tmp_path, "healthy/a.png", "fractured/b.png")
    assert cases["patient"].to_pylist() == ["image:fractured/b", "image:healthy/a"]
    assert "patients unknown for 2 of 2 images" in caplog.text


def test_names_that_differ_in_their_suffix_stay_apart(tmp_path):
    cases = tree(tmp_path, "healthy/a.png", "healthy/a.jpg", "fractured/a.png")
    assert cases["case"].to_pylist() == ["fractured/a", "healthy/a.jpg", "healthy/a.png"]


def test_names_with_blanks_quotes_and_umlauts(tmp_path):
    cases = tree(tmp_path, 'healthy/it\'s "ä" 1.5 b.png', "fractured/ß, c.png")
    assert cases["case"].to_pylist() == ["fractured/ß, c", 'healthy/it\'s "ä" 1.5 b']


def test_one_image_in_two_classes(tmp_path):
    files = {"healthy/a.png": "same", "fractured/b.png": "same", "fractured/c.png": "same"}
    layout = {"path": "{class}/{file}"}
    with pytest.raises(
        DataError,
        match=r"(?s)1 image stands in two classes.*fractured/b.png \(fractured\),.*"
        r"healthy/a.png \(healthy\)\nThe way out.*leave_out",
    ):
        read(tmp_path, files, layout)
    left = {**layout, "leave_out": ["healthy/a.*"]}
    assert len(read(tmp_path, {**files, "healthy/d.png": "d"}, left)) == 3


def test_a_folder_may_be_left_out_with_all_its_images(tmp_path):
    layout = {"path": "{_}/{class}/{file}", "leave_out": ["auto/*"]}
    files = {"a/healthy/a.png": "a", "a/fractured/b.png": "b", "auto/healthy/c.png": "c"}
    assert len(read(tmp_path, files, layout)) == 2


def test_leaving_out_what_is_not_there(tmp_path):
    with pytest.raises(DataError, match=r"leave_out: 'healthy/x.png' fits no file, did you mean"):
        tree(tmp_path, "healthy/a.png", "fractured/b.png", leave_out=["healthy/x.png"])


def test_a_folder_cannot_give_several_labels(tmp_path):
    with pytest.raises(ConfigError, match=r"needs layout.table"):
        tree(tmp_path, "a/a.png", target={"kind": "multi-label", "classes": ["a"]})


# --- tables ----------------------------------------------------------------------------


def test_values_that_no_one_explained(tmp_path):
    with pytest.raises(DataError, match=r"no class: '', 'fx'\. Known.*\"\": <class>"):
        table(tmp_path, "id,y\na,healthy\nb,fx\nc,\n")


def test_a_column_that_does_not_exist(tmp_path):
    with pytest.raises(
        ConfigError,
        match=r"layout.table.patient: column of t.csv: unknown 'idd', did you mean 'id'",
    ):
        table(tmp_path, "id,y\na,healthy\n", patient="idd")


def test_a_mapping_to_no_class(tmp_path):
    with pytest.raises(ConfigError, match=r"mapping.fx: unknown 'broken'"):
        table(tmp_path, "id,y\na,fx\n", mapping={"fx": "broken"})


def test_yes_and_no_must_be_quoted():
    with pytest.raises(ConfigError, match=r"layout.table.mapping: YAML reads yes"):
        read_layout("s", load_adapter("folders"), {"table": {**TABLE, "mapping": {True: "x"}}})


def test_rows_without_their_image(tmp_path, caplog):
    text = "id,y\na,healthy\nb,fractured\nz,healthy\n"
    with pytest.raises(DataError, match=r"1 of 3 rows name an image .*line 4.*x\.png.*The way out"):
        table(tmp_path, text)
    assert len(table(tmp_path, text, missing_files="skip")) == 2
    assert "rows without their image, left out: 1 of 3" in caplog.text
    assert "1 image is not in the table and no case: 1 like 'x.png'" in caplog.text


def test_rows_that_name_images_without_suffix(tmp_path):
    with pytest.raises(DataError, match=r"There is 1 like 'x.png' .*: layout.table.path can say"):
        table(tmp_path, "id,y\na,healthy\n", path=None)


def test_umlauts_in_two_spellings(tmp_path):
    files = {
        "Bru\u0308che.png": "a",
        "x.png": "b",
        "t.csv": "id,y\nBr\u00fcche,fractured\nx,healthy\n",
    }
    assert read(tmp_path, files, {"table": TABLE})["case"].to_pylist() == ["Br\u00fcche", "x"]


def test_one_image_with_two_targets(tmp_path):
    text = "id,y\na,healthy\na,fractured\nb,fractured\n"
    with pytest.raises(DataError, match=r"1 image stands in the table twice.*: lines 2, 3"):
        table(tmp_path, text)
    layout = {"table": TABLE, "leave_out": ["a.png"]}
    files = {"a.png": "a", "b.png": "b", "c.png": "c", "t.csv": text + "c,healthy\n"}
    assert len(read(tmp_path, files, layout)) == 2


def test_a_row_that_is_said_twice_counts_once(tmp_path, caplog):
    assert len(table(tmp_path, "id,y\na,healthy\na,healthy\nb,fractured\n")) == 2
    assert "rows that say the same of an image as another row: 1" in caplog.text


def test_cases_with_one_name(tmp_path):
    with pytest.raises(DataError, match="1 name stands for more than one case, such as '7'"):
        table(tmp_path, "id,no,y\na,7,healthy\nb,7,fractured\n", image="no", path="{id}.png")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no rows"),
        ("id,y\n", "has no rows"),
        (b"id,y\n\xe4,healthy\n", "cannot be read as"),
    ],
)
def test_tables_that_cannot_be_read(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        table(tmp_path, text)


def test_a_table_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match=r"there is no 'tt.csv', did you mean 't.csv'"):
        table(tmp_path, "id,y\na,healthy\n", file="tt.csv")


def test_other_encodings_and_separators(tmp_path):
    files = {"ä.png": "a", "b.png": "b", "t.csv": "id|y\nä|healthy\nb|fractured\n".encode("cp1252")}
    settings = {**TABLE, "encoding": "cp1252", "separator": "|"}
    assert len(read(tmp_path, files, {"table": settings})) == 2


def test_the_number_of_target_columns(tmp_path):
    with pytest.raises(ConfigError, match=r"needs 1 column, got 2"):
        read(
            tmp_path,
            {"a.png": "a", "t.csv": "id,y,z\na,healthy,1\n"},
            {"table": {**TABLE, "target": ["y", "z"]}},
        )


def test_labels_that_are_neither_0_nor_1(tmp_path):
    target = {"kind": "multi-label", "classes": ["one"]}
    with pytest.raises(DataError, match="no class: '2'"):
        read(tmp_path, {"a.png": "a", "t.csv": "id,y\na,2\n"}, {"table": TABLE}, target)
    layout = {"table": {**TABLE, "mapping": {"u": 3}}}
    with pytest.raises(ConfigError, match=r"mapping.u: unknown 3\. Allowed: 0, 1 or null"):
        read(tmp_path, {"a.png": "a", "t.csv": "id,y\na,1\n"}, layout, target)


def test_contradicting_labels_are_spelt_out(tmp_path):
    files = {"a.png": "x", "b.png": "x", "t.csv": "id,y\na,1\nb,0\n"}
    with pytest.raises(DataError, match=r"a.png \(1\), b.png \(0\)"):
        read(tmp_path, files, {"table": TABLE}, {"kind": "multi-label", "classes": ["one"]})


# --- settings --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        ({}, "give either path"),
        ({"path": "{class}/{file}", "table": TABLE}, "not both"),
        ({"path": "{klass}/{file}"}, r"has no \{class\}"),
        ({"path": "{class}/{file"}, "a brace without its partner"),
        ({"path": "{class}/{my file}"}, r"\{my file\} is no name"),
        ({"path": "{class}/{file}", "classes": ["a"]}, "layout.classes: input should be a valid"),
        ({"path": "{class}/{file}", "parts": {"x": "trial"}}, "layout.parts.x: unknown 'trial'"),
    ],
)
def test_layouts_that_make_no_sense(layout, message):
    with pytest.raises(ConfigError, match=message):
        read_layout("s", load_adapter("folders"), layout)


# --- covariates ------------------------------------------------------------------------

AGES = "id,y,age\na,healthy,61\nb,fractured,{odd}\n\nc,healthy,70.5\n"


def ages(tmp_path, odd, **settings):
    covariate = {"column": "age", **settings}
    return table(tmp_path, AGES.format(odd=odd), covariates={"age": covariate})


def test_a_text_among_numbers_is_refused_and_not_shown(tmp_path):
    with pytest.raises(DataError) as caught:
        ages(tmp_path, "Mr Smith")
    text = str(caught.value)
    assert "t.csv: column age: of 3 known cells 1 is text among numbers, such as line 3." in text
    assert "The way out: correct the cells; or say in params.yaml which values stand for" in text
    assert "layout.table.covariates.age.unknown: [...]" in text
    assert "layout.table.covariates.age.category: true" in text
    assert "Smith" not in text


def test_every_mixed_column_is_named_at_once(tmp_path):
    text = "id,y,age,bmi\na,healthy,61,25\nb,fractured,x,?\nc,healthy,70.5,24\n"
    with pytest.raises(DataError, match=r"column age: .* line 3; column bmi: .* line 3\. A few"):
        table(tmp_path, text, covariates=["age", "bmi"])


@pytest.mark.parametrize(("odd", "unknown"), [("NA", ["NA"]), ("-9.0", [-9]), ("", [])])
def test_codes_for_unknown_leave_a_number(tmp_path, odd, unknown):
    found = ages(tmp_path, odd, unknown=unknown)["covariate_age"]
    assert found.to_pylist() == pytest.approx([61, float("nan"), 70.5], nan_ok=True)


def test_a_category_stays_text(tmp_path):
    assert ages(tmp_path, "3+", category=True)["covariate_age"].to_pylist() == ["61", "3+", "70.5"]
    assert ages(tmp_path, "3", category=True)["covariate_age"].to_pylist() == ["61", "3", "70.5"]


def test_identifiers_and_columns_of_text_are_no_accident(tmp_path):
    assert ages(tmp_path, "007")["covariate_age"].to_pylist() == ["61", "007", "70.5"]
    text = "id,y,site\na,healthy,north\nb,fractured,7\nc,healthy,south\n"
    found = table(tmp_path, text, covariates=["site"])
    assert found["covariate_site"].to_pylist() == ["north", "7", "south"]


def test_unknown_values_are_explained_in_one_place(tmp_path):
    with pytest.raises(ConfigError, match="mapping says with null what is unknown"):
        ages(tmp_path, "NA", unknown=["NA"], mapping={"NA": None})
