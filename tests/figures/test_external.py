"""The forest plot of home and cohort, asked of the artists."""

import io

import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from radpipe.figures.external import plot_external
from radpipe.figures.palette import colours
from radpipe.figures.sheets import external_sheet

VARIANTS = ("a-floor", "a-deep")
ROWS = [
    {
        "variant": name,
        "metric": metric,
        "class": label,
        "home_part": "test",
        **{"value": value, "low": value - 0.1, "high": value + 0.1},
        **{"home_value": 0.8, "home_low": 0.75, "home_high": 0.85},
        **{"difference": value - 0.8, "difference_low": "-0.3", "difference_high": ""},
    }
    for name, value in zip(VARIANTS, (0.6, 0.7), strict=True)
    for metric in ("auc", "brier")
    for label in ("", "yes")
]


@pytest.fixture
def ax():
    return Figure().subplots()


def test_each_variant_has_a_home_line_above_a_cohort_line(ax):
    plot_external(ROWS, ax=ax)
    assert [text.get_text() for text in ax.get_yticklabels()] == list(VARIANTS)
    marks = [line for line in ax.lines if line.get_marker() in ("o", "s")]
    assert [line.get_marker() for line in marks] == ["o", "s", "o", "s"]
    assert [float(line.get_xdata()[0]) for line in marks] == [0.8, 0.6, 0.8, 0.7]
    heights = [float(line.get_ydata()[0]) for line in marks]
    assert heights == [-0.16, 0.16, 0.84, 1.16]
    assert [to_hex(line.get_color()).upper() for line in marks[1::2]] == list(
        colours(VARIANTS).values()
    )
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["home, test", "cohort"]


def test_the_difference_stands_beside(ax):
    rows = [{**row, "difference_high": "0.1"} for row in ROWS]
    rows[4]["difference"] = ""
    plot_external(rows, ax=ax)
    texts = [text.get_text() for text in ax.texts]
    assert texts[:2] == ["−0.200  [−0.300, +0.100]", "undefined"]


def test_the_sheet_draws_and_grows_with_the_variants(tmp_path):
    small, large = external_sheet(ROWS), external_sheet([*ROWS, {**ROWS[0], "variant": "b"}])
    assert large.get_figheight() > small.get_figheight()
    for figure in (small, large, external_sheet([])):
        figure.savefig(io.BytesIO(), format="png")
