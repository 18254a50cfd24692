"""Figures from tables: every `plot_*` draws into given axes, `sheet` makes a whole figure."""

from radpipe.figures.confusion import plot_confusion
from radpipe.figures.curves import plot_pr, plot_reliability, plot_roc
from radpipe.figures.histories import plot_history
from radpipe.figures.palette import colours
from radpipe.figures.ranking import plot_ranking
from radpipe.figures.sheets import SHEETS, sheet

__all__ = [
    "SHEETS",
    "colours",
    "plot_confusion",
    "plot_history",
    "plot_pr",
    "plot_ranking",
    "plot_reliability",
    "plot_roc",
    "sheet",
]
