"""Which ensembles are accepted in params.yaml, and how mistakes are told."""

import copy

import pytest

from radpipe.core.checking import check
from radpipe.core.ensembles import ensembles_of, refuse_ensemble, study_of
from radpipe.core.errors import ConfigError
from radpipe.core.graph import Graph
from radpipe.core.params import Params, load_params
from tests.conftest import SMALL

BOTH = {"members": ["bones-floor", "bones-v1"]}


def plan(**ensembles):
    """Return the small plan with ensembles, a variant that is not planned, and another study's."""
    params = copy.deepcopy(SMALL)
    params["studies"]["hands"] = copy.deepcopy(params["studies"]["bones"])
    floor = params["variants"]["bones-floor"]
    params["variants"]["hands-floor"] = {**floor, "study": "hands"}
    params["variants"]["bones-later"] = floor
    params["plan"]["variants"].append("hands-floor")
    params["plan"]["ensembles"] = ensembles
    return params


def read(params):
    return check(Params, params, where="", source="params.yaml")


def test_an_ensemble_is_of_its_members_study_and_is_compared_after_variants():
    params = read(plan(both=BOTH))
    assert params.plan.ensembles["both"].mean == "chosen"
    assert params.plan.compared == ["bones-floor", "bones-v1", "hands-floor", "both"]
    assert study_of("both", params.plan, params.variants) == "bones"
    assert ensembles_of("bones", params.plan, params.variants) == ["both"]
    assert ensembles_of("hands", params.plan, params.variants) == []


@pytest.mark.parametrize(
    ("ensembles", "message"),
    [
        ({"both": {"members": ["bones-v1"]}}, "plan.ensembles.both.members: "),
        ({"both": {"members": ["bones-v1", "bones-v2"]}}, "unknown variant 'bones-v2', did you"),
        (
            {"both": {"members": ["bones-v1", "bones-later"]}},
            "plan.ensembles.both.members: bones-later is not planned; add it to plan.variants",
        ),
        (
            {"both": {"members": ["bones-v1", "hands-floor"]}},
            "must be of one study, and are bones-v1 of bones, hands-floor of hands",
        ),
        ({"both": {"members": ["bones-v1", "bones-v1"]}}, "members: bones-v1 stands there twice"),
        ({"both": BOTH, "more": {"members": ["both", "bones-v1"]}}, "both is an ensemble itself"),
        ({"bones-later": BOTH}, "plan.ensembles.bones-later: a variant has this name already"),
        ({"a/b": BOTH}, "'a/b' names files"),
        ({"both": {**BOTH, "mean": "logit"}}, "did you mean 'logits'?"),
        ({"both": {**BOTH, "weights": [1, 2]}}, "plan.ensembles.both.weights: unknown setting"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_is_allowed(ensembles, message):
    with pytest.raises(ConfigError) as caught:
        read(plan(**ensembles))
    assert message in str(caught.value)


def test_what_needs_a_network_is_refused_with_the_members():
    params = read(plan(both=BOTH))
    refuse_ensemble("bones-v1", params.plan)
    with pytest.raises(ConfigError, match="both is an ensemble: the mean of what bones-floor, bon"):
        refuse_ensemble("both", params.plan)


def test_every_run_of_its_members_is_read(project, monkeypatch):
    monkeypatch.chdir(project.root)
    project.set("plan.ensembles", {"both": BOTH})
    project.set("plan.seeds", [0, 1])
    graph = Graph(load_params())
    run = graph.runs["combine", "both"]
    assert run.reads["predictions"] == tuple(
        f"results/runs/{name}/fold-0-seed-{seed}/predictions.parquet"
        for name in BOTH["members"]
        for seed in (0, 1)
    )
    assert run.settings[0] == "plan.ensembles.both"
    compared = graph.runs["compare", "all"].reads["metrics"]
    assert compared[-1] == "results/scores/both/metrics.json"
    assert run in graph.makers_of(graph.runs["compare", "all"])
