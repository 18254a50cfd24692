"""Reading params.yaml and presets: what is accepted, and how mistakes are told."""

import copy

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from radpipe.core.checking import check, load_yaml, numbers
from radpipe.core.errors import ConfigError
from radpipe.core.params import Params, load_params, lookup
from radpipe.core.presets import load_preset, merge
from tests.conftest import ROOT, SMALL


def edited(path, value):
    """Return the small plan with one value set, or removed if the value is `...`."""
    params = copy.deepcopy(SMALL)
    *blocks, last = path.split(".")
    block = params
    for key in blocks:
        block = block[key]
    if value is ...:
        del block[last]
    else:
        block[last] = value
    return params


def labels(*scored):
    """Return a target of labels that are scored on some of them."""
    return {"kind": "multi-label", "classes": ["acl", "meniscus"], "score_on": list(scored)}


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("studies.bones.imag", 1, "studies.bones.imag: unknown setting, did you mean 'image'?"),
        ("studies.bones.image.resize", "letterbx", "did you mean 'letterbox'? Allowed: 'letter"),
        ("studies.bones.image.side", "wide", "studies.bones.image.side: input should be a valid"),
        ("studies.bones.image.side", 4, "greater than or equal to 8, got 4"),
        ("studies.bones.source.kind", "phantm", "source.kind: unknown 'phantm', did you mean 'ph"),
        ("studies.bones.source.patient", 9, "studies.bones.source.patient: unknown setting, did"),
        ("studies.bones.target.kind", "binary", "a binary target has two classes"),
        ("studies.bones.target.classes", ["a"], "at least two classes"),
        ("studies.bones.target.classes", ["a", "a"], "a class stands twice"),
        ("studies.bones.target.score_on", ["healthy"], "score_on belongs to a multi-label target"),
        ("studies.bones.target", labels("acls"), "score_on names 'acls', which is not one"),
        ("studies.bones.target", labels("acl", "acl"), "score_on names a label twice"),
        ("studies.bones.target", labels(), "at least 1 item"),
        ("studies.bones.split.seed", ..., "studies.bones.split.seed: missing; it has no default"),
        ("variants.bones-v1.study", "bons", "unknown 'bons', did you mean 'bones'?"),
        ("variants.bones-v1.optimizer", "adm", "variants.bones-v1.optimizer: unknown setting"),
        (
            "plan.variants",
            ["bones-v2"],
            "plan.variants: unknown 'bones-v2', did you mean 'bones-v1'?",
        ),
        ("plan.variants", ["bones-v1"] * 2, "plan.variants: bones-v1 stands there twice"),
        ("plan.open_test", ["bone"], "plan.open_test: unknown 'bone', did you mean 'bones'?"),
        ("plan.folds", [3], "fold 3 does not exist, studies.bones.split.folds is 3"),
        ("plan.folds", [], "plan.folds: list should have at least 1 item"),
        ("evaluation", [1], "evaluation: input should be a valid dictionary"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_is_allowed(path, value, message):
    with pytest.raises(ConfigError) as caught:
        check(Params, edited(path, value), where="", source="params.yaml")
    assert str(caught.value).startswith("params.yaml: ")
    assert message in str(caught.value)


def test_every_mistake_is_told_at_once():
    params = edited("studies.bones.image.resize", "x")
    params["plan"]["seeds"] = [-1]
    with pytest.raises(ConfigError) as caught:
        check(Params, params, where="", source="params.yaml")
    assert len(str(caught.value).splitlines()) == 2


def test_a_name_that_makes_no_file_is_refused():
    params = copy.deepcopy(SMALL)
    params["studies"]["../x"] = params["studies"]["bones"]
    with pytest.raises(ConfigError, match="only letters, digits"):
        check(Params, params, where="", source="params.yaml")


def test_names_that_dvc_does_not_see_change_are_refused(tmp_path):
    params = edited("variants.bones-v1.model", {"size": 3})
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    with pytest.raises(ConfigError, match=r"variants.bones-v1.model.size: a setting cannot be"):
        load_params(tmp_path / "params.yaml")


def test_the_projects_own_settings_are_sound():
    params = load_params(ROOT / "params.yaml")
    for name, variant in params.variants.items():
        overrides = {"model": variant.model, "train": variant.train, "augment": variant.augment}
        load_preset(variant.preset, overrides, where=name, root=ROOT / "presets")


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-05", 1e-5), ("1E3", 1000.0), ("-.5e2", -50.0), ("12", "12"), ("e5", "e5"), ("1e", "1e")],
)
def test_only_numbers_with_an_exponent_are_read_out_of_text(text, value):
    assert numbers({"a": [text]}) == {"a": [value]}


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_dvc_writes_for_a_number_is_read_as_that_number(value):
    assert numbers(f"{value:e}") == float(f"{value:e}")


