"""The wording of mistakes."""

from radpipe.core.errors import near_miss, unknown_name


def test_a_near_miss_is_named():
    error = unknown_name("metric", "brire", ["auc", "brier"])
    assert str(error) == "metric: unknown 'brire', did you mean 'brier'? Known: auc, brier."


def test_a_far_miss_lists_what_is_known():
    assert str(unknown_name("metric", "xyz", ["auc"])) == "metric: unknown 'xyz'. Known: auc."
    assert near_miss("xyz", ["auc"]) == ""
