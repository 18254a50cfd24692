"""Figures: what is drawn, asked of the artists and not of pixels."""

import io

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from radpipe.figures.confusion import plot_confusion
from radpipe.figures.curves import plot_decision, plot_pr, plot_reliability, plot_roc, plot_smooth
from radpipe.figures.histories import plot_history
from radpipe.figures.palette import PALETTE, colours
from radpipe.figures.ranking import plot_ranking
from radpipe.figures.sheets import SHEETS, sheet

VARIANTS = ("a-floor", "a-deep")


@pytest.fixture
def ax():
    return Figure().subplots()


def curve(name, classes=("",), variants=VARIANTS):
    """Rows as CSV gives them, points in the wrong order."""
    return [
        {"variant": v, "curve": name, "class": c, "x": x, "y": y, "low": low, "high": high}
        for v in variants
        for c in classes
        for x, y, low, high in (
            ("1.0", "1.0", "", ""),
            ("0.0", "0.0", "0.0", "0.1"),
            ("0.5", "0.8", "0.7", "0.9"),
        )
    ]


HISTORY = [
    {"variant": v, "fold": f, "seed": 0, "epoch": e, "tune_loss": 1 / e, "train_loss": "0.5"}
    for v in VARIANTS
    for f in (0, 1)
    for e in (2, 1, 3)
]
CONFUSION = [
    {"variant": v, "true": t, "decided": d, "n": n}
    for v in VARIANTS
    for t, d, n in (("no", "no", "8"), ("no", "yes", "2"), ("yes", "no", "1"), ("yes", "yes", "3"))
]
RANKING = [
    {"variant": v, "metric": m, "value": value, "low": value - 0.1, "high": value + 0.05, "kind": k}
    for m in ("accuracy", "auc")
    for v, value, k in (
        ("a-floor", 0.7, "variant"),
        ("a-deep", 0.9, "variant"),
        ("ceiling", 0.85, "ceiling"),
    )
]
TABLES = {
    "roc": curve("roc", ("x", "y")),
    "pr": curve("pr", ("x", "y")),
    "reliability": curve("reliability", ("x", "y")),
    "smooth": curve("smooth", ("x", "y")),
    "decision": [*curve("decision", ("x", "y")), *curve("decision-all", ("x", "y"))],
    "history": HISTORY,
    "confusion": CONFUSION,
    "ranking": RANKING,
}


@pytest.mark.parametrize(
    ("plot", "name", "labels"),
    [
        (plot_roc, "roc", ("1 − specificity", "Sensitivity")),
        (plot_pr, "pr", ("Recall (sensitivity)", "Precision (positive predictive value)")),
        (plot_reliability, "reliability", ("Mean predicted probability", "Observed share")),
        (plot_smooth, "smooth", ("Predicted probability", "Observed share, smoothed")),
    ],
)
def test_curves(ax, plot, name, labels):
    plot([*curve(name), *curve("decision")], ax=ax)
    drawn = {line.get_label(): line for line in ax.lines}
    assert set(VARIANTS) <= set(drawn)
    assert drawn["a-deep"].get_xdata().tolist() == [0, 0.5, 1]
    assert drawn["a-deep"].get_ydata().tolist() == [0, 0.8, 1]
    assert to_hex(drawn["a-deep"].get_color()).upper() == PALETTE[1]
    assert (ax.get_xlabel(), ax.get_ylabel()) == labels
    # A band of two known points; the third has no interval.
    assert len(ax.collections) == 2
    assert ax.collections[0].get_datalim(ax.transData).x1 == pytest.approx(0.5)
    assert ("chance" in drawn) == (name == "roc")
    assert ("perfect calibration" in drawn) == (name in ("reliability", "smooth"))


def test_a_reader_is_a_point_and_no_curve(ax):
    point = {"variant": "doc", "curve": "point", "class": "", "x": "0.2", "y": "0.7"}
    plot_roc([*curve("roc", variants=(*VARIANTS, "doc")), point], ax=ax)
    drawn = {line.get_label(): line for line in ax.lines}
    assert drawn["doc"].get_xydata().tolist() == [[0.2, 0.7]]
    assert drawn["doc"].get_linestyle() == "None"
    assert len(drawn["a-deep"].get_xdata()) == 3
    # The one band of each variant, and none of the reader.
    assert len(ax.collections) == 2


def test_net_benefit_stands_beside_flagging_everyone_and_no_one(ax):
    everyone = [{**row, "y": "-0.5"} for row in curve("decision-all")]
    plot_decision([*curve("decision"), *everyone, *curve("roc")], ax=ax)
    drawn = {line.get_label(): line for line in ax.lines}
    assert set(drawn) == {*VARIANTS, "flag everyone", "flag no one"}
    assert drawn["a-deep"].get_xdata().tolist() == [0, 0.5, 1]
    assert drawn["flag everyone"].get_ydata().tolist() == [-0.5] * 3
    assert ax.get_ylim() == pytest.approx((-0.1, 1.08))
    assert ax.get_xlabel() == "Threshold probability"


def test_a_variant_without_an_interval_is_named_and_not_drawn(ax):
    rows = [
        {**row, "low": "", "high": ""} if row["variant"] == "a-deep" else row for row in RANKING
    ]
    plot_ranking(rows, ax=ax)
    drawn = {line.get_label(): line for line in ax.lines}
    assert np.isnan(drawn["a-deep"].get_xdata()).all()
    assert drawn["a-floor"].get_xdata().tolist() == [0.7]
    texts = [text.get_text() for text in ax.texts]
    assert texts.count("no interval") == 1
    assert not any("nan" in text for text in texts)


def test_several_classes_in_one_plot_are_named(ax):
    plot_roc(curve("roc", ("x", "y"), ("v",)), ax=ax)
    assert [line.get_label() for line in ax.lines] == ["v, x", "v, y", "chance"]


