"""Pictures of 16 bits that use fewer are not stored in 8 without a word."""

import io
import logging

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from radpipe.core.errors import DataError
from radpipe.core.files import sha256_file
from radpipe.core.settings import Image as ImageSettings
from radpipe.imaging.depth import is_shallow, levels_left, refuse_lost, settle_depth
from radpipe.imaging.ingest import ingest
from radpipe.imaging.resize import to_bits
from radpipe.imaging.store import Store

EIGHT, SIXTEEN = ImageSettings(side=16), ImageSettings(side=16, bits=16)


def study(folder, *tops, n_8_bits=0):
    """Write pictures of 16 bits, each with its brightest pixel, and some of 8; return the cases."""
    rng = np.random.default_rng(3)
    names = []
    for number, top in enumerate([*tops, *[None] * n_8_bits]):
        deep = rng.integers(0, (top or 255) + 1, (16, 16))
        deep[3, 3] = top or 255
        image = Image.fromarray(deep.astype(np.uint16 if top else np.uint8))
        names.append(f"{number:03}.png")
        image.save(folder / names[-1])
    return pa.table({"case": [name[:3] for name in names], "file_image": names})


def made(tmp_path, image, *tops, n_8_bits=0):
    raw = tmp_path / "raw"
    raw.mkdir()
    cases = study(raw, *tops, n_8_bits=n_8_bits)
    manifest = {file.name: sha256_file(file) for file in raw.iterdir()}
    ingest(cases, raw, image, tmp_path / "store", manifest=manifest, workers=1)
    return Store(tmp_path / "store")


def test_twelve_of_16_bits_are_refused_with_the_way_out(tmp_path):
    with pytest.raises(DataError) as caught:
        made(tmp_path, EIGHT, *[4095] * 20)
    assert str(caught.value) == (
        "20 of 20 pictures of 16 bits use 12 of them at most (brightest pixel 4,095 of 65,535):"
        " stored in 8 bits, 17 grey levels of 4,096 would be left. The way out: say image.bits: 16"
        " for the study in params.yaml, which keeps all of them."
    )
    assert not (tmp_path / "store").exists()


def test_16_bits_keep_every_level(tmp_path):
    store = made(tmp_path, SIXTEEN, *[4095] * 3)
    raw = np.asarray(Image.open(tmp_path / "raw/001.png"))
    np.testing.assert_array_equal(store.pixels(np.array([1]))[0, ..., 0], raw)


def test_pictures_that_use_all_16_bits_are_stored_in_8_and_it_is_said(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        made(tmp_path, EIGHT, 65535, 65000, 33000)
    assert "3 pictures have 16 bits, of which the upper 8 are stored; image.bits: 16" in caplog.text


def test_a_dark_picture_among_many_is_one(tmp_path):
    made(tmp_path, EIGHT, 900, *[65535] * 20)


def test_some_devices_of_12_bits_among_others_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"2 of 20 pictures of 16 bits use 12 of them"):
        made(tmp_path, EIGHT, 4095, 4000, *[65535] * 18)


def test_8_bits_beside_12_of_16_are_warned_of(tmp_path, caplog):
    made(tmp_path, SIXTEEN, 4095, 4095, n_8_bits=3)
    assert "use 12 of them at most, so that 2 pictures of 16 bits are much darker" in caplog.text


def test_pictures_of_8_bits_say_nothing(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        made(tmp_path, EIGHT, n_8_bits=3)
        settle_depth([], 3, EIGHT)
    assert "bits" not in caplog.text


@given(st.integers(0, 65535))
def test_levels_that_are_left_are_those_that_are_stored(top):
    every = np.arange(top + 1, dtype=np.uint16)
    assert levels_left(top) == len(np.unique(to_bits(every, 8)))


@given(st.lists(st.integers(0, 65535), max_size=50))
def test_what_passes_leaves_128_levels_to_nearly_all(brightest):
    if not is_shallow(brightest):
        assert sum(levels_left(top) < 128 for top in brightest) <= 0.05 * len(brightest)


def test_one_picture_for_a_model_of_8_bits():
    stream = io.BytesIO()
    Image.fromarray(np.full((8, 8), 4095, np.uint16)).save(stream, "PNG")
    deep = np.asarray(Image.open(stream))
    with pytest.raises(DataError, match=r"uses 12 of 16 bits, and the model looks at 8: 17 grey"):
        refuse_lost(deep, EIGHT)
    refuse_lost(deep, SIXTEEN)
    refuse_lost(deep * 16, EIGHT)
    refuse_lost((deep // 16).astype(np.uint8), EIGHT)
