"""Training a detector from known boxes, and finding the joint in stored pictures."""

import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from radpipe.core.errors import DataError
from radpipe.core.settings import Detection, Image, Localize, Training
from radpipe.detection.detector import STRIDE, Detector, best_boxes, detection_loss
from radpipe.imaging.read import Array
from radpipe.imaging.store import Store
from radpipe.learning.data.samplers import cut
from radpipe.learning.networks.inference import BATCH
from radpipe.learning.networks.network import read_about, read_tensors, save_weights

log = logging.getLogger("radpipe.localize")

# One thread, whatever the networks behind the detector take; the rest has no meaning here.
ARITHMETIC = Training(optimizer="adamw", lr=1, batch_size=1, epochs=1)
# Largest shift of a picture while learning, as a share of its side, and change of grey.
SHIFT, GREY = 0.1, 0.2


@dataclass(frozen=True)
class Found:
    """The likeliest joint of n pictures.

    Attributes
    ----------
    boxes
        Float64 (n, 4), pixels of the stored square.
    confidence
        Float64 (n,), 0 to 1.

    """

    boxes: NDArray[np.float64]
    confidence: NDArray[np.float64]


def train_detector(
    store: Store, rows: NDArray[np.int64], boxes: NDArray[np.float64], how: Detection
) -> Detector:
    """Train a detector.

    Parameters
    ----------
    store
        Grey pictures; their side is a multiple of 16.
    rows
        (n,) rows of the store with a known joint, of train patients only.
    boxes
        (n, 4) where it is, pixels of the stored square.
    how
        How long, how fast, and the seed of everything that is drawn here.

    Returns
    -------
    Detector
        On the processor; equal arguments give equal weights on equal processors.

    """
    torch.manual_seed(how.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    pictures = _pictures(store.pixels(rows), store.bits)
    detector = Detector(float(pictures.mean()), max(float(pictures.std()), 1e-3)).to(device)
    wanted = torch.from_numpy(boxes.astype(np.float32))
    n_steps = how.epochs * -(-len(rows) // how.batch_size)
    weights = detector.parameters()
    optimizer = torch.optim.AdamW(weights, lr=how.lr, weight_decay=1e-4, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, how.lr, total_steps=n_steps)
    chance = torch.Generator().manual_seed(how.seed)
    with tqdm(
        total=n_steps, desc="localize", unit="step", mininterval=5, leave=False, file=sys.stderr
    ) as bar:
        for epoch in range(how.epochs):
            total = 0.0
            for batch in cut(torch.randperm(len(rows), generator=chance), how.batch_size):
                seen, truth = _changed(pictures[batch], wanted[batch], chance)
                loss = detection_loss(detector(seen.to(device)), truth.to(device))
                optimizer.zero_grad(set_to_none=True)
                torch.autograd.backward(loss)
                optimizer.step()
                schedule.step()
                total += float(loss.detach()) * len(batch)
                bar.update()
            log.info("trained epoch %d/%d: loss=%.4g", epoch + 1, how.epochs, total / len(rows))
    return detector.cpu().eval()


def find(detector: Detector, store: Store) -> Found:
    """Find the likeliest joint in every picture of a store, in the order of its index."""
    starts = range(0, len(store), BATCH)
    rows = [np.arange(start, min(start + BATCH, len(store))) for start in starts]
    found = [find_in(detector, store.pixels(some), store.bits) for some in rows]
    return Found(
        np.concatenate([each.boxes for each in found]),
        np.concatenate([each.confidence for each in found]),
    )


@torch.inference_mode()
def find_in(detector: Detector, squares: Array, bits: int) -> Found:
    """Find the likeliest joint in each of at most `BATCH` stored squares.

    Parameters
    ----------
    squares
        (n, size, size, channels), uint8 or uint16. They are filled up to `BATCH` with the first,
        because a batch of another size takes another path through the libraries, whose last bits
        may differ.
    bits
        Of the squares' pixels.

    """
    n = len(squares)
    filled = np.concatenate([squares, np.repeat(squares[:1], BATCH - n, axis=0)])
    boxes, confidence = best_boxes(detector(_pictures(filled, bits)))
    return Found(boxes[:n].double().numpy(), confidence[:n].double().numpy())


def save_detector(path: Path, detector: Detector, study: str, image: Image, how: Localize) -> None:
    """Write a detector with all that is needed to cut crops with it.

    Parameters
    ----------
    path, detector
        Where to, and what.
    study
        On whose pictures it was trained.
    image
        Form of the pictures in which it looks for joints.
    how
        What crops show; the least confidence.

    """
    crops = {name: getattr(how, name) for name in ("side", "extent_mm", "extent", "confidence")}
    about = {"study": study, "image": image.model_dump(mode="json"), "crops": crops}
    save_weights(path, detector.state_dict(), about)


def read_detector(path: Path) -> tuple[Detector, dict[str, Any]]:
    """Read a detector and what `save_detector` wrote beside it: study, image, crops.

    Raises
    ------
    DataError
        It is no detector, or one of a version that did not say how to cut.

    """
    about = read_about(path)
    if not {"study", "image", "crops"} <= about.keys():
        raise DataError(f"{path}: does not say how its crops are cut. Run localize again.")
    detector = Detector(0.0, 1.0)
    try:
        detector.load_state_dict(read_tensors(path))
    except RuntimeError as error:
        raise DataError(f"{path}: not a detector of this version. Run localize again.") from error
    return detector.eval(), about


def _pictures(squares: Array, bits: int) -> Tensor:
    """Return squares as float32 (n, 1, size, size), 0 to 1; the size is filled up for the maps."""
    pixels = torch.from_numpy(squares).float().mean(dim=3)[:, None]
    rest = -squares.shape[1] % (4 * STRIDE)
    return F.pad(pixels / (2**bits - 1), (0, rest, 0, rest))


def _changed(pictures: Tensor, boxes: Tensor, chance: torch.Generator) -> tuple[Tensor, Tensor]:
    """Shift pictures and their boxes, and change their grey."""
    n, _, size, _ = pictures.shape
    most = int(SHIFT * size)
    moves = torch.randint(-most, most + 1, (n, 2), generator=chance)
    factors = 1 + GREY * (2 * torch.rand(n, generator=chance) - 1)
    moved = torch.zeros_like(pictures)
    for k, (x, y) in enumerate(moves.tolist()):
        from_y, to_y = slice(max(-y, 0), size - max(y, 0)), slice(max(y, 0), size - max(-y, 0))
        from_x, to_x = slice(max(-x, 0), size - max(x, 0)), slice(max(x, 0), size - max(-x, 0))
        moved[k, :, to_y, to_x] = pictures[k, :, from_y, from_x]
    return moved * factors[:, None, None, None], boxes + torch.cat([moves, moves], dim=1)
