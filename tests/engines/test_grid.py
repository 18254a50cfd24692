"""What `-S` means, and that a value that is not allowed is found before anything runs."""

import pytest
import yaml

from radpipe.core.errors import ConfigError
from radpipe.engines.grid import grid

EPOCHS = "variants.bones-v1.train.epochs"


@pytest.fixture(autouse=True)
def folder(project, monkeypatch):
    monkeypatch.chdir(project.root)
    return project.root


def test_the_points_are_every_value_with_every_other(folder):
    """Two values by two values; a list is one value and, alike everywhere, in no name."""
    before = (folder / "params.yaml").read_bytes()
    points = grid([f"{EPOCHS}=3,4", "evaluation.seed=1,2", "plan.seeds=[0,1]"], None)
    assert [point.name for point in points] == [
        "epochs-3-seed-1",
        "epochs-3-seed-2",
        "epochs-4-seed-1",
        "epochs-4-seed-2",
    ]
    assert points[1].changes == (f"{EPOCHS}=3", "evaluation.seed=2", "plan.seeds=[0,1]")
    assert points[1].params.plan.seeds == [0, 1]
    assert yaml.safe_load(points[2].text)["variants"]["bones-v1"]["train"]["epochs"] == 4
    assert (folder / "params.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("settings", "prefix", "names"),
    [
        ([f"{EPOCHS}=3,4"], "long", ["long-1", "long-2"]),
        ([f"{EPOCHS}=3"], None, ["epochs-3"]),
        (["+variants.bones-v1.train.lr=1.0e-3,3.0e-4"], None, ["lr-0.001", "lr-0.0003"]),
        (["plan.seeds=[0],[0,1]"], None, ["seeds-0", "seeds-0-1"]),
        # Names that would be equal are numbered.
        (["plan.seeds=[0,1],[0, 1]"], None, ["seeds-0-1-1", "seeds-0-1-2"]),
    ],
)
def test_names_say_what_differs(settings, prefix, names):
    assert [point.name for point in grid(settings, prefix)] == names


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        (f"{EPOCHS}=3,many", r"point epochs-many \(.*\): presets/bones.yaml with overrides: var"),
        ("+variants.bones-v1.train.optimizer=adm", "unknown 'adm', did you mean"),
        ("variants.bones-v1.train.lr=1", r"use \+variants.bones-v1.train.lr=1"),
        ("plan.folds=[0],[7]", "fold 7 does not exist"),
        ("plan.seeds=[0", "-S plan.seeds="),
        ("plan.seeds=glob(*)", "Glob override"),
        ("presets/bones.yaml:v1.train.epochs=2", "changes params.yaml alone, not presets/bones"),
    ],
)
def test_what_is_not_allowed_is_named_with_its_point(setting, said):
    with pytest.raises(ConfigError, match=said):
        grid([setting], None)
