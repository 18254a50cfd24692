"""Which explanations are accepted in params.yaml, and what published forms come to."""

import pytest
import yaml

from radpipe.core.checking import check
from radpipe.core.errors import ConfigError
from radpipe.core.explained import resolved
from radpipe.core.graph import Graph
from radpipe.core.params import Params, lookup
from radpipe.core.settings import Explain
from radpipe.explaining.methods import read_method
from radpipe.figures.overlays import LOOKS
from tests.conftest import ROOT, SMALL

BLOCK = {"study": "bones", "remote": None, "methods": {"cam": {"name": "grad-cam"}}}
PUBLISHED = ROOT / "presets/explanations/published.yaml"


def params(name: str = "bones-v1", plan: dict | None = None, **changes) -> Params:
    """Read a small plan that explains one variant."""
    found = yaml.safe_load(yaml.safe_dump(SMALL))
    found["plan"] |= plan or {}
    found["explain"] = {name: {**BLOCK, **changes}}
    return check(Params, found, where="", source="params.yaml")


def test_a_run_of_the_step_reads_what_the_variant_is_made_of():
    run = Graph(params()).runs["explain", "bones-v1"]
    assert run.name == "bones-v1"
    assert run.reads["store"] == ("data/bones/store",)
    assert run.reads["predictions"] == ("results/runs/bones-v1/fold-0-seed-0/predictions.parquet",)
    assert run.outputs == tuple(
        f"results/explanations/bones-v1/{name}"
        for name in ("gallery", "measures.parquet", "facts.json")
    )
    assert "explained.bones-v1" in run.settings


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"name": "bones-v2"},
            "explain.bones-v2: unknown variant 'bones-v2', did you mean 'bones-v1'?",
        ),
        (
            {"plan": {"variants": ["bones-floor"]}},
            "explain.bones-v1: not planned; add it to plan.variants",
        ),
        (
            {
                "name": "both",
                "plan": {"ensembles": {"both": {"members": ["bones-v1", "bones-floor"]}}},
            },
            r"an ensemble has no network of its own; explain its members \(bones-v1, bones-floor\)",
        ),
        ({"study": "bone"}, "explain.bones-v1.study must repeat the variant's"),
        ({"remote": "own"}, "explain.bones-v1.remote must repeat studies.bones.remote"),
        (
            {"gallery": {"labels": ["fracture"]}},
            "explain.bones-v1.gallery.labels: unknown 'fracture', did you mean 'fractured'?",
        ),
        ({"boxes": {"broken": []}}, "explain.bones-v1.boxes: unknown 'broken'"),
        (
            {"labels": ["healthy"], "gallery": {"labels": ["fractured"]}},
            "'fractured' is not among explain.bones-v1.labels",
        ),
        ({"methods": {"cam": {}}}, "needs the name of a method, or a preset"),
        (
            {"scored": 0, "gallery": {"confident": 0, "nearest": 0, "random": 0}},
            "asks for no case",
        ),
        (
            {"methods": {"cam": {"name": "grad-cam", "look": "jett"}}},
            "unknown 'jett', did you mean 'jet'",
        ),
    ],
)
def test_what_cannot_be_explained_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        params(**changes)


@pytest.mark.parametrize("form", sorted(yaml.safe_load(PUBLISHED.read_text())))
def test_published_forms_are_methods_and_say_where_they_come_from(form):
    block = Explain.model_validate(BLOCK | {"methods": {"as": {"preset": f"published/{form}"}}})
    method = resolved("x", block, ROOT / "presets").methods["as"]
    assert read_method({"name": method.name, **method.settings}).name == method.name
    assert method.look in LOOKS
    assert len(yaml.safe_load(PUBLISHED.read_text())[form]["source"]) > 100


def test_what_stands_beside_a_published_form_is_laid_over_it():
    how = {"preset": "published/chest-lime", "samples": 50, "look": "jet"}
    block = Explain.model_validate(BLOCK | {"methods": {"mine": how}})
    method = resolved("x", block, ROOT / "presets").methods["mine"]
    assert (method.name, method.look, method.scored) == ("lime", "jet", False)
    assert method.settings["samples"] == 50
    assert method.settings["of"] == "softmax-of-sigmoids"


def test_a_form_that_nobody_published():
    block = Explain.model_validate(BLOCK | {"methods": {"as": {"preset": "published/chest"}}})
    with pytest.raises(
        ConfigError, match=r"explain\.x\.methods.as.preset: unknown 'published/chest'"
    ):
        resolved("x", block, ROOT / "presets")


def test_a_form_that_does_not_exist_stops_its_own_step_alone(monkeypatch):
    monkeypatch.chdir(ROOT)
    found = params(methods={"cam": {"preset": "published/knee"}})
    assert lookup(found, "studies.bones.adapter")
    assert list(found.explained) == ["bones-v1"]
    with pytest.raises(ConfigError, match=r"explain\.bones-v1\.methods\.cam\.preset: unknown"):
        lookup(found, "explained.bones-v1")
    with pytest.raises(ConfigError, match=r"explained\.bones-v2 does not exist"):
        lookup(found, "explained.bones-v2")
    with pytest.raises(KeyError):
        found.explained["bones-v2"]
