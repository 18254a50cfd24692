"""The step `explain` as a process: what is shown, what is measured, and what is refused."""

import re
import shutil
from copy import deepcopy

import pyarrow as pa
import pytest
import yaml
from PIL import Image

from radpipe.core.files import read_json, write_json
from radpipe.core.settings import Evaluation
from radpipe.core.tables import read_table, write_table
from radpipe.explaining.judging import read_explanations, score_rows, verdicts
from radpipe.studies.base.contract import BOX_SCHEMA
from tests.conftest import Project
from tests.small_study import TWO, plan_variant, write_study
from tests.steps.test_train import OPTIONS

SIDE = 16
OUT = "results/explanations/bones-x"
METHODS = {
    "cam": {"name": "grad-cam"},
    "slow": {"name": "occlusion", "window": 8, "stride": 8, "scored": False},
    "drawn": {"name": "lime", "samples": 10, "scored": False},
}
BLOCK = {"study": "bones", "remote": None, "methods": METHODS}
EXPLAIN = ("explain", "--variant", "bones-x")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A project of one trained variant of a study whose fractures have a known place."""
    project = Project(tmp_path_factory.mktemp("explained"))
    write_study(project.root, TWO, size=SIDE)
    plan_variant(
        project.root, TWO, preset="bones/compact", model={"widths": [4]}, train={"epochs": 1}
    )
    project.params = yaml.safe_load((project.root / "params.yaml").read_text())
    project.set("studies.bones.source", {"kind": "path", "path": "raw"})
    index = project.root / "data/bones/store/index.parquet"
    table = read_table(index)
    for name, value in {"x1": SIDE, "y1": SIDE, "stretch_x": 1, "stretch_y": 1}.items():
        place = table.column_names.index(name)
        table = table.set_column(place, name, pa.array([float(value)] * len(table)))
    write_table(index, table)
    split = read_table(project.root / "data/bones/split.parquet").to_pylist()
    rows = [
        {"case": row["case"], "view": "image", "slice": 0, "label": "fractured"}
        | {"x0": 2.0, "y0": 2.0, "x1": 6.0, "y1": 6.0}
        for row in split
        if row["target"]
    ]
    write_table(project.root / "data/bones/boxes.parquet", pa.Table.from_pylist(rows, BOX_SCHEMA))
    write_json(project.root / "results/studies/bones/ingest.json", {"n_burned_in": 0})
    for step in ("train", "predict"):
        done = project.step(step, *OPTIONS)
        assert done.returncode == 0, done.stderr
    return project


@pytest.fixture
def project(trained, tmp_path):
    """A copy in which settings may be changed."""
    shutil.copytree(trained.root, tmp_path / "project")
    copy = object.__new__(Project)
    copy.root, copy.params = tmp_path / "project", deepcopy(trained.params)
    copy.set("explain", {"bones-x": {**BLOCK, "checks": {"cases": 0}}})
    return copy


def explained(project, **changes):
    """Run the step after a change of its block."""
    if changes:
        project.set("explain", {"bones-x": {**project.params["explain"]["bones-x"], **changes}})
    return project.step(*EXPLAIN)


def test_it_shows_measures_and_checks_the_same_each_time_and_names_nobody(project):
    files = []
    checks = {"cases": 1, "stages": 2, "steps": 2}
    for _ in range(2):
        done = explained(project, checks=checks, shuffled=True)
        assert done.returncode == 0, done.stderr
        folder = project.root / OUT
        files.append({f.name: f.read_bytes() for f in folder.rglob("*") if f.is_file()})
    assert files[0] == files[1]
    shows = read_json(project.root / OUT / "gallery/gallery.json")
    assert {one["part"] for one in shows} == {"test"}
    assert {one["label"] for one in shows} == {"fractured"}
    pictures = [name for name in files[0] if name.endswith(".jpg")]
    assert sorted(pictures) == [one["file"] for one in shows]
    with Image.open(project.root / OUT / "gallery/01.jpg") as image:
        assert image.size[0] > 4 * image.size[1] - 20
    told = b"".join(data for name, data in files[0].items() if name.endswith(".json"))
    assert not re.search(rb"case-\d|\bp\d+\b", told)
    table = read_table(project.root / OUT / "measures.parquet")
    assert set(table["method"].to_pylist()) == {"cam"}
    assert set(table["part"].to_pylist()) == {"test", "tune"}
    found = set(table["measure"].to_pylist())
    assert {"pointing", "energy", "randomised", "moved", "deletion@0.50"} <= found
    assert {"shuffled", "shuffled_energy"} <= found
    facts = read_json(project.root / OUT / "facts.json")
    assert facts["scored"] == {"tune": 8, "test": 4}
    assert facts["measured"]["cam"]["cascade"][0]["layers"] == 1
    assert "slow" not in facts["measured"]
    # Of methods that are shown only, those that draw say how much.
    assert set(facts["other_seed"]) == {"drawn"}
    assert facts["other_seed"]["drawn"]["least"] < 1
    # The step judge can tell something of it.
    rows = score_rows(
        "bones", "test", read_explanations(table.to_pylist(), "test"), Evaluation(bootstrap=100)
    )
    (verdict,) = verdicts(rows, [], {"bones-x": facts["bound"]}, confidence=0.95)
    assert verdict["verdict"] != "not checked"
    assert len((project.root / "openings.csv").read_text().splitlines()) == 2


def test_a_closed_test_part_a_study_without_boxes_and_letters_in_pictures(project):
    project.set("plan.open_test", [])
    assert project.step("predict", *OPTIONS).returncode == 0
    done = explained(project, gallery={"named": ["case-009", "case-000"]})
    assert done.returncode == 2
    assert "gallery.named: of 2 cases these are not in tune: number 2" in done.stderr
    assert "case-000" not in done.stderr
    write_table(project.root / "data/bones/boxes.parquet", BOX_SCHEMA.empty_table())
    write_json(project.root / "results/studies/bones/ingest.json", {"n_burned_in": 3})
    done = explained(project, gallery={"named": ["case-009"]})
    assert done.returncode == 0, done.stderr
    shows = read_json(project.root / OUT / "gallery/gallery.json")
    assert {one["part"] for one in shows} == {"tune"}
    assert "named" in {one["why"] for one in shows}
    # Letters are likely somewhere, and nobody knows where.
    assert {one["file"] for one in shows} == {None}
    assert not len(read_table(project.root / OUT / "measures.parquet"))
    assert read_json(project.root / OUT / "facts.json")["boxes"] == {}
