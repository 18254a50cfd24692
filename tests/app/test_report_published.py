"""Published results: the file's own arithmetic, and when the page shows them."""

import re
from dataclasses import replace
from typing import Any

import pytest
import yaml

from radpipe.app.report.publications import OTHERS, Published, Questions, read_published
from radpipe.app.report.published import NO_INTERVAL, beside, published_on
from radpipe.core.checking import check, load_yaml
from radpipe.core.errors import ConfigError
from radpipe.core.settings import Study as Settings
from radpipe.evaluation.metrics import METRICS
from tests.conftest import ROOT, SMALL

FOLDER = ROOT / "presets/published"
GRADES = ["0", "1", "2", "3", "4"]


def of_file(name: str) -> list[Published]:
    path = FOLDER / f"{name}.yaml"
    return check(Questions, load_yaml(path), where="", source=str(path)).questions


@pytest.fixture(scope="module")
def mrnet() -> Published:
    (found,) = of_file("mrnet")
    return found


@pytest.fixture(scope="module")
def oai() -> tuple[Published, Published]:
    """Return what is published about grades, and about progression."""
    grades, progression = of_file("oai")
    return grades, progression


def values(published: Published, system: str, metric: str) -> dict[str | None, float]:
    numbers = next(s.numbers for s in published.systems if s.name == system)
    return {n.label: n.value for n in numbers if n.metric == metric}


def test_every_file_is_read(mrnet, oai):
    assert read_published(FOLDER, METRICS) == [*of_file("chexpert"), mrnet, *oai]
    assert {file.stem for file in FOLDER.iterdir()} == {"chexpert", "mrnet", "oai"}


def test_the_mean_of_chexperts_labels_is_that_of_the_labels():
    """Of the six networks combined, and of EfficientNet-B5, both are published."""
    valid = of_file("chexpert")[1]
    numbers = next(one.numbers for one in valid.systems if one.name.startswith("Three"))
    for model in ("six networks combined", "EfficientNet-B5"):
        own = [number for number in numbers if number.of == model]
        (mean,) = (number.value for number in own if number.label is None)
        labels = [number.value for number in own if number.label is not None]
        assert set(valid.labels) == {number.label for number in own if number.label is not None}
        assert sum(labels) / 5 == pytest.approx(mean, abs=1e-4)


def test_what_we_compute_needs_no_other_name():
    assert not set(OTHERS) & set(METRICS)


def test_an_unknown_metric_shows_its_near_miss(tmp_path, mrnet):
    wrong = mrnet.model_dump(mode="json")
    wrong["systems"][0]["numbers"][0]["metric"] = "auk"
    (tmp_path / "knees.yaml").write_text(yaml.safe_dump({"questions": [wrong]}))
    with pytest.raises(ConfigError, match=r"knees.yaml: metric: unknown 'auk', did you mean 'auc'"):
        read_published(tmp_path, METRICS)


def test_the_guides_example_can_be_read():
    text = (ROOT / "docs/first-steps/reading-the-report.md").read_text()
    (block,) = re.findall(r"```yaml\n(.*?)```", text, re.S)
    check(Questions, yaml.safe_load(block), where="", source="reading-the-report.md")


def test_mrnet_has_the_counts_of_its_tables(mrnet):
    """Abnormal, ACL and meniscus of valid/: 25/95, 66/54, 68/52; 1,130 exams in train/."""
    counts = {name: (c.negative, c.positive) for name, c in mrnet.labels.items()}
    assert counts == {"abnormal": (25, 95), "acl": (66, 54), "meniscus": (68, 52)}
    (data,) = mrnet.known_by
    assert (data.adapter, data.n_cases, data.n_test) == ("mrnet", 1130 + 120, 120)


def test_sensitivity_and_specificity_add_up_to_the_accuracy(mrnet):
    """Which shows that those of acl stand as in the notebook, not swapped as in the README."""
    name = "Three-plane AlexNet"
    found, passed = (values(mrnet, name, m) for m in ("sensitivity", "specificity"))
    right = {
        label: (found[label] * counts.positive, passed[label] * counts.negative)
        for label, counts in mrnet.labels.items()
    }
    whole = {label: tuple(round(n) for n in each) for label, each in right.items()}
    assert whole == {"abnormal": (86, 18), "acl": (38, 59), "meniscus": (36, 50)}
    for label, each in right.items():  # four digits of a share are enough to count with
        assert each == pytest.approx(whole[label], abs=0.01)
    assert 86 + 18 + 38 + 59 + 36 + 50 == 287
    assert values(mrnet, name, "accuracy") == {None: round(287 / 360, 4)}


