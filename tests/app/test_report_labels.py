"""A study of three labels, from predictions to the page, with everything the steps make."""

import csv
import re

import pytest

from radpipe.app.report.data import _uncertain
from tests.app import fake_labels
from tests.app.fake_labels import LABELS, VARIANTS
from tests.conftest import Project

HEADING = "<h3>Published results on these data"


@pytest.fixture(scope="module")
def scored(tmp_path_factory) -> Project:
    """Return a project in which everything but the report is made; its data are real."""
    project = Project(tmp_path_factory.mktemp("knee"))
    project.params = fake_labels.plan({"kind": "path", "path": "~/mrnet"})
    project.save()
    fake_labels.write_study(project.root)
    fake_labels.write_runs(project.root)
    fake_labels.score(project)
    return project


@pytest.fixture(scope="module")
def page(scored) -> str:
    return fake_labels.report(scored)


def rows(project, name):
    with (project.root / f"results/comparison/knee-{name}.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def section(page: str, start: str, end: str = "<h3>") -> str:
    return page.split(start, 1)[1].split(end, 1)[0]


def test_uncertain_answers_stand_beside_the_known_ones(page):
    table = section(page, "How they were split", "</table>")
    assert re.findall(r"(\d+) uncertain<", table) == ["34", "5"]
    assert "no score is judged on them" in table


@pytest.mark.parametrize(
    ("block", "expected"),
    [({}, ()), ({"n_uncertain": 7}, (0, 7)), ({"n_uncertain_per_label": [1, 2]}, (1, 2))],
)
def test_uncertain_answers_are_those_of_the_classes(block, expected):
    assert _uncertain(block) == expected


def test_every_label_has_its_distance_from_the_ceiling(scored):
    gaps = [row for row in rows(scored, "ceiling") if row["part"] == "test"]
    assert [(row["variant"], row["class"]) for row in gaps] == [
        (variant, label) for variant in VARIANTS for label in ("", *LABELS)
    ]
    mean, *each = (float(row["difference"]) for row in gaps[:4])
    assert mean == pytest.approx(sum(each) / 3, abs=2e-6)
    assert all(float(r["low"]) < float(r["difference"]) < float(r["high"]) for r in gaps)


def test_pairs_are_tested_on_the_mean_and_on_every_label(scored):
    tested = [r for r in rows(scored, "paired") if (r["metric"], r["part"]) == ("auc", "test")]
    assert [row["class"] for row in tested] == ["", *LABELS]
    mean, *each = (float(row["difference"]) for row in tested)
    assert mean == pytest.approx(sum(each) / 3, abs=2e-6)
    # One family of four: the smallest p counts four times.
    p = sorted((float(row["p_delong"]), float(row["p_holm"])) for row in tested)
    assert p[0][1] == pytest.approx(4 * p[0][0], abs=1e-5)
    assert p[3][1] == pytest.approx(max(p[3][0], p[2][1]), abs=1e-5)
    others = {r["class"] for r in rows(scored, "paired") if r["metric"] != "auc"}
    assert others == {""}


def test_the_page_reads_label_by_label(page):
    assert "<h3>Label by label</h3>" in page
    labels = section(page, "<h3>Label by label</h3>")
    assert "cases with it against cases without" in labels
    assert labels.count("ideal observer</span>") == 1
    assert "Ceiling − AUC of each label" in labels
    for label in LABELS:
        # AUC, its distance from the ceiling, recall and precision.
        assert labels.count(f'<th scope="col">{label}</th>') == 4
    together, _, apart = section(page, "<h3>Which differences are real</h3>").partition(
        "<details><summary>The same for each label</summary>"
    )
    assert "Told apart" in together
    assert re.findall(r"<tr><td>(.*?)</td>", together) == []
    assert re.findall(r"<tr><td>(.*?)</td>", apart) == [*LABELS]


def test_labels_are_counted_in_two_columns(page):
    """Each label is decided by itself: a column a label would be wide, and mostly empty."""
    matrix = section(page, "true class in rows, decision in columns", "</table>")
    heads = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', matrix)
    assert heads == ["True", "absent", "present", "Cases"]
    for true in (f"{no}{label}" for label in LABELS for no in ("no ", "")):
        row = section(matrix, f'<th scope="row">{true}</th>', "</tr>")
        assert row.count('class="heat"') == 2
    assert "<td></td>" not in matrix


def test_published_results_stand_beside_ours(page):
    shown = section(page, HEADING)
    assert '0.937</span> <span class="i">0.895 to 0.980' in shown
    assert shown.count("no interval published</span>") == 15
    assert "swaps the two" in shown
    assert "not those of our test part" in shown
    assert "knee-three-planes, test" in shown
    # Every published number has one of ours, with its interval, beside it.
    assert "no interval, so not shown" not in shown


def test_other_data_have_none(scored, page):
    for change in ({"n_test": 119}, {"n_cases": 900}):
        fake_labels.write_study(scored.root, **change)
        assert HEADING not in fake_labels.report(scored)
    fake_labels.write_study(scored.root)
    scored.set("studies.knee.source", {"kind": "phantom"})
    assert HEADING not in fake_labels.report(scored)
    scored.set("studies.knee.adapter", "folders")
    scored.set("studies.knee.source", {"kind": "path", "path": "~/mrnet"})
    assert HEADING not in fake_labels.report(scored)


def test_sizes_are_those_of_volumes(page):
    assert (
        "Sizes and intensities of the 3\u202f750 volumes (107\u202f000 slices) as they came."
        in page
    )
