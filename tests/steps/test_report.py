"""The step report as a process."""

import json

import pytest

from tests.app.fake_results import (
    HASH,
    plan,
    write_comparison,
    write_openings,
    write_results,
)


@pytest.fixture
def reported(project):
    """Return a project whose results wait for their report."""
    project.params = plan()
    project.save()
    write_results(project.root)
    write_comparison(project.root)
    return project


def test_report_writes_page_numbers_and_receipt(reported):
    row = ("2026-11-20T09:46:00+00:00", "bones-v1", HASH["bones-v1"])
    write_openings(reported.root, [row])
    done = reported.step("report")
    assert done.returncode == 0, done.stderr
    html = (reported.root / "results/report.html").read_text(encoding="utf-8")
    assert "2026-11-20T09:46:00+00:00" in html
    assert "Synthetic pictures with known truth" in html
    numbers = json.loads((reported.root / "results/metrics.json").read_text())
    assert set(numbers) == {"bones", "chest"}
    assert {"best", "auc", "auc_high", "auc_low"} <= set(numbers["bones"])
    every = json.loads((reported.root / "results/variants.json").read_text())
    assert set(every) == set(reported.params["plan"]["variants"])
    assert every[numbers["bones"].pop("best")] == numbers["bones"]
    receipt = json.loads((reported.root / "results/receipts/report/all.json").read_text())
    assert "openings.csv" not in receipt["inputs"]
    assert "results/scores/bones-v1/recipe.json" in receipt["inputs"]
    assert "results/scores/chest-floor/metrics.json" in receipt["inputs"]


def test_report_is_the_same_twice(reported):
    pages = []
    for _ in range(2):
        assert reported.step("report").returncode == 0
        pages.append((reported.root / "results/report.html").read_bytes())
    assert pages[0] == pages[1]


def test_report_of_missing_results_says_what_to_run(reported):
    (reported.root / "results/studies/bones/split.json").unlink()
    done = reported.step("report")
    assert done.returncode == 2
    assert "results/studies/bones/split.json: missing. Run the step that makes it" in done.stderr
    assert not (reported.root / "results/report.html").exists()


def test_report_ignores_what_is_not_planned(reported):
    extra = reported.root / "results/scores/bones-old"
    extra.mkdir()
    (extra / "metrics.json").write_text("not even JSON")
    assert reported.step("report").returncode == 0
