"""The card of a metric: all that is known about it, beside the function that computes it.

`evaluation.metrics` files one with every function, the step compare writes them all into
`cards.json`, and the report reads that. Which metrics are tested, ranked, shown or explained
is said nowhere else.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, get_args

from pydantic import model_validator

from radpipe.core.checking import check
from radpipe.core.files import read_json, write_json
from radpipe.core.settings import Kind, Strict

KINDS: tuple[Kind, ...] = get_args(Kind)
# The metric that orders the variants of a study, and comes first wherever metrics are listed.
RANKED_BY = "auc"


class Card(Strict):
    """What is known about a metric.

    Attributes
    ----------
    name
        In files and settings, as in `metrics.json`.
    title
        Heading of its column on the page.
    words
        What it means, for a reader who does not know it; plain text.
    best
        "high" or "low" values, or the one number to reach, such as 1 of a calibration slope.
    targets
        Kinds of target for which it has a meaning; of others it is NaN and listed nowhere.
    calibrated
        It takes calibrated probabilities, so its value before calibration is given, too.
    tested
        Pairs of variants are tested on it.
    headline
        `dvc exp show` shows it of the best variant of each study (`results/metrics.json`), every
        variant's is in `results/variants.json`, and its paired tests are on the page.
    interval
        Where its interval comes from: "draws" of patients; of a "share" of cases and of an "area"
        under the ROC curve a formula, of "gaps" between predicted and observed their errors.
    ceiling
        The ideal observer's value is given where a study knows it. Only for metrics that true
        probabilities bring to their best value.
    gap
        The distance to that ceiling is given with an interval of its own.
    table
        Table of the page in which it is a column.
    each
        Caption of a table class by class; "{word}" is "class" or "label". Empty: there is none.
    also
        Its other name where a target asks yes-or-no questions (binary, multi-label).
    phrase
        Its title within a sentence, where that is written otherwise.

    """

    name: str
    title: str
    words: str
    best: Literal["high", "low"] | float
    targets: tuple[Kind, ...] = KINDS
    calibrated: bool = False
    tested: bool = False
    headline: bool = False
    interval: Literal["draws", "share", "area", "gaps"] = "draws"
    ceiling: bool = False
    gap: bool = False
    table: Literal["ranking", "decisions", "calibration", "none"] = "ranking"
    each: str = ""
    also: str = ""
    phrase: str = ""

    @model_validator(mode="after")
    def _gap_to_something(self) -> "Card":
        if self.gap and not self.ceiling:
            raise ValueError(f"metric {self.name}: a gap needs a ceiling; set both, or neither")
        return self

    @property
    def special(self) -> bool:
        """Whether it has a meaning for some kinds of target only."""
        return set(self.targets) != set(KINDS)

    @property
    def goal(self) -> float | None:
        """The number to reach, None where higher or lower values are better."""
        return None if isinstance(self.best, str) else self.best

    @property
    def aim(self) -> str:
        """Which values are better, as a sentence."""
        if isinstance(self.best, str):
            return f"{'Higher' if self.best == 'high' else 'Lower'} is better."
        return f"{self.best:g} is right."

    def heading(self, kind: Kind) -> str:
        """Return the title, with the other name where a target of this kind has one."""
        yes_or_no = kind in ("binary", "multi-label")
        return f"{self.title} ({self.also})" if self.also and yes_or_no else self.title

    @property
    def in_text(self) -> str:
        """The title within a sentence."""
        return self.phrase or self.title


def write_cards(path: Path, cards: Iterable[Card]) -> None:
    """Write cards as a JSON list, in their order."""
    write_json(path, [card.model_dump(mode="json") for card in cards])


def read_cards(path: Path) -> Mapping[str, Card]:
    """Read what `write_cards` wrote: name to card, in the same order.

    Raises
    ------
    ConfigError
        The file holds something else; one line per mistake.

    """
    cards = [check(Card, block, where="", source=str(path)) for block in read_json(path)]
    return {card.name: card for card in cards}
