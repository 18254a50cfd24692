"""A project of the installed package alone: a wheel, `radpipe init`, and no source beside it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from tests.conftest import ROOT


class Installed:
    """A wheel of this checkout in a folder of its own, first in Python's path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, at=ROOT)
        (wheel,) = folder.glob("*.whl")
        options = ("--quiet", "--no-deps", "--no-index", "--target", folder / "site")
        self.run(sys.executable, "-m", "pip", "install", *options, wheel, at=folder)

    def run(self, *command, at: Path) -> str:
        """Run a command in a folder; return all it printed."""
        site = self.folder / "site"
        done = subprocess.run(
            [str(word) for word in command],
            cwd=at,
            env={**os.environ, "PYTHONPATH": str(site), "DVC_NO_ANALYTICS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}"
        return done.stdout

    def radpipe(self, *arguments, at: Path) -> str:
        return self.run(sys.executable, "-m", "radpipe.app", *arguments, at=at)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    return Installed(tmp_path_factory.mktemp("wheel"))


def films(folder):
    """Draw 2 x 40 pictures, of two each from a patient; the sick have a bright spot."""
    rng = np.random.default_rng(1)
    for name in ("normal", "sick"):
        (folder / name).mkdir(parents=True)
        for n in range(40):
            pixels = rng.integers(0, 128, (64, 64)).astype(np.uint8)
            pixels[20:40, 20:40] += 100 * (name == "sick")
            Image.fromarray(pixels).save(folder / name / f"{name[0]}{n // 2:02d}_{n % 2}.png")
    return folder


def test_the_line_that_python_reads_at_its_start_is_installed(installed):
    """Without it, `dvc exp show` has hundreds of columns (engines/exp_table.py)."""
    line = (installed.folder / "site/radpipe.pth").read_text()
    assert line == (ROOT / "src/radpipe.pth").read_text()


@pytest.mark.engine
def test_three_commands_lead_from_pictures_to_a_report(installed, tmp_path):
    """Nothing is typed into params.yaml; epochs are fewer here, to be quick."""
    said = installed.radpipe("init", "mine", "--images", films(tmp_path / "films"), at=tmp_path)
    assert "20 for 40" not in said
    assert "40 for 80 images" in said
    project = tmp_path / "mine"
    assert not (project / "src").exists()
    params = yaml.safe_load((project / "params.yaml").read_text())
    for variant in params["variants"].values():
        variant["train"] = {"epochs": 2}
    (project / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    assert "settings are sound" in installed.radpipe("check", at=project)
    planned = installed.run(sys.executable, "-m", "snakemake", "-n", at=project)
    assert "rule train:" in planned
    said = installed.radpipe("run", at=project)
    assert "films: AUC with its 95 % interval, on tune" in said
    assert f"The page: {project}/results/report.html" in said
    assert len(said.splitlines()) < 30
    assert (project / "results/report.html").exists()
    assert list((project / "logs/snakemake").glob("*.log"))
    # Nothing is left to do, and every receipt agrees with the installed code.
    assert "every receipt agrees" in installed.radpipe("verify", at=project)
