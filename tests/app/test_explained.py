"""What `radpipe check` says of the block `explain`."""

import pytest

from radpipe.app.explained import mistakes_in_explain
from radpipe.core.files import write_json
from radpipe.core.hashes import Hashes
from radpipe.core.params import load_params
from radpipe.core.receipts import Receipt
from radpipe.core.tables import write_table
from radpipe.studies.base.contract import BOX_SCHEMA
from tests.small_study import TWO, write_study

BLOCK = {"study": "bones", "remote": None}


@pytest.fixture
def found(project, monkeypatch):
    """Return a function that explains bones-v1 and returns what is wrong with it."""
    monkeypatch.chdir(project.root)

    def after(**block):
        method = {"cam": {"name": "grad-cam"}}
        project.set("explain", {"bones-v1": {**BLOCK, "methods": method, **block}})
        return list(mistakes_in_explain(load_params()))

    return after


def test_a_sound_block(found):
    assert found() == []


@pytest.mark.parametrize(
    ("method", "message"),
    [
        (
            {"name": "gradcam"},
            "methods.cam: name of an explanation: unknown 'gradcam', did you mean",
        ),
        (
            {"name": "grad-cam", "layr": "x"},
            "methods.cam.layr: unknown setting, did you mean 'layer'?",
        ),
        ({"preset": "published/knee"}, "methods.cam.preset: unknown 'published/knee'"),
        ({"name": "occlusion", "window": 0}, "methods.cam.window: "),
    ],
)
def test_methods_and_their_settings(found, method, message):
    (line,) = found(methods={"cam": method})
    assert f"explain.bones-v1.{message}" in line


def test_boxes_and_cases_are_looked_at_where_they_are_there(found, project):
    write_study(project.root, TWO)
    write_table(project.root / "data/bones/boxes.parquet", BOX_SCHEMA.empty_table())
    named = {"named": ["case-000", "case-009", "case-012"]}
    lines = found(boxes={"fractured": ["crack"]}, gallery=named)
    assert "boxes.fractured: no box of the study is labelled 'crack'. It has no" in lines[0]
    assert "the way out: take `boxes` out of the block" in lines[0].lower()
    # The first is of test, which is opened; the second of tune; the last teaches.
    assert ["number 3 is no case of tune or test" in line for line in lines[1:]] == [True]
    assert not any("case-0" in line for line in lines)


def test_what_the_step_has_accepted_is_not_asked_again(found, project):
    # A method that does not exist shows whether anybody asked.
    methods = {"cam": {"name": "gradcam"}}
    assert len(found(methods=methods)) == 1
    recipe = "results/runs/bones-v1/fold-0-seed-0/recipe.json"
    write_json(project.root / recipe, {})
    params = load_params()
    name = "explained.bones-v1"
    settings = {name: params.explained["bones-v1"].model_dump(mode="json")}
    inputs = {recipe: Hashes().of(project.root / recipe)}
    Receipt("explain", "bones-v1", settings, {}, inputs, {}).write()
    assert found(methods=methods) == []
    # Another network may have other layers.
    write_json(project.root / recipe, {"other": 1})
    assert len(found(methods=methods)) == 1
    write_json(project.root / recipe, {})
    assert len(found(methods={"cam": {"name": "gradcan"}})) == 1