def test_the_papers_intervals_are_there_and_nobody_elses(mrnet):
    with_interval = {s.name for s in mrnet.systems for n in s.numbers if n.low is not None}
    assert with_interval == {"MRNet (Bien et al. 2018)"}
    (paper,) = (s for s in mrnet.systems if s.name in with_interval)
    assert not paper.same_cases
    assert [(n.label, n.value, n.low, n.high) for n in paper.numbers] == [
        ("abnormal", 0.937, 0.895, 0.980),
        ("acl", 0.965, 0.938, 0.993),
        ("meniscus", 0.847, 0.780, 0.914),
    ]


def share(part: int, *others: int) -> float:
    return round(part / sum((part, *others)), 4)


def test_published_decisions_of_progression_follow_from_their_tables(oai):
    """Confusion matrices (rows true, columns decided), as the notebooks print them.

    Image: 98 51 / 47 104; with risk factors: 71 78 / 28 123; both tasks: 107 96 / 48 149.
    """
    (system,) = (one for one in oai[1].systems if one.name == "JSL_Project")
    numbers = {(n.of, n.metric): n.value for n in system.numbers}
    tables = {
        "image": (98, 51, 47, 104),
        "image and risk factors, image frozen": (71, 78, 28, 123),
        "image, both tasks": (107, 96, 48, 149),
    }
    for of, (passed, alarms, missed, hits) in tables.items():
        assert numbers[of, "accuracy"] == share(hits + passed, alarms, missed)
        assert numbers[of, "sensitivity"] == share(hits, missed)
        assert numbers[of, "precision"] == share(hits, alarms)
    assert 47 + 104 == 28 + 123 == 151, "of 300, as the note says"


def test_the_published_accuracy_of_grades_follows_from_its_table(oai):
    """Right of 500: 196, 16, 92, 44 and 15; of grade 1, 46 + 16 + 16 + 2 knees."""
    assert share(196 + 16 + 92 + 44 + 15, 500 - 363) == 0.726
    assert values(oai[0], "VGG16 of JSL_Project", "accuracy")[None] == 0.6325
    assert 46 + 16 + 16 + 2 == 80


def test_only_one_paper_gives_intervals_for_knees(oai):
    with_interval = {s.name for one in oai for s in one.systems for n in s.numbers if n.low}
    assert with_interval == {"Multimodal prediction (Tiulpin et al. 2019)"}
    assert not any(system.same_cases for one in oai for system in one.systems)


@pytest.mark.parametrize(
    ("system", "message"),
    [
        ({"metric": 1, "value": 0.9}, "metric: "),
        ({"metric": "auc", "value": 1.2}, "value: "),
        ({"metric": "auc", "value": 0.9, "low": 0.8}, "an interval needs both low and high"),
        ({"metric": "auc", "value": 0.9, "low": 0.91, "high": 0.95}, "0.9 lies outside"),
        ({"metric": "auc", "value": 0.9, "label": "pcl"}, "unknown label 'pcl'. Known: acl"),
    ],
)
def test_mistakes_in_a_file_are_named(system, message):
    value = {
        "data": "knees",
        "known_by": [{"adapter": "folders", "n_cases": 10, "n_test": 3}],
        "labels": {"acl": {"negative": 1, "positive": 2}},
        "systems": [
            {
                "name": "one",
                "source": "one",
                "link": "https://doi.org/1",
                "cases": "all",
                "same_cases": True,
                "numbers": [system],
            }
        ],
    }
    with pytest.raises(ConfigError) as refused:
        check(Published, value, where="", source="knees.yaml")
    assert message in str(refused.value)


def test_counts_must_add_up(mrnet):
    value = mrnet.model_dump() | {"known_by": [{"adapter": "mrnet", "n_test": 121}]}
    with pytest.raises(ConfigError, match="do not add up to n_test"):
        check(Published, value, where="", source="mrnet.yaml")


def counted(study, *, indexed=1250, test=120):
    parts = {**study.split["parts"], "test": {"n_cases": test}}
    split = {**study.split, "cases": {"indexed": indexed}, "parts": parts}
    return replace(study, split=split)


