"""`predictor.json`: everything that turns a raw file into a decision, but for the weights."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from radpipe.core.descriptors import Licence
from radpipe.core.errors import DataError
from radpipe.core.files import json_text, read_json, sha256_file
from radpipe.core.settings import (
    Fraction,
    Guarantee,
    Image,
    ModelChoice,
    Positive,
    Strict,
    Target,
    Training,
)

DESCRIPTION = "predictor.json"
WEIGHTS = "weights.safetensors"
DETECTOR = "detector.safetensors"
BACKBONE = "backbone.safetensors"
LIKENESS = "likeness.safetensors"
# Raised when an older program would misread the file; it then says so and stops.
FORMAT: Literal[1] = 1

# Blocks that are left out where there is nothing to say.
LEFT_OUT = ("borrowed", "backbone", "likeness")
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class NamedFile(Strict):
    """A file that lies beside `predictor.json`."""

    file: str
    sha256: Sha256

    def check(self, path: Path) -> Path:
        """Return the path if it holds what it should.

        Raises
        ------
        DataError
            It is missing or holds something else.

        """
        if not path.is_file():
            raise DataError(
                f"{path}: missing. A predictor is {DESCRIPTION} with {self.file} beside it;"
                " `radpipe export` gathers what belongs together."
            )
        if sha256_file(path) != self.sha256:
            raise DataError(
                f"{path}: not the file that {DESCRIPTION} was written for (its SHA-256 is another"
                " one). Copy the whole predictor again."
            )
        return path


class CaseCounts(Strict):
    """How many cases and patients; a group of look-alikes is one patient."""

    cases: int
    patients: int


class StudyCard(Strict):
    """What the model was made from, without any name of a patient or file."""

    name: str = Field(description="Key of the study in params.yaml.")
    adapter: str | None = Field(description="What read its layout.")
    licence: str | None = Field(description="Of the data, where the settings say so.")
    pixels: str = Field(description="Study whose files gave the pixels.")
    train: CaseCounts = Field(description="Took part in training.")
    tune: CaseCounts = Field(description="Chose the epoch, the temperature and the thresholds.")


class Learned(Strict):
    """A run whose patients the weights have learned from."""

    variant: str
    fold: int
    seed: int
    recipe: Sha256
    model: str
    n_patients: int = Field(description="Gave gradients; look-alikes count by their own names.")
    n_stopping: int = Field(description="Chose epochs or stopped the training: its `tune`.")


class BorrowedFrom(Strict):
    """Weights that others learned and with which the run, or the first before it, started."""

    start: str = Field(description="weights/<start>.json of the project describes them.")
    function: str = Field(description="Library and implementation.")
    data_sets: list[str] = Field(description="What they learned from.")
    licence: Licence | None = Field(
        default=None,
        description="Their terms of use; null: unrestricted, or only another project says them.",
    )


class Inputs(Strict):
    """What a case consists of, and how its files become pixels."""

    views: list[str] = Field(description="A file for each; none if only the table is looked at.")
    volumes: bool = Field(description="Whether views may have several slices.")
    image: Image
    dicom: Literal["displayed"] = Field(
        default="displayed",
        description="DICOM as it is meant to be displayed: modality LUT or rescale, VOI LUT or"
        " window, MONOCHROME1 inverted.",
    )
    sides: bool = Field(description="A case is a side of the patient; left ones are mirrored.")
    halves: bool = Field(description="Files show both sides; a case is the half of its side.")
    covariates: list[str] = Field(description="What the table must tell of each case.")


class Joints(Strict):
    """How the joint is found in a picture and cut out; the crop's form is that of the inputs."""

    detector: NamedFile
    image: Image = Field(description="Form of the pictures in which the joint is looked for.")
    side: int
    extent_mm: Positive
    extent: Positive
    confidence: Fraction


class Shape(Strict):
    """What a network is built for."""

    n_channels: int
    n_outputs: int
    size: int
    n_views: int
    volumes: bool


class FrozenNetwork(Strict):
    """The network whose features the head takes; `normalisation` is that of its input."""

    weights: NamedFile
    model: ModelChoice
    shape: Shape
    stretch: bool = Field(description="Whether the range of each volume is brought to 0..1 first.")
    parameters: int


class Normalisation(Strict):
    """What is taken off pixels of 0 to 1, and what they are divided by, channel by channel."""

    how: str
    mean: list[float]
    sd: list[float]


class ChosenPoint(Strict):
    """Temperature and thresholds, chosen on the run's own `tune`."""

    rule: str
    thresholds: list[Fraction]
    temperature: Positive
    chosen_on: Literal["tune"] = "tune"
    n_cases: int = Field(description="Of `tune`, with a known truth.")


