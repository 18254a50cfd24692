"""LIME: a linear model of what hiding superpixels does to the answer.

Ribeiro et al., KDD 2016:1135. Superpixels are hidden or kept at random, copies that keep more count
more, and a weighted ridge regression on what was kept gives each superpixel its coefficient.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from radpipe.core.errors import ConfigError
from radpipe.core.settings import Count, Positive, Strict
from radpipe.explaining.methods.base import Grey, PictureSettings, explanation
from radpipe.explaining.perturbing import asked_of_copies, filled, hiding
from radpipe.explaining.subject import Asked, Drawn, Member
from radpipe.learning.data.cases import Batch

Floats = NDArray[np.float64]


class Slic(Strict):
    """Superpixels by clusters of place and grey (Achanta et al., PAMI 2012;34:2274)."""

    kind: Literal["slic"] = "slic"
    segments: Count = Field(default=50, description="About how many, of each view.")
    compactness: Positive = Field(
        default=0.1, description="Higher: squarer, and less along edges; for greys from 0 to 1."
    )
    smooth: float = Field(default=1.0, ge=0, description="SD of a blur before, pixels.")


class QuickShift(Strict):
    """Superpixels by mode seeking (Vedaldi and Soatto, ECCV 2008:705); of pictures, not volumes.

    The defaults are those of the package lime, which 004 used.
    """

    kind: Literal["quickshift"]
    kernel: Positive = Field(default=4.0, description="SD of the density, pixels.")
    max_distance: Positive = Field(default=200.0, description="Longer links are cut.")
    ratio: float = Field(default=0.2, ge=0, le=1, description="Of grey against place.")


class LimeSettings(PictureSettings):
    """Settings of `lime`."""

    of: Literal["logit", "probability", "softmax-of-sigmoids"] = Field(  # type: ignore[assignment]
        default="probability",
        description="What is explained. softmax-of-sigmoids: as published by 004, a softmax over"
        " the labels' sigmoids, which lets a label fall when another rises.",
    )
    samples: Count = Field(default=1000, description="Copies, the first with nothing hidden.")
    superpixels: Annotated[Slic | QuickShift, Field(discriminator="kind")] = Field(
        default=Slic(), description="How a picture is cut into pieces."
    )
    fill: Grey | Literal["segment"] = Field(
        default=0.0,
        description="What stands where a piece is hidden: a grey from 0 to 1; mean; case; segment,"
        " its own mean, with which hiding takes away only detail.",
    )
    width: Positive = Field(
        default=0.25, description="Of the kernel exp(-d^2 / 2 width^2) of the cosine distance d."
    )
    ridge: float = Field(
        default=1.0, ge=0, description="Penalty on squared coefficients; 0: weighted least squares."
    )
    features: Count | None = Field(
        default=None,
        description="Pieces that are drawn, those of the largest coefficients; null: all.",
    )


@explanation("lime", LimeSettings, signed=lambda _: True, alone=True)
def lime(
    settings: LimeSettings, member: Member, batch: Batch, asked: Sequence[Asked], /
) -> list[Drawn]:
    """Draw the coefficient of each piece on all of its pixels."""
    seed = asked[0].seed
    pieces = cut_up(batch, settings.superpixels, seed)
    n = 1 + max(int(piece.max(initial=-1)) for piece in pieces)
    on = np.random.default_rng(seed).integers(0, 2, (settings.samples, n)).astype(bool)
    on[0] = True

    def keep(view: int, numbers: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(on[numbers][:, pieces[view]])

    published = settings.of == "softmax-of-sigmoids"
    said = asked_of_copies(
        member,
        batch,
        settings.samples,
        hiding(batch, keep, _fills(settings, member, batch, pieces)),
        of="probability" if published or settings.of == "probability" else "logit",
        batch=settings.batch,
    ).double()
    answers = (said.softmax(dim=1) if published else said).numpy()
    weights = closeness(on, settings.width)
    found = []
    for label in asked[0].labels:
        slopes = _largest(fit(on, answers[:, label], weights, settings.ridge), settings.features)
        found.append(tuple(torch.from_numpy(slopes[p].astype(np.float32)) for p in pieces))
    return [Drawn(found)]


def closeness(on: NDArray[np.bool_], width: float) -> Floats:
    """Return the weight of copies (n, pieces): by their cosine distance to the whole case."""
    share = on.mean(axis=1, dtype=np.float64)
    distance = 1 - np.sqrt(share)
    weights: Floats = np.exp(-(distance**2) / (2 * width**2))
    return weights


def fit(on: NDArray[np.bool_], answers: Floats, weights: Floats, ridge: float) -> Floats:
    """Fit answers (n,) by what is kept (n, pieces); return the slopes, (pieces,), no intercept.

    Minimises the weighted squares plus `ridge` times the squared slopes; the intercept is free.
    """
    total = weights.sum()
    inputs = on - (weights @ on) / total
    aims = answers - (weights @ answers) / total
    squares = (inputs.T * weights) @ inputs
    if ridge:
        found: Floats = np.linalg.solve(
            squares + ridge * np.eye(len(squares)), (inputs.T * weights) @ aims
        )
        return found
    root = np.sqrt(weights)
    least: Floats = np.linalg.lstsq(inputs * root[:, None], aims * root, rcond=None)[0]
    return least


def _largest(slopes: Floats, count: int | None) -> Floats:
    """Keep the largest slopes, whatever their sign, and put 0 in the place of the others."""
    if count is None or count >= len(slopes):
        return slopes
    kept = np.zeros_like(slopes)
    which = np.argsort(-np.abs(slopes), kind="stable")[:count]
    kept[which] = slopes[which]
    return kept


def cut_up(batch: Batch, how: Slic | QuickShift, seed: int) -> list[NDArray[np.int64]]:
    """Cut each view of a case into pieces, numbered through all views, (slices, side, side)."""
    found, first = [], 0
    for view in batch.views:
        pixels = view.permute(0, 2, 3, 1).cpu().numpy()
        piece = _pieces(pixels, how, seed) if len(pixels) else np.empty((0, 1, 1), np.int64)
        found.append(first + piece)
        first += 1 + int(piece.max(initial=-1))
    return found


def _pieces(pixels: NDArray[np.float32], how: Slic | QuickShift, seed: int) -> NDArray[np.int64]:
    """Return the pieces of (slices, side, side, channels), from 0, without a number left out."""
    if isinstance(how, QuickShift) and len(pixels) > 1:
        raise ConfigError(
            "superpixels: quickshift cuts pictures, and this view is a volume of"
            f" {len(pixels)} slices; use slic."
        )
    one = pixels[0] if len(pixels) == 1 else pixels
    found = _shift(one, how, seed) if isinstance(how, QuickShift) else _cluster(one, how)
    _, numbers = np.unique(found, return_inverse=True)
    return np.asarray(numbers, np.int64).reshape(pixels.shape[:3])


def _shift(picture: NDArray[np.float32], how: QuickShift, seed: int) -> Any:
    # Takes a second to import, so only those wait who need it.
    from skimage.segmentation import quickshift

    cut: Any = quickshift
    colours = np.broadcast_to(picture, (*picture.shape[:2], 3)).astype(np.float64)
    # Its seed is a number of 31 bits, and only decides between links that are as good.
    seed %= 2**31
    return cut(
        colours, kernel_size=how.kernel, max_dist=how.max_distance, ratio=how.ratio, rng=seed
    )


def _cluster(pixels: NDArray[np.float32], how: Slic) -> Any:
    from skimage.segmentation import slic

    return slic(
        pixels,
        n_segments=how.segments,
        compactness=how.compactness,
        sigma=how.smooth,
        start_label=0,
        channel_axis=-1,
        convert2lab=False,
    )


def _fills(
    how: LimeSettings, member: Member, batch: Batch, pieces: list[NDArray[np.int64]]
) -> list[Tensor]:
    if how.fill != "segment":
        return filled(member, batch, how.fill)
    return [_means(view, piece) for view, piece in zip(batch.views, pieces, strict=True)]


def _means(view: Tensor, piece: NDArray[np.int64]) -> Tensor:
    """Return each pixel's mean over its piece, (slices, channels, side, side)."""
    places = piece.ravel()
    counts = np.maximum(np.bincount(places), 1)
    channels = [
        (np.bincount(places, channel.ravel()) / counts)[piece]
        for channel in view.double().permute(1, 0, 2, 3).cpu().numpy()
    ]
    return torch.from_numpy(np.stack(channels, axis=1)).to(view)
