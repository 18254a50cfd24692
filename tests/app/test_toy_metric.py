"""A metric is one file: that of docs/how-to/add-a-metric.md goes through tables, tests and page."""

import json
import re
import sys

import numpy as np
import pytest

from radpipe.app.report.numbers import best_metrics, variant_metrics
from radpipe.app.report.results import read_studies
from radpipe.core.files import write_json
from radpipe.evaluation import metrics
from radpipe.evaluation.comparison import PAIRED, RANKING, compare
from radpipe.evaluation.metrics import METRICS, values
from radpipe.evaluation.sample import make_sample
from radpipe.evaluation.tables import write_csv
from tests.app.conftest import folders
from tests.app.fake_results import VARIANTS, write_comparison, write_results
from tests.app.test_report_page import page
from tests.conftest import ROOT
from tests.evaluation.conftest import BINARY
from tests.evaluation.test_comparison import EVALUATION, variant
from tests.evaluation.test_metrics import SCORE, TRUTH

NOISE = {"chest-resnet18": 0.5, "chest-floor": 6.0}


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Put the guide's file beside the modules of metrics, and take its metric back afterwards."""
    text = (ROOT / "docs/how-to/add-a-metric.md").read_text(encoding="utf-8")
    source = re.findall(r"```python\n(.*?)```", text, re.S)[0]
    # Under another name, in case that a reader has put the very file where it belongs.
    source = source.replace("youden_index", "toy_metric").replace("Youden index", "Toy metric")
    folder = tmp_path / "metrics"
    folder.mkdir()
    (folder / "toy.py").write_text(source, encoding="utf-8")
    monkeypatch.setattr(metrics, "__path__", [*metrics.__path__, str(folder)])
    before = dict(METRICS._entries)
    metrics.file_all()
    yield METRICS["toy_metric"]
    METRICS._entries.clear()
    METRICS._entries.update(before)
    sys.modules.pop("radpipe.evaluation.metrics.toy")
    del metrics.toy


@pytest.fixture
def compared(toy, tmp_path):
    """Return the tables of two variants of `chest`, and the studies that the report reads."""
    write_results(tmp_path)
    write_comparison(tmp_path)
    scores = [variant(name, noise, study="chest", test=False) for name, noise in NOISE.items()]
    for one, _ in scores:
        file = tmp_path / "results/scores" / one["variant"] / "metrics.json"
        write_json(file, json.loads(file.read_text()) | one)
    ranking, paired = compare(scores, EVALUATION)
    write_csv(tmp_path / "results/comparison/chest-ranking.csv", RANKING, ranking)
    write_csv(tmp_path / "results/comparison/chest-paired.csv", PAIRED, paired)
    return ranking, paired, read_studies(folders(tmp_path), VARIANTS)


def test_the_guides_metric_by_hand(toy):
    scores = np.column_stack([1 - np.array(SCORE), SCORE])
    sample = make_sample(BINARY, np.array(TRUTH, dtype=float)[:, None], scores)
    assert values(toy, sample) == pytest.approx([1 / 2 + 2 / 3 - 1])


def test_it_is_scored_ranked_and_tested(compared):
    ranking, paired, studies = compared
    rows = [row for row in ranking if row["metric"] == "toy_metric"]
    assert [row["variant"] for row in rows] == list(NOISE)
    assert all(row["low"] <= row["value"] <= row["high"] for row in rows)
    (row,) = (row for row in paired if row["metric"] == "toy_metric")
    assert row["difference"] == pytest.approx(rows[0]["value"] - rows[1]["value"], abs=2e-6)
    assert row["p_holm"] == row["p_permutation"] < 0.05
    estimate = studies[1].best.estimate("toy_metric")
    assert estimate is not None
    assert estimate.value == rows[0]["value"]


def test_it_is_on_the_page_and_in_the_few_numbers(compared):
    ranking, _, studies = compared
    html = page(studies)
    chest = html[html.index('id="study-chest"') : html.index('id="openings"')]
    table = chest[chest.index("<h3>Ranking") : chest.index("How to read the ranking")]
    assert '<th scope="col">Toy metric</th>' in table
    assert "Difference in Toy metric on the same cases" in chest
    assert "<dt>Toy metric</dt><dd>Sensitivity plus specificity minus 1" in html
    block = variant_metrics(studies)["chest-resnet18"]
    assert best_metrics(studies)["chest"] == {"best": "chest-resnet18", **block}
    assert list(block)[:3] == ["auc", "auc_low", "auc_high"]
    assert [f"toy_metric{end}" for end in ("", "_low", "_high")] == list(block)[-3:]
    value = next(row["value"] for row in ranking if row["metric"] == "toy_metric")
    assert block["toy_metric"] == pytest.approx(value, abs=5e-5)


def test_it_is_gone_afterwards():
    metrics.file_all()
    assert "toy_metric" not in METRICS
