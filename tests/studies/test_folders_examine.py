"""What `radpipe check-data` says of folders of images and of tables."""

from radpipe.core.settings import Target
from radpipe.studies.base.adapters import load_adapter, read_layout
from radpipe.studies.base.manifest import list_files
from radpipe.studies.folders import copies

TWO = {"kind": "binary", "classes": ["healthy", "fractured"]}


def examine(tmp_path, files, layout, target=TWO):
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    adapter = load_adapter("folders")
    typed = read_layout("s", adapter, layout)
    target = Target.model_validate(target)
    found = adapter.examine(tmp_path, files=list_files(tmp_path), layout=typed, target=target)
    return [(finding.level, finding.what) for finding in found]


def test_images_are_counted_by_part_and_class(tmp_path):
    files = {f"train/healthy/{n}.png": f"{n}" for n in range(3)} | {"test/fractured/a.png": "a"}
    found = examine(tmp_path, files, {"path": "{part}/{class}/{file}"})
    assert found == [
        ("ok", "test: 1 image; fractured 1"),
        ("ok", "train: 3 images; healthy 3"),
        ("ok", "4 patients, or images whose patient is unknown"),
    ]


def test_a_copy_in_two_classes_is_a_problem_and_named_nowhere(tmp_path):
    files = {"healthy/a.png": "same", "fractured/b.png": "same"}
    found = examine(tmp_path, files, {"path": "{class}/{file}"})
    assert found[0] == ("ok", "no official part: 2 images; healthy 1, fractured 1")
    said = "1 image stands in two classes (files with the same bytes)"
    assert ("problem", said) in found


def test_copies_are_counted_across_parts_and_within(tmp_path):
    """Of equal size are a, b, c and d, e alike; f only has the size of a."""
    files = {
        "train/healthy/a.png": "one",
        "train/healthy/b.png": "one",
        "test/healthy/c.png": "one",
        "train/fractured/d.png": "longer",
        "train/fractured/e.png": "longer",
        "test/fractured/f.png": "two",
    }
    found = examine(tmp_path, files, {"path": "{part}/{class}/{file}"})
    assert found[-2:] == [
        ("warning", "1 image stands in several official parts (files with the same bytes)"),
        ("note", "1 image is a copy of another one in the same part (the same bytes)"),
    ]


