"""Settings that fit a study, each with the reason: a start, not an optimum.

Rules in the manner of nnU-Net (Isensee et al., Nature Methods 2021;18:203), which derives such
settings for segmentation from a fingerprint of the data.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from radpipe.core.settings import Image, Target
from radpipe.exploring.cases import StudyCases

# Detail that a side may lose, share of variance: what remains has a contrast of some 3 % of all.
MOST_LOST = 0.001
# Of chest radiographs larger sides found no more: most findings were best between 256 and 448
# (Sabottke and Spieler, Radiology: Artificial Intelligence 2020;2:e190015).
LARGEST_SIDE = 448
# Shapes that differ by less than this are one shape: 5 % and 95 % of width by height.
ONE_SHAPE = 1.05
# A batch has at most so many pixels (64 pictures of 256), cases, and share of the train part.
MOST_PIXELS = 64 * 256**2
LARGEST_BATCH, MOST_OF_TRAIN = 64, 0.05
# Steps of the optimiser in one training, and how many epochs that may be.
STEPS = 3000
FEWEST_EPOCHS, MOST_EPOCHS = 3, 60
# Ratio of the most frequent to the rarest class up to which no weights are needed, and up to which
# balanced ones do not let single cases decide; of labels, the same of absent to present.
EVEN, RARE = 1.5, 50.0
# Side up to which the small house network is enough.
SMALL_SIDE = 128


@dataclass(frozen=True)
class Choice:
    """A value and the reason for it, a sentence that fits into a comment."""

    value: Any
    why: str


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What is proposed for a study.

    Attributes
    ----------
    side, resize, channels
        Of its block `image`.
    preset
        Of the variant.
    batch_size, epochs, class_weights
        Of its block `train`.
    sides
        (side, share of pictures enlarged, share of detail lost, work beside the proposed side).

    """

    side: Choice
    resize: Choice
    channels: Choice
    preset: Choice
    batch_size: Choice
    epochs: Choice
    class_weights: Choice
    sides: tuple[tuple[int, float, float, float], ...]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What proposals are made from.

    Attributes
    ----------
    fingerprint
        Of the store.
    detail
        What `detail_lost` says of it.
    cases
        Of the study.
    image
        Its block `image` of now.
    n_views
        Pictures or volumes a case.
    coloured
        Whether stored pictures show colours.

    """

    fingerprint: Mapping[str, Any]
    detail: Mapping[str, Any]
    cases: StudyCases
    image: Image
    n_views: int
    coloured: bool


def propose(seen: Seen) -> Proposal:
    """Choose all settings.

    Parameters
    ----------
    seen
        The study as it is.

    Returns
    -------
    Proposal
        Every value is one that params.yaml takes.

    """
    side = choose_side(seen)
    batch = choose_batch(seen, side.value)
    return Proposal(
        side=side,
        resize=choose_resize(seen),
        channels=choose_channels(seen),
        preset=choose_preset(seen, side.value),
        batch_size=batch,
        epochs=choose_epochs(seen, batch.value),
        class_weights=choose_weights(seen.cases),
        sides=_table(seen, side.value),
    )


def choose_side(seen: Seen) -> Choice:
    """Choose the smallest side that keeps the detail, enlarges few and costs not too much."""
    lost = {one["side"]: one["lost"] for one in seen.detail["sides"]}
    fine = min((side for side, share in lost.items() if share <= MOST_LOST), default=None)
    ceiling = int(seen.fingerprint["recommended_size"])
    side = min(ceiling, LARGEST_SIDE, *([] if fine is None else [fine]))
    loses = f"it loses {100 * lost[side]:.2g} % of the detail"
    if side == fine:
        why = f"the smallest usual side that loses at most {100 * MOST_LOST:g} % of the detail"
    elif side == ceiling:
        why = f"a larger one would enlarge more than 5 % of the pictures; {loses}"
    else:
        why = f"larger ones seldom help and cost more; {loses}"
    return Choice(side, why)


def _table(seen: Seen, chosen: int) -> tuple[tuple[int, float, float, float], ...]:
    lost = {one["side"]: one["lost"] for one in seen.detail["sides"]}
    return tuple(
        (one["size"], one["upscaled"], lost[one["size"]], (one["size"] / chosen) ** 2)
        for one in seen.fingerprint["input_sizes"]
        if chosen / 3 <= one["size"] <= 2 * chosen
    )


def choose_resize(seen: Seen) -> Choice:
    """Choose to keep the shape wherever shapes differ."""
    low, high = (seen.fingerprint["aspect"][q] for q in ("0.05", "0.95"))
    if max(high, 1 / low) <= ONE_SHAPE:
        return Choice(
            seen.image.resize, "as it is: nearly all are squares, for which all are alike"
        )
    why = f"width by height is {low:.2f} to {high:.2f}, and shapes are kept"
    return Choice("letterbox", why)


def choose_channels(seen: Seen) -> Choice:
    """Choose colour only where pictures show some."""
    if seen.image.channels == "colour":
        if seen.coloured:
            return Choice("colour", "the stored pictures show colours")
        return Choice("grey", "all channels of the stored pictures are the same")
    modes = [mode for mode in seen.fingerprint["modes"] if mode in ("RGB", "RGBA", "P")]
    rest = "; some files have colour channels, which were not looked at" if modes else ""
    return Choice("grey", f"the store is grey{rest}")


def choose_preset(seen: Seen, side: int) -> Choice:
    """Choose a network by the number of views, and by the side."""
    if seen.n_views > 1 or "slices" in seen.fingerprint:
        return Choice("knee_mri/compact", "a network for several views or slices")
    if side <= SMALL_SIDE:
        return Choice("pictures/compact", f"its first layer keeps every pixel of {side}")
    return Choice("pictures/resnet18", f"it begins by halving twice, which {side} pixels bear")


def choose_batch(seen: Seen, side: int) -> Choice:
    """Choose the largest power of two that memory and the number of cases allow."""
    n_slices = float(seen.n_views)
    if "slices" in seen.fingerprint:
        n_slices = sum(of_view["0.5"] for of_view in seen.fingerprint["slices"].values())
    n_train = _n_train(seen.cases)
    memory = MOST_PIXELS / (side**2 * n_slices)
    most = min(memory, LARGEST_BATCH, MOST_OF_TRAIN * n_train)
    batch = 2 ** int(np.log2(max(most, 2)))
    limit = "memory of a usual GPU" if most == memory else f"{n_train:,} train cases"
    limit = "none: larger ones seldom help" if most == LARGEST_BATCH else limit
    return Choice(batch, f"limit: {limit}")


def choose_epochs(seen: Seen, batch: int) -> Choice:
    """Choose as many epochs as give a usual number of steps."""
    n_train = _n_train(seen.cases)
    a_epoch = max(1, -(-n_train // batch))
    epochs = int(np.clip(round(STEPS / a_epoch), FEWEST_EPOCHS, MOST_EPOCHS))
    return Choice(epochs, f"{epochs * a_epoch:,} steps of {batch} on {n_train:,} train cases")


def _n_train(cases: StudyCases) -> int:
    return int(cases.parts.get("train", cases.outside_test).sum())


def choose_weights(cases: StudyCases) -> Choice:
    """Choose weights by how uneven the classes or labels of fold 0's train part are."""
    present = cases.present[cases.parts.get("train", cases.outside_test)]
    n_present, n_absent = (present == 1).sum(axis=0), (present == 0).sum(axis=0)
    if cases.target.kind == "multi-label":
        return _label_weights(cases.target, n_present, n_absent)
    counts = n_present if len(n_present) > 1 else np.concatenate([n_absent, n_present])
    ratio = counts.max() / max(counts.min(), 1)
    if ratio <= EVEN:
        return Choice("none", f"the most frequent class has {ratio:.1f} times the rarest")
    value = "balanced" if ratio <= RARE else "effective"
    return Choice(value, f"the most frequent class has {ratio:.1f} times the cases of the rarest")


def _label_weights(target: Target, n_present: Any, n_absent: Any) -> Choice:
    ratio = n_absent / np.maximum(n_present, 1)
    rarest = int(ratio.argmax())
    share = 100 * n_present[rarest] / max(n_present[rarest] + n_absent[rarest], 1)
    why = (
        f"the rarest label, {target.classes[rarest]}, is present in {share:.2g} % of known answers"
    )
    if max(ratio.max(), 1 / max(ratio.min(), 1e-9)) <= EVEN:
        return Choice("none", why)
    return Choice("positive" if ratio.max() <= RARE else "effective", why)
