"""Which kernels a run gets, and what happens where a processor lacks them."""

import os
import sys
from typing import Any

import pytest
import yaml

from radpipe.core import environment, kernels
from radpipe.core.environment import DEFAULT, KERNELS
from radpipe.core.errors import ConfigError
from radpipe.core.graph import Graph, Run
from radpipe.core.kernels import check_kernels, check_playable, kernels_of, pin_kernels
from radpipe.core.params import Params, load_params
from tests.conftest import Project


def planned(project: Project, step: str) -> Run:
    runs = Graph(load_params()).runs
    return next(run for key, run in runs.items() if key[0] == step and "v1" in key[1])


@pytest.fixture
def here(project, monkeypatch):
    """Enter the project; give the process its own variables back."""
    monkeypatch.chdir(project.root)
    for name in KERNELS[DEFAULT]:
        monkeypatch.setenv(name, KERNELS[DEFAULT][name])
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return project


def with_train(project: Project, **train: Any) -> Params:
    project.set("variants.bones-v1.train", {"epochs": 2, **train})
    return load_params()


@pytest.mark.parametrize(
    ("train", "trains", "predicts"),
    [
        ({}, "avx2", "avx2"),
        ({"precision": "bfloat16"}, "native", "avx2"),
        ({"kernels": "native"}, "native", "native"),
        ({"kernels": "avx512", "precision": "bfloat16"}, "avx512", "avx512"),
    ],
)
def test_a_variant_says_with_which_kernels(here, train, trains, predicts):
    params = with_train(here, **train)
    assert kernels_of(params, ["bones-v1"], "train") == trains
    assert kernels_of(params, ["bones-v1"], "predict") == predicts


def test_of_several_variants_the_least_promise_counts(here):
    params = with_train(here, kernels="native")
    assert kernels_of(params, ["bones-floor", "bones-v1"], "predict") == "native"
    params = with_train(here, kernels="avx512")
    assert kernels_of(params, ["bones-floor", "bones-v1"], "predict") == "avx2"
    assert kernels_of(params, [], "predict") == DEFAULT


@pytest.mark.parametrize("words", [["--variant", "bones-v1"], ["--variant=bones-v1", "--seed=0"]])
def test_the_command_line_names_the_variant(here, monkeypatch, words):
    with_train(here, kernels="native", threads=3)
    monkeypatch.setattr(sys, "argv", ["train.py", *words])
    pin_kernels("train")
    assert environment.kernels_in_use() == "native"
    assert os.environ["OMP_NUM_THREADS"] == "3"


def test_the_command_line_names_a_cohort(here, monkeypatch):
    with_train(here, kernels="native")
    text = yaml.safe_load((here.root / "params.yaml").read_text())
    here.params["studies"]["other"] = text["studies"]["bones"]
    here.set("plan.cohorts", {"other": "bones"})
    monkeypatch.setattr(sys, "argv", ["validate.py", "--study", "other"])
    pin_kernels("predict")
    assert environment.kernels_in_use() == "native"


@pytest.mark.parametrize("words", [[], ["--variant", "unknown"], ["--help"]])
def test_what_names_no_variant_is_left_to_the_step(here, monkeypatch, words):
    before = environment.kernels_in_use()
    monkeypatch.setattr(sys, "argv", ["train.py", *words])
    pin_kernels("train")
    (here.root / "params.yaml").write_text("nonsense: 1")
    pin_kernels("train")
    assert environment.kernels_in_use() == before


def test_kernels_that_a_processor_lacks_are_refused_with_a_way_out(here, monkeypatch):
    monkeypatch.setattr(environment, "flags", lambda: frozenset({"avx2", "fma"}))
    with_train(here, kernels="avx512")
    told = (
        r"bones-v1\.train\.kernels: avx512 cannot be computed here, because this processor has no"
    )
    with pytest.raises(ConfigError, match=told + r" avx512bw.* The way out"):
        check_playable(planned(here, "train"))


def test_auto_computes_natively_where_it_must_and_says_so(here, monkeypatch, caplog):
    monkeypatch.setattr(environment, "flags", frozenset)
    check_playable(planned(here, "train"))
    assert "this processor has no avx2, fma, so the last bits are those of this kind" in caplog.text


def test_a_script_that_chose_other_kernels_is_a_bug(here, monkeypatch):
    with_train(here, kernels="native")
    monkeypatch.setitem(sys.modules, "torch", kernels)
    if environment.lacking(DEFAULT):
        monkeypatch.setattr(environment, "flags", lambda: frozenset({"avx2", "fma"}))
    with pytest.raises(RuntimeError, match="computes with avx2 kernels and not native"):
        check_kernels(planned(here, "train"))
    environment.use_kernels("native")
    check_kernels(planned(here, "train"))
    monkeypatch.delitem(sys.modules, "torch")
    environment.use_kernels("avx2")
    check_kernels(planned(here, "train"))
