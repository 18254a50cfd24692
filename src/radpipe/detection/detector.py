"""A small network that finds one joint in a picture, and the loss with which it learns to.

One stage, after CenterNet (Zhou, Wang & Krähenbühl, "Objects as points", arXiv:1904.07850): a
heat map says where the centre is, and two more maps say how far from the corner of its cell, and
how large the box.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Pixels of the picture to one cell of the maps, each way.
STRIDE = 4
CHANNELS = (16, 32, 64, 96)
# Standard deviation of the heat around a true centre, cells.
SPREAD = 1.0
# Of the focal loss: how little easy cells count (arXiv:1904.07850, equation 1).
ALPHA, BETA = 2, 4
# A cell is taken for background at first, as most are: sigmoid(-4) is 0.02.
BACKGROUND = -4.0


@dataclass(frozen=True)
class Maps:
    """What the network says of n pictures.

    Attributes
    ----------
    heat
        (n, rows, columns) logits of a centre in a cell.
    corner
        (n, 2, rows, columns) where in its cell the centre lies, 0 to 1, x before y.
    extent
        (n, 2, rows, columns) logarithm of the box's width and height in cells.

    """

    heat: Tensor
    corner: Tensor
    extent: Tensor


class Detector(nn.Module):
    """Four stages down, two up again with what the way down saw; group norm, no batch norm.

    Parameters
    ----------
    mean, sd
        Of the pictures that it learns from, 0 to 1.

    """

    mean: Tensor
    sd: Tensor

    def __init__(self, mean: float, sd: float) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("sd", torch.tensor(sd))
        widths = (1, *CHANNELS)
        self.down = nn.ModuleList(
            _block(before, after, stride=2) for before, after in pairwise(widths)
        )
        self.side = nn.ModuleList(nn.Conv2d(n, CHANNELS[1], 1) for n in CHANNELS[1:])
        self.mix = _block(CHANNELS[1], CHANNELS[1], stride=1)
        self.head = nn.Conv2d(CHANNELS[1], 5, 1)
        nn.init.zeros_(self.head.weight)
        self.head.bias = nn.Parameter(torch.tensor([BACKGROUND, 0.0, 0.0, 2.0, 2.0]))

    def forward(self, pictures: Tensor) -> Maps:
        """Map pictures (n, 1, size, size), 0 to 1, to maps of a quarter of their side."""
        features: list[Tensor] = []
        x = (pictures - self.mean) / self.sd
        for block in self.down:
            x = block(x)
            features.append(x)
        seen = features[1:]
        top = self.side[-1](seen[-1])
        for lateral, wide in zip(self.side[-2::-1], seen[-2::-1], strict=True):
            top = lateral(wide) + F.interpolate(top, size=wide.shape[-2:], mode="nearest")
        found = self.head(self.mix(top))
        return Maps(found[:, 0], torch.sigmoid(found[:, 1:3]), found[:, 3:5])


def detection_loss(maps: Maps, boxes: Tensor) -> Tensor:
    """Return the mean loss of pictures with one joint each.

    Parameters
    ----------
    maps
        Of n pictures.
    boxes
        Float32 (n, 4), pixels of the picture.

    Returns
    -------
    Tensor
        Scalar: focal loss of the heat map (arXiv:1904.07850, equation 1), and the absolute
        errors of corner and logarithm of the extent in the true centre's cell.

    """
    n, rows, columns = maps.heat.shape
    centre = (boxes[:, :2] + boxes[:, 2:]) / (2 * STRIDE)
    limit = torch.tensor([columns - 1, rows - 1], device=boxes.device)
    cell = torch.minimum(centre.floor().clamp_min(0), limit)
    x = torch.arange(columns, device=boxes.device)
    y = torch.arange(rows, device=boxes.device)
    far = (x - cell[:, :1]).square()[:, None, :] + (y - cell[:, 1:]).square()[:, :, None]
    wanted = torch.exp(-far / (2 * SPREAD**2))
    log_yes, log_no = F.logsigmoid(maps.heat), F.logsigmoid(-maps.heat)
    hit = -log_no.exp().pow(ALPHA) * log_yes
    miss = -((1 - wanted) ** BETA) * log_yes.exp().pow(ALPHA) * log_no
    focal = torch.where(far == 0, hit, miss).sum() / n
    corner, extent = at_cells(maps, cell.long())
    size = (boxes[:, 2:] - boxes[:, :2]) / STRIDE
    errors = (corner - (centre - cell)).abs() + (extent - size.clamp_min(1e-3).log()).abs()
    return focal + errors.sum() / n


def at_cells(maps: Maps, cells: Tensor) -> tuple[Tensor, Tensor]:
    """Return corner and extent, (n, 2) each, in one cell (x, y) of each picture."""
    rows = torch.arange(len(cells), device=cells.device)
    columns, lines = cells[:, 0], cells[:, 1]
    return maps.corner[rows, :, lines, columns], maps.extent[rows, :, lines, columns]


def best_boxes(maps: Maps) -> tuple[Tensor, Tensor]:
    """Return the likeliest box of each picture.

    Returns
    -------
    boxes
        (n, 4) in pixels of the picture.
    confidence
        (n,), 0 to 1: heat at the centre.

    """
    columns = maps.heat.shape[2]
    heat, place = maps.heat.flatten(1).max(dim=1)
    cells = torch.stack([place % columns, place // columns], dim=1)
    corner, extent = at_cells(maps, cells)
    centre = (cells + corner) * STRIDE
    half = extent.clamp(-3, 5).exp() * STRIDE / 2
    return torch.cat([centre - half, centre + half], dim=1), torch.sigmoid(heat)


def _block(n_in: int, n_out: int, *, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False),
        nn.GroupNorm(8, n_out),
        nn.SiLU(),
        nn.Conv2d(n_out, n_out, 3, padding=1, bias=False),
        nn.GroupNorm(8, n_out),
        nn.SiLU(),
    )
