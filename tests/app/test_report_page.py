"""The page as text: complete, escaped, self-contained, the same twice."""

import copy
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from radpipe.app.report.addresses import embed
from radpipe.app.report.classes import per_class
from radpipe.app.report.data import data_view
from radpipe.app.report.estimates import ShownEstimate
from radpipe.app.report.numbers import best_metrics, variant_metrics
from radpipe.app.report.page import render_page
from radpipe.app.report.results import read_studies
from radpipe.app.report.tables import flatten, ranking, spread, subgroups
from radpipe.core.errors import DataError
from radpipe.core.openings import read_openings
from radpipe.core.settings import Plan
from tests.app.conftest import folders
from tests.app.fake_results import (
    HASH,
    VARIANTS,
    plan,
    write_comparison,
    write_openings,
    write_results,
)

VOID = {"meta", "img", "br", "link", "input", "hr"}


def page(studies, openings=()) -> str:
    settings = plan()
    return render_page(
        studies,
        openings=openings,
        plan=Plan(**settings["plan"]),
        colours=dict.fromkeys(VARIANTS, "#1f5f8b"),
    )


class Outline(HTMLParser):
    """Collects tags and checks that they close in order."""

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.attributes = [], [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.attributes.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, _):
        self.seen.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def html(studies) -> str:
    return page(studies)


def test_page_is_well_formed_and_outlined(html):
    outline = Outline()
    outline.feed(html)
    assert outline.open == []
    assert outline.seen.count("h1") == 1
    images = [attributes for tag, attributes in outline.attributes if tag == "img"]
    assert images
    assert all(image["alt"] for image in images)
    targets = {attributes.get("id") for _, attributes in outline.attributes}
    links = {a["href"] for tag, a in outline.attributes if tag == "a"}
    assert {link[1:] for link in links if link.startswith("#")} <= targets


def test_page_loads_nothing_from_elsewhere(html):
    text = re.sub(r"data:image/[^\"]+", "", html)
    assert not re.findall(r"https?://(?!doi\.org|creativecommons\.org)", text)
    assert not re.search(r"@import|url\(|<link|src=\"(?!data:)", html.replace("data:", "data:"))


def test_every_compared_number_has_its_interval(studies, html):
    for study in studies:
        for variant in study.variants:
            for metric in ("auc", "accuracy", "f1", "ece"):
                estimate = variant.estimate(metric)
                pattern = (
                    rf'<span class="v">{estimate.text}</span> '
                    rf'<span class="i">{estimate.interval}</span>'
                )
                assert re.search(pattern, html), (variant.name, metric)


def test_a_number_without_interval_is_not_shown(tmp_path):
    write_results(tmp_path)
    write_comparison(tmp_path)
    file = tmp_path / "results/scores/bones-v1/metrics.json"
    metrics = json.loads(file.read_text())
    metrics["parts"]["test"]["metrics"]["accuracy"] = {"value": 0.123456, "why": "three patients"}
    file.write_text(json.dumps(metrics))
    html = page(read_studies(folders(tmp_path), VARIANTS))
    assert ">0.123<" not in html
    assert 'title="no interval, so not shown: three patients"' in html


def test_scores_that_told_how_far_folds_disagree_are_named(studies, html):
    assert "Thresholds and temperature were chosen on the tune part alone." in html
    told = "scores of the test part, not truths, told how far folds disagree"
    assert told not in html
    metrics = copy.deepcopy(studies[0].best.metrics)
    metrics["parts"]["test"]["operating_point"] = {**metrics["operating_point"], "folds": 5}
    best = replace(studies[0].best, metrics=metrics)
    bones = replace(studies[0], variants=(best, *studies[0].variants[1:]))
    shown = page((bones,))
    assert told in shown
    assert "Thresholds and temperature were chosen on the tune part alone." not in shown


def test_why_a_subgroup_has_no_area(studies):
    """Of too few cases there is no block, of a rare answer one with its reason."""
    group = {"covariate": "sex", "n_cases": 20, "n_patients": 20}
    metrics = copy.deepcopy(studies[0].best.metrics)
    metrics["parts"]["test"]["subgroups"] = [
        {**group, "value": "f", "auc": None},
        {**group, "value": "m", "auc": {"value": 0.8, "low": None, "high": None, "why": "rare"}},
    ]
    best = replace(studies[0].best, metrics=metrics)
    found = subgroups(replace(studies[0], variants=(best,)))
    assert [one.cells for one in found] == [(None,), (None,)]
    assert [one.whys for one in found] == [("few cases, or one answer only",), ("rare",)]


