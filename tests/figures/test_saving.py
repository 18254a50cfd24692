"""Equal figures are equal files."""

import pytest
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
