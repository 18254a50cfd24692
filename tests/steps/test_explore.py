"""The step `explore` as a process: what it counts and draws of real stores."""

import json
import shutil

import pyarrow as pa
import pytest
from PIL import Image

from radpipe.core.files import read_json, write_json
from radpipe.core.tables import read_table, write_table
from tests.conftest import Project

STUDY = ("--study", "bones")
OUT = "results/studies/bones"
BEFORE = ("fetch", "index", "ingest", "split", "explore")
TOPICS = ("people", "labels", "drift")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return the folder of a project whose study of bones is explored; nobody changes it."""
    project = Project(tmp_path_factory.mktemp("explore"))
    for step in BEFORE:
        done = project.step(step, *STUDY)
        assert done.returncode == 0, done.stderr
    return project.root


@pytest.fixture
def again(project, made):
    """Return a project of one's own in the same state."""
    for folder in ("data", "results"):
        shutil.copytree(made / folder, project.root / folder)
    return project


def test_without_a_store_it_says_what_to_run(project):
    done = project.step("explore", *STUDY)
    assert done.returncode == 2
    assert "data/bones/store: missing. Run the step that makes it first." in done.stderr


def test_a_card_and_its_pictures_come_out(made):
    out = made / OUT
    files = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    drawn = {f"figures/{kind}/{name}.{kind}" for kind in ("png", "svg") for name in TOPICS}
    rest = {"card.json", "contact.png", "ingest.json", "sizes.png", "split.json"}
    assert files == drawn | rest
    for name in ("contact.png", "sizes.png", "figures/png/drift.png"):
        with Image.open(out / name) as picture:
            assert picture.width > 800


def test_the_card_agrees_with_the_split(made):
    card, counts = (read_json(made / OUT / f"{name}.json") for name in ("card", "split"))
    assert card["patients"]["n_patients"] == counts["patients"]["placed"]
    assert card["labels"]["present"] == counts["parts"]["train"]["n_per_class"]
    test = counts["parts"]["test"]
    for row, n in zip(card["drift"]["rows"], test["n_per_class"], strict=False):
        assert row["values"]["test"] == pytest.approx(n / test["n_cases"], abs=1e-6)
    # What goes to Git names neither cases nor patients.
    names = read_table(made / "data/bones/split.parquet")
    text = json.dumps(card)
    assert not any(name in text for name in names["case"].to_pylist())


def test_the_same_comes_out_twice(again):
    out = again.root / OUT
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert again.step("explore", *STUDY).returncode == 0
    after = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert after == before


def test_many_labels_with_ages_and_with_text_in_some_pictures(again):
    labels = [f"a_rather_long_finding_{k}" for k in range(14)]
    again.set("studies.bones.target", {"kind": "multi-label", "classes": labels})
    path = again.root / "data/bones/split.parquet"
    table = read_table(path)
    n = table.num_rows
    columns = {name: table[name] for name in ("case", "patient", "named", "part", "fold")}
    for k, name in enumerate(labels):
        columns[f"target_{name}"] = [float(row % (k + 2) == 0) for row in range(n)]
        columns[f"uncertain_{name}"] = [False] * n
    columns |= {"covariate_age": [float(20 + row % 70) for row in range(n)]}
    columns |= {"covariate_sex": ["FM"[row % 2] for row in range(n)]}
    write_table(path, pa.table(columns))
    ingested = again.root / OUT / "ingest.json"
    write_json(ingested, {**read_json(ingested), "n_burned_in": 1})
    # Receipts would refuse what their steps did not write.
    for step in ("split", "ingest"):
        (again.root / f"results/receipts/{step}/bones.json").unlink()
    done = again.step("explore", *STUDY)
    assert done.returncode == 0, done.stderr
    card = read_json(again.root / OUT / "card.json")
    assert len(card["together"]["n"]) == 14
    assert card["ages"]["n_known"] == n
    # Nobody knows in which pictures the text stands, so that there is a sentence and no sheet.
    with Image.open(again.root / OUT / "contact.png") as picture:
        assert picture.height < 150