def test_subgroups_without_a_number_are_a_sentence_and_no_rows_of_dashes(studies):
    metrics = copy.deepcopy(studies[0].best.metrics)
    known, few = metrics["parts"]["test"]["subgroups"]
    few["auc"] = {"value": 0.8, "low": None, "high": None, "why": "four patients"}
    best = replace(studies[0].best, metrics=metrics)
    text = page([replace(studies[0], variants=(best,), paired=())])
    assert text.count(f'<th scope="row">view: {known["value"]}</th>') == 1
    assert f'<th scope="row">view: {few["value"]}</th>' not in text
    assert f"Without a number (four patients): view: {few['value']}." in text


def test_a_page_of_one_variant_does_not_speak_of_several(studies):
    text = page([replace(studies[0], variants=studies[0].variants[:1], paired=())])
    assert "<title>Comparison of 1 model on 1 study</title>" in text
    assert "1 variant compared on" in text


def test_figures_come_with_their_numbers(html):
    for kind in ("ranking", "paired", "people", "labels", "drift"):
        assert f'download="bones-{kind}.csv"' in html
    assert "pictures equal to another one, of the same patient or of two" in html


def test_ceiling_stands_above_the_sorted_rows(studies, html):
    ceiling = html.index('<tbody class="ceiling">')
    assert ceiling < html.index('<tbody class="rows">', ceiling)
    assert html.count("ideal observer</span>") == 2  # ranking and class by class, of bones
    assert studies[1].ceiling("auc") is None


def test_tables_sort_and_stay_tables_without_script(html):
    assert html.count('class="wide sortable"') > 5
    assert 'data-value="' in html
    assert html.count("<script>") == 1
    assert "aria-sort" in html
    assert "<noscript" not in html


def test_names_are_escaped(tmp_path):
    odd = ["healthy", "<b>bold</b>", "\"quoted\" & 'odd'"]
    write_results(tmp_path, classes=odd)
    write_comparison(tmp_path)
    html = page(read_studies(folders(tmp_path), VARIANTS))
    assert "<b>bold" not in html
    assert "&lt;b&gt;bold&lt;/b&gt;" in html
    outline = Outline()
    outline.feed(html)
    assert outline.open == []


def test_page_names_no_case_patient_or_file(html):
    assert not re.search(r"test-\d{4}|tune-\d{4}|patient-\d{4}", html)
    assert "truncated image" in html
    assert "grouped: treated as one patient" in html


def test_openings_are_counted(tmp_path, studies):
    rows = [
        ("2026-11-20T09:46:00+00:00", "bones-v1", HASH["bones-v1"]),
        ("2026-11-21T09:46:00+00:00", "bones-v1", "f" * 64),
        ("2026-11-20T10:00:00+00:00", "bones-floor", HASH["bones-floor"]),
    ]
    write_openings(tmp_path, rows)
    html = page(studies, read_openings(tmp_path / "openings.csv"))
    section = html[html.index('id="openings"') : html.index('id="terms"')]
    line = section[section.index("bones-v1") : section.index("bones-floor")]
    assert line.count('<td class="num">2') == 2
    assert "2026-11-20T09:46:00+00:00" in line
    assert "2026-11-21T09:46:00+00:00" in line
    assert "more than one" in line
    assert "opened the test part with 2 different recipes" in html


def test_no_openings_are_said(tmp_path, html):
    assert read_openings(tmp_path / "openings.csv") == ()
    assert "No test part has been opened." in html


def test_record_names_hashes_settings_and_command(html):
    assert f'title="{HASH["bones-v1"]}"' in html
    assert 'title="' + "a" * 64 in html
    assert "torch 2.15.0" in html
    assert "train.schedule.name" in html
    assert "snakemake --cores all" in html
    assert '<tr class="differs"><th scope="row"><code>preset' in html


def test_page_is_the_same_twice(studies):
    assert page(studies) == page(studies)


def test_every_variant_has_few_numbers(studies):
    numbers = variant_metrics(studies)
    assert list(numbers) == sorted(VARIANTS)
    for name, block in numbers.items():
        assert list(block)[:3] == ["auc", "auc_low", "auc_high"]
        assert not {"accuracy", "quadratic_kappa"} & set(block)
        assert all(round(value, 4) == value for value in block.values()), name
    test = studies[0].best.metrics["parts"]["test"]["metrics"]["auc"]["value"]
    assert numbers["bones-v1"]["auc"] == pytest.approx(test, abs=5e-5)


def test_dvc_gets_the_best_variant_of_each_study(studies):
    numbers = variant_metrics(studies)
    best = best_metrics(studies)
    assert list(best) == [study.name for study in studies]
    for study in studies:
        assert best[study.name] == {"best": study.best.name, **numbers[study.best.name]}


def test_the_gap_of_any_metric_follows_its_column(studies):
    gaps = {("accuracy", ""): {"bones-v1": ShownEstimate(0.04, 0.01, 0.07)}}
    titles = [column.title for column in ranking(replace(studies[0], gaps=gaps))]
    assert titles[:4] == ["AUC", "Accuracy", "Ceiling − Accuracy", "Balanced accuracy"]
    assert [column.title for column in ranking(studies[0])][:2] == ["AUC", "Ceiling − AUC"]


