"""Where things lie in OAI, what its columns are called, and which target a study asks for."""

from typing import Literal

from pydantic import Field, model_validator

from radpipe.core.errors import ConfigError
from radpipe.core.settings import Positive, Strict, Target
from radpipe.studies.base.template import Template

Question = Literal["kl", "progression"]

GRADES = 5
PUBLIC_KEY = b"radpipe adapter oai, public key 1"
# The data set's codes of the sides and ours.
SIDES = {"1": "R", "2": "L"}
JOINTS = "joints.csv"
# Settings of the layout that may be null, and names of covariates.
RISK_FACTORS = ("age", "sex", "bmi", "race", "injury", "alignment")


class OaiColumn(Strict):
    """One column of a table. `{side}` in its name stands for R or L: a column for each knee."""

    table: str = Field(
        description="Name of the table, wherever it lies below the root, or its path there."
    )
    column: str = Field(description="Name of the column; upper and lower case are the same.")


class Widths(OaiColumn):
    """The column of joint-space widths at one visit."""

    unusable: list[str] = Field(
        description="Columns with the reasons why a row does not count; . and 0 are no reason."
    )


class OaiLayout(Strict):
    """Which question a study asks, and where its answers stand.

    Defaults follow the release of 2021 as text; `radpipe check-data` tells which of them do
    not fit the files at hand.
    """

    question: Question = Field(
        description="kl: KL grade 0 to 4 at baseline. progression: whether the medial joint"
        " space narrows by `loss` mm or more until the later visit."
    )
    key_file: str | None = Field(
        default=None,
        description="File with the secret of the hash that stands for a patient, absolute, with"
        " ~ or $VARIABLES, or below the root of the data set; null takes a published key, so"
        " that whoever has a list of identifiers can find them out.",
    )
    films: str = Field(
        default="results/00m/{_}/{patient}/{_}/{series}/{_}",
        description="The end of the path of a film; {patient} is the identifier as in the"
        " tables, {series} the folder that the barcode ends with, {_} anything.",
    )
    grade: OaiColumn = OaiColumn(table="kxr_sq_bu00.txt", column="V00XRKL")
    barcode: str | None = Field(
        default="V00BARCDBU",
        description="Column beside the grade that names the film which was read; null: none.",
    )
    width: Widths = Widths(
        table="kxr_qjsw_duryea00.txt",
        column="V00MCMJSW",
        unusable=["V00NOMJSWX", "V00NOLJSWX"],
    )
    later_width: Widths = Widths(
        table="kxr_qjsw_duryea06.txt",
        column="V06MCMJSW",
        unusable=["V06NOMJSWX", "V06NOLJSWX"],
    )
    loss: Positive = Field(
        default=0.7, description="Loss of joint space that counts as progression, mm."
    )
    readings: list[str] = Field(
        default=["15", "37", "42"],
        description="Codes of READPRJ, best first: which of several readings of a knee counts."
        " Others come after them.",
    )
    age: OaiColumn | None = OaiColumn(table="allclinical00.txt", column="V00AGE")
    bmi: OaiColumn | None = OaiColumn(table="allclinical00.txt", column="P01BMI")
    sex: OaiColumn | None = OaiColumn(table="enrollees.txt", column="P02SEX")
    race: OaiColumn | None = OaiColumn(table="enrollees.txt", column="P02RACE")
    injury: OaiColumn | None = OaiColumn(table="allclinical00.txt", column="P01INJ{side}")
    alignment: OaiColumn | None = OaiColumn(table="kxr_fta_duryea00.txt", column="V00FTANGLE")
    boxes: str | None = Field(
        default=None,
        description=f"Table of boxes around joints below the root; null: {JOINTS} if it is there.",
    )

    @model_validator(mode="after")
    def _films_name_patients(self) -> "OaiLayout":
        if "patient" not in Template(self.films).names:
            raise ValueError("films must name {patient}")
        if self.barcode is not None and "series" not in Template(self.films).names:
            raise ValueError("films must name {series}, or barcode must be null")
        return self


def check_target(layout: OaiLayout, target: Target) -> None:
    """Refuse a target that the question does not have.

    Raises
    ------
    ConfigError
        Its kind or its number of classes is another one.

    """
    if layout.question == "kl":
        if target.kind not in ("ordinal", "multi-class") or len(target.classes) != GRADES:
            raise ConfigError(
                f"layout.question: kl has {GRADES} classes, the KL grades 0 to 4, and got a"
                f" {target.kind} target of {len(target.classes)}. The way out: kind: ordinal (or"
                " multi-class) with five classes, from grade 0 on."
            )
    elif target.kind != "binary":
        raise ConfigError(
            f"layout.question: progression is yes or no, and got a {target.kind} target. The way"
            " out: kind: binary with classes [no, yes], or names of your own."
        )


def covariates(layout: OaiLayout) -> dict[str, OaiColumn]:
    """Return the covariates that the layout names, each with its column.

    The grade is one of them, and the width at baseline, unless the grade is what is asked: it
    would be the answer, and the width goes a long way towards it.
    """
    named: dict[str, OaiColumn | None] = {name: getattr(layout, name) for name in RISK_FACTORS}
    found = {name: column for name, column in named.items() if column is not None}
    if layout.question == "progression":
        found |= {"kl": layout.grade, "jsw": layout.width}
    return found
