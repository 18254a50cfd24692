"""Figures as files: equal tables give equal bytes, without date, version or chance."""

from pathlib import Path

from matplotlib import rc_context, rcdefaults
from matplotlib.figure import Figure

from radpipe.core.files import atomic

# Figures look the same for everybody: no matplotlibrc counts, of the user or in the project.
rcdefaults()

NOTHING = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}


def save(figure: Figure, path: Path) -> Path:
    """Write a figure as its suffix says, .png for screens or .svg for print; return the path."""
    kind = path.suffix.removeprefix(".")
    with atomic(path) as temporary, rc_context({"svg.hashsalt": "radpipe"}):
        figure.savefig(temporary, format=kind, metadata=NOTHING[kind])
    return path


def save_twice(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write a figure for screens and for print; return both paths.

    A folder for each: DVC compares all pictures of a folder, and should show none twice.
    """
    paths = []
    # Every save would lay the figure out twice again, which takes longer than to draw it.
    if (engine := figure.get_layout_engine()) is not None:
        engine.execute(figure)
        figure.set_layout_engine(None)
    for kind in NOTHING:
        (folder / kind).mkdir(parents=True, exist_ok=True)
        paths.append(save(figure, folder / kind / f"{name}.{kind}"))
    return paths
