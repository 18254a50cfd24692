"""Diagrams of networks: blocks, links between them, and what is written on both."""

from radpipe.figures.network import COLUMN, blocks_of, network_sheet


def layer(name, kind, source="", **others):
    usual = {"detail": "", "shape": (4, 8, 8), "parameters": 0, "calls": 1, "beside": ""}
    return {"name": name, "kind": kind, "source": source, **usual, **others}


RESIDUAL = [
    layer("0", "Conv2d", "input", detail="3 × 3", parameters=40),
    layer("1", "BatchNorm2d", "0", parameters=16),
    layer("2", "ReLU", "1", calls=3),
    layer("a", "Conv2d", "2"),
    layer("b", "AvgPool2d", "2"),
    layer("c", "ReLU"),
    layer("d", "Linear", beside="c"),
]


def test_what_follows_a_layer_directly_joins_its_block():
    found = blocks_of(RESIDUAL)
    assert [block.names for block in found] == [["0", "1", "2"], ["a"], ["b"], ["c"], ["d"]]
    assert found[0].title == "Conv2d 3 × 3 + BatchNorm2d + ReLU (3 times)"
    assert found[0].parameters == 56


def test_what_is_passed_three_times_says_so_once():
    shared = [layer("0", "Conv2d", "input", calls=3), layer("1", "ReLU", "0", calls=3)]
    (block,) = blocks_of(shared)
    assert (block.title, block.calls) == ("Conv2d + ReLU", 3)
    (ax,) = network_sheet(shared, inputs=[(1, 8, 8)] * 3, parameters=1).axes
    assert "0   ·   4 × 8 × 8   ·   3 times" in [text.get_text() for text in ax.texts]


def test_links_say_where_an_input_comes_from():
    figure = network_sheet(RESIDUAL, inputs=[(1, 8, 8)], parameters=12345, title="small")
    (ax,) = figure.axes
    texts = [text.get_text() for text in ax.texts]
    assert "small: 12 345 parameters" in texts
    assert "Input 1 × 8 × 8" in texts
    assert "0   ·   4 × 8 × 8   ·   56 parameters" in texts
    assert texts.count("from 0") == 1
    assert texts.count("combined or reshaped") == 1
    assert texts.count("same input as c") == 1
    assert len(ax.patches) == 6


def test_long_networks_go_on_in_the_next_column():
    layers = [layer(str(k), "Conv2d", str(k - 1)) for k in range(COLUMN)]
    views = network_sheet(layers, inputs=[(9, 8, 8), (9, 8, 8)], parameters=0)
    left = {patch.get_x() for patch in views.axes[0].patches}
    assert len(left) == 2
    assert "Input 2 of 9 × 8 × 8" in [text.get_text() for text in views.axes[0].texts]
    one = network_sheet(layers[:3], inputs=[(1, 8, 8)], parameters=0)
    assert one.get_figwidth() < views.get_figwidth()
