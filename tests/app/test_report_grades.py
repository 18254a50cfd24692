"""The page of an ordinal study, and of variants that were scored on different cases."""

import csv
import json
import re

import pytest

from radpipe.app.report.numbers import variant_metrics
from radpipe.app.report.pairs import pairs
from radpipe.app.report.results import read_studies
from radpipe.app.report.story import cautions
from tests.app.conftest import folders
from tests.app.fake_results import VARIANTS, write_comparison, write_results
from tests.app.test_report_page import page

GRADES = ["0", "1", "2"]


def block(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.02, "high": value + 0.02}


def edit_rows(path, edit):
    with path.open(newline="") as stream:
        rows = [row for old in csv.DictReader(stream) for row in edit(old)]
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Return the studies of a results tree whose `bones` have grades."""
    root = tmp_path_factory.mktemp("grades")
    write_results(root, classes=GRADES)
    for name in (name for name, made in VARIANTS.items() if made[0] == "bones"):
        file = root / "results/scores" / name / "metrics.json"
        metrics = json.loads(file.read_text())
        metrics["target"]["kind"] = "ordinal"
        for part in metrics["parts"].values():
            areas = {"0": {"value": None, "low": None, "high": None}}
            areas |= {"1": block(0.871), "2": block(0.934)}
            each = {name: block(0.5 + int(name) / 10) for name in GRADES}
            part["metrics"] |= {
                "quadratic_kappa": block(0.765),
                "grade_error": block(0.321),
                "auc_at_least": {**block(0.903), "per_class": areas},
            }
            part["metrics"]["recall"]["per_class"] = each
            part["metrics"]["precision"]["per_class"] = each
        file.write_text(json.dumps(metrics))
    write_comparison(root)

    def twice(row):
        tested = {"metric": "quadratic_kappa", "difference": "0.044", "low": "0.01"}
        return [row, {**row, **tested, "high": "0.08", "p_delong": "", "p_holm": "0.018"}]

    edit_rows(root / "results/comparison/bones-paired.csv", twice)
    return root, read_studies(folders(root), VARIANTS)


def bones_of(html: str) -> str:
    return html[html.index('id="study-bones"') : html.index('id="study-chest"')]


def test_grades_are_ranked_with_kappas_and_distance(graded):
    html = page(graded[1])
    bones = bones_of(html)
    ranking = bones[bones.index("<h3>Ranking") : bones.index("How to read the ranking")]
    for title in ("Kappa", "Quadratic kappa", "Grade error", "Precision"):
        assert f'<th scope="col">{title}</th>' in ranking
    assert '0.765</span> <span class="i">0.745 to 0.785' in ranking
    assert '0.321</span> <span class="i">0.301 to 0.341' in ranking


def test_grades_at_least_are_columns_but_for_the_lowest(graded):
    bones = bones_of(page(graded[1]))
    table = bones[bones.index("AUC of each grade and all above") :]
    table = table[: table.index("</table>")]
    assert re.findall(r'<th scope="col">(.*?)</th>', table) == ["Variant", "≥ 1", "≥ 2"]
    assert "0.934" in table
    for caption in ("Recall: share of the cases of each class", "Precision: share of right ones"):
        assert caption in bones


def test_differences_of_kappa_have_a_table_of_their_own(graded):
    study = graded[1][0]
    assert len(pairs(study)) == len(pairs(study, "quadratic_kappa")) == 3
    bones = bones_of(page(graded[1]))
    table = bones[bones.index("Difference in quadratic kappa") :]
    table = table[: table.index("</table>")]
    assert "DeLong" not in table
    assert table.count('<span class="yes">yes</span>') == 3


def test_other_studies_have_no_empty_columns(graded):
    html = page(graded[1])
    chest = html[html.index('id="study-chest"') : html.index('id="openings"')]
    for absent in ("Quadratic kappa", "Grade error", "≥", "Difference in quadratic"):
        assert absent not in chest
    assert '<th scope="col">Sensitivity (recall)</th>' in chest
    assert '<th scope="col">Precision</th>' in chest


def test_few_numbers_hold_the_kappa_of_grades(graded):
    numbers = variant_metrics(graded[1])
    assert numbers["bones-v1"]["quadratic_kappa"] == 0.765
    assert numbers["bones-v1"]["quadratic_kappa_low"] == 0.745
    assert "auc" in numbers["chest-floor"]
    assert "quadratic_kappa" not in numbers["chest-floor"]


def test_different_cases_are_said_loudly(tmp_path):
    write_results(tmp_path)
    write_comparison(tmp_path)
    file = tmp_path / "results/comparison/bones-ranking.csv"
    edit_rows(file, lambda row: [{**row, "n_common": "385", "value_common": "0.8125"}])
    studies = read_studies(folders(tmp_path), VARIANTS)
    found = cautions(studies[0], ())[0]
    assert found.level == "serious"
    assert found.title.startswith("Variants were scored on different cases (bones-v1: 400, ")
    assert found.title.endswith("; common: 385)")
    bones = bones_of(page(studies))
    assert "Difference in AUC on the 385 common cases" in bones
    assert bones.count("400 cases; AUC 0.812 on the 385 common ones") == 3


def test_equal_cases_need_no_remark(studies):
    assert not any("different cases" in found.title for found in cautions(studies[0], ()))
    assert "common ones</span>" not in page(studies)
