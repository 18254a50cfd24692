"""The step `validate` as a process: variants of one phantom, judged on another one."""

import copy
import csv
import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import yaml

from radpipe.core.files import sha256_path
from radpipe.core.tables import read_table, write_table
from radpipe.imaging.store import Store
from radpipe.imaging.writing import write_pictures
from tests.conftest import Project
from tests.splitting.films import altered

WRITTEN = ("predictions.parquet", "scores.json", "scores.csv", "leaks.csv")
OUT = "results/cohorts/far"
DATA = ("fetch", "index", "ingest", "split")
RUN = "results/runs/bones-floor/fold-0-seed-0"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return the folder of two phantoms, on one of which a variant was trained and scored."""
    project = Project(tmp_path_factory.mktemp("external"))
    bones = project.params["studies"]["bones"]
    bones["source"] = {"kind": "phantom", "seed": 1, "patients": 30}
    bones["image"]["side"] = 64
    far = copy.deepcopy(bones)
    far["source"]["seed"] = 2
    # Both phantoms count their patients from 1: they are other people.
    far["external"] = {"same_names": False}
    project.params["studies"]["far"] = far
    project.params["plan"] |= {"variants": ["bones-floor"], "cohorts": {"far": "bones"}}
    project.save()
    steps = [(step, "--study", s) for s in ("bones", "far") for step in DATA]
    run = ("--variant", "bones-floor", "--fold", "0", "--seed", "0")
    steps += [("train", *run), ("predict", *run), ("evaluate", *run[:2])]
    for name, *arguments in steps:
        done = project.step(name, *arguments)
        assert done.returncode == 0, done.stderr
    return project.root


@pytest.fixture
def project(trained, tmp_path):
    """Return a copy of the trained project."""
    made = Project(tmp_path / "new")
    params = (trained / "params.yaml").read_bytes()
    shutil.copytree(trained, made.root, dirs_exist_ok=True)
    (made.root / "params.yaml").write_bytes(params)
    made.params = yaml.safe_load(params)
    return made


def validate(project):
    return project.step("validate", "--study", "far")


def rows_of(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def openings(project):
    return [(row["study"], row["variant"]) for row in rows_of(project.root / "openings.csv")]


def learned_row(project):
    """Return a row of the home store whose patient is in train."""
    split = read_table(project.root / "data/bones/split.parquet")
    case = split.filter(pc.greater(split["fold"], 0))["case"][0].as_py()
    return Store(project.root / "data/bones/store").row_of(case)


def own_row(project):
    """Return a row of the cohort's store that is in its split."""
    split = read_table(project.root / "data/far/split.parquet")
    return Store(project.root / "data/far/store").row_of(split["case"][0].as_py())


def plant(project, picture, **hashes):
    """Put a picture of the home study, with some of its hashes, into the cohort's store."""
    path = project.root / "data/far/store"
    store, row = Store(path), own_row(project)
    index = store.index
    for name, value in hashes.items():
        column = index[name].to_pylist()
        column[row] = value
        index = index.set_column(index.column_names.index(name), name, pa.array(column))
    shard, first = (index[name][row].as_py() for name in ("shard", "first"))
    write_pictures(path / f"pixels-{shard:04d}.npy", first, picture[None])
    write_table(path / "index.parquet", index)
    # Made by nobody now: what it is will not be compared with a receipt.
    for step in ("ingest", "split"):
        (project.root / f"results/receipts/{step}/far.json").unlink()
    return index["case"][row].as_py()


def same_file(project):
    home, row = Store(project.root / "data/bones/store"), learned_row(project)
    hashes = {name: home.index[name][row].as_py() for name in ("sha256", "pixel_hash")}
    return plant(project, home.pixels([row])[0], **hashes)


def near_copy(project):
    home = Store(project.root / "data/bones/store")
    picture = home.pixels([learned_row(project)])[..., 0]
    return plant(project, altered(picture, shift=0.03, light=1.1)[0][..., None])


def same_name(project):
    """Give a patient of the cohort the name of one whom the variant knows; all others differ."""
    path = project.root / "data/far/split.parquet"
    home = read_table(project.root / "data/bones/split.parquet")
    known = home["named"][home["case"].to_pylist().index(learned_case(project))].as_py()
    table = read_table(path)
    names = [f"far-{name}" for name in table["named"].to_pylist()]
    mine = names[0]
    names = [known if name == mine else name for name in names]
    for column in ("named", "patient"):
        table = table.set_column(table.column_names.index(column), column, pa.array(names))
    write_table(path, table)
    (project.root / "results/receipts/split/far.json").unlink()
    project.set("studies.far.external", {"same_names": True})
    return table["case"][0].as_py()


def learned_case(project):
    store = Store(project.root / "data/bones/store")
    return store.index["case"][learned_row(project)].as_py()


