"""The tables of CheXpert's phantom, with the oddities of the release.

`train.csv` and `valid.csv` have the covariates, `test.csv` has none. The row of one film of train
has no file, one age is 0 and one sex is unknown.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from radpipe.studies.chexpert.layout import LABELS, header_of
from radpipe.studies.chexpert.phantom_plan import NONE, PlannedStudy

# In the tables, and not on the disk: releases differ in it, and adapters must not care.
PREFIX = "CheXpert-v1.0-phantom/"
COLUMNS = ("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA")
# Of the absent labels of train, how many a report says so of; of the others it says nothing.
DENIED = 0.15


def film_name(study: PlannedStudy, view: str) -> str:
    """Return where a film lies below the root."""
    number = study.views.index(view) + 1 if view in study.views else 0
    place = f"patient{study.patient:05d}/study{study.study}"
    return f"{study.part}/{place}/view{number}_{view}.jpg"


def missing_film(planned: Sequence[PlannedStudy]) -> str:
    """Return the film of train that the tables name and that is not there.

    It is the last study's of the patient with most, so that no patient is lost.
    """
    train = [study for study in planned if study.part == "train"]
    return film_name(max(train, key=lambda study: (study.study, -study.number)), "frontal")


def write_tables(out: Path, planned: Sequence[PlannedStudy]) -> None:
    """Write a table of each part below `out`, a row a film."""
    for part in ("train", "valid", "test"):
        studies = [study for study in planned if study.part == part]
        columns = COLUMNS if part != "test" else COLUMNS[:1]
        with (out / f"{part}.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow([*columns, *map(header_of, LABELS)])
            for place, study in enumerate(studies):
                answers = _answers(study)
                for view in study.views:
                    known = _known(study, view, place)[: len(columns)]
                    writer.writerow([*known, *answers])


def _known(study: PlannedStudy, view: str, place: int) -> list[str]:
    """Return the cells before the labels; the second and the third row of a table are odd."""
    sex = "Unknown" if (study.part, place) == ("train", 1) else "Female" if study.female else "Male"
    age = 0 if (study.part, place) == ("train", 2) else study.age
    projection = study.projection if view == "frontal" else ""
    return [PREFIX + film_name(study, view), sex, str(age), view.capitalize(), projection]


def _answers(study: PlannedStudy) -> list[str]:
    """Return the cells of the labels: a radiologist's 0 and 1, or what a report says."""
    if study.part != "train":
        return [f"{study.truth[label]}.0" for label in LABELS]
    said = np.random.default_rng([study.number, len(LABELS)]).random(len(LABELS)) < DENIED
    cells = {}
    for label, denied in zip(LABELS, said, strict=True):
        cells[label] = "1.0" if study.truth[label] else "0.0" if denied else ""
        if label in study.uncertain:
            cells[label] = "-1.0"
    # Nobody writes "nothing found" of what may be something, and nobody denies it either.
    cells[NONE] = "1.0" if study.truth[NONE] and not study.uncertain else ""
    return [cells[label] for label in LABELS]
