"""Features in the plan: what is refused, and what heads inherit from them."""

import copy

import pytest

from radpipe.core.checking import check
from radpipe.core.errors import ConfigError
from radpipe.core.graph import Graph
from radpipe.core.params import Params
from radpipe.core.settings import Features
from tests.conftest import ROOT, SMALL

V1 = "results/runs/bones-v1/fold-0-seed-0/weights.safetensors"
BLOCK = {
    "study": "bones",
    "store": "data/bones/store",
    "weights": "weights/vgg16.json",
    "remote": None,
    "model": {"name": "vgg", "stem": "sum"},
}
HEAD = {
    "study": "bones",
    "store": "data/bones/features/seen",
    "preset": "heads/linear",
    "weights": "weights/random.json",
}


def plan(*, head=None, starts=("vgg16",), **block):
    """Return the small plan with a head on features."""
    params = copy.deepcopy(SMALL)
    params["features"] = {"seen": {**BLOCK, **block}}
    params["variants"]["head"] = {**HEAD, **(head or {})}
    params["plan"]["variants"].append("head")
    params["plan"]["starts"] = list(starts)
    return params


def checked(params):
    return check(Params, params, where="", source="params.yaml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"study": "bone"}, "features.seen.study: unknown 'bone', did you mean 'bones'?"),
        ({"remote": "vault"}, "features.seen.remote must repeat studies.bones.remote"),
        ({"store": "data/bones/crops"}, "features.seen.store: data/bones/crops is no folder of"),
        ({"weights": V1.replace("v1", "v2")}, "features.seen.weights: unknown variant 'bones-v2'"),
        (
            {"starts": ()},
            "features.seen.weights: weights/vgg16.json is fetched by the step weights",
        ),
        (
            {"head": {"store": "data/bones/features/sen"}},
            "variants.head.store: data/bones/features/sen is made by the step features, and no"
            " block of `features` describes it, did you mean 'data/bones/features/seen'?",
        ),
        ({"passes": 2}, "passes above 1 need something that augment changes"),
        ({"augment": {"rotate": 5.0}}, "and augment needs passes"),
        ({"weights": "weights/random.json"}, "normalize: start asks how the weights have learned"),
        ({"normalize": "standard"}, "features.seen.normalize"),
        (
            {"head": {"weights": V1}},
            "variants.head.weights: results/runs/bones-v1/fold-0-seed-0/weights.safetensors, and"
            " data/bones/features/seen are features, whose heads start from weights/random.json",
        ),
        (
            {"head": {"weights": "weights/vgg16.json"}},
            "variants.head.weights: weights/vgg16.json, and data/bones/features/seen are features",
        ),
        (
            {"head": {"store": "data/bones/store", "preset": "bones/floor"}},
            "features.seen: no variant looks at data/bones/features/seen",
        ),
    ],
)
def test_features_that_no_step_can_make_are_told(change, message):
    with pytest.raises(ConfigError) as caught:
        checked(plan(**change))
    assert message in str(caught.value)


def test_a_head_inherits_what_its_features_were_made_from():
    """Data sets that weights have seen are held against the head's study, too."""
    params = checked(plan())
    assert params.origins["head"].weights == "weights/vgg16.json"
    assert params.origins["head"].store == "data/bones/store"
    assert params.origins["bones-v1"] == params.variants["bones-v1"]
    assert params.known_as["bones"] == ["bones", "folders"]
    assert params.borrowed["vgg16"]["studies"] == {"bones": ["bones", "folders"]}
    assert checked(SMALL).known_as == {"bones": []}


def test_a_head_on_a_run_of_its_study_is_of_the_runs_fold():
    block = {"weights": V1, "starts": ()}
    assert checked(plan(**block)).origins["head"].weights == V1
    folds = plan(**block)
    folds["plan"]["folds"] = [0, 1]
    with pytest.raises(ConfigError, match=r"variants\.head\.weights: bones-v1 learned in fold 0"):
        checked(folds)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ({"train": {"small_first": 0.5}}, "variants.head.train.small_first: data/bones/features/"),
        ({"augment": {"slice_step": 2}}, "variants.head.augment.slice_step: data/bones/features/"),
        (
            {"train": {"small_first": 0.5}, "augment": {"slice_step": 2}},
            "variants.head.train.small_first and variants.head.augment.slice_step: ",
        ),
    ],
)
def test_a_head_learns_from_no_part_of_its_pictures(monkeypatch, head, message):
    monkeypatch.chdir(ROOT)
    with pytest.raises(ConfigError) as caught:
        checked(plan(head=head)).recipes.check()
    assert str(caught.value).startswith(message)


def test_a_head_cannot_be_the_network_that_it_looks_through():
    weights = V1.replace("bones-v1", "head")
    with pytest.raises(ConfigError, match="starts from its own weights, head <- head"):
        checked(plan(weights=weights, starts=()))


def test_the_network_is_code_of_the_features_and_not_of_the_head(monkeypatch):
    monkeypatch.chdir(ROOT)
    graph = Graph(checked(plan()))
    run = graph.runs["features", "bones-seen"]
    assert run.outputs == ("data/bones/features/seen",)
    assert run.settings == ("features.seen",)
    names = {path.name for path in run.code()}
    assert "vgg.py" in names
    assert not {"heads.py", "train.py"} & {
        path.name for path in run.code() if "models" in path.parts
    }
    head = {path.name for path in graph.runs["train", "head-fold-0-seed-0"].code()}
    assert "heads.py" in head
    assert "vgg.py" not in head


def test_a_store_that_is_no_features_is_pixels():
    assert Features.model_validate(BLOCK).folder("seen") == HEAD["store"]
    params = plan()
    params["variants"]["pixels"] = {**HEAD, "store": "data/elsewhere/store"}
    assert checked(params).origins["pixels"].weights == "weights/random.json"


def two_studies(*, head=None, **block):
    """Return the plan with a study `knees` whose data have a remote of their own."""
    params = plan(head=head, **block)
    params["studies"]["knees"] = {**params["studies"]["bones"], "remote": "vault"}
    return params


def test_features_of_restricted_pixels_stay_with_them():
    """Else they would go to the remote of the study to whose data they are put."""
    with pytest.raises(ConfigError) as caught:
        checked(two_studies(store="data/knees/store"))
    assert (
        "features.seen.store: data/knees/store goes to the remote 'vault' of knees, and what is"
        " computed of it would go to None of bones"
    ) in str(caught.value)
    knees = {"study": "knees", "store": "data/knees/store", "remote": "vault"}
    checked(two_studies(**knees, head={"study": "knees", "store": "data/knees/features/seen"}))


@pytest.mark.parametrize("study", ["knees", "bones"])
def test_a_memory_of_restricted_cases_is_refused(study, monkeypatch):
    """Weights go to the default remote; be it another study's question about these pixels."""
    monkeypatch.chdir(ROOT)
    knees = {"study": "knees", "store": "data/knees/store", "remote": "vault"}
    head = {"study": study, "store": "data/knees/features/seen", "preset": "heads/neighbours"}
    with pytest.raises(ConfigError) as caught:
        checked(two_studies(**knees, head=head)).recipes["head"]
    assert "variants.head.model.name: weights of 'neighbours' hold the features of every case" in (
        told := str(caught.value)
    )
    assert "data of knees may only go to 'vault'" in told
    head["preset"] = "heads/logistic"
    checked(two_studies(**knees, head=head)).recipes.check()
    checked(plan(head={"preset": "heads/neighbours"})).recipes.check()
