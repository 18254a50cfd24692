"""Which models the page offers: finished runs of the project, and exported folders."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radpipe.core.errors import DataError
from radpipe.prediction.description import DESCRIPTION, Description, read_description

RUNS = Path("results/runs")


@dataclass(frozen=True)
class Offered:
    """A model that can be asked.

    Attributes
    ----------
    folder
        Where `predictor.json` lies.
    what
        What it says.
    in_project
        It is a run of this project, whose cases and scores are at hand.

    """

    folder: Path
    what: Description
    in_project: bool

    @property
    def study(self) -> str:
        """The study whose question it answers."""
        return self.what.study.name

    def asked(self, case: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """Return what a question to it says; see `answering.Answering.answer`."""
        shared = Path("data", self.what.study.pixels).absolute() if self.in_project else None
        return {
            "model": str(self.folder.absolute()),
            "shared": None if shared is None else str(shared),
            "case": case,
            **more,
        }

    @property
    def kernels(self) -> str:
        """Which kernels of torch its predictions were made with."""
        return self.what.train.kernels_to("predict")

    @property
    def title(self) -> str:
        """How the page calls it."""
        own = "" if self.in_project else " (exported)"
        return f"{self.what.variant}, fold {self.what.fold}, seed {self.what.seed}{own}"


def offered(folders: Iterable[Path], runs: Path = RUNS) -> tuple[list[Offered], list[str]]:
    """Look for models.

    Parameters
    ----------
    folders
        What `radpipe export` wrote.
    runs
        Folder of the project's runs; it may be absent.

    Returns
    -------
    models
        Those of folders first, then the project's by study and name.
    problems
        Why others are not among them, a sentence each.

    """
    found, problems = [], []
    for folder in folders:
        try:
            found.append(Offered(folder, _finished(folder), in_project=False))
        except DataError as error:
            problems.append(str(error))
    own = []
    for file in sorted(runs.glob(f"*/fold-*-seed-*/{DESCRIPTION}")):
        try:
            own.append(Offered(file.parent, _finished(file.parent), in_project=True))
        except DataError as error:
            problems.append(str(error))
    own.sort(key=lambda each: (each.study, each.title))
    return [*found, *own], problems


def _finished(folder: Path) -> Description:
    what = read_description(folder)
    if what.operating_point is None:
        raise DataError(f"{folder}: its thresholds were never chosen. Run predict again.")
    if not (folder / what.weights.file).is_file():
        raise DataError(f"{folder}: {what.weights.file} is missing; radpipe run makes it again.")
    return what
