"""The adapter `chexpert` reads tables and films of every release."""

# ruff: noqa: RUF012  the fake studies of the harness are never changed

import logging
import math

import pytest

from radpipe.core.errors import ConfigError
from radpipe.core.settings import Target
from radpipe.studies.base.adapters import load_adapter, read_layout
from radpipe.studies.base.contract import check_cases
from radpipe.studies.base.manifest import write_manifest
from radpipe.studies.chexpert.layout import LABELS, header_of
from tests.studies import fake_chexpert
from tests.studies.adapter_harness import AdapterHarness
from tests.studies.fake_chexpert import SMALL, FakeCheXpert, rows_of_test

NAN = math.nan
TWO = {"kind": "multi-label", "classes": ["pleural_effusion", "edema"]}


class Fake(AdapterHarness):
    """Seven films; what is asked of them differs."""

    name = "chexpert"
    layout = {}
    target = TWO

    def fake(self, raw):
        FakeCheXpert().write(raw)


class TestFrontalFilms(Fake):
    """What a study gets that says nothing of the layout."""

    expected = {
        "case": [
            "patient00001/study1/view1_frontal",
            "patient00001/study2/view1_frontal",
            "patient00002/study1/view1_frontal",
            "patient00007/study1/view1_frontal",
            "patient00008/study1/view1_frontal",
        ],
        "patient": [f"patient0000{n}" for n in (1, 1, 2, 7, 8)],
        "official": ["train"] * 3 + ["test"] * 2,
        "target_pleural_effusion": [NAN, 0, 0, 1, 0],
        "target_edema": [1, 0, NAN, 1, 0],
        "uncertain_pleural_effusion": [True, False, False, False, False],
        "uncertain_edema": [False, False, True, False, False],
        "covariate_sex": ["Female", "Female", "Male", "Female", "Female"],
        "covariate_age": [61, 61, 70, 61, 61],
        "covariate_view": ["frontal"] * 5,
        "covariate_projection": ["AP", "AP", "PA", "AP", "AP"],
    }


class TestBlankIsUnknown(Fake):
    """What a report does not mention, nobody knows."""

    layout = {"blank": "unknown", "views": "all"}
    expected = {
        "target_pleural_effusion": [NAN, NAN, NAN, NAN, 1, 1, 0],
        "target_edema": [1, 1, 0, NAN, NAN, 1, 0],
        "uncertain_edema": [False, False, False, True, False, False, False],
        "covariate_view": ["frontal", "lateral", *["frontal"] * 2, "lateral", *["frontal"] * 2],
        "covariate_projection": ["AP", None, "AP", "PA", None, "AP", "AP"],
    }


class TestStudies(Fake):
    """A case of two views, of which one may lack."""

    layout = {"unit": "study", "views": "all"}
    expected = {
        "case": [f"patient0000{n}" for n in ("1/study1", "1/study2", "2/study1", "3/study1",
                                            "7/study1", "8/study1")],
        "file_frontal": [
            f"{SMALL}train/patient00001/study1/view1_frontal.jpg",
            f"{SMALL}train/patient00001/study2/view1_frontal.jpg",
            f"{SMALL}train/patient00002/study1/view1_frontal.jpg",
            None,
            f"{SMALL}valid/patient00007/study1/view1_frontal.jpg",
            f"{SMALL}valid/patient00008/study1/view1_frontal.jpg",
        ],
        "without_frontal": [False, False, False, True, False, False],
        "without_lateral": [False, True, True, False, True, True],
        "target_pleural_effusion": [NAN, 0, 0, 1, 1, 0],
        "covariate_projection": ["AP", "AP", "PA", None, "AP", "AP"],
    }  # fmt: skip


class TestOneLabel(Fake):
    """A binary target with class names of its own."""

    layout = {"label": "edema"}
    target = {"kind": "binary", "classes": ["no_edema", "edema"]}
    expected = {
        "target": [1, 0, NAN, 1, 0],
        "uncertain": [False, False, True, False, False],
    }


class TestTheReleaseWithTestFilms(Fake):
    """Its valid chooses, and its test films say no sex, age or projection."""

    expected = {
        "official": ["train"] * 3 + ["tune"] * 2 + ["test"],
        "target_edema": [1, 0, NAN, 1, 0, 1],
        "covariate_sex": ["Female", "Female", "Male", "Female", "Female", None],
        "covariate_age": [61, 61, 70, 61, 61, NAN],
        "covariate_view": ["frontal"] * 6,
        "covariate_projection": ["AP", "AP", "PA", "AP", "AP", None],
    }

    def fake(self, raw):
        fake = FakeCheXpert()
        fake.rows["test.csv"] = rows_of_test()
        fake.write(raw)


