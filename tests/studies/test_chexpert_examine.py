"""What `radpipe check-data` says of CheXpert: counts, and what is missing or odd."""

import pytest

from radpipe.core.settings import Target
from radpipe.studies.base.adapters import load_adapter, read_layout
from radpipe.studies.base.manifest import list_files
from tests.studies.fake_chexpert import SMALL, FakeCheXpert, rows_of_test


@pytest.fixture
def fake():
    return FakeCheXpert()


def examine(raw, **layout):
    adapter = load_adapter("chexpert")
    target = Target(kind="multi-label", classes=["edema"])
    typed = read_layout("s", adapter, layout)
    return adapter.examine(raw, files=list_files(raw), layout=typed, target=target)


def lines(raw, level, **layout):
    return [one.what for one in examine(raw, **layout) if one.level == level]


def test_films_patients_views_and_projections_are_counted(fake, tmp_path):
    raw = fake.write(tmp_path / "raw")
    train = f"{SMALL}train.csv: "
    assert f"{train}5 films of 3 patients; CheXpert has 223,414 of 64,540" in lines(raw, "note")
    said = lines(raw, "ok")
    assert f"{train}1 to 3 films a patient, 1.7 on average" in said
    assert f"{train}sex: Female 4, Male 1" in said
    assert f"{train}view: frontal 3, lateral 2" in said
    assert f"{train}projection: AP 2, unknown 2, PA 1" in said


def test_answers_of_all_labels_are_counted(fake, tmp_path):
    said = lines(fake.write(tmp_path / "raw"), "ok")
    assert f"{SMALL}train.csv: Edema: 1 2 (40.0%), 0 1, -1 1, blank 1" in said
    assert f"{SMALL}valid.csv: Fracture: 1 1 (50.0%), 0 1, -1 0, blank 0" in said


def test_a_label_that_no_film_has(fake, tmp_path):
    odd = lines(fake.write(tmp_path / "raw"), "warning")
    assert f"{SMALL}train.csv: Pneumonia: 1 0 (0.0%), 0 0, -1 0, blank 5" in odd


def test_where_films_lie_and_how_paths_begin(fake, tmp_path):
    fake.prefix = "chest/"
    said = lines(fake.write(tmp_path / "raw"), "ok")
    assert f"chest/train.csv: paths begin with '{SMALL}train/'" in said
    assert "films: 5 below 'chest/train/', 2 below 'chest/valid/'" in said


def test_ages_of_0_and_unknown_sex(fake, tmp_path):
    fake.rows["train.csv"][2] |= {"Age": "0", "Sex": "Unknown"}
    raw = fake.write(tmp_path / "raw")
    assert f"{SMALL}train.csv: 1 film has age 0 (line 4)" in lines(raw, "warning")
    assert f"{SMALL}train.csv: of 1 film the sex is not known (line 4)" in lines(raw, "note")


def test_films_that_are_missing(fake, tmp_path):
    raw = fake.write(tmp_path / "raw")
    (raw / SMALL / "train/patient00002/study1/view1_frontal.jpg").unlink()
    (problem,) = lines(raw, "problem")
    assert problem.startswith(f"{SMALL}train.csv: 1 of 3 films missing: 1 like")


def test_one_film_of_many_is_worth_a_warning(fake, tmp_path):
    one = fake.rows["train.csv"][0]
    for n in range(200):
        path = one["Path"].replace("study1", f"study{n + 10}")
        fake.rows["train.csv"].append({**one, "Path": path})
    raw = fake.write(tmp_path / "raw")
    (raw / SMALL / "train/patient00001/study12/view1_frontal.jpg").unlink()
    assert lines(raw, "problem") == []
    assert any("1 of 203 films missing" in one for one in lines(raw, "warning"))


def test_films_that_are_not_used(fake, tmp_path):
    raw = fake.write(tmp_path / "raw")
    other = raw / SMALL / "train/patient00004/study1"
    other.mkdir(parents=True)
    (other / "view1_frontal.jpg").write_bytes(b"")
    what = "not used: of another view, or in no table"
    assert f"3 films are {what}" in lines(raw, "note")
    assert f"1 film is {what}" in lines(raw, "note", views="all")


def test_the_later_release(fake, tmp_path):
    fake.rows["test.csv"] = rows_of_test()
    raw = fake.write(tmp_path / "raw")
    assert lines(raw, "problem") == []
    assert any("test.csv: 1 film of 1 patient; CheXpert has 668" in x for x in lines(raw, "note"))
    lacks = "test.csv has no column Sex, Age, AP/PA: unknown of all of its films"
    assert f"{SMALL}{lacks}" in lines(raw, "warning")


def test_the_search_goes_on_behind_a_problem(fake, tmp_path):
    """Everything that is wrong is told at once."""
    fake.rows["train.csv"][0]["Edema"] = "3"
    fake.rows["valid.csv"][0]["Age"] = "x"
    raw = fake.write(tmp_path / "raw")
    for film in raw.rglob("*.jpg"):
        film.unlink()
    found = "\n".join(lines(raw, "problem"))
    for text in ("no file such as", "column 'Edema'", "column 'Age'"):
        assert text in found
    assert all(one.way_out for one in examine(raw) if one.level == "problem")
