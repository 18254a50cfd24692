"""dvc.yaml follows from the scripts, and what is written by hand is kept."""

import pytest
import yaml

from radpipe.core.declared import Declared, read_steps
from radpipe.core.errors import RadpipeError
from radpipe.engines import dvcfile
from radpipe.engines.dvcfile import dvc_text, kept
from tests.conftest import ROOT

STEP = {"name": "weigh", "about": "Weigh things.\n\nMore."}


@pytest.fixture
def project(monkeypatch):
    """Enter the project itself."""
    monkeypatch.chdir(ROOT)


def stage(**how):
    """Return the stage of one step, read back."""
    text = dvc_text({"weigh": Declared(**STEP, **how)}, "")
    assert "  # Weigh things.\n  weigh:\n" in text
    return yaml.safe_load(text)["stages"]["weigh"]


@pytest.mark.usefixtures("project")
def test_the_file_in_the_project_is_current():
    text = dvcfile.DVC_FILE.read_text(encoding="utf-8")
    names = yaml.safe_load(text)["stages"]
    assert list(names)[:2] == ["plan", "recipe"]
    # The order of steps is that of the graph, whose longest ways the names must follow.
    steps = {name: read_steps()[name] for name in names if name not in ("plan", "recipe")}
    assert set(steps) == set(read_steps())
    assert text == dvc_text(steps, kept()), "run: radpipe dvc"


@pytest.mark.usefixtures("project")
def test_what_follows_the_stages_is_kept():
    assert kept().startswith("# Pictures, ")
    assert set(yaml.safe_load(kept())) == {"plots"}


def test_a_file_that_is_not_there_has_nothing_to_keep(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert kept() == ""


def test_outputs_go_where_they_are_kept():
    found = stage(
        each="studies",
        reads={"store": "data/{study}/store"},
        writes={
            "pixels": "data/{study}/pixels",
            "sums": "results/sums/{study}.json",
            "shown": "results/shown/{study}.png",
            "secret": "results/secret/{study}.png",
        },
        keeps={"sums": "git", "secret": "remote"},
    )
    assert found["foreach"] == "${studies}"
    assert found["do"]["cmd"] == "python workflow/scripts/weigh.py --study ${key}"
    assert found["do"]["deps"] == ["results/plan/weigh/${key}.json", "data/${key}/store"]
    assert found["do"]["outs"] == [
        {"data/${key}/pixels": {"remote": "${item.remote}"}},
        {"results/sums/${key}.json": {"cache": False}},
        "results/shown/${key}.png",
        {"results/secret/${key}.png": {"remote": "${item.remote}"}},
        {"results/receipts/weigh/${key}.json": {"cache": False}},
    ]


def test_runs_depend_on_their_recipe():
    found = stage(
        each="runs",
        reads={"store": "{store}", "own": "results/runs/{variant}/fold-{fold}-seed-{seed}/x.csv"},
    )
    assert list(found["matrix"]) == ["variant", "fold", "seed"]
    assert found["deps"] == [
        "results/plan/weigh/${item.variant}.json",
        "results/recipes/${item.variant}.json",
        "results/runs/${item.variant}/fold-${item.fold}-seed-${item.seed}/x.csv",
    ]


def test_many_files_are_a_folder_and_metrics_are_shown():
    found = stage(
        reads={"a": "results/scores/{variants}/a.csv", "b": "results/scores/{variants}/b.csv"},
        writes={"numbers": "results/numbers.json"},
        keeps={"numbers": "metrics"},
    )
    assert found["deps"] == ["results/plan/weigh/all.json", "results/scores"]
    assert found["metrics"] == [{"results/numbers.json": {"cache": False}}]


def test_a_path_that_dvc_cannot_name_is_told():
    with pytest.raises(RadpipeError, match=r"weigh\.py: reads \{store\}, and DVC's loop"):
        stage(each="variants", reads={"store": "{store}"})
