"""Lines of letters in the pixels of films: those that are written, and markers that are none."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from radpipe.core.settings import PhantomSource
from radpipe.imaging.lettering import has_lettering
from radpipe.studies.oai.phantom_film import draw, plan_films
from radpipe.studies.oai.phantom_plan import draw_plan

WHITE = 65535
NAME, DATE, PLACE = "DOE^JANE 1234567", "12.03.1950 F", "General Hospital, Room 3"


@pytest.fixture(scope="module")
def films():
    """Return films of the phantom as displayed, uint16 of full scale, markers on them."""
    planned = plan_films(draw_plan(PhantomSource(kind="phantom", seed=5, patients=20)), seed=5)
    chosen = [film for film in planned if not film.full][:10]
    return [np.clip(draw(film, seed=5)[0], 0, 4095).astype(np.uint16) * 16 for film in chosen]


def write(pixels, text, size, *, row, column=8, value=WHITE):
    """Draw a line of text with soft edges."""
    mask = Image.new("L", pixels.shape[::-1], 0)
    font = ImageFont.load_default(size)
    ImageDraw.Draw(mask).text((column, row), text, fill=255, font=font)
    share = np.asarray(mask, np.float32) / 255
    return (pixels * (1 - share) + value * share).astype(np.uint16)


def test_films_with_their_markers_are_no_text(films):
    assert [has_lettering(film) for film in films] == [False] * len(films)


def test_contrast_stretched_until_noise_is_black_and_white_is_no_text(films):
    for low, factor in ((0.1, 2), (0.2, 4), (0.3, 10)):
        stretched = np.clip((films[0] - low * WHITE) * factor, 0, WHITE).astype(np.uint16)
        assert not has_lettering(stretched)


@pytest.mark.parametrize("size", [10, 14, 20, 32, 48])
def test_a_line_of_text_is_found_at_either_edge(films, size):
    texts = (NAME, DATE, PLACE)
    found = [
        has_lettering(write(film, texts[number % 3], size, row=row))
        for number, film in enumerate(films[:6])
        for row in (10, len(film) - 10 - 2 * size)
    ]
    assert sum(found) >= 11


@pytest.mark.parametrize("size", [10, 20, 40])
def test_markers_with_initials_at_both_edges_are_no_text(films, size):
    for film, above, below in zip(
        films, ("R", "L AP", "R JS"), ("L", "R JS 2", "L JS"), strict=False
    ):
        marked = write(write(film, above, size, row=10), below, size, row=len(film) - 2 * size)
        assert not has_lettering(marked)


@pytest.mark.parametrize("size", [16, 24])
def test_words_that_stand_apart_are_no_line(films, size):
    for film in films[:5]:
        right = write(film, "RIGHT", size, row=10)
        both = write(right, "LEFT", size, row=10, column=film.shape[1] - 4 * size)
        assert film.shape[1] < 500 or not has_lettering(both)


def test_dark_text_on_a_bright_label_is_found(films):
    plate = films[0].copy()
    plate[5:60, 5:400] = 60000
    assert not has_lettering(plate)
    assert has_lettering(write(plate, NAME, 20, row=16, column=16, value=2000))


def test_text_in_colour_and_in_eight_bits_is_found(films):
    written = write(films[1], NAME, 20, row=10)
    bytes_ = (written >> 8).astype(np.uint8)
    assert has_lettering(bytes_)
    assert has_lettering(np.stack([bytes_] * 3, axis=2))


@pytest.mark.parametrize("shape", [(1, 1), (3, 2), (64, 3)])
@pytest.mark.parametrize("value", [0, WHITE])
def test_empty_films_of_any_size_hold_no_text(shape, value):
    assert not has_lettering(np.full(shape, value, np.uint16))


def test_a_grating_over_the_whole_edge_is_no_line():
    film = np.zeros((400, 400), np.uint16)
    film[:, ::8] = WHITE
    assert not has_lettering(film)


def test_what_stands_in_the_middle_is_not_looked_at(films):
    assert not has_lettering(write(films[0] // 4, NAME, 20, row=350, value=WHITE))