@pytest.fixture
def fake():
    return FakeCheXpert()


def read(raw, tmp_path, layout=None, **target):
    adapter = load_adapter("chexpert")
    typed = read_layout("s", adapter, layout or {})
    asked = Target.model_validate(target or TWO)
    files = write_manifest(raw, tmp_path / "m.csv")
    found = adapter.cases(raw, files=files, layout=typed, target=asked)
    check_cases(found, target=asked, views=adapter.views(typed), files=files)
    return found.cases


@pytest.mark.parametrize("prefix", ["", SMALL, "CheXpert-v1.0/", "deep/in/chexpert/"])
@pytest.mark.parametrize("written", ["", SMALL, "CheXpert-v1.0/"])
def test_films_are_found_whatever_stands_before_their_patients(fake, tmp_path, prefix, written):
    fake.prefix = prefix
    raw = fake.write(tmp_path / "raw")
    for several in fake.rows.values():
        for one in several:
            one["Path"] = written + one["Path"].removeprefix(SMALL)
    for name in fake.rows:
        fake.write_table(raw, name)
    cases = read(raw, tmp_path, {"views": "all"})
    assert len(cases) == 7
    assert cases["file_image"].to_pylist()[0] == (
        f"{prefix}train/patient00001/study1/view1_frontal.jpg"
    )


def test_batches_without_a_folder_of_their_part(fake, tmp_path):
    """The large release is given in several folders, which hold patients."""
    raw = fake.write(tmp_path / "raw")
    one, two = raw / "CheXpert-v1.0 batch 2 (train 1)", raw / "CheXpert-v1.0 batch 3 (train 2)"
    (raw / SMALL / "train").rename(one)
    two.mkdir()
    (one / "patient00002").rename(two / "patient00002")
    assert read(raw, tmp_path)["file_image"].to_pylist()[:3] == [
        "CheXpert-v1.0 batch 2 (train 1)/patient00001/study1/view1_frontal.jpg",
        "CheXpert-v1.0 batch 2 (train 1)/patient00001/study2/view1_frontal.jpg",
        "CheXpert-v1.0 batch 3 (train 2)/patient00002/study1/view1_frontal.jpg",
    ]


def test_of_several_films_of_a_view_a_study_has_the_first(fake, tmp_path, caplog):
    first = fake.rows["train.csv"][0]
    for number in (10, 3, 2):
        path = first["Path"].replace("view1", f"view{number}")
        fake.rows["train.csv"].insert(0, {**first, "Path": path})
    first["Path"] = first["Path"].replace("view1", "view4")
    raw = fake.write(tmp_path / "raw")
    with caplog.at_level(logging.WARNING):
        cases = read(raw, tmp_path, {"unit": "study"})
    assert cases["file_frontal"].to_pylist()[0].endswith("patient00001/study1/view2_frontal.jpg")
    assert "file_lateral" not in cases.column_names
    assert "3 films of studies with several of one view left out" in caplog.text


def test_a_few_films_may_be_missing(fake, tmp_path, caplog):
    raw = fake.write(tmp_path / "raw")
    (raw / SMALL / "train/patient00001/study2/view1_frontal.jpg").unlink()
    with caplog.at_level(logging.WARNING):
        cases = read(raw, tmp_path)
    assert len(cases) == 4
    assert "train.csv: 1 of 3 films missing: 1 like 'xxxxxxxx-x0.0-xxxxx/" in caplog.text
    assert "00001" not in caplog.text


@pytest.mark.parametrize("written", ["1", "1.0"])
def test_numbers_may_be_written_in_two_ways(fake, tmp_path, written):
    fake.rows["train.csv"][0]["Edema"] = written
    fake.rows["train.csv"][3]["Edema"] = f"-{written}"
    cases = read(fake.write(tmp_path / "raw"), tmp_path)
    assert cases["target_edema"].to_pylist()[:2] == [1, 0]
    assert cases["uncertain_edema"].to_pylist()[:3] == [False, False, True]


