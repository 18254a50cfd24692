"""Pictures of a study's card: what they show, and that missing pieces are left out cleanly."""

from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from radpipe.figures.contact import contact_figure, montage, notice_figure
from radpipe.figures.drift import drift_figure, plot_differences, plot_grey
from radpipe.figures.labels import labels_figure, plot_answers, plot_together
from radpipe.figures.people import people_figure, plot_ages, plot_cases
from radpipe.figures.saving import save

LABELS = [f"enlarged_finding_number_{k}" for k in range(14)]
HISTOGRAM = [1 / 64] * 64


def card(labels: list[str], *, several: bool, ages: bool) -> dict[str, Any]:
    n = len(labels)
    counts = {"labels": labels, "n_cases": 120}
    counts |= {"present": [40] * n, "absent": [50] * n, "uncertain": [10] * n, "blank": [20] * n}
    row = {"is_share": True, "values": {}, "sd": {}, "differences": {"tune": 0.05, "test": -0.3}}
    box = [30.0, 40.0, 55.0, 66.0, 81.0]
    sexes = {"Female": [None, 0, 7, 9, 12, 15, 10, 6, None, 5], "Male": [0, 0, 7, 9] + [8] * 6}
    decades = [f"{10 * k}-{10 * k + 9}" for k in range(9)] + ["90 or older"]
    return {
        "notable": 0.1,
        "kind": "multi-label" if several else "multi-class",
        "patients": {
            "n_cases": 120,
            "n_patients": 60,
            "cases": ["1", "2", "6-10", "51 or more"],
            "patients": [30, 20, None, 6],
        },
        "ages": {"mean": 56.7, "sd": 9, "n_known": 120, "decades": decades, "sexes": sexes}
        if ages
        else None,
        "age_by_answer": {name: {"Female": box, "Male": None} for name in labels} if ages else {},
        "groups": [{"title": "sex: Female", "n": 70}, {"title": "sex: Male", "n": 50}]
        if ages
        else [],
        "labels": counts,
        "together": {"labels": labels, "n": (np.eye(n) * 30 + 10).tolist()} if several else None,
        "combinations": {"n_distinct": 9, "frequent": [{"labels": labels[:3], "n": 12}]}
        if several
        else None,
        "drift": {"rows": [{**row, "title": f"{name}: uncertain"} for name in labels]},
        "grey": {
            "histograms": dict.fromkeys(("train", "tune", "test"), HISTOGRAM),
            "distances": {"tune": 0.01, "test": 0.02},
        },
    }


FIGURES = {"people": people_figure, "labels": labels_figure, "drift": drift_figure}
CARDS = {
    "fourteen labels": card(LABELS, several=True, ages=True),
    "two labels": card(LABELS[:2], several=True, ages=False),
    "three classes": card(["a", "b", "c"], several=False, ages=True),
    "one finding": card(["ill"], several=False, ages=False),
}


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("kind", CARDS)
def test_nothing_is_clipped_and_no_names_overlap(name, kind, tmp_path):
    figure = FIGURES[name](CARDS[kind])
    save(figure, tmp_path / "picture.png")
    width, height = figure.bbox.size
    for ax in figure.axes:
        for number, axis in enumerate((ax.xaxis, ax.yaxis)):
            low, high = sorted(axis.get_view_interval())
            ticks = [(text, text.get_position()[number]) for text in axis.get_ticklabels()]
            labels = [text for text, place in ticks if low <= place <= high and text.get_text()]
            boxes = [text.get_window_extent() for text in labels]
            for box in boxes:
                assert box.x0 >= -1
                assert box.y0 >= -1
                assert box.x1 <= width + 1
                assert box.y1 <= height + 1
            if not any(text.get_rotation() for text in labels):
                assert not any(a.overlaps(b) for k, a in enumerate(boxes) for b in boxes[:k])


@pytest.mark.parametrize(
    ("kind", "people", "labels"),
    [
        ("fourteen labels", 4, 3),
        ("two labels", 1, 3),
        ("three classes", 4, 1),
        ("one finding", 1, 1),
    ],
)
def test_panels_are_there_where_the_data_are(kind, people, labels):
    assert len(people_figure(CARDS[kind]).axes) == people
    assert len(labels_figure(CARDS[kind]).axes) == labels


def test_what_is_not_told_is_a_star_and_no_bar():
    ax = Figure().subplots()
    plot_cases(CARDS["one finding"]["patients"], ax)
    assert [bar.get_height() for bar in ax.patches] == [30, 20, 0, 6]
    assert [(text.get_text(), text.get_position()[0]) for text in ax.texts] == [("*", 2)]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["1", "2", "6-10", "51+"]


def test_decades_without_cases_at_either_end_are_left_out():
    ax = Figure().subplots()
    ages = {"mean": 40.0, "sd": 1, "n_known": 9, "decades": ["0-9", "10-19", "20-29"]}
    plot_ages({**ages, "sexes": {"all": [0, 9, 0]}}, ax)
    assert [text.get_text() for text in ax.get_xticklabels()] == ["10–19"]
    assert ax.get_legend() is None


def test_answers_are_stacked_to_all_cases():
    ax = Figure().subplots()
    plot_answers(CARDS["two labels"]["labels"], ax)
    ends = {round(bar.get_x() + bar.get_width()) for bar in ax.patches}
    assert ends == {40, 50, 100, 120}
    assert ax.texts[0].get_text() == "40 (33.3 %)"


def test_shares_together_are_of_the_row():
    ax = Figure().subplots()
    plot_together({"labels": ["a", "b"], "n": [[20, 5], [5, None]]}, ax)
    assert [text.get_text() for text in ax.texts] == ["25", ""]


def test_a_pair_of_few_patients_is_a_star():
    ax = Figure().subplots()
    plot_together({"labels": ["a", "b"], "n": [[20, None], [None, 10]]}, ax)
    assert [text.get_text() for text in ax.texts] == ["*", "*"]


def test_large_differences_stand_at_the_edge():
    ax = Figure().subplots()
    row = {"title": "age", "differences": {"tune": None, "test": 4.0}}
    plot_differences([row], ax, notable=0.1)
    assert [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "D"] == [1.0]
    assert ax.get_xlabel().endswith("beyond ±1 at the edge")


def test_without_differences_grey_values_stand_alone():
    rows = {"rows": [{"title": "x", "differences": {"test": None}}]}
    assert len(drift_figure({**CARDS["one finding"], "drift": rows}).axes) == 1
    ax = Figure().subplots()
    plot_grey({"histograms": {}, "distances": {}}, ax)
    assert ax.get_legend() is None


def test_a_sheet_is_laid_out_row_by_row():
    dark, bright = np.zeros((2, 10, 10, 1)), np.full((1, 10, 10, 3), 0.5)
    sheet, middles = montage([dark, bright], across=2)
    assert sheet.shape == (22, 22, 3)
    assert middles == [5, 16]
    assert (sheet[:10, :10] == 0).all()
    assert (sheet[11:21, :10] == 0.5).all()
    # What is no picture is white.
    assert (sheet[11:21, 11:] == 1).all()
    assert (sheet[10] == 1).all()


def test_a_sheet_says_its_labels_and_nothing_else():
    figure = contact_figure({"pleural_effusion": np.zeros((3, 8, 8, 1))}, across=8)
    (ax,) = figure.axes
    assert [text.get_text() for text in ax.get_yticklabels()] == ["pleural\neffusion"]
    assert ax.get_title() == ""
    assert not ax.texts


def test_a_notice_stands_for_a_sheet():
    assert notice_figure("Nothing is shown.").texts[0].get_text() == "Nothing is shown."
