"""Where films lie: patient, study and view are in their paths, below a folder that varies."""

import re
import sys
from collections.abc import Collection, Iterator
from typing import NamedTuple

from radpipe.core.errors import DataError
from radpipe.studies.chexpert.layout import TABLES

FILM = re.compile(
    r"(?P<above>.*/|)(?P<place>(?P<patient>patient[0-9]+)/(?P<study>study[0-9]+)"
    r"/view(?P<number>[0-9]+)_(?P<view>frontal|lateral)\.[A-Za-z]+)"
)
EXAMPLE = "train/patient00000/study0/view0_frontal.jpg"


class FilmPlace(NamedTuple):
    """What the path of a film says.

    Attributes
    ----------
    above
        Folders above the patient's, with the last slash: `CheXpert-v1.0-small/train/`.
    place
        The rest, which is the same in all releases.
    patient, study
        Names of the folders; a study belongs to its patient.
    number
        Of the film in its study, from 1.
    view
        frontal or lateral.

    """

    above: str
    place: str
    patient: str
    study: str
    number: int
    view: str

    @property
    def film(self) -> str:
        """Name of the film: its place without the suffix."""
        return self.place.rpartition(".")[0]


def place_of(path: str) -> FilmPlace | None:
    """Take a path apart; None if it is not that of a film."""
    found = FILM.fullmatch(path)
    if found is None:
        return None
    above, place, patient, study, number, view = found.groups()
    # Few different texts in hundreds of thousands of paths, each kept once.
    above, patient, study = map(sys.intern, (above, patient, study))
    return FilmPlace(above, place, patient, study, int(number), sys.intern(view))


class FilmFinder:
    """Finds the file of a film, whatever the release calls the folders above its patients.

    Parameters
    ----------
    files
        Paths below the raw root.

    Raises
    ------
    DataError
        No file lies where films do.

    """

    def __init__(self, files: Collection[str]) -> None:
        self._files = files
        places = (place_of(file) for file in files)
        self.n_films = 0
        self.folders: dict[str, int] = {}
        for found in places:
            if found is not None:
                self.folders[found.above] = self.folders.get(found.above, 0) + 1
                self.n_films += 1
        if not self.folders:
            raise DataError(
                f"no file such as {EXAMPLE} lies below the root of the data set, in whatever"
                " folder. The way out: unpack the whole archive, or correct source.path in"
                " params.yaml."
            )
        self._fitting: dict[str, list[str]] = {}

    def files_of(self, path: str, film: FilmPlace) -> list[str]:
        """Return the files that a path of a table can mean: one, none, or too many."""
        if path in self._files:
            return [path]
        return [file for file in self._likely(film) if file in self._files]

    def _likely(self, film: FilmPlace) -> Iterator[str]:
        part = _part(film.above)
        if part not in self._fitting:
            self._fitting[part] = [
                folder for folder in self.folders if not part or _part(folder) in ("", part)
            ]
        return (folder + film.place for folder in self._fitting[part])


def _part(above: str) -> str:
    """Return the data set's part that a folder belongs to by its name, "" if it says none."""
    last = above.rstrip("/").rpartition("/")[2]
    return last if last in TABLES else ""
