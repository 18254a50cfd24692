"""Which cohorts are accepted in params.yaml, and how mistakes are told."""

import copy

import pytest

from radpipe.core.checking import check
from radpipe.core.cohorts import judged_on
from radpipe.core.errors import ConfigError
from radpipe.core.params import Params
from tests.conftest import SMALL

CROPS = {"remote": None, "side": 32, "extent_mm": 50.0}


def plan(cohorts, **studies):
    """Return the small plan with cohorts, and further studies like bones but for some settings."""
    params = copy.deepcopy(SMALL)
    params["plan"]["cohorts"] = cohorts
    for name, blocks in studies.items():
        study = copy.deepcopy(params["studies"]["bones"])
        for block, changes in blocks.items():
            study[block] = {**study.get(block, {}), **changes}
        params["studies"][name] = study
    return params


def read(params):
    return check(Params, params, where="", source="params.yaml")


def refused(params):
    with pytest.raises(ConfigError) as caught:
        read(params)
    return str(caught.value)


def test_without_cohorts_there_are_none():
    assert read(SMALL).plan.cohorts == {}
    external = read(SMALL).studies["bones"].external
    assert (external.same_names, external.on_leak, external.accept) == (True, "refuse", [])


def test_a_cohort_is_judged_on_by_all_variants_of_its_home():
    params = read(plan({"far": "bones"}, far={"source": {"seed": 2}}))
    assert judged_on("far", params.plan, params.variants) == ["bones-floor", "bones-v1"]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (plan({"faar": "bones"}, far={}), "plan.cohorts.faar: unknown study 'faar', did you mean"),
        (plan({"far": "bone"}, far={}), "plan.cohorts.far: unknown study 'bone', did you mean"),
        (plan({"bones": "bones"}), "plan.cohorts.bones: a study cannot be its own cohort"),
        (plan({"bones": "far"}, far={}), "plan.cohorts.bones: far has no variant that could be"),
        (
            plan({"far": "bones"}, far={"target": {"classes": ["a", "b", "c"]}}),
            "plan.cohorts.far: studies.far.target.classes must be that of bones, because the",
        ),
        (
            plan({"far": "bones"}, far={"target": {"kind": "ordinal"}}),
            "studies.far.target.kind must be that of bones, because the variants answer the"
            " question of their home study only: 'multi-class', got 'ordinal'",
        ),
        (
            plan({"far": "bones"}, far={"image": {"side": 64}}),
            "studies.far.image.side must be that of bones, because the variants know pictures of"
            " this form only: 32, got 64",
        ),
        (plan({"far": "bones"}, far={"image": {"channels": "colour"}}), "image.channels must be"),
        (plan({"far": "bones"}, far={"image": {"bits": 16}}), "studies.far.image.bits must be"),
        (plan({"far": "bones"}, far={"external": {"on_leak": "dorp"}}), "did you mean 'drop'?"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_is_allowed(params, message):
    assert message in refused(params)


def test_variants_on_crops_need_crops_of_the_cohort():
    params = plan({"far": "bones"}, far={"source": {"seed": 2}})
    params["localize"] = {"bones": CROPS}
    params["variants"]["bones-v1"]["store"] = "data/bones/crops"
    message = refused(params)
    assert "plan.cohorts.far: bones-v1 was trained on crops (data/bones/crops)" in message
    assert "far needs a block in localize, too; localize has: bones" in message

    params["localize"]["far"] = {**CROPS, "extent_mm": 60.0}
    assert "localize.far.extent_mm must be that of localize.bones" in refused(params)
    params["localize"]["far"] = CROPS
    read(params)


def test_a_store_of_another_kind_cannot_be_found_in_a_cohort():
    params = plan({"far": "bones"}, far={})
    params["variants"]["bones-v1"]["store"] = "data/bones/special"
    assert "bones-v1 was trained on data/bones/special, and a cohort has only" in refused(params)