def test_another_phantom_is_judged_whole_and_home_stays_as_it_is(project):
    home = {name: sha256_path(project.root / name) for name in (RUN, "results/scores")}
    done = validate(project)
    assert done.returncode == 0, done.stderr
    assert {name: sha256_path(project.root / name) for name in home} == home

    split = read_table(project.root / "data/far/split.parquet")
    table = read_table(project.root / OUT / "predictions.parquet")
    assert table.column_names[:6] == ["variant", "fold", "seed", "case", "patient", "part"]
    assert table["case"].to_pylist() == sorted(split["case"].to_pylist())
    assert set(table["variant"].to_pylist()) == {"bones-floor"}
    scores = json.loads((project.root / OUT / "scores.json").read_text())
    judged = scores["variants"]["bones-floor"]
    metrics = json.loads((project.root / "results/scores/bones-floor/metrics.json").read_text())
    assert judged["operating_point"] == metrics["operating_point"]
    assert judged["home_part"] == "test"
    assert judged["scores"]["n_cases"] == len(split)
    assert scores["known"]["patients_of_home_test"] == 0
    (row,) = [
        row
        for row in rows_of(project.root / OUT / "scores.csv")
        if (row["metric"], row["class"]) == ("auc", "")
    ]
    value, home_value, difference = (
        float(row[name]) for name in ("value", "home_value", "difference")
    )
    assert home_value == metrics["parts"]["test"]["metrics"]["auc"]["value"]
    assert difference == pytest.approx(value - home_value, abs=2e-6)
    assert float(row["difference_low"]) < difference < float(row["difference_high"])
    assert (project.root / OUT / "leaks.csv").read_text().count("\n") == 1
    assert openings(project) == [("bones", "bones-floor"), ("far", "bones-floor")]

    before = [sha256_path(project.root / OUT / name) for name in WRITTEN]
    assert validate(project).returncode == 0
    assert [sha256_path(project.root / OUT / name) for name in WRITTEN] == before
    assert openings(project)[2:] == [("far", "bones-floor")]


@pytest.mark.parametrize(
    ("planted", "kind"), [(same_file, "bytes"), (near_copy, "near"), (same_name, "patient")]
)
def test_a_patient_whom_the_variant_knows_is_refused(project, planted, kind):
    case = planted(project)
    done = validate(project)
    assert done.returncode == 2
    assert "known to the variants of bones" in done.stderr
    assert f"{kind} " in done.stderr
    assert case not in done.stderr
    rows = rows_of(project.root / "data/far/external-leaks-refused.csv")
    assert case in {row["case"] for row in rows if row["decision"] == "refused"}
    assert {(row["kind"], row["study"]) for row in rows} == {(kind, "bones")}
    # Nothing was looked at.
    assert openings(project) == [("bones", "bones-floor")]
    assert not any((project.root / OUT / name).exists() for name in WRITTEN)


def test_known_patients_can_be_dropped_whole(project):
    case = near_copy(project)
    project.set("studies.far.external", {"same_names": False, "on_leak": "drop"})
    done = validate(project)
    assert done.returncode == 0, done.stderr
    split = read_table(project.root / "data/far/split.parquet")
    patient = dict(zip(split["case"].to_pylist(), split["patient"].to_pylist(), strict=True))
    judged = read_table(project.root / OUT / "predictions.parquet")["patient"].to_pylist()
    assert set(patient.values()) - set(judged) == {patient[case]}
    text = (project.root / OUT / "leaks.csv").read_text()
    (row,) = csv.DictReader(text.splitlines())
    assert (row["kind"], row["decision"], row["patients"]) == ("near", "dropped", "1")
    assert case not in text


def test_patients_of_the_home_test_are_counted(project):
    """All names of the cohort become those of one home test patient: 1 patient, no leak."""
    home = read_table(project.root / "data/bones/split.parquet")
    name = home.filter(pc.equal(home["part"], "test"))["named"][0].as_py()
    path = project.root / "data/far/split.parquet"
    table = read_table(path)
    names = [f"far-{each}" for each in table["named"].to_pylist()]
    names = [name if each == names[0] else each for each in names]
    for column in ("named", "patient"):
        table = table.set_column(table.column_names.index(column), column, pa.array(names))
    write_table(path, table)
    (project.root / "results/receipts/split/far.json").unlink()
    project.set("studies.far.external", {"same_names": True})
    done = validate(project)
    assert done.returncode == 0, done.stderr
    scores = json.loads((project.root / OUT / "scores.json").read_text())
    assert scores["known"]["patients_of_home_test"] == 1
    assert scores["variants"]["bones-floor"]["scores"]["n_cases"] == len(table)
    assert np.unique(names).size == scores["variants"]["bones-floor"]["scores"]["n_patients"]


def test_a_cohort_that_is_not_planned_is_refused(project):
    project.set("plan.cohorts", {})
    done = validate(project)
    assert done.returncode == 2
    assert "params.yaml plans no validate far" in done.stderr


def test_an_ensemble_is_judged_with_the_mean_that_was_chosen_at_home(project):
    """Its answers are those of its members, joined; its look is written down, too."""
    floor = project.params["variants"]["bones-floor"]
    project.set("variants.bones-other", copy.deepcopy(floor))
    project.set("variants.bones-other.train.lr", 0.01)
    project.set("plan.variants", ["bones-floor", "bones-other"])
    members = {"members": ["bones-floor", "bones-other"], "mean": "logits"}
    project.set("plan.ensembles", {"both": members})
    run = ("--variant", "bones-other", "--fold", "0", "--seed", "0")
    steps = [("train", *run), ("predict", *run), ("evaluate", *run[:2])]
    for name, *arguments in [*steps, ("combine", "--ensemble", "both")]:
        done = project.step(name, *arguments)
        assert done.returncode == 0, done.stderr
    done = validate(project)
    assert done.returncode == 0, done.stderr

    scores = json.loads((project.root / OUT / "scores.json").read_text())["variants"]
    assert list(scores) == ["bones-floor", "bones-other", "both"]
    home = json.loads((project.root / "results/scores/both/metrics.json").read_text())
    assert scores["both"]["operating_point"] == home["operating_point"]
    areas = [scores[name]["scores"]["metrics"]["auc"]["value"] for name in scores]
    assert len(set(areas)) == 3
    asked = read_table(project.root / OUT / "predictions.parquet")
    assert set(asked["variant"].to_pylist()) == {"bones-floor", "bones-other"}
    assert ("far", "both") in openings(project)