def settings(adapter="mrnet", kind="path", layout=None) -> Settings:
    sources: dict[str, dict[str, Any]] = {
        "path": {"kind": "path", "path": "knees"},
        "url": {"kind": "url", "licence": "x", "files": [{"address": "https://x.org/x.zip"}]},
        "phantom": {"kind": "phantom"},
    }
    block = {"adapter": adapter, "source": sources[kind], "layout": layout or {}}
    return Settings.model_validate(SMALL["studies"]["bones"] | block)


@pytest.mark.parametrize(
    ("block", "counts", "shown"),
    [
        ({}, {}, True),
        ({"kind": "url"}, {}, True),
        ({"kind": "phantom"}, {}, False),
        ({"adapter": "folders"}, {}, False),
        ({}, {"indexed": 1249}, False),
        ({}, {"test": 119}, False),
    ],
)
def test_only_the_very_data_are_set_beside(studies, mrnet, oai, block, counts, shown):
    found = published_on(counted(studies[0], **counts), settings(**block), [*oai, mrnet])
    assert found == (mrnet if shown else None)
    assert published_on(counted(studies[0]), settings(), []) is None


TABLE = {"file": "JSL.csv", "image": "ID", "target": "JSL_Prog"}


@pytest.mark.parametrize(
    ("block", "classes", "counts", "question"),
    [
        ({"adapter": "oai", "layout": {"question": "kl"}}, GRADES, {}, 0),
        ({"adapter": "oai", "layout": {"question": "kl"}}, ["0-2", "3-4"], {}, None),
        ({"adapter": "oai", "layout": {"question": "progression"}}, ["no", "yes"], {}, 1),
        (
            {"adapter": "oai", "layout": {"question": "kl"}, "kind": "phantom"},
            GRADES, {}, None,
        ),
        ({"adapter": "oai"}, GRADES, {}, None),
        ({"adapter": "folders", "layout": {"table": TABLE}}, ["no", "yes"], {}, 1),
        (
            {"adapter": "folders", "layout": {"table": {**TABLE, "target": "BL_KL_grade"}}},
            GRADES, {}, 0,
        ),
        ({"adapter": "folders", "layout": {"table": {**TABLE, "file": "x.csv"}}}, GRADES, {}, None),
        ({"adapter": "folders", "layout": {"path": "x"}}, GRADES,
         {"indexed": 8260, "test": 1656}, 0),
        ({"adapter": "folders", "layout": {"path": "x"}}, GRADES,
         {"indexed": 8260, "test": 1655}, None),
    ],
)  # fmt: skip
def test_a_file_serves_several_questions_and_adapters(
    studies, mrnet, oai, block, classes, counts, question
):
    study = replace(counted(studies[0], **counts), classes=tuple(classes))
    found = published_on(study, settings(**block), [mrnet, *oai])
    assert found == (None if question is None else oai[question])


def test_numbers_of_joined_grades_are_shown_with_nothing_of_ours(studies, oai):
    """Bones passes for a study of grades; its metrics lack kappa, as those of any old run."""
    rows = {one.system.name: one.rows for one in beside(replace(studies[0], published=oai[0]))}
    siamese = rows["Deep Siamese network (Tiulpin et al. 2018)"]
    assert [(row.metric, row.label, row.value) for row in siamese] == [
        ("Quadratic kappa", "all", "0.83"),
        ("Balanced accuracy", "all", "0.6671"),
        ("AUC", "KL >= 2", "0.93"),
    ]
    assert [row.ours is None for row in siamese] == [True, False, True]
    assert siamese[1].ours == studies[0].best.estimate("balanced_accuracy")


def test_a_binary_study_answers_its_own_label(studies, mrnet):
    """Chest passes for a study of the one label acl, whose metric is the whole metric."""
    acl = replace(studies[1], classes=("intact", "acl"), published=mrnet)
    rows = {one.system.name: one.rows for one in beside(acl)}
    first = rows["MRNet (Bien et al. 2018)"]
    assert [(row.label, row.value, row.interval) for row in first] == [
        ("acl", "0.965", "0.938 to 0.993")
    ]
    assert first[0].ours == acl.best.estimate("auc")
    plots = rows["Networks from scratch on the three planes"]
    assert [row.value for row in plots] == ["0.87", "0.905", "0.65", "0.90", "0.76"]
    assert {row.interval for row in plots} == {NO_INTERVAL}
    assert beside(studies[1]) == []