def test_only_files_that_agree_in_size_and_middle_are_read_as_a_whole(tmp_path, monkeypatch):
    size = 3 * copies.GLANCE
    contents = [b"x" * size, b"x" * size, b"x" * (size // 2) + b"y" * (size // 2), b"x"]
    for n, content in enumerate(contents):
        (tmp_path / str(n)).write_bytes(content)
    read = []
    monkeypatch.setattr(copies, "sha256_file", lambda path: read.append(path.name) or "")
    files = {str(n): len(content) for n, content in enumerate(contents)}
    assert copies.equal_files(tmp_path, files) == [["0", "1"]]
    assert read == ["0", "1"]


def test_files_that_are_no_pictures_and_images_that_are_no_cases(tmp_path):
    files = {
        "healthy/a.png": "a",
        "fractured/b.png": "b",
        "c.png": "c",
        "notes.docx": "x",
        "healthy/d.png": "",
    }
    found = examine(tmp_path, files, {"path": "{class}/{file}"})
    assert (
        "warning",
        "1 image does not fit layout.path '{class}/{file}': 1 like 'x.png' (0 is any digit, x any"
        " letter)",
    ) in found
    assert ("note", "1 file is no picture, such as notes.docx") in found
    assert ("problem", "1 file is empty, such as healthy/d.png") in found


def test_what_index_would_refuse_is_a_problem(tmp_path):
    found = examine(tmp_path, {"healthy/a.png": "a"}, {"path": "{class}/{file}"})
    assert found[0] == ("ok", "no official part: 1 image; healthy 1")
    assert found[-1] == ("problem", "no image of the classes 'fractured' of target.classes.")
    (tmp_path / "healthy").rename(tmp_path / "helthy")
    ((level, what),) = examine(tmp_path, {}, {"path": "{class}/{file}"})
    assert level == "problem"
    assert "'helthy' are no classes, did you mean 'healthy'" in what


def test_a_table_with_several_labels_and_unknown_values(tmp_path):
    files = {"t.csv": "id,x,y\na,1,0\nb,1,\n", "a.png": "a", "b.png": "b"}
    layout = {"table": {"file": "t.csv", "image": "id", "path": "{id}.png", "target": ["x", "y"]}}
    found = examine(tmp_path, files, layout, {"kind": "multi-label", "classes": ["x", "y"]})
    assert found[0] == ("ok", "no official part: 2 images; x 2")
    assert len(found) == 3  # the table is no stray file


def test_unknown_classes_are_counted(tmp_path):
    files = {"t.csv": "id,y\na,healthy\nb,?\nc,fractured\n"} | {f"{n}.png": n for n in "abc"}
    layout = {"table": {"file": "t.csv", "image": "id", "path": "{id}.png", "target": "y",
                        "mapping": {"?": None}}}  # fmt: skip
    found = examine(tmp_path, files, layout)
    assert found[0] == ("ok", "no official part: 3 images; healthy 1, fractured 1, unknown 1")


def test_images_that_the_layout_leaves_out_are_counted_and_no_warning(tmp_path):
    files = {
        name: name
        for name in (
            *("train/healthy/a.png", "train/fractured/b.png", "train/doubtful/c.png"),
            *("old/healthy/d.png", "train/healthy/wrong.png", "notes.docx"),
        )
    }
    layout = {
        "path": "{part}/{class}/{file}",
        "classes": {"doubtful": None},
        "parts": {"old": None},
        "leave_out": ["*/wrong.png", "notes.docx"],
    }
    found = examine(tmp_path, files, layout)
    assert found[0] == ("ok", "train: 2 images; healthy 1, fractured 1")
    assert found[-1] == ("ok", "3 images are left out, as layout says")
    assert [level for level, _ in found] == ["ok", "ok", "note", "ok"]


def test_rows_that_the_layout_leaves_out_are_no_images_without_a_row(tmp_path, caplog):
    files = {"t.csv": "id,y,p\na,healthy,new\nb,fractured,new\nc,healthy,old\n"}
    files |= {f"{name}.png": name for name in "abcd"}
    layout = {
        "table": {"file": "t.csv", "image": "id", "path": "{id}.png", "target": "y", "part": "p"},
        "parts": {"new": "train", "old": None},
    }
    found = examine(tmp_path, files, layout)
    assert ("ok", "1 image is left out, as layout says") in found
    assert (
        "warning",
        "1 image is not in t.csv: 1 like 'x.png' (0 is any digit, x any letter)",
    ) in found
    assert "1 image is not in the table and no case: 1 like 'x.png'" in caplog.text


COVARIATES = "id,y,who,age,bmi\na,healthy,p1,61,25\nb,fractured,p2,NA,26\nc,healthy,p3,70,24\n"


def with_columns(tmp_path, **settings):
    files = {"t.csv": COVARIATES, "empty.png": ""} | {f"{name}.png": name for name in "abc"}
    layout = {"file": "t.csv", "image": "id", "path": "{id}.png", "target": "y", **settings}
    return examine(tmp_path, files, {"table": layout})


def test_wrong_columns_are_problems_and_the_rest_is_told_all_the_same(tmp_path):
    found = with_columns(tmp_path, patient="woh", side="hand", covariates=["agee", "age", "bmi"])
    problems = [what for level, what in found if level == "problem"]
    assert problems[0].startswith(
        "layout.table.patient: column of t.csv: unknown 'woh', did you mean 'who'? Known: age,"
    )
    assert problems[1].startswith("layout.table.side: column of t.csv: unknown 'hand'. Known: ")
    assert problems[2].startswith("layout.table.covariates.agee: column of t.csv: unknown 'agee'")
    assert problems[3].startswith("t.csv: column age: of 3 known cells 1 is text among numbers,")
    assert problems[4] == "1 file is empty, such as empty.png"
    assert ("ok", "no official part: 3 images; healthy 2, fractured 1") in found


def test_without_the_columns_of_image_and_target_cases_are_not_read(tmp_path):
    found = with_columns(tmp_path, image="name", target="label")
    assert [what.partition(" Known")[0] for level, what in found if level == "problem"] == [
        "layout.table.image: column of t.csv: unknown 'name'.",
        "layout.table.target: column of t.csv: unknown 'label'.",
        "1 file is empty, such as empty.png",
    ]
    assert ("note", "4 images there; cases are read once this is mended") in found


def test_a_mapping_to_no_class_is_a_problem_among_others(tmp_path):
    found = with_columns(tmp_path, mapping={"x": "broken"})
    assert found[0][1].startswith("layout.table.mapping.x: unknown 'broken'.")
    assert found[-1] == ("problem", "1 file is empty, such as empty.png")
    found = examine(tmp_path, {}, {"path": "{class}/{file}", "classes": {"a": "broken"}})
    assert found[0][1].startswith("layout.classes.a: unknown 'broken'.")
    assert found[-1] == ("problem", "1 file is empty, such as empty.png")


def notes_of(tmp_path, files, layout):
    return [what for level, what in examine(tmp_path, files, layout) if level == "note"]


def test_where_test_comes_from_is_told_if_the_data_set_does_not_give_it(tmp_path):
    (note,) = notes_of(
        tmp_path, {"healthy/a.png": "a", "fractured/b.png": "b"}, {"path": "{class}/{file}"}
    )
    assert note == (
        "no official part test: the step split draws it by patient, 25% of them or what split.test"
        " says"
    )


def test_an_official_tune_stays_where_test_is_drawn(tmp_path):
    files = {"train/healthy/a.png": "a", "val/fractured/b.png": "b"}
    (note,) = notes_of(tmp_path, files, {"path": "{part}/{class}/{file}"})
    assert note.endswith("what split.test says; tune stays fold 0")
    files = {"test/healthy/c.png": "c"}
    assert notes_of(tmp_path, files, {"path": "{part}/{class}/{file}"}) == []