@pytest.mark.parametrize("form", [pd.DataFrame, lambda rows: pd.DataFrame(rows).to_dict("list")])
def test_data_frames_and_columns_will_do(ax, form):
    plot_roc(form(curve("roc")), ax=ax)
    assert ax.lines[0].get_ydata().tolist() == [0, 0.8, 1]


def test_history_draws_every_run_of_every_variant(ax):
    plot_history(HISTORY, ax=ax)
    assert len(ax.lines) == 8
    tune = next(line for line in ax.lines if line.get_label() == "a-deep fold 1 seed 0 tune")
    assert tune.get_xdata().tolist() == [1, 2, 3]
    assert tune.get_ydata().tolist() == pytest.approx([1, 1 / 2, 1 / 3])
    assert tune.get_linestyle() == "-"
    train = next(line for line in ax.lines if line.get_label() == "a-deep fold 1 seed 0 train")
    assert train.get_linestyle() == "--"
    assert train.get_color() == tune.get_color()
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == [*VARIANTS, "tune", "train"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Epoch", "Loss")


def test_history_of_one_run_without_a_train_column(ax):
    plot_history({"variant": ["v"], "epoch": [1], "tune_auc": [0.7]}, ax=ax, metric="auc")
    assert len(ax.lines) == 1
    assert ax.get_ylabel() == "AUC"


def test_confusion_counts_and_shares_by_true_class(ax):
    plot_confusion(CONFUSION[:4], ax=ax, title="v")
    assert [text.get_text() for text in ax.texts] == ["8\n80 %", "2\n20 %", "1\n25 %", "3\n75 %"]
    assert ax.images[0].get_array().tolist() == [[0.8, 0.2], [0.25, 0.75]]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["no", "yes"]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("Decided", "True", "v")


def test_labels_are_a_row_each(ax):
    pairs = [(t, d) for a in "xy" for t in ("no " + a, a) for d in ("no " + a, a)]
    rows = [{"true": t, "decided": d, "n": n} for n, (t, d) in enumerate(pairs, start=1)]
    plot_confusion(rows, ax=ax)
    found = [text.get_text() for text in ax.texts]
    assert found[:4] == ["1\n33 %", "2\n67 %", "3\n43 %", "4\n57 %"]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["x", "y"]
    assert ax.get_xticklabels()[2].get_text() == "present,\nmissed"


def test_names_of_many_classes_are_slanted(ax):
    plot_confusion([{"true": t, "decided": "no a", "n": 1} for t in "abcde"], ax=ax)
    assert {tick.get_rotation() for tick in ax.get_xticklabels()} == {40}
    assert ax.get_xticklabels()[-1].get_text() == "no a"


def test_ranking_has_the_ceiling_on_top_and_the_best_first(ax):
    plot_ranking(RANKING, ax=ax)
    ticks = [tick.get_text() for tick in ax.get_yticklabels()]
    assert ticks == ["ceiling (ideal observer)", "a-deep", "a-floor"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    points = {line.get_label(): line for line in ax.lines}
    assert points["a-deep"].get_xdata().tolist() == [0.9]
    assert points["chance"].get_xdata() == [0.5, 0.5]
    assert "0.900  [0.800, 0.950]" in [text.get_text() for text in ax.texts]
    assert to_hex(points["a-floor"].get_color()).upper() == PALETTE[0]
    assert ax.get_xlabel() == "AUC"


def test_ranking_by_another_metric_has_no_chance_line(ax):
    plot_ranking(RANKING, ax=ax, metric="accuracy")
    assert "chance" not in [line.get_label() for line in ax.lines]
    assert ax.get_xlabel() == "Accuracy"


def test_a_ranking_without_ceiling_or_intervals(ax):
    plot_ranking([{"variant": "v", "metric": "auc", "value": "0.8", "low": "", "high": ""}], ax=ax)
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["v"]


def test_colours_are_ten_different_ones_by_place():
    found = colours([f"v{k}" for k in range(11)])
    assert len(set(found.values())) == 10
    assert found["v0"] == found["v10"] == PALETTE[0]
    assert colours(["b", "a", "b"]) == {"b": PALETTE[0], "a": PALETTE[1]}


PANELS = (2, 2, 2, 2, 2, 1, 2, 1)


@pytest.mark.parametrize(("kind", "panels"), list(zip(SHEETS, PANELS, strict=True)))
def test_sheets_have_a_panel_per_class_or_variant_and_can_be_saved(kind, panels):
    figure = sheet(kind, TABLES[kind], palette=colours(VARIANTS))
    assert len(figure.axes) == panels
    # A legend stands below all panels, where it covers no curve.
    assert all(ax.get_legend() is None for ax in figure.axes)
    assert len(figure.legends) == (kind not in ("confusion", "ranking"))
    figure.savefig(io.BytesIO(), format="png", dpi=20)


def test_a_palette_outlives_the_order_of_rows():
    palette = colours(VARIANTS)
    figure = sheet("roc", TABLES["roc"][::-1], palette=palette)
    drawn = {line.get_label(): to_hex(line.get_color()).upper() for line in figure.axes[0].lines}
    assert {name: drawn[name] for name in VARIANTS} == palette


@pytest.mark.parametrize("kind", list(SHEETS))
def test_empty_tables_give_empty_figures(kind):
    sheet(kind, [])


def test_points_out_of_order_are_sorted(ax):
    x = np.array([0.9, 0.1, 0.5])
    plot_roc({"variant": ["v"] * 3, "class": [""] * 3, "x": x, "y": x}, ax=ax)
    assert ax.lines[0].get_xdata().tolist() == [0.1, 0.5, 0.9]
