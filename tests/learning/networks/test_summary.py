"""A network's layers: order, shapes, parameters, and where inputs come from."""

import pytest
import torch
from torch import Tensor, nn

from radpipe.core.presets import load_preset
from radpipe.learning.models import build_empty, n_parameters
from radpipe.learning.networks.summary import detail, example_input, trace
from tests.small_study import ROOT, presets


class Views(nn.Module):
    """One stack for slices of several views, maxima over slices, and a weight of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(inplace=True))
        self.head = nn.Linear(8, 3)
        self.scale = nn.Parameter(torch.ones(3))

    def forward(self, views: dict[str, Tensor]) -> Tensor:
        pooled = [self.stack(v[0]).amax(dim=(0, 2, 3))[None] for v in views.values()]
        return self.head(torch.cat(pooled, dim=1)) * self.scale


def test_layers_of_several_views_are_listed_once():
    views = {"axial": torch.zeros(1, 5, 1, 8, 8), "coronal": torch.zeros(1, 7, 1, 8, 8)}
    found = trace(Views(), views)
    assert found.inputs == ((5, 1, 8, 8), (7, 1, 8, 8))
    assert [(x.name, x.kind, x.calls) for x in found.layers] == [
        ("stack.0", "Conv2d", 2),
        ("stack.1", "ReLU", 2),
        ("head", "Linear", 1),
        ("model", "Views", 1),
    ]
    # 4 filters of 9 pixels with biases; 8 x 3 weights and 3 biases; 3 of its own.
    assert [x.parameters for x in found.layers] == [40, 0, 27, 3]
    assert found.parameters == 70
    assert [x.shape for x in found.layers] == [(4, 6, 6), (4, 6, 6), (3,), (3,)]
    assert [x.source for x in found.layers] == ["", "stack.0", "", "input"]


def test_a_branch_names_what_shares_its_input():
    preset = load_preset("bones/compact", {}, where="", root=ROOT / "presets")
    model = build_empty(preset.model, n_channels=1, n_outputs=3, size=64)
    found = {x.name: x for x in trace(model, torch.zeros(1, 1, 64, 64, device="meta")).layers}
    assert (found["0"].source, found["3.body.0"].source) == ("input", "2")
    assert (found["3.shortcut.0"].source, found["3.shortcut.0"].beside) == ("2", "")
    # After the sum of a residual block.
    assert (found["4.body.0"].source, found["4.body.0"].beside) == ("", "")
    assert (found["4.shortcut.0"].source, found["4.shortcut.0"].beside) == ("", "4.body.0")
    assert found["6"].shape == (256,)


@pytest.mark.parametrize("name", presets())
def test_every_preset_can_be_traced(name):
    preset = load_preset(name, {}, where="", root=ROOT / "presets")
    shape = {
        "n_channels": 1,
        "size": preset.size,
        "n_views": 3 if name.startswith("knee_mri/") else 1,
    }
    model = build_empty(preset.model, n_outputs=3, **shape)
    found = trace(model, *example_input(preset.model, **shape))
    assert found.parameters == sum(x.parameters for x in found.layers) == n_parameters(model)
    assert found.layers[-1].shape == (3,)
    assert model.training


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (nn.Conv2d(3, 64, 11, stride=4), "11 × 11, 3 → 64, stride 4"),
        (nn.Conv3d(1, 2, (1, 3, 3), stride=(1, 2, 2)), "1 × 3 × 3, 1 → 2, stride 1 × 2 × 2"),
        (nn.MaxPool2d(3, stride=2), "3 × 3, stride 2"),
        (nn.Dropout(0.4), "0.4"),
        (nn.LeakyReLU(0.1), "slope 0.1"),
        (nn.Linear(768, 1), "768 → 1"),
        (nn.Flatten(), ""),
    ],
)
def test_what_makes_a_layer_different(layer, said):
    assert detail(layer) == said
