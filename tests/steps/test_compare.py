"""The step compare as a process."""

import csv
import json
import shutil

import pytest

from tests.app.fake_results import plan, write_results

FIGURES = ("ranking", "roc", "pr", "reliability", "decision", "confusion", "history")


def rows(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """Return a project folder in which compare has run once."""
    from tests.conftest import Project

    project = Project(tmp_path_factory.mktemp("compare"))
    project.params = plan()
    project.save()
    write_results(project.root)
    stale = project.root / "results/figures/png/gone-roc.png"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"of a study that is no longer planned")
    done = project.step("compare")
    assert done.returncode == 0, done.stderr
    return project


def test_every_study_has_its_tables_and_figures(compared):
    tables = {path.name for path in (compared.root / "results/comparison").iterdir()}
    per_study = {
        f"{s}-{t}.csv" for s in ("bones", "chest") for t in ("ranking", "paired", "ceiling")
    }
    assert tables == per_study | {
        f"{name}.csv" for name in ("roc", "pr", "reliability", "decision", "confusion", "history")
    } | {"cards.json"}
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
