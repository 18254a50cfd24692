"""Random changes of training pictures: drawn in one function, applied in another."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from radpipe.core.settings import Augmentation
from radpipe.learning.data.cases import Batch


@dataclass(frozen=True)
class Drawn:
    """What was drawn for n pictures; None where a change is switched off.

    Attributes
    ----------
    flip
        Bool (n, 2): left-right, upside down.
    affine
        Float32 (n, 2, 3): where each pixel of the result comes from, in coordinates
        from -1 (edge of the first pixel) to 1 (edge of the last), column before row.
    brightness
        Float32 (n,): factor.

    """

    flip: Tensor | None = None
    affine: Tensor | None = None
    brightness: Tensor | None = None

    def __len__(self) -> int:
        parts = [part for part in (self.flip, self.affine, self.brightness) if part is not None]
        return len(parts[0]) if parts else 0

    def of(self, pictures: np.ndarray) -> "Drawn":
        """Return what was drawn for some of the pictures, by number (m,); any may come again."""
        parts = (self.flip, self.affine, self.brightness)
        return Drawn(*(None if part is None else part[pictures] for part in parts))


def draw_batch(
    settings: Augmentation, slices: np.ndarray, mine: slice, generator: torch.Generator
) -> list[Drawn]:
    """Draw the changes of a batch, and return those of some of its cases.

    Parameters
    ----------
    settings
        Drawn once for a case's view, or for each of its slices (`per_slice`).
    slices
        Int64 (batch, views): numbers of slices.
    mine
        The cases that this process takes; what is drawn does not depend on them.
    generator
        Where chance comes from.

    Returns
    -------
    list of Drawn
        For every view, one entry for each case of `mine`, or for each slice of these, one
        case after the other.

    """
    found = []
    for counts in slices.T:
        cases = np.arange(len(counts))
        if settings.per_slice:
            owner = np.repeat(cases, counts)
            slots = np.flatnonzero(np.isin(owner, cases[mine]))
            found.append(draw(settings, len(owner), generator).of(slots))
        else:
            found.append(draw(settings, len(counts), generator).of(cases[mine]))
    return found


def apply_batch(batch: Batch, drawn: Sequence[Drawn]) -> Batch:
    """Change every view of a batch as `draw_batch` has drawn."""
    views = [
        _apply_view(view, counts, one)
        for view, counts, one in zip(batch.views, batch.counts, drawn, strict=True)
    ]
    return Batch(tuple(views), batch.counts, batch.table)


def _apply_view(view: Tensor, counts: Sequence[int], drawn: Drawn) -> Tensor:
    there = np.flatnonzero(counts)
    if len(there) < len(counts) == len(drawn):
        # What was drawn for cases that lack this view is not used.
        counts, drawn = [n for n in counts if n], drawn.of(there)
    if not len(view):
        return view
    if len(drawn) in (0, len(view)):
        return apply(view, drawn)
    # The slices of a volume move alike, so they are the channels of one picture: where each
    # pixel comes from is worked out once, which takes a third of the time.
    volumes = [
        apply(volume.flatten(0, 1)[None], drawn.of(np.array([k]))).view(volume.shape)
        for k, volume in enumerate(torch.split(view, list(counts)))
    ]
    return volumes[0] if len(volumes) == 1 else torch.cat(volumes)


def draw(settings: Augmentation, n: int, generator: torch.Generator) -> Drawn:
    """Draw the changes of `n` pictures; what is switched off takes no random numbers.

    The draw is made on the processor whatever device trains, so it is the same on all.
    """
    flip = None
    if settings.flip_horizontal or settings.flip_vertical:
        chance = torch.tensor([settings.flip_horizontal, settings.flip_vertical])
        flip = torch.rand(n, 2, generator=generator) < chance
    affine = _draw_affine(settings, n, generator) if _moves(settings) else None
    if affine is not None and flip is not None:
        # A flip is free when the picture is resampled anyway: the columns change sign.
        affine[:, :, :2] *= 1.0 - 2.0 * flip[:, None, :].float()
        flip = None
    brightness = None
    if settings.brightness is not None:
        brightness = _uniform(*settings.brightness, n, generator)
    return Drawn(flip, affine, brightness)


def apply(images: Tensor, drawn: Drawn) -> Tensor:
    """Change a batch as drawn.

    Parameters
    ----------
    images
        Float32 (batch, channels, rows, columns), 0 to 1.
    drawn
        From `draw`, for as many pictures, on any device.

    Returns
    -------
    Tensor
        Same shape and range. Places outside the old picture repeat its edge, as Keras'
        `fill_mode="nearest"` does; between pixels it is bilinear.

    """
    if drawn.affine is not None:
        theta = drawn.affine.to(images.device, non_blocking=True)
        grid = F.affine_grid(theta, list(images.shape), align_corners=False)
        images = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    elif drawn.flip is not None:
        flip = drawn.flip.to(images.device, non_blocking=True)[:, :, None, None, None]
        images = torch.where(flip[:, 0], images.flip(3), images)
        images = torch.where(flip[:, 1], images.flip(2), images)
    if drawn.brightness is not None:
        factor = drawn.brightness.to(images.device, non_blocking=True)
        images = (images * factor[:, None, None, None]).clamp(0.0, 1.0)
    return images


def _moves(settings: Augmentation) -> bool:
    return bool(settings.rotate or settings.translate or settings.shear or settings.scale)


def _draw_affine(settings: Augmentation, n: int, generator: torch.Generator) -> Tensor:
    """Draw inverse maps (n, 2, 3): rotation, shear, scale, then translation."""
    angle = torch.zeros(n)
    if settings.rotate:
        angle = _uniform(-settings.rotate, settings.rotate, n, generator) * (math.pi / 180)
    shear = torch.zeros(n)
    if settings.shear:
        shear = _uniform(-settings.shear, settings.shear, n, generator) * (math.pi / 180)
    scale = torch.ones(n, 1)
    if settings.scale is not None:
        axes = 2 if settings.scale_apart else 1
        scale = _uniform(*settings.scale, n * axes, generator).view(n, axes)
    cos, sin = torch.cos(angle), torch.sin(angle)
    # (rotation x shear x scale) inverted by hand: shear moves columns by tan(shear) a row.
    slope = torch.tan(shear)
    rows = torch.stack([cos + slope * sin, sin - slope * cos, -sin, cos], dim=1)
    matrix = rows.view(n, 2, 2) / scale[:, :, None]
    shift = torch.zeros(n, 2, 1)
    if settings.translate:
        # The picture is 2 wide in these coordinates.
        limit = 2 * settings.translate
        shift = _uniform(-limit, limit, 2 * n, generator).view(n, 2, 1)
    return torch.cat([matrix, -(matrix @ shift)], dim=2)


def _uniform(low: float, high: float, n: int, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(n, generator=generator)
