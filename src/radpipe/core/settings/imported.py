"""Settings of imported predictions: answers that a person or another system has given."""

from typing import Literal

from pydantic import Field, model_validator

from radpipe.core.settings.base import Strict

Form = Literal["probabilities", "logits", "ratings", "decisions"]


class Maker(Strict):
    """Who gave the answers."""

    kind: Literal["reader", "system"] = Field(
        description="reader: a person, who is compared with other persons, too; system: a program."
    )
    name: str = Field(
        min_length=1,
        description="By which the report calls the person or the system. The same person with and"
        " without help has the same name. No real names of persons: reader-1 will do.",
    )
    modality: str = Field(
        default="",
        description="What a reader read with, such as `alone` and `aided`. Readers who read the"
        " same cases in several modalities make a comparison of these.",
    )


class Imported(Strict):
    """Answers from a table, compared like a variant; nothing is trained."""

    study: str
    predictions: str = Field(
        min_length=1,
        description="Table of text (CSV and its kin), a row a case; relative to the project.",
    )
    by: Maker
    form: Form = Field(
        default="probabilities",
        description="What its numbers are: probabilities, 0 to 1; logits, any real number; ratings"
        " on a scale, which only rank; or decisions, a class (or 0 and 1) without a number.",
    )
    layout: Literal["plain", "chexpert"] = Field(
        default="plain",
        description="plain: a column of cases and columns named after classes. chexpert: the tables"
        " that are published for CheXpert's test studies, a row a study.",
    )
    columns: dict[str, str] = Field(
        default={},
        description="Where columns have other names: `case`, `decision` or a class to its column.",
    )
    rows: dict[str, str] = Field(
        default={},
        description="Column to the value that rows have: a table of several readers is taken apart"
        " by it.",
    )
    scale: tuple[float, float] | None = Field(
        default=None, description="Of ratings: the smallest and the largest that there is."
    )
    positive_from: float | None = Field(
        default=None,
        description="The number, as it stands in the table, from which on an answer is positive."
        " null: chosen on `tune` if the table has cases of it; else the middle.",
    )
    unknown_cases: Literal["refuse", "drop"] = Field(
        default="refuse", description="What is done about rows of cases that the study has not."
    )
    learned_from: list[str] | None = Field(
        default=None,
        description="Names of the data sets from which a system has learned; [] for none; null:"
        " not known, which the report says.",
    )

    @model_validator(mode="after")
    def _scaled(self) -> "Imported":
        if (self.form == "ratings") != (self.scale is not None):
            raise ValueError("scale belongs to form: ratings, which needs it, such as [1, 5]")
        if self.scale is not None and not self.scale[0] < self.scale[1]:
            raise ValueError(f"scale goes from the smallest to the largest, got {self.scale}")
        if self.form == "decisions" and self.positive_from is not None:
            raise ValueError("positive_from is for numbers, and form: decisions has none")
        return self
