"""The step compare as a process."""

import csv
import json
import shutil
from runpy import run_path

import pytest

from radpipe.core.errors import ConfigError
from tests.app.fake_results import plan, write_results
from tests.conftest import ROOT

FIGURES = ("ranking", "roc", "pr", "reliability", "smooth", "decision", "confusion", "history")


def rows(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def start_from_known(path):
    """Let a variant have started from weights that have learned from its study, by its name."""
    metrics = json.loads(path.read_text())
    learned_from = [{"data_set": "Bones", "list": None}]
    start = {"start": "x", "function": "a/b", "tensors": "00", "tune": 0}
    metrics["recipe"]["borrowed"] = [{**start, "learned_from": learned_from}]
    path.write_text(json.dumps(metrics))


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """Return a project folder in which compare has run once."""
    from tests.conftest import Project

    project = Project(tmp_path_factory.mktemp("compare"))
    project.params = plan()
    project.params["variants"]["bones-v1"]["weights"] = "weights/elsewhere.safetensors"
    project.save()
    write_results(project.root)
    start_from_known(project.root / "results/scores/bones-v1/metrics.json")
    stale = project.root / "results/figures/png/gone-roc.png"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"of a study that is no longer planned")
    done = project.step("compare")
    assert done.returncode == 0, done.stderr
    return project


def test_every_study_has_its_tables_and_figures(compared):
    tables = {path.name for path in (compared.root / "results/comparison").iterdir()}
    per_study = {
        f"{s}-{t}.csv"
        for s in ("bones", "chest")
        for t in ("ranking", "paired", "ceiling", "decided")
    }
    curves = ("roc", "pr", "reliability", "smooth", "decision", "points", "confusion", "history")
    assert tables == per_study | {f"{name}.csv" for name in curves} | {"cards.json"}
    folder = compared.root / "results/figures"
    figures = {str(path.relative_to(folder)) for path in folder.glob("*/*")}
    assert figures == {
        f"{kind}/{study}-{figure}.{kind}"
        for study in ("bones", "chest")
        for figure in FIGURES
        for kind in ("png", "svg")
    }


def test_ranking_is_by_the_opened_part(compared):
    ranking = rows(compared.root / "results/comparison/bones-ranking.csv")
    first = [row for row in ranking if row["metric"] == "auc" and row["part"] == "test"]
    assert [row["rank"] for row in first] == ["0", "1", "2", "3"]
    assert first[0]["kind"] == "ceiling"
    metrics = json.loads((compared.root / "results/scores/bones-v1/metrics.json").read_text())
    by_name = {row["variant"]: row for row in first}
    auc = metrics["parts"]["test"]["metrics"]["auc"]
    assert float(by_name["bones-v1"]["value"]) == auc["value"]


def test_ceiling_gap_is_the_difference_of_areas_with_its_interval(compared):
    gaps = rows(compared.root / "results/comparison/bones-ceiling.csv")
    assert {(row["variant"], row["part"]) for row in gaps} == {
        (variant, part)
        for variant in ("bones-v1", "bones-resnet18", "bones-floor")
        for part in ("tune", "test")
    }
    block = json.loads((compared.root / "results/scores/bones-floor/metrics.json").read_text())
    test = block["parts"]["test"]
    gap = next(r for r in gaps if r["variant"] == "bones-floor" and r["part"] == "test")
    expected = test["ceiling"]["auc"]["value"] - test["metrics"]["auc"]["value"]
    assert float(gap["difference"]) == pytest.approx(expected, abs=2e-6)
    assert float(gap["low"]) < expected < float(gap["high"])
    assert rows(compared.root / "results/comparison/chest-ceiling.csv") == []


def test_curves_of_all_variants_stand_in_one_table(compared):
    roc = rows(compared.root / "results/comparison/roc.csv")
    assert list(roc[0])[:4] == ["study", "variant", "curve", "class"]
    assert {(row["study"], row["part"]) for row in roc} == {("bones", "test"), ("chest", "tune")}
    history = rows(compared.root / "results/comparison/history.csv")
    assert {row["variant"] for row in history} == set(plan()["variants"])


def test_bytes_are_the_same_twice(compared):
    before = {}
    for name in ("comparison", "figures"):
        folder = compared.root / "results" / name
        before |= {path: path.read_bytes() for path in folder.rglob("*.*")}
    shutil.rmtree(compared.root / "results/figures")
    assert compared.step("compare").returncode == 0
    for path, data in before.items():
        assert path.read_bytes() == data, path.name
    assert b"matplotlib" not in (compared.root / "results/figures/png/bones-roc.png").read_bytes()


def test_variants_of_other_cases_are_refused(project):
    project.params = plan()
    project.save()
    write_results(project.root)
    scores = project.root / "results/scores"
    for name in ("metrics.json", "cases.parquet"):
        source = scores / "chest-floor" / name
        text = source.read_bytes()
        if name == "metrics.json":
            text = text.replace(b'"chest-floor"', b'"bones-floor"').replace(b'"chest"', b'"bones"')
        (scores / "bones-floor" / name).write_bytes(text)
    done = project.step("compare")
    assert done.returncode == 2
    assert "cannot be compared" in done.stderr
    assert not list((project.root / "results").glob("comparison/*.csv"))


def test_a_start_that_has_seen_the_study_is_flagged(compared):
    ranking = rows(compared.root / "results/comparison/bones-ranking.csv")
    assert {row["seen"] for row in ranking if row["variant"] == "bones-v1"} == {"Bones"}
    assert {row["seen"] for row in ranking if row["variant"] != "bones-v1"} == {""}
    log = (compared.root / "logs/compare/all.log").read_text()
    assert "bones-v1 starts from weights that have seen these data: Bones" in log


def test_a_start_that_has_seen_the_study_may_be_refused(monkeypatch):
    monkeypatch.chdir(ROOT)
    tell_seen = run_path("workflow/scripts/compare.py")["tell_seen"]
    tell_seen({"a": "", "b": "tune, by a list"}, refuse=True)
    tell_seen({"a": "Bones"}, refuse=False)
    with pytest.raises(ConfigError, match=r"a: starts from weights.*from Bones.*other weights"):
        tell_seen({"a": "Bones"}, refuse=True)
