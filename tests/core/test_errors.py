"""The wording of mistakes."""

import re
from copy import deepcopy

import pytest

from radpipe.core.checking import check
from radpipe.core.errors import ConfigError, near_miss, unknown_name
from radpipe.core.params import Params
from tests.conftest import SMALL


def test_a_near_miss_is_named():
    error = unknown_name("metric", "brire", ["auc", "brier"])
    assert str(error) == "metric: unknown 'brire', did you mean 'brier'? Known: auc, brier."


def test_a_far_miss_lists_what_is_known():
    assert str(unknown_name("metric", "xyz", ["auc"])) == "metric: unknown 'xyz'. Known: auc."
    assert near_miss("xyz", ["auc"]) == "."


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (
            "plan.open_test",
            ["xyz"],
            "plan.open_test: unknown 'xyz'. Known: bones.",
        ),
        ("plan.open_test", ["bone"], "plan.open_test: unknown 'bone', did you mean 'bones'? Known"),
        (
            "variants.bones-v1.study",
            "xyz",
            "variants.bones-v1.study: unknown 'xyz'. Known: bones.",
        ),
        ("evaluation.threshold", 3, "evaluation.threshold: unknown 3. Allowed: 'youden', 'sens"),
        ("evaluation.xyzw", 3, "evaluation.xyzw: unknown setting. Allowed here: bootstrap, "),
        (
            "studies.bones.source.kind",
            "9",
            "source.kind: unknown '9'. Allowed: phantom, path, arrays, url.",
        ),
    ],
)
def test_messages_about_settings_are_whole_sentences(key, value, message):
    plain = deepcopy(SMALL)
    *path, last = key.split(".")
    block = plain
    for part in path:
        block = block[part]
    block[last] = value
    with pytest.raises(ConfigError, match=re.escape(message)):
        check(Params, plain, where="", source="params.yaml")
