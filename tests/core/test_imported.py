"""Which imported predictions are accepted in params.yaml, and how mistakes are told."""

import copy

import pytest

from radpipe.core.checking import check
from radpipe.core.errors import ConfigError
from radpipe.core.graph import Graph
from radpipe.core.imported import imports_of, refuse_imported
from radpipe.core.params import Params
from tests.conftest import SMALL

READER = {
    "study": "bones",
    "predictions": "imported/one.csv",
    "by": {"kind": "reader", "name": "reader-1"},
}
RATINGS = {**READER, "form": "ratings", "scale": [1, 5]}


def read(imported, **changes):
    params = copy.deepcopy(SMALL)
    params["plan"]["imported"] = imported
    params["studies"]["bones"]["target"] |= changes
    return check(Params, params, where="", source="params.yaml")


def test_they_are_compared_after_variants_and_belong_to_a_study():
    params = read({"one": READER})
    assert params.plan.compared == ["bones-floor", "bones-v1", "one"]
    assert imports_of("bones", params.plan) == ["one"]
    assert imports_of("hands", params.plan) == []


def test_a_run_reads_the_table_and_the_parts(project, monkeypatch):
    """The file is an input by path and hash, so an edit of it makes the scores stale."""
    project.set("plan.imported", {"one": READER})
    monkeypatch.chdir(project.root)
    run = Graph(read({"one": READER})).runs["admit", "one"]
    assert set(run.inputs) == {"imported/one.csv", "data/bones/split.parquet"}
    assert "results/scores/one/metrics.json" in run.outputs
    assert "opened.bones" in run.settings


def test_a_system_that_has_learned_is_held_to_the_names_of_the_study():
    found = read({"one": READER}).known_as["bones"]
    assert found == read({}).studies["bones"].known_as("bones")


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({**READER, "study": "bone"}, "unknown 'bone', did you mean 'bones'?"),
        ({**READER, "form": "ratings"}, "scale belongs to form: ratings, which needs it"),
        ({**RATINGS, "scale": [5, 1]}, "scale goes from the smallest to the largest"),
        (RATINGS, "ratings rank the cases of a yes-or-no question"),
        ({**READER, "positive_from": 0.5}, "the most probable one is decided for; take it out"),
        ({**READER, "form": "decisions", "positive_from": 1}, "form: decisions has none"),
        ({**READER, "columns": {"fractred": "b"}}, "'fractred', did you mean 'fractured'?"),
        ({**READER, "by": {"kind": "robot", "name": "a"}}, "'reader' or 'system'"),
        ({**READER, "model": {}}, "plan.imported.one.model: unknown setting"),
    ],
)
def test_a_mistake_is_told_with_the_way_out(block, message):
    with pytest.raises(ConfigError) as error:
        read({"one": block})
    assert message in str(error.value)


def test_names_and_readers_are_told_apart():
    with pytest.raises(ConfigError, match="a variant or ensemble has this name"):
        read({"bones-v1": READER})
    with pytest.raises(ConfigError, match="two is by the same reader in the same modality"):
        read({"one": READER, "two": READER})


def test_a_cohort_has_no_imported_predictions():
    params = copy.deepcopy(SMALL)
    params["studies"]["far"] = copy.deepcopy(params["studies"]["bones"])
    params["plan"] |= {"cohorts": {"far": "bones"}, "imported": {"one": {**READER, "study": "far"}}}
    with pytest.raises(ConfigError, match="far is a cohort, on which only the variants of bones"):
        check(Params, params, where="", source="params.yaml")


def test_there_is_no_network_of_them():
    with pytest.raises(ConfigError, match=r"from imported/one.csv: there is no network"):
        refuse_imported("one", read({"one": READER}).plan)
