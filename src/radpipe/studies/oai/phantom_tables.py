"""The tables of a phantom of OAI, as the data set has them, and what is known of its truth."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from radpipe.imaging.phantom.bones import Box
from radpipe.studies.oai.phantom_film import PlannedFilm
from radpipe.studies.oai.phantom_labels import GRADE_PROPORTIONS
from radpipe.studies.oai.phantom_plan import Person, PlannedKnee

FOLDER = "OAICompleteData_ASCII"
MISSING = ".: Missing Form/Incomplete Workbook"
SEX = {1: "1: Male", 2: "2: Female"}
RACE = {
    0: "0: Other Non-white",
    1: "1: White or Caucasian",
    2: "2: Black or African American",
    3: "3: Asian",
}
SIDE = {"R": "1: Right", "L": "2: Left"}
NO_YES = {0: "0: No", 1: "1: Yes"}
# The main reading project, and one that read some knees again.
MAIN, OTHER = "15", "42"
WIDTHS = tuple(f"JSW{place}" for place in (150, 175, 200, 225, 250, 275, 300))

Rows = Iterable[Sequence[object]]


def write_tables(
    out: Path, people: Sequence[Person], films: Sequence[PlannedFilm], *, seed: int
) -> None:
    """Write the tables that the adapter reads, with Windows line ends."""
    folder = out / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    barcodes = {
        (film.person.number, knee.side): film.barcode for film in films for knee in film.knees
    }
    _write(
        folder / "enrollees.txt",
        ["ID", "VERSION", "P02RACE", "P02SEX"],
        ([person.id, "25", RACE[person.race], SEX[person.sex]] for person in people),
    )
    _write(
        folder / "allclinical00.txt",
        ["ID", "VERSION", "V00AGE", "P01BMI", "P01INJR", "P01INJL"],
        (
            [person.id, "0.2.3", person.age, f"{person.bmi:.1f}", *_injuries(person)]
            for person in people
        ),
    )
    _write(
        folder / "kxr_sq_bu00.txt",
        ["ID", "SIDE", "READPRJ", "VERSION", "V00BARCDBU", "V00XRKL"],
        _gradings(people, barcodes),
    )
    _write(
        folder / "kxr_fta_duryea00.txt",
        ["id", "side", "readprj", "V00FTANGLE"],
        (
            [person.id, SIDE[knee.side], MAIN, f"{knee.alignment:.1f}"]
            for person in people
            for knee in person.knees
        ),
    )
    for visit in ("00", "06"):
        columns = [*WIDTHS, "MCMJSW", "NOMJSWX", "NOLJSWX"]
        _write(
            folder / f"kxr_qjsw_duryea{visit}.txt",
            ["ID", "SIDE", "READPRJ", *(f"V{visit}{column}" for column in columns)],
            _measurements(people, visit, np.random.default_rng([seed, 3, int(visit)])),
        )


def write_ceilings(out: Path, films: Sequence[PlannedFilm]) -> None:
    """Write the ideal observer's probabilities for both questions, one row a knee."""
    grades = [str(grade) for grade in range(len(GRADE_PROPORTIONS))]
    shown = [(film, knee) for film in films for knee in film.knees]
    _write_csv(
        out / "ceiling_kl.csv",
        ["file", "side", *grades],
        ([film.file, knee.side, *map(repr, knee.grade_shares)] for film, knee in shown),
    )
    _write_csv(
        out / "ceiling_progression.csv",
        ["file", "side", "no", "yes"],
        (
            [film.file, knee.side, repr(1 - knee.progression_share), repr(knee.progression_share)]
            for film, knee in shown
        ),
    )


def write_joints(path: Path, films: Sequence[PlannedFilm], boxes: Sequence[Sequence[Box]]) -> None:
    """Write the boxes around the joints, in pixels of the films as stored."""
    _write_csv(
        path,
        ["file", "side", "x0", "y0", "x1", "y1"],
        (
            [film.file, knee.side, *box]
            for film, found in zip(films, boxes, strict=True)
            for knee, box in zip(film.knees, found, strict=True)
        ),
    )


def _injuries(person: Person) -> list[str]:
    """Return the codes for right and left; unknown for a knee that the phantom lacks."""
    known = {knee.side: NO_YES[knee.injury] for knee in person.knees}
    return [known.get("R", ".A: Not Expected"), known.get("L", ".A: Not Expected")]


def _gradings(people: Sequence[Person], barcodes: dict[tuple[int, str], str]) -> Rows:
    for person in people:
        for knee in person.knees:
            barcode = barcodes.get((person.number, knee.side), MISSING)
            grade = str(knee.grade) if knee.graded else MISSING
            yield [person.id, SIDE[knee.side], MAIN, "0.8", barcode, grade]
            if knee.read_twice and knee.graded:
                other = knee.grade + (1 if knee.grade < 4 else -1)
                yield [person.id, SIDE[knee.side], OTHER, "0.8", barcode, str(other)]


def _measurements(people: Sequence[Person], visit: str, rng: np.random.Generator) -> Rows:
    """Yield one row a knee that came to the visit: widths at seven places, and the least."""
    for person in people:
        for knee in person.knees:
            if visit != "00" and not knee.seen_later:
                continue
            least = knee.measured if visit == "00" else knee.later
            # The width grows to both sides of the place where it is least.
            more = np.abs(np.arange(len(WIDTHS)) - 3) * 0.15 + rng.uniform(0, 0.1, len(WIDTHS))
            places = [f"{least + extra:.3f}" for extra in more]
            yield [person.id, SIDE[knee.side], MAIN, *places, f"{least:.3f}", *_reasons(knee)]


def _reasons(knee: PlannedKnee) -> tuple[str, str]:
    """Return the codes that say why a width does not count, if it does not."""
    return ("0", "0") if knee.usable else ("1: Beam angle", "0")


def _write(path: Path, header: Sequence[str], rows: Rows) -> None:
    lines = ["|".join(map(str, row)) for row in (header, *rows)]
    path.write_bytes(("\r\n".join(lines) + "\r\n").encode())


def _write_csv(path: Path, header: Sequence[str], rows: Rows) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
