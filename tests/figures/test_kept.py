"""Figures that are kept: found by what they are made of, and by nothing else."""

import os
import time

import pytest
from matplotlib.figure import Figure

from radpipe.figures.kept import SECONDS, KeptFigures
from radpipe.figures.saving import save_twice


def bars(table, palette):
    figure = Figure(figsize=(2, 2), layout="constrained")
    ax = figure.subplots()
    ax.bar(range(len(table)), [row["value"] for row in table], color=palette["a"])
    return figure


GIVEN = {"table": [{"value": 0.1}, {"value": float("nan")}], "palette": {"a": "#0072B2"}}


class Counted:
    """Counts how often a figure is drawn."""

    def __init__(self):
        self.drawn = 0
        self.__qualname__, self.__module__ = bars.__qualname__, bars.__module__

    def __call__(self, **given):
        self.drawn += 1
        return bars(**given)


@pytest.fixture
def draw():
    return Counted()


def contents(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_kept_figure_is_the_one_that_would_be_drawn(tmp_path, draw):
    for name in ("one", "two"):
        kept = KeptFigures("code", tmp_path / "kept")
        paths = kept.write(draw, GIVEN, tmp_path / name, "study-bars")
        assert sorted(paths) == sorted((tmp_path / name).glob("*/*"))
    assert draw.drawn == 1
    save_twice(bars(**GIVEN), tmp_path / "plain", "study-bars")
    plain = contents(tmp_path / "plain")
    assert contents(tmp_path / "one") == contents(tmp_path / "two") == plain
    assert {path.suffix for path in plain} == {".png", ".svg"}


@pytest.mark.parametrize(
    ("code", "given"),
    [
        ("other code", GIVEN),
        ("code", {**GIVEN, "palette": {"a": "#D55E00"}}),
        ("code", {**GIVEN, "table": [{"value": 0.1}, {"value": 0.2}]}),
    ],
)
def test_whatever_a_figure_is_made_of_makes_another(tmp_path, draw, code, given):
    KeptFigures("code", tmp_path / "kept").write(draw, GIVEN, tmp_path / "one", "x")
    KeptFigures(code, tmp_path / "kept").write(draw, given, tmp_path / "two", "x")
    assert draw.drawn == 2


@pytest.mark.parametrize("harm", ["changed", "gone", "unreadable sums", "no sums"])
def test_a_kept_figure_that_was_harmed_is_drawn_again(tmp_path, draw, harm):
    kept = KeptFigures("code", tmp_path / "kept")
    kept.write(draw, GIVEN, tmp_path / "one", "x")
    (folder,) = (tmp_path / "kept").iterdir()
    picture, sums = folder / "png/figure.png", folder / "sums.json"
    if harm == "changed":
        picture.write_bytes(b"another picture")
    elif harm == "gone":
        picture.unlink()
    elif harm == "no sums":
        sums.unlink()
    else:
        sums.write_text("{")
    kept.write(draw, GIVEN, tmp_path / "two", "x")
    assert draw.drawn == 2
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert [path.name for path in (tmp_path / "kept").iterdir()] == [folder.name]


def test_nothing_is_left_of_a_figure_that_cannot_be_drawn(tmp_path):
    def fails(**given):
        raise ValueError("no such column")

    with pytest.raises(ValueError, match="no such column"):
        KeptFigures("code", tmp_path / "kept").write(fails, GIVEN, tmp_path / "one", "x")
    assert not list((tmp_path / "kept").glob("*"))


def test_what_nobody_asks_for_goes_after_a_month(tmp_path, draw):
    kept = KeptFigures("code", tmp_path / "kept")
    kept.forget()
    kept.write(draw, GIVEN, tmp_path / "one", "x")
    (folder,) = (tmp_path / "kept").iterdir()
    old = time.time() - SECONDS - 60
    os.utime(folder, (old, old))
    kept.write(draw, GIVEN, tmp_path / "two", "x")
    kept.forget()
    assert folder.exists()
    os.utime(folder, (old, old))
    kept.forget()
    assert not folder.exists()


def test_of_very_many_the_newest_stay(tmp_path, draw, monkeypatch):
    monkeypatch.setattr("radpipe.figures.kept.MOST", 2)
    kept = KeptFigures("code", tmp_path / "kept")
    now = time.time()
    for age in range(4):
        folder = tmp_path / "kept" / str(age)
        folder.mkdir(parents=True)
        os.utime(folder, (now - age, now - age))
    kept.forget()
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == ["0", "1"]


def test_a_figure_that_cannot_be_kept_is_written_all_the_same(tmp_path, draw):
    kept = KeptFigures("code", tmp_path / "kept")
    kept.write(draw, GIVEN, tmp_path / "one", "x")
    (folder,) = (tmp_path / "kept").iterdir()
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()
    # A file of another's where the folder should be.
    folder.write_text("")
    paths = kept.write(draw, GIVEN, tmp_path / "two", "x")
    assert draw.drawn == 2
    assert all(path.exists() for path in paths)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