def test_both_yaml_spellings_give_the_same_number(tmp_path):
    (tmp_path / "a.yaml").write_text("lr: 1e-05\n")
    assert load_yaml(tmp_path / "a.yaml") == {"lr": 1e-5}


def test_what_is_no_yaml_is_told(tmp_path):
    with pytest.raises(ConfigError, match="there is no such file"):
        load_yaml(tmp_path / "a.yaml")
    (tmp_path / "a.yaml").write_bytes(b"studies:\n  # Gr\xf6\xdfe\n")
    with pytest.raises(ConfigError, match=r"line 2: no UTF-8\. The way out: save"):
        load_yaml(tmp_path / "a.yaml")
    (tmp_path / "a.yaml").write_text("a: [")
    with pytest.raises(ConfigError, match="not valid YAML"):
        load_yaml(tmp_path / "a.yaml")
    (tmp_path / "a.yaml").write_text("- 1")
    with pytest.raises(ConfigError, match="should be a block of settings"):
        load_params(tmp_path / "a.yaml")


def test_a_block_under_another_name_replaces_the_old_one():
    base = {"schedule": {"name": "plateau", "factor": 0.1}, "lr": 1}
    assert merge(base, {"schedule": {"factor": 0.5}})["schedule"] == {
        "name": "plateau",
        "factor": 0.5,
    }
    assert merge(base, {"schedule": {"name": "constant"}})["schedule"] == {"name": "constant"}


def test_a_preset_is_found_by_file_and_name():
    with pytest.raises(ConfigError, match=r"x.preset: unknown 'bone/v1', did you mean 'bones'"):
        load_preset("bone/v1", {}, where="x", root=ROOT / "presets")
    with pytest.raises(ConfigError, match=r"x.preset: unknown 'bones/v11', did you mean 'v1'"):
        load_preset("bones/v11", {}, where="x", root=ROOT / "presets")
    with pytest.raises(ConfigError, match=r"x.train.optimizer: unknown 'adm', did you mean 'adam'"):
        over = {"train": {"optimizer": "adm"}}
        load_preset("bones/v1", over, where="x", root=ROOT / "presets")


def test_a_dotted_path_finds_its_value():
    params = check(Params, SMALL, where="", source="params.yaml")
    assert lookup(params, "studies.bones.split.seed") == 1
    with pytest.raises(ConfigError, match=r"studies.bone.split does not exist, did you mean 'bon"):
        lookup(params, "studies.bone.split")


@pytest.mark.parametrize("text", ["v1: 1\n", "- v1\n", ""])
def test_presets_that_are_no_blocks_are_refused(tmp_path, text):
    (tmp_path / "bones.yaml").write_text(text)
    with pytest.raises(ConfigError, match="each preset should be a block of settings"):
        load_preset("bones/v1", {}, where="variants.x", root=tmp_path)


def test_keys_of_two_kinds_are_refused(tmp_path):
    """DVC sorts the keys of a block, which it cannot if some are numbers and some are text."""
    block = {**SMALL["studies"]["bones"], "layout": {"mapping": {0: "stable", "": None}}}
    file = tmp_path / "params.yaml"
    file.write_text(yaml.safe_dump({**SMALL, "studies": {"bones": block}}))
    with pytest.raises(ConfigError, match=r"layout.mapping: some keys are text.*quotes around all"):
        load_params(file)


def test_the_block_localize_may_be_empty_and_not_missing(tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text(yaml.safe_dump({k: v for k, v in SMALL.items() if k != "localize"}))
    with pytest.raises(ConfigError, match=r"localize: missing; .*joints.*{} for none"):
        load_params(file)
