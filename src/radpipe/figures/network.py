"""A network as a diagram: blocks in the order in which a picture passes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from radpipe.figures.palette import INK, PALETTE, QUIET

# Most blocks of a column; longer networks go on in the next one.
COLUMN = 18
BLOCK_INCHES, GAP_INCHES, WIDTH_INCHES, APART_INCHES = 0.42, 0.18, 4.1, 0.3
HEAD_INCHES = 0.5
# Kinds that are drawn as part of the block before them.
JOINED = ("Norm", "ReLU", "GELU", "SiLU", "Sigmoid", "Dropout", "Identity")
COLOURS = {
    "Conv": PALETTE[0],
    "Linear": PALETTE[1],
    "Pool": PALETTE[2],
    "Flatten": PALETTE[5],
}


@dataclass
class DrawnBlock:
    """A layer and what follows it without a block of its own."""

    title: str
    names: list[str]
    shape: tuple[int, ...]
    parameters: int
    kind: str
    source: str
    beside: str
    calls: int = 1


def blocks_of(layers: Sequence[Mapping[str, Any]]) -> list[DrawnBlock]:
    """Join normalisation, activation and dropout to the layer before them.

    Parameters
    ----------
    layers
        Rows `name, kind, detail, shape, parameters, calls, source, beside` in the order of
        the network; `source` is the layer whose output a layer takes, "input", or empty where
        something between the layers has changed it; `beside` then an earlier layer that takes
        the same.

    """
    found: list[DrawnBlock] = []
    for layer in layers:
        kind, text, calls = str(layer["kind"]), _title(layer), int(layer["calls"])
        joins = bool(found) and any(part in kind for part in JOINED)
        if joins and layer["source"] in found[-1].names:
            times = f" ({calls} times)" if calls != found[-1].calls else ""
            found[-1].title += f" + {text}{times}"
            found[-1].names.append(str(layer["name"]))
            found[-1].parameters += int(layer["parameters"])
        else:
            shape, count = tuple(layer["shape"]), int(layer["parameters"])
            link = str(layer["source"]), str(layer["beside"])
            found.append(DrawnBlock(text, [str(layer["name"])], shape, count, kind, *link, calls))
    return found


def plot_network(
    layers: Sequence[Mapping[str, Any]],
    *,
    ax: Axes,
    inputs: Sequence[Sequence[int]],
    parameters: int,
    title: str = "",
) -> None:
    """Draw a network from the top of the first column to the end of the last.

    An arrow leads to what takes the output of the block above. A dashed one says that
    something happens in between that is no layer, such as the sum of a residual block; a block
    that starts from an earlier one instead names it.

    Parameters
    ----------
    layers
        As for `blocks_of`.
    ax
        Drawn into; neither saved nor closed.
    inputs
        Shape of each input, without the batch.
    parameters
        Of the whole network.
    title
        Such as the variant's name.

    """
    blocks = [_input(inputs), *blocks_of(layers)]
    columns, rows = _grid(len(blocks))
    for place, block in enumerate(blocks):
        column, row = divmod(place, rows)
        x, y = column * (WIDTH_INCHES + APART_INCHES), -row * (BLOCK_INCHES + GAP_INCHES)
        _box(ax, block, x, y)
        if place:
            _link(ax, block, blocks[:place], x + WIDTH_INCHES / 2, y)
    width = columns * (WIDTH_INCHES + APART_INCHES)
    ax.set_xlim(-APART_INCHES / 2, width - APART_INCHES / 2)
    ax.set_ylim(-rows * (BLOCK_INCHES + GAP_INCHES), HEAD_INCHES)
    ax.axis("off")
    total = _count(parameters)
    ax.text(0, 0.25, f"{title}: {total}" if title else total, fontsize=10, color=INK)


def network_sheet(
    layers: Sequence[Mapping[str, Any]],
    *,
    inputs: Sequence[Sequence[int]],
    parameters: int,
    title: str = "",
) -> Figure:
    """Draw a network as a whole figure as large as it needs; arguments as in `plot_network`."""
    columns, rows = _grid(len(blocks_of(layers)) + 1)
    size = (
        columns * (WIDTH_INCHES + APART_INCHES),
        rows * (BLOCK_INCHES + GAP_INCHES) + HEAD_INCHES,
    )
    figure = Figure(figsize=size, dpi=150)
    # The axes are the whole figure, so that their units are inches.
    ax = figure.add_axes((0, 0, 1, 1))
    plot_network(layers, ax=ax, inputs=inputs, parameters=parameters, title=title)
    return figure


def _grid(n: int) -> tuple[int, int]:
    """Return columns and rows that n blocks fill evenly."""
    columns = -(-n // COLUMN)
    return columns, -(-n // columns)


def _input(inputs: Sequence[Sequence[int]]) -> DrawnBlock:
    shapes = [_shape(shape) for shape in dict.fromkeys(map(tuple, inputs))]
    times = f"{len(inputs)} of " if len(inputs) > len(shapes) else ""
    return DrawnBlock(f"Input {times}{', '.join(shapes)}", ["input"], (), 0, "Input", "", "")


def _box(ax: Axes, block: DrawnBlock, x: float, y: float) -> None:
    shade, below, middle = _colour(block.kind), _below(block), x + WIDTH_INCHES / 2
    ax.add_patch(
        FancyBboxPatch(
            (x, y - BLOCK_INCHES),
            WIDTH_INCHES,
            BLOCK_INCHES,
            boxstyle="round,pad=0,rounding_size=0.06",
            facecolor=shade + "22",
            edgecolor=shade,
            lw=1,
        )
    )
    style: dict[str, Any] = {"ha": "center", "va": "center"}
    lift = BLOCK_INCHES * (0.34 if below else 0.5)
    ax.text(middle, y - lift, block.title, fontsize=7.5, color=INK, **style)
    ax.text(middle, y - 0.74 * BLOCK_INCHES, below, fontsize=6.5, color=QUIET, **style)


def _title(layer: Mapping[str, Any]) -> str:
    kind = str(layer["kind"])
    detail = f" {layer['detail']}" if layer["detail"] else ""
    return f"{kind}{detail}"


def _below(block: DrawnBlock) -> str:
    if block.kind == "Input":
        return ""
    parts = [block.names[0]]
    if block.shape:
        parts.append(_shape(block.shape))
    if block.parameters:
        parts.append(_count(block.parameters))
    if block.calls > 1:
        parts.append(f"{block.calls} times")
    return "   ·   ".join(parts)


def _shape(shape: Sequence[int]) -> str:
    return " × ".join(str(side) for side in shape)


def _colour(kind: str) -> str:
    return next((shade for part, shade in COLOURS.items() if part in kind), QUIET)


def _count(parameters: int) -> str:
    return f"{parameters:,} parameters".replace(",", " ")


def _link(ax: Axes, block: DrawnBlock, before: Sequence[DrawnBlock], x: float, y: float) -> None:
    """Point down to a block from the one before, or say where else its input comes from."""
    origin = next((other for other in before if block.source in other.names), None)
    style: dict[str, Any] = {"va": "center", "fontsize": 6, "style": "italic", "color": QUIET}
    elsewhere = f"same input as {block.beside}" if block.beside else ""
    if origin is not None and origin is not before[-1]:
        elsewhere = f"from {origin.names[0]}"
    if elsewhere:
        ax.text(x, y + GAP_INCHES / 2, elsewhere, ha="center", **style)
        return
    arrow: dict[str, Any] = {"arrowstyle": "-|>", "color": QUIET, "lw": 0.9, "mutation_scale": 7}
    if origin is None:
        arrow["linestyle"] = (0, (2, 1.5))
        ax.text(x + 0.1, y + GAP_INCHES / 2, "combined or reshaped", ha="left", **style)
    ax.annotate("", (x, y), (x, y + GAP_INCHES), arrowprops=arrow)
