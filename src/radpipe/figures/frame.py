"""The frame around a plot."""

from matplotlib.axes import Axes

from radpipe.figures.palette import INK, QUIET


def tidy(ax: Axes) -> None:
    """Take away what carries no information: two sides of the frame, heavy ticks."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(QUIET)
    ax.tick_params(colors=INK, labelsize=10, color=QUIET)
    ax.xaxis.label.set_fontsize(11)
    ax.yaxis.label.set_fontsize(11)
