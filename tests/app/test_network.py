"""`radpipe network`, on the variants of the small plan."""

import logging
import subprocess
import sys

import pytest

from radpipe.app import cli
from radpipe.app.network import network
from radpipe.core.errors import ConfigError
from radpipe.core.params import load_params


@pytest.fixture
def params(project, monkeypatch):
    monkeypatch.chdir(project.root)
    return load_params()


def test_a_network_becomes_a_picture(params, project, monkeypatch, caplog):
    monkeypatch.setattr(sys, "argv", ["radpipe", "network", "bones-floor"])
    with caplog.at_level(logging.INFO):
        cli.main()
    # 16 x 16 averages and a bias for each of three classes.
    assert "layers=3 parameters=771" in caplog.text
    assert (project.root / "logs/figures/bones-floor-network.png").exists()


def test_the_picture_names_layers_shapes_and_parameters(params, tmp_path):
    network(params, variant="bones-v1", out=tmp_path / "v1.svg")
    text = (tmp_path / "v1.svg").read_text()
    # The first convolution: 32 filters of 3 x 3 grey pixels, and their biases.
    for shown in ("Input 1 × 32 × 32", "Conv2d 3 × 3, 1 → 32", "32 × 32 × 32", "320 parameters"):
        assert shown in text


@pytest.mark.parametrize(
    ("preset", "shown"),
    [
        # 9 pixels of 3 colours and a bias for 64 filters; 14 risk factors become 128 features.
        ("joint_frozen", ("Input 1 × 32 × 32, 7", "1 792 parameters", "14 → 128", "640 → 3")),
        ("boosting", ("Input 7", "Encoder", "Trees")),
    ],
)
def test_a_network_that_takes_a_table_has_a_second_input(project, monkeypatch, preset, shown):
    project.set("variants.bones-v1.preset", f"knee_oa/{preset}")
    project.set("variants.bones-v1.train", {})
    monkeypatch.chdir(project.root)
    network(load_params(), variant="bones-v1", out=project.root / "x.svg")
    text = (project.root / "x.svg").read_text()
    for words in shown:
        assert words in text


def test_mistakes_are_said(params, tmp_path):
    with pytest.raises(ConfigError, match="variant: unknown 'bones-v2', did you mean 'bones-v1'"):
        network(params, variant="bones-v2")
    with pytest.raises(ConfigError, match=r"should end in \.png or \.svg"):
        network(params, variant="bones-v1", out=tmp_path / "v1.jpg")


def test_pictures_that_are_too_small_are_named(params, tmp_path, monkeypatch):
    def too_small(*_):
        raise RuntimeError("Output size is too small")

    monkeypatch.setattr("radpipe.learning.networks.summary.trace", too_small)
    with pytest.raises(ConfigError, match=r"variants\.bones-v1: 32 pixels are too few .*small"):
        network(params, variant="bones-v1", out=tmp_path / "v1.svg")


def test_other_commands_need_not_wait_for_large_libraries():
    large = {"torch", "matplotlib", "tensorboard", "pyarrow", "numpy", "tqdm", "shtab"}
    program = f"import sys, radpipe.app.cli; sys.exit(', '.join({large} & set(sys.modules)) or 0)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_an_ensemble_has_no_network_of_its_own(project, monkeypatch):
    project.set("plan.ensembles", {"both": {"members": ["bones-floor", "bones-v1"]}})
    monkeypatch.chdir(project.root)
    with pytest.raises(ConfigError, match=r"both is an ensemble.* name its members, one by one"):
        network(load_params(), variant="both")
