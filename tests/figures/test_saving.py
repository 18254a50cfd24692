"""Equal figures are equal files."""

import subprocess
import sys

import pytest
from matplotlib import rcParamsDefault
from matplotlib.figure import Figure

from radpipe.figures.saving import save


def figure():
    drawn = Figure(figsize=(2, 2))
    drawn.subplots().plot([0, 1], [0, 1])
    return drawn


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_equal_figures_give_equal_bytes(tmp_path, kind):
    first = save(figure(), tmp_path / f"first.{kind}")
    second = save(figure(), tmp_path / f"second.{kind}")
    assert first.read_bytes() == second.read_bytes()
    assert b"Matplotlib" not in first.read_bytes()


def test_settings_of_the_user_do_not_count(tmp_path):
    """A matplotlibrc in the folder, which matplotlib looks for before any other."""
    (tmp_path / "matplotlibrc").write_text("font.size: 23\nsavefig.dpi: 31\naxes.facecolor: red\n")
    code = "import radpipe.figures.saving, matplotlib as m; print(m.rcParams['font.size'])"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert float(done.stdout) == rcParamsDefault["font.size"]