def test_every_metric_is_explained(studies, html):
    terms = html[html.index('id="terms"') : html.index('id="settings"')]
    for card in studies[0].cards.values():
        assert f"<dt>{card.title}</dt><dd>" in terms
    assert "<dt>ECE</dt><dd>Expected calibration error" in terms
    assert "0 is perfect. Lower is better.</dd>" in terms


def test_ranking_of_other_variants_is_refused(tmp_path):
    write_results(tmp_path)
    write_comparison(tmp_path)
    with pytest.raises(DataError, match=r"bones-ranking.csv ranks .* Run the step compare again"):
        read_studies(folders(tmp_path), ["bones-v1"])


def test_drawing_is_preferred_to_picture(tmp_path):
    write_results(tmp_path)
    write_comparison(tmp_path)
    (tmp_path / "results/figures/svg").mkdir()
    (tmp_path / "results/figures/svg/bones-roc.svg").write_text("<svg/>")
    bones, _ = read_studies(folders(tmp_path), VARIANTS)
    assert bones.figures["roc"].suffix == ".svg"
    assert embed(bones.figures["roc"]) == "data:image/svg+xml;charset=utf-8,%3Csvg/%3E"
    (tmp_path / "results/figures/png/bones-pr.png").unlink()
    bones, _ = read_studies(folders(tmp_path), VARIANTS)
    assert "pr" not in bones.figures


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"kind": "phantom"}, "Synthetic pictures with known truth"),
        ({"kind": "url", "licence": "CC BY 4.0"}, "Downloaded; licence CC BY 4.0."),
        ({"kind": "path"}, "own files"),
    ],
)
def test_source_of_the_data_is_named(studies, source, said):
    bones, _ = studies
    assert said in page([replace(bones, source=source)])


@pytest.mark.parametrize("drawn", [True, False])
def test_the_share_of_test_is_shown_only_where_it_was_used(studies, drawn):
    """Where the data set has a test of its own, none was drawn by share."""
    rules = {**studies[0].split["rules"], "drawn": {"test": drawn, "fold 0": True}}
    changed = replace(studies[0], split={**studies[0].split, "rules": rules})
    names = [name for name, _ in data_view(changed).rules]
    assert ("test" in names) == drawn
    assert {"folds", "official.test"} <= set(names)


def test_two_labels_are_shown_class_by_class_but_two_classes_are_not(studies):
    _, chest = studies
    assert per_class(chest) == []
    assert [column.title for column in per_class(replace(chest, kind="multi-label"))] == [
        "normal",
        "pneumonia",
    ]


def test_settings_become_readable():
    nested = {"a": {"b": None, "c": [1, 2]}, "d": True, "e": 1e-5, "f": "text"}
    assert flatten(nested) == {"a.b": "none", "a.c": "1, 2", "d": "yes", "e": "1e-05", "f": "text"}


def test_one_run_has_no_spread(studies):
    best = studies[0].best
    assert spread(best).endswith(" in 3 runs")
    scores = copy.deepcopy(best.metrics)
    scores["parts"]["test"]["metrics"]["auc"]["runs"]["n"] = 1
    assert spread(replace(best, metrics=scores)) == ""


def test_joints_that_were_cut_out_have_a_section(studies):
    study = studies[0]
    quantiles = {"n": 40, "median": 0.9125, "min": 0.7}
    empty = {"n": 0, "median": None, "min": None}
    summary = {
        "image": {"side": 64},
        "extent_mm": 56.0,
        "n_crops": 190,
        "n_unsure": 8,
        "n_rejected": 2,
        "n_without_spacing": 3,
        "n_taught": 120,
        "sides": {"n_known": 200, "n_right": 199},
        "overlap": {"train": empty, "tune": empty, "test": quantiles},
        "fixed_box": {"train": empty, "tune": empty, "test": {**quantiles, "median": 0.31}},
    }
    figures = {**study.figures, "joints": study.figures["sizes"]}
    text = page([replace(study, joints=summary, figures=figures)])
    assert "Joints found and cut out" in text
    assert "8</b><span>cases without a confident joint, left out" in text
    assert "199</b><span>of 200 known joints in the half that was taken" in text
    assert "56 mm around the joint in 64 pixels (3 films do not tell" in text
    cells = re.search(r'<th scope="row">test</th>((?:<td class="num">[^<]*</td>)+)</tr>', text)
    found = [re.findall(r">([^<]*)</td>", row) for row in cells.groups()]
    assert found == [["40", "0.91", "0.70", "0.31"]]
    assert "Joints found" not in page([study])
