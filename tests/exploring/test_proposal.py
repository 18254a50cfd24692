"""What is proposed for a study, and why."""

from typing import Any

import numpy as np
import pytest

from radpipe.core.settings import Image, Target
from radpipe.exploring.proposal import Seen, choose_weights, propose
from tests.exploring.made import TWO_LABELS, cases

TWO = Target(kind="binary", classes=["healthy", "ill"])
SIDES = (32, 64, 128, 256, 448, 512)


def seen(
    *, lost: dict[int, float] | None = None, recommended: int = 512, n: int = 4000, **given: Any
) -> Seen:
    """Return a study whose detail halves with every side unless something else is said."""
    losses = {side: 0.064 / side for side in SIDES} if lost is None else lost
    fingerprint = {
        "recommended_size": recommended,
        "aspect": {"0.05": 0.7, "0.95": 1.1},
        "modes": {"L": n},
        "input_sizes": [{"size": side, "upscaled": 0.0} for side in SIDES],
        **given.pop("fingerprint", {}),
    }
    detail = {"stored": 64, "sides": [{"side": s, "lost": v} for s, v in losses.items()]}
    values = {"image": Image(side=64), "n_views": 1, "coloured": False}
    values |= {"cases": cases(np.arange(n) % 2, TWO, fold=np.ones(n, int)), **given}
    return Seen(fingerprint=fingerprint, detail=detail, **values)


@pytest.mark.parametrize(
    ("given", "side", "why"),
    [
        pytest.param({}, 64, "the smallest usual side that loses at most 0.1 %", id="detail"),
        pytest.param({"recommended": 32}, 32, "would enlarge more than 5 %", id="small pictures"),
        pytest.param(
            {"lost": dict.fromkeys(SIDES, 0.5)}, 448, "seldom help and cost more", id="fine detail"
        ),
    ],
)
def test_the_side(given, side, why):
    choice = propose(seen(**given)).side
    assert choice.value == side
    assert why in choice.why


def test_work_grows_with_the_square_of_the_side():
    sides = propose(seen()).sides
    assert [(side, work) for side, _, _, work in sides] == [(32, 0.25), (64, 1.0), (128, 4.0)]


def test_shapes_are_kept_where_they_differ():
    assert propose(seen()).resize.value == "letterbox"
    squares = {"aspect": {"0.05": 0.99, "0.95": 1.01}}
    image = Image(side=64, resize="crop")
    assert propose(seen(fingerprint=squares, image=image)).resize.value == "crop"


@pytest.mark.parametrize(
    ("stored", "coloured", "channels"),
    [("colour", True, "colour"), ("colour", False, "grey"), ("grey", False, "grey")],
)
def test_colour_only_where_it_is_shown(stored, coloured, channels):
    image = Image(side=64, channels=stored)
    assert propose(seen(image=image, coloured=coloured)).channels.value == channels


def test_a_grey_store_of_colour_files_is_remarked():
    found = propose(seen(fingerprint={"modes": {"L": 5, "RGB": 1}}))
    assert "were not looked at" in found.channels.why


@pytest.mark.parametrize(
    ("n", "batch", "epochs"),
    [
        pytest.param(100, 4, 60, id="few cases: 5 % of them, and as many epochs as allowed"),
        pytest.param(1000, 32, 60, id="a thousand"),
        pytest.param(19200, 64, 10, id="3,000 steps are ten epochs of 300"),
        pytest.param(190000, 64, 3, id="never fewer than three epochs"),
    ],
)
def test_batch_and_epochs_follow_from_the_number_of_cases(n, batch, epochs):
    found = propose(seen(n=n))
    assert (found.batch_size.value, found.epochs.value) == (batch, epochs)


def test_large_volumes_make_small_batches():
    slices = {"slices": {"axial": {"0.5": 30}, "coronal": {"0.5": 34}}}
    flat = dict.fromkeys(SIDES, 0.5)
    found = propose(seen(fingerprint=slices, lost=flat, recommended=256, n_views=2))
    # 64 slices of 256 pixels are what a batch may have at most.
    assert found.batch_size.value == 2
    assert found.preset.value == "knee_mri/compact"


@pytest.mark.parametrize(("side", "preset"), [(64, "compact"), (256, "resnet18")])
def test_large_pictures_get_a_network_that_halves_them(side, preset):
    lost = {each: 0.0 if each >= side else 0.5 for each in SIDES}
    assert propose(seen(lost=lost)).preset.value == f"pictures/{preset}"


@pytest.mark.parametrize(("n_ill", "weights"), [(50, "none"), (20, "balanced"), (1, "effective")])
def test_weights_of_two_classes(n_ill, weights):
    truth = np.array([1.0] * n_ill + [0.0] * (100 - n_ill))
    assert choose_weights(cases(truth, TWO, fold=np.ones(100, int))).value == weights


@pytest.mark.parametrize(
    ("n_edema", "weights"), [(50, "none"), (10, "positive"), (1, "effective"), (95, "positive")]
)
def test_weights_of_labels(n_edema, weights):
    truth = np.full((100, 2), 0.0)
    truth[:n_edema, 0], truth[:50, 1] = 1, 1
    choice = choose_weights(cases(truth, TWO_LABELS, fold=np.ones(100, int)))
    assert choice.value == weights
    assert "rarest label" in choice.why


def test_weights_are_those_of_train_alone():
    truth, fold = np.array([1.0] * 50 + [0.0] * 50), np.array([0] * 45 + [1] * 55)
    assert choose_weights(cases(truth, TWO, fold=fold)).value == "balanced"
