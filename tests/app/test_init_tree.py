"""Class folders: which level says what."""

import pytest

from radpipe.app.init.tree import propose_tree


def files(*folders, form="p{n}_{k}.png", n_patients=20, n_each=2, start=0):
    return [
        f"{folder}/{form.format(n=n, k=k)}"
        for place, folder in enumerate(folders)
        for n in range(start + place * n_patients, start + (place + 1) * n_patients)
        for k in range(n_each)
    ]


def about(proposal, word):
    return next(remark.what for remark in proposal.remarks if remark.about == word)


def test_class_folders():
    found = propose_tree(files("sick", "normal"))
    assert found.layout == {"path": "{class}/{patient}_{_}"}
    assert (found.kind, found.classes) == ("binary", ["normal", "sick"])
    assert found.on_leak == "group"
    expected = "normal 40, sick 40 (names of folders); 'sick' is taken for the finding (positive)"
    assert about(found, "classes") == expected
    assert about(found, "parts") == "none given: a quarter is drawn as test, by patient"


def test_official_parts():
    folders = [f"{part}/{name}" for part in ("train", "test") for name in ("NORMAL", "PNEUMONIA")]
    found = propose_tree(files(*folders))
    assert found.layout == {"path": "{part}/{class}/{patient}_{_}"}
    assert found.official == {"train": 80, "test": 80}
    assert found.on_leak == "drop"


def test_parts_that_are_called_otherwise_are_mapped():
    folders = [f"{part}/{name}" for part in ("Training", "Hold-out") for name in ("a", "b")]
    found = propose_tree(files(*folders))
    assert found.layout["parts"] == {"Training": "train", "Hold-out": "test"}


def test_a_val_that_is_too_small_to_choose_by_goes_to_train():
    train = files("train/a", "train/b", n_patients=200)
    found = propose_tree([*train, *files("val/a", "val/b", n_patients=4, start=900)])
    assert found.layout["parts"] == {"val": "train"}
    assert found.official == {"train": 816}
    assert "val has too few to choose a model by" in about(found, "parts")


@pytest.mark.parametrize(("n_patients", "kept"), [(4, False), (5, True)])
def test_of_a_small_study_twenty_images_are_a_val(n_patients, kept):
    """4 x 2 classes x 2 pictures are 16, 5 x 2 x 2 are 20; train has 80."""
    val = files("val/a", "val/b", n_patients=n_patients, start=900)
    found = propose_tree([*files("train/a", "train/b"), *val])
    assert ("parts" not in found.layout) == kept


def test_numbers_that_start_again_in_each_part_name_no_patient():
    found = propose_tree([*files("train/a", "train/b"), *files("test/a", "test/b")])
    assert found.layout["path"] == "{part}/{class}/{file}"
    assert "stand in another one, too: numbers start again" in about(found, "patients")
    assert not found.patients_known


def test_how_many_names_tell_the_patient_and_what_to_set():
    names = [*files("sick", form="person{n}_{k}.png"), *files("normal", form="IM-{n:04d}{k}.png")]
    found = propose_tree(names)
    assert found.layout["path"] == "{class}/{file}"
    said = about(found, "patients")
    assert "unknown (40 names of files tell, such as 'x0_0'" in said
    assert "and 40 do not, such as 'x-0'" in said
    assert "person" not in said
    assert said.endswith("set layout.table instead of layout.path; an empty patient is unknown")


def test_folders_of_patients():
    names = [f"{c}/patient{n:03d}/{k}.png" for c in "ab" for n in range(20) for k in range(3)]
    found = propose_tree(names)
    assert found.layout["path"] == "{class}/{patient}/{file}"
    assert about(found, "patients") == "20 for 120 images, a folder each"


def test_the_tree_of_mura():
    names = [
        f"{part}/XR_{body}/patient{n:05d}/study{k + n % 2}_{name}/image1.png"
        for part in ("train", "valid")
        for body in ("HAND", "WRIST", "ELBOW")
        for n in (range(300) if part == "train" else range(500, 560))
        for k, name in ((1, "negative"), (2, "positive"))
    ]
    found = propose_tree(names)
    assert found.layout["path"] == "{part}/{_}/{patient}/{_}_{class}/{file}"
    assert found.classes == ["negative", "positive"]


def test_a_folder_above_everything_is_written_as_it_is():
    names = [f"data/{name}" for name in files("a", "b")]
    assert propose_tree(names).layout["path"] == "data/{class}/{patient}_{_}"


def test_one_class_in_two_spellings():
    found = propose_tree(
        [*files("train/Normal", "train/Sick"), *files("test/NORMAL", "test/SICK", n_patients=9)]
    )
    assert found.classes == ["Normal", "Sick"]
    assert found.layout["classes"] == {"NORMAL": "Normal", "SICK": "Sick"}


@pytest.mark.parametrize("grades", [5, 3])
def test_folders_of_grades(grades):
    found = propose_tree(files(*map(str, range(grades)), n_patients=9))
    assert (found.kind, found.classes) == ("ordinal", [str(g) for g in range(grades)])


def test_images_at_another_depth_are_told():
    found = propose_tree([*files("a", "b"), "a/more/x.png"])
    assert about(found, "files") == "1 images lie at another depth and are no cases"


@pytest.mark.parametrize("names", [["a.png", "b.png"], ["one/a.png", "one/b.png"]])
def test_no_level_can_be_the_class(names):
    assert propose_tree(names) is None


def test_class_folders_in_both_forms_of_unicode_are_one_class():
    names = files("heil", "br\u00fcchig") + files("bru\u0308chig", start=60)
    found = propose_tree(names)
    assert found.classes == ["br\u00fcchig", "heil"]
    assert "classes" not in found.layout
