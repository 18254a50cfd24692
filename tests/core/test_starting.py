"""Starting weights of other runs: what a plan may ask for."""

import copy

import pytest

from radpipe.core.checking import check
from radpipe.core.errors import ConfigError
from radpipe.core.graph import Graph
from radpipe.core.params import Params
from radpipe.core.starting import Start, ancestors, start_of
from tests.conftest import ROOT, SMALL

V1 = "results/runs/bones-v1/fold-0-seed-0/weights.safetensors"
FLOOR = V1.replace("v1", "floor")


def plan(*, folds=(0,), **weights):
    """Return the small plan with the starting weights of its variants."""
    params = copy.deepcopy(SMALL)
    for name, path in weights.items():
        params["variants"][f"bones-{name}"]["weights"] = path
    params["plan"]["folds"] = list(folds)
    return params


def checked(params):
    return check(Params, params, where="", source="params.yaml")


def test_a_path_names_a_run():
    assert start_of(V1) == Start("bones-v1", 0, 0)
    assert start_of(V1).run == "bones-v1-fold-0-seed-0"
    assert start_of("weights/random.json") is None
    assert start_of(V1.replace("fold-0", "fold-00")) is None


def test_a_chain_of_starts_is_accepted():
    params = plan(floor=V1)
    params["variants"]["third"] = {**params["variants"]["bones-v1"], "weights": FLOOR}
    params["plan"]["variants"].append("third")
    variants = checked(params).variants
    assert list(ancestors("third", variants)) == ["bones-floor", "bones-v1"]
    assert list(ancestors("bones-v1", variants)) == []


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (V1.replace("bones-v1", "bones-v2"), "unknown variant 'bones-v2', did you mean 'bones-v1'"),
        (V1.replace("fold-0", "fold-1"), "fold 1 of bones-v1 is not planned, plan.folds is [0];"),
        (V1.replace("seed-0", "seed-3"), "seed 3 of bones-v1 is not planned, plan.seeds is [0];"),
        ("./" + V1, "is not the name of a run's weights, which is results/runs/<variant>/fold-"),
        (FLOOR, "starts from its own weights, bones-floor <- bones-floor; one of them has to"),
    ],
)
def test_a_start_that_no_plan_makes_is_told(weights, message):
    with pytest.raises(ConfigError) as caught:
        checked(plan(floor=weights))
    assert str(caught.value).startswith("params.yaml: variants.bones-floor.weights: ")
    assert message in str(caught.value)


def test_a_circle_is_told():
    with pytest.raises(ConfigError, match="bones-floor <- bones-v1 <- bones-floor; one of them"):
        checked(plan(floor=V1, v1=FLOOR))


def test_another_fold_of_the_same_study_is_told_before_anything_is_trained():
    message = r"learned in fold 0 from the tune patients of fold 1.*set plan.folds to \[0\]"
    with pytest.raises(ConfigError, match=message):
        checked(plan(floor=V1, folds=(0, 1)))
    params = plan(floor=V1, folds=(0, 1))
    params["studies"]["others"] = params["studies"]["bones"]
    params["variants"]["bones-floor"]["study"] = "others"
    checked(params)


BORROWED = "weights/resnet18.json"


def test_a_start_that_others_learned_has_to_be_planned():
    params = plan(floor=BORROWED)
    with pytest.raises(ConfigError, match=r"plan.starts does not name; add resnet18 to plan.star"):
        checked(params)
    params["plan"]["starts"] = ["resnet18"]
    found = checked(params)
    variant = found.variants["bones-floor"]
    assert variant.inputs["weights"] == "results/starts/resnet18/start.json"
    assert found.variants["bones-v1"].inputs["weights"] == "weights/random.json"


def test_a_start_counts_for_all_studies_that_its_runs_lead_to():
    params = plan(floor=V1, v1=BORROWED)
    params["studies"]["others"] = {**params["studies"]["bones"], "data_sets": ["MURA"]}
    params["variants"]["bones-floor"]["study"] = "others"
    params["plan"] |= {"starts": ["resnet18", "unused"], "seen_by_name": "refuse"}
    params["studies"]["far"] = {**params["studies"]["bones"], "data_sets": ["GRAZ"]}
    params["plan"]["cohorts"] = {"far": "bones"}
    found = checked(params).borrowed
    assert found["resnet18"]["studies"].pop("far") == ["far", "folders", "GRAZ"]
    assert found == {
        "resnet18": {
            "seen_by_name": "refuse",
            "studies": {"others": ["others", "folders", "MURA"], "bones": ["bones", "folders"]},
        },
        "unused": {"seen_by_name": "refuse", "studies": {}},
    }


def test_names_of_data_sets_are_asked_only_where_a_start_comes_from_outside():
    params = plan()
    params["studies"]["others"] = params["studies"]["bones"]
    params["studies"]["far"] = params["studies"]["bones"]
    params["variants"]["bones-floor"]["study"] = "others"
    params["plan"]["cohorts"] = {"far": "others"}
    assert checked(params).known_as == {"bones": [], "others": [], "far": []}
    params["variants"]["bones-floor"]["weights"] = "weights/of_a_colleague.safetensors"
    known = {"others": ["others", "folders"], "far": ["far", "folders"]}
    assert checked(params).known_as == {"bones": [], **known}


def test_a_start_is_made_before_what_starts_from_it(monkeypatch):
    monkeypatch.chdir(ROOT)
    params = plan(floor=BORROWED)
    params["plan"]["starts"] = ["resnet18"]
    graph = Graph(checked(params))
    steps = list(graph.steps)
    assert steps.index("weights") < steps.index("train")
    (train,) = [run for run in graph.runs_of("train") if run.values["variant"] == "bones-floor"]
    assert ("weights", "resnet18") in [maker.key for maker in graph.makers_of(train)]
    assert graph.runs_of("weights")[0].inputs == (BORROWED,)


VGG = "weights/vgg19.json"


def several(weights=BORROWED, further=(VGG,), starts=("resnet18", "vgg19")):
    """Return a plan whose floor starts from several weights that others learned."""
    params = plan(floor=weights)
    params["variants"]["bones-floor"]["further_weights"] = list(further)
    params["plan"]["starts"] = list(starts)
    return params


def test_all_of_several_starts_are_made_before_what_starts_from_them(monkeypatch):
    monkeypatch.chdir(ROOT)
    graph = Graph(checked(several()))
    of = {run.values["variant"]: run for run in graph.runs_of("train")}
    starts = [path for path in of["bones-floor"].inputs if path.startswith("results/starts")]
    assert starts == [f"results/starts/{name}/start.json" for name in ("resnet18", "vgg19")]
    assert not [path for path in of["bones-v1"].inputs if path.startswith("results/starts")]
    known = {name: list(each["studies"]) for name, each in graph.params.borrowed.items()}
    assert known == {"resnet18": ["bones"], "vgg19": ["bones"]}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"starts": ["resnet18"]}, "further_weights: weights/vgg19.json is fetched by the step"),
        ({"further": ["weights/random.json"]}, "is not weights/<name>.json of what others learned"),
        ({"weights": V1}, f"and weights is {V1}; name one of them there"),
        ({"further": [VGG, V1]}, f"further_weights: {V1} is not weights/<name>.json of what"),
        ({"further": [VGG, BORROWED]}, "further_weights: resnet18 is named twice"),
    ],
)
def test_several_starts_that_cannot_be_are_told(asked, message):
    with pytest.raises(ConfigError) as caught:
        checked(several(**asked))
    assert message in str(caught.value)
