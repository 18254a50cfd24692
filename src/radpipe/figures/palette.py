"""One colour per variant, the same in every figure and in the report, safe for colour blindness."""

from collections.abc import Iterable, Mapping

from radpipe.figures.table import Columns

# Okabe and Ito, "Color Universal Design", 2008, without black and yellow; then four of
# Paul Tol's "muted" scheme, 2021, that stay apart from them.
PALETTE = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#332288",
    "#882255",
    "#999933",
    "#117733",
)
INK, QUIET, FAINT = "#222222", "#767676", "#D9D9D9"


def colours(variants: Iterable[str]) -> dict[str, str]:
    """Give each variant its colour, by its place in the plan.

    The eleventh variant shares the first one's colour: ten is what eyes keep apart.
    """
    names = dict.fromkeys(variants)
    return {name: PALETTE[k % len(PALETTE)] for k, name in enumerate(names)}


def chosen(table: Columns, palette: Mapping[str, str] | None) -> Mapping[str, str]:
    """Return the given colours, or colours for the variants in order of appearance."""
    return palette if palette is not None else colours(table.texts("variant"))