class Promised(Strict):
    """What is guaranteed of patients who come as those of the run's own `tune`; null: too few."""

    asked: Guarantee
    average: list[Fraction | None] = Field(
        description="For each threshold's question the score, before the temperature, from which"
        " on cases are flagged: keeps the sensitivity on average over `tune` parts."
    )
    certain: list[Fraction | None] = Field(
        description="The same, which keeps it with the certainty asked for."
    )
    sets: list[list[Fraction] | None] = Field(
        description="What the score of each class, or of a label 1 - score and score, must reach:"
        " else it is ruled out."
    )


class ReliabilityBin(Strict):
    """Cases of `tune` with like probabilities, and how many of them were what they were said to be.

    The interval is Wilson's, 95 %, and takes cases as independent.
    """

    number: int = Field(description="0 to 9: from a tenth of 0..1 to the next.")
    cases: int
    mean: Fraction = Field(description="Their mean probability, after the temperature.")
    share: Fraction = Field(description="Of them with the answer yes.")
    low: Fraction
    high: Fraction


class Judged(Strict):
    """What came true on the run's own `tune`, of the question of one threshold."""

    flagged: int = Field(description="Cases at or above the threshold.")
    flagged_yes: int = Field(description="Those of them whose answer is yes.")
    passed: int = Field(description="Cases below it.")
    passed_yes: int
    bins: list[ReliabilityBin]


class Unlikeness(Strict):
    """From which distance of features on a case is unlike those of the run's own `tune`."""

    statistics: NamedFile = Field(description="Mean and covariance of features; none of a case.")
    threshold: Positive = Field(description="Of the distance; above is unlike.")
    asked: Fraction = Field(description="Share of false alarms that the settings allow.")
    rate: Fraction = Field(description="The same on average over `tune` parts.")
    interval: list[Fraction] = Field(
        description="95 % interval of the share of false alarms with this `tune` part."
    )
    n_cases: int
    n_patients: int


class Description(Strict):
    """What `predictor.json` holds; fits `learning.network.Blueprint`."""

    format: Literal[1] = FORMAT
    variant: str
    fold: int
    seed: int
    recipe: Sha256
    target: Target
    inputs: Inputs
    joints: Joints | None
    preset: str
    source: str
    model: ModelChoice
    shape: Shape
    train: Training
    parameters: int
    normalisation: Normalisation
    weights: NamedFile
    backbone: FrozenNetwork | None = Field(
        default=None, description="Left out where the network looks at pixels itself."
    )
    batch: int = Field(description="Pictures in a batch, which is filled up; exams come alone.")
    operating_point: ChosenPoint | None = Field(
        description="null only until `predict` has chosen it."
    )
    guarantee: Promised | None = Field(
        default=None, description="null in files of versions that gave none."
    )
    judged: list[Judged] | None = Field(
        default=None, description="A question each; null in files of versions that noted none."
    )
    likeness: Unlikeness | None = Field(
        default=None,
        description="Left out where there is none: no pixels are looked at, `tune` has too few"
        " patients, or the network does not end in a linear layer.",
    )
    study: StudyCard
    learned_from: list[Learned] = Field(description="The run itself is the last.")
    borrowed: list[BorrowedFrom] = Field(default=[], description="Left out where there are none.")
    versions: dict[str, str]

    @property
    def title(self) -> str:
        """How messages name the run."""
        return f"{self.variant}-fold-{self.fold}-seed-{self.seed}"

    @property
    def text(self) -> str:
        """What the file holds."""
        found = self.model_dump(mode="json")
        return json_text({k: v for k, v in found.items() if v or k not in LEFT_OUT})


def read_description(folder: Path) -> Description:
    """Read the `predictor.json` of a folder.

    Raises
    ------
    DataError
        It is missing, of an unknown version, or not whole.

    """
    path = Path(folder) / DESCRIPTION
    try:
        found: Any = read_json(path)
    except FileNotFoundError:
        raise DataError(
            f"{path}: missing. A predictor is the folder that `radpipe export RUN FOLDER` writes,"
            " or that of a run, results/runs/<variant>/fold-<f>-seed-<s>, after its step predict."
        ) from None
    except NotADirectoryError:
        raise DataError(
            f"{folder}: a file, and a predictor is a folder. Unpack an archive first:"
            f" python -m zipfile -e {folder} ."
        ) from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}). Export the run again.") from error
    version = found.get("format") if isinstance(found, dict) else None
    if version != FORMAT:
        raise DataError(
            f"{path}: of version {version!r}, and this radpipe reads version {FORMAT}. Install the"
            " radpipe that wrote it, or export the run again."
        )
    try:
        return Description.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(f"{path}: {where}: {first['msg']}. Export the run again.") from error