def test_unknown_sex_and_odd_projections(fake, tmp_path):
    fake.rows["train.csv"][0] |= {"Sex": "Unknown", "AP/PA": "LL", "Age": "0"}
    cases = read(fake.write(tmp_path / "raw"), tmp_path).to_pylist()
    assert cases[0]["covariate_sex"] is None
    assert cases[0]["covariate_projection"] == "LL"
    assert cases[0]["covariate_age"] == 0


def test_the_path_says_the_view(fake, tmp_path, caplog):
    fake.rows["train.csv"][0]["Frontal/Lateral"] = "Lateral"
    with caplog.at_level(logging.WARNING):
        cases = read(fake.write(tmp_path / "raw"), tmp_path)
    assert cases["covariate_view"].to_pylist() == ["frontal"] * 5
    assert "1 row names another view in column 'Frontal/Lateral' than in the path" in caplog.text


def test_a_label_that_no_one_asked_for_may_be_missing(fake, tmp_path):
    for one in fake.rows["train.csv"]:
        del one["Fracture"]
    assert len(read(fake.write(tmp_path / "raw"), tmp_path)) == 5


def test_any_of_the_fourteen_labels_can_be_asked_for(fake, tmp_path):
    raw = fake.write(tmp_path / "raw")
    cases = read(raw, tmp_path, kind="multi-label", classes=list(LABELS))
    assert [header_of(name) for name in LABELS] == list(fake_chexpert.LABELS)
    assert cases["target_fracture"].to_pylist() == [0, 1, 0, 1, 0]


def test_films_are_not_opened(fake, tmp_path):
    raw = fake.write(tmp_path / "raw")
    for file in raw.rglob("*.jpg"):
        file.write_bytes(b"")
    assert len(read(raw, tmp_path)) == 5


CEILING = f"""file,Edema,Pleural Effusion,Fracture
{SMALL}train/patient00001/study1/view1_frontal.jpg,0.75,0.25,0.5
{SMALL}train/patient00001/study1/view2_lateral.jpg,0.7,0.2,0.5
"""


def test_the_ideal_observer_of_each_label(fake, tmp_path):
    raw = fake.write(tmp_path / "raw")
    (raw / "ceiling.csv").write_text(CEILING)
    for layout in ({}, {"unit": "study", "views": "all"}):
        cases = read(raw, tmp_path, layout)
        assert cases["ceiling_edema"].to_pylist()[0] == 0.75
        assert cases["ceiling_pleural_effusion"].to_pylist()[0] == 0.25
        assert math.isnan(cases["ceiling_edema"].to_pylist()[1])
    one = {"kind": "binary", "classes": ["no", "yes"]}
    first = read(raw, tmp_path, {"label": "edema"}, **one).to_pylist()[0]
    assert (first["ceiling_no"], first["ceiling_yes"]) == (0.25, 0.75)


def test_boxes_belong_to_cases(fake, tmp_path):
    raw = fake.write(tmp_path / "raw")
    (raw / "boxes.csv").write_text(
        f"file,x0,y0,x1,y1,label\n{SMALL}train/patient00001/study1/view2_lateral.jpg,1,2,3,4,edema\n"
    )
    adapter = load_adapter("chexpert")
    files = write_manifest(raw, tmp_path / "m.csv")
    layout = read_layout("s", adapter, {"unit": "study", "views": "all"})
    target = Target.model_validate(TWO)
    (box,) = adapter.cases(raw, files=files, layout=layout, target=target).boxes.to_pylist()
    assert (box["case"], box["view"], box["x1"]) == ("patient00001/study1", "lateral", 3)


@pytest.mark.parametrize(
    ("layout", "target", "message"),
    [
        (
            {},
            {"kind": "multi-label", "classes": ["Pleural Effusion"]},
            "'Pleural Effusion', did you mean 'pleural_effusion'",
        ),
        ({"label": "edema"}, TWO, "layout.label belongs to a binary target"),
        ({}, {"kind": "binary", "classes": ["a", "b"]}, "binary target needs layout.label"),
        ({}, {"kind": "multi-class", "classes": ["a", "b"]}, "no multi-class target.*way out"),
    ],
)
def test_targets_that_chexpert_does_not_have(layout, target, message):
    adapter = load_adapter("chexpert")
    with pytest.raises(ConfigError, match=message):
        adapter.check_target(read_layout("s", adapter, layout), Target.model_validate(target))
