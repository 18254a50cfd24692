"""Published results: the file's own arithmetic, and when the page shows them."""

from dataclasses import replace

import pytest

from radpipe.app.report.published import (
    NO_INTERVAL,
    Published,
    beside,
    published_on,
    read_published,
)
from radpipe.core.errors import ConfigError
from radpipe.core.params import check
from tests.conftest import ROOT

FOLDER = ROOT / "presets/published"


@pytest.fixture(scope="module")
def mrnet() -> Published:
    found = read_published(FOLDER, "mrnet")
    assert found is not None
    return found


def values(published: Published, system: str, metric: str) -> dict[str | None, float]:
    numbers = next(s.numbers for s in published.systems if s.name == system)
    return {n.label: n.value for n in numbers if n.metric == metric}


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_file_can_be_read(file):
    assert read_published(FOLDER, file.stem) is not None


def test_mrnet_has_the_counts_of_its_tables(mrnet):
    """Abnormal, ACL and meniscus of valid/: 25/95, 66/54, 68/52; 1,130 exams in train/."""
    counts = {name: (c.negative, c.positive) for name, c in mrnet.labels.items()}
    assert counts == {"abnormal": (25, 95), "acl": (66, 54), "meniscus": (68, 52)}
    assert (mrnet.n_cases, mrnet.n_test) == (1130 + 120, 120)


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


def test_nothing_is_known_of_other_adapters():
    assert read_published(FOLDER, "folders") is None


@pytest.mark.parametrize(
    ("system", "message"),
    [
        ({"metric": "auk", "value": 0.9}, "metric: unknown 'auk', did you mean 'auc'"),
        ({"metric": "auc", "value": 1.2}, "value: "),
        ({"metric": "auc", "value": 0.9, "low": 0.8}, "an interval needs both low and high"),
        ({"metric": "auc", "value": 0.9, "low": 0.91, "high": 0.95}, "0.9 lies outside"),
        ({"metric": "auc", "value": 0.9, "label": "pcl"}, "unknown label 'pcl'. Known: acl"),
    ],
)
def test_mistakes_in_a_file_are_named(system, message):
    value = {
        "data": "knees",
        "n_cases": 10,
        "n_test": 3,
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
    value = mrnet.model_dump() | {"n_test": 121}
    with pytest.raises(ConfigError, match="do not add up to n_test"):
        check(Published, value, where="", source="mrnet.yaml")


def data(study, *, kind="path", indexed=1250, test=120):
    parts = {**study.split["parts"], "test": {"n_cases": test}}
    split = {**study.split, "cases": {"indexed": indexed}, "parts": parts}
    return replace(study, split=split, source={"kind": kind})


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, True),
        ({"kind": "url"}, True),
        ({"kind": "phantom"}, False),
        ({"indexed": 1249}, False),
        ({"test": 119}, False),
    ],
)
def test_only_the_very_data_are_set_beside(studies, mrnet, changes, shown):
    found = published_on(data(studies[0], **changes), mrnet)
    assert found == (mrnet if shown else None)
    assert published_on(data(studies[0]), None) is None


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
