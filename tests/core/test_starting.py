"""Starting weights of other runs: what a plan may ask for."""

import copy

import pytest

from radpipe.core.checking import check
from radpipe.core.errors import ConfigError
from radpipe.core.params import Params
from radpipe.core.starting import Start, ancestors, start_of
from tests.conftest import SMALL

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
