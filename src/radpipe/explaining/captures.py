"""Pictures of where a model looked, as they lie in the film, for people to look at."""

import logging
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from radpipe.core.errors import ConfigError
from radpipe.explaining.dicom_answers import RESEARCH, MapPicture
from radpipe.explaining.explain import explain
from radpipe.explaining.methods import read_method
from radpipe.explaining.subject import Material, Member
from radpipe.imaging.boxes import scale_of
from radpipe.prediction.predictor import Answers, Predictor
from radpipe.prediction.raw import RawCase, entries_of
from radpipe.prediction.reading import Reader, Squares

log = logging.getLogger("radpipe.predict")

# Least side of the film in a picture, pixels; height of a line of text below it.
LEAST, LINE = 512, 24
HOT = (255, 64, 0)
# How much of the film the hottest place covers.
COVER = 0.5


def map_pictures(
    predictor: Predictor, cases: Sequence[RawCase], answers: Answers
) -> list[MapPicture | None]:
    """Draw the Grad-CAM of each case's foremost answer over what the model saw of the film.

    None for cases without an answer, and for all if the model has no convolutions to look into.
    Files are read a second time.
    """
    what = predictor.description
    reader = Reader(what, predictor.detector)
    entries = entries_of(what, cases)
    member = Member(predictor.network.eval(), what, predictor.backbone)
    method = read_method({"name": "grad-cam"})
    found: list[MapPicture | None] = [None] * len(cases)
    for start in range(0, len(cases), what.batch):
        some = range(start, min(start + what.batch, len(cases)))
        kept = [k for k in some if not answers.problems[k]]
        if not kept:
            continue
        squares, _ = reader.read([cases[k] for k in kept])
        mine = None if entries is None else entries[kept]
        names = [str(k) for k in kept]
        material = Material(squares, names, squares.numbers, mine)
        labels = [[foremost(answers, k)] for k in kept]
        try:
            maps = explain([member], material, how=method, labels=labels)
        except ConfigError as error:
            log.warning("no maps: %s", error)
            return found
        for place, (k, drawn) in enumerate(zip(kept, maps, strict=True)):
            text = f"Grad-CAM of {answers.questions[labels[place][0]]}"
            found[k] = draw(squares, place, drawn.views[what.inputs.views[0]][0], text)
    return found


def foremost(answers: Answers, k: int) -> int:
    """Return the number of the question that a case's picture is about.

    Of a binary target its only one, of exclusive classes the most probable, of labels that which
    lies highest over its threshold.
    """
    if len(answers.questions) == 1:
        return 0
    chances = answers.probabilities[k]
    if answers.multi_label:
        chances = chances / np.maximum(answers.thresholds, 1e-6)
    return int(np.argmax(chances))


def draw(squares: Squares, place: int, heat: NDArray[np.float32], text: str) -> MapPicture:
    """Draw a map over the square of a case, turned as in the film, with two lines of text below.

    Parameters
    ----------
    squares, place
        Of which the case is that number.
    heat
        (side, side); what is below 0 is left out, the largest value is hottest.
    text
        First line; the second says that it is for research.

    """
    side = squares.image.side
    factor = math.ceil(LEAST / side)
    region, spacing = squares.regions[place], squares.spacings[place]
    film = squares.rows[place][0].astype(np.float32) * (255 / (2**squares.bits - 1))
    hot = np.maximum(heat, 0.0)
    hot = hot / hot.max() if hot.max() > 0 else hot
    if region.mirrored:
        film, hot = film[:, ::-1], hot[:, ::-1]
    size = (side * factor, side * factor)
    grey = np.stack([_larger(film[..., c], size) for c in np.arange(3) % film.shape[2]], axis=2)
    cover = COVER * _larger(hot, size)[..., None]
    shown = np.clip(np.rint(grey * (1 - cover) + cover * np.array(HOT)), 0, 255).astype(np.uint8)
    whole = Image.new("RGB", (size[0], size[1] + 2 * LINE))
    whole.paste(Image.fromarray(shown), (0, 0))
    pen, font = ImageDraw.Draw(whole), ImageFont.load_default(LINE * 2 // 3)
    for line, words in enumerate((text, f"radpipe: {RESEARCH}")):
        pen.text((8, size[1] + line * LINE), words, fill=(255, 255, 255), font=font)
    across, down = scale_of(region, squares.image)
    rows, columns = spacing[0] / down / factor, spacing[1] / across / factor
    known = math.isfinite(rows) and math.isfinite(columns)
    return MapPicture(np.asarray(whole), (rows, columns) if known else None, text)


def _larger(plane: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    picture = Image.fromarray(np.ascontiguousarray(plane, np.float32))
    return np.asarray(picture.resize(size, Image.Resampling.BILINEAR))
