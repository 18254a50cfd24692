"""The card of a study on the page: who its patients are, what it shows, how its parts differ."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from radpipe.app.report.estimates import MISSING, decimal, whole
from radpipe.app.report.results import StudyResults

PARTS = ("train", "tune", "test")
FEW = "fewer than 5"


@dataclass(frozen=True)
class DriftRow:
    """One quantity in every part.

    Attributes
    ----------
    name
        What is compared.
    values
        Of train, tune and test, as text.
    differences
        Of tune and test from train, as text, and whether it is one that counts.

    """

    name: str
    values: tuple[str, ...]
    differences: tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class CardView:
    """What the section on a study's composition shows.

    Attributes
    ----------
    facts
        (count, what it counts).
    rows
        Of the table of parts.
    n_apart
        Differences that count.
    notable
        From which on they do, in standard deviations.
    captions
        Figure to the text below it, of those that are there.
    withheld
        Where a contact sheet lies that is not on the page; empty if none.

    """

    facts: list[tuple[str, str]]
    rows: list[DriftRow]
    n_apart: int
    notable: str
    captions: dict[str, str]
    withheld: str


CAPTIONS = {
    "people": "How many cases a patient has; where ages are known, these by decade and sex, and the"
    " ages at which each class or label is present (median and quartiles, line: 10 to 90 %). A star"
    " stands for one to four patients.",
    "labels": "What the cases outside test show. A star stands for one to four patients.",
    "drift": "Standardised differences of tune and test from train in fold 0; the grey band is what"
    " is usually called no difference. Below, grey values of up to 200 stored pictures a part,"
    " without black.",
    "contact": "Stored pictures, row by row of one class or label, each of another patient, none of"
    " them from test.",
}


def card_view(study: StudyResults) -> CardView | None:
    """Make the section from card.json; None where the study was not explored."""
    if (card := study.card) is None:
        return None
    notable = float(card.get("notable", 0.1))
    rows = [_row(row, notable) for row in card.get("drift", {}).get("rows", ())]
    return CardView(
        facts=_facts(card),
        rows=rows,
        n_apart=sum(counts for row in rows for _, counts in row.differences),
        notable=f"{notable:g}",
        captions={name: text for name, text in CAPTIONS.items() if name in study.figures},
        withheld=f"results/studies/{study.name}/contact.png" if study.restricted else "",
    )


def _facts(card: Mapping[str, Any]) -> list[tuple[str, str]]:
    facts = []
    if (patients := card.get("patients")) and (most := patients["five_reach"]):
        facts.append((f"{patients['median']:g}", "cases a patient (median)"))
        facts.append((whole(most), "cases or more of the five patients with most"))
    if ages := card.get("ages"):
        facts.append((f"{ages['mean']:.0f} ± {ages['sd']:.0f}", "years of age (mean ± SD)"))
    if found := card.get("combinations"):
        facts.append((whole(found["n_distinct"]), "combinations of labels outside test"))
        facts.append((_told(found["n_several"]), "cases with several labels"))
    return facts


def _told(n: int | None) -> str:
    return FEW if n is None else whole(n)


def _row(row: Mapping[str, Any], notable: float) -> DriftRow:
    differences = [row["differences"].get(part) for part in PARTS[1:]]
    return DriftRow(
        row["title"],
        tuple(_value(row, part) for part in PARTS),
        tuple(
            (MISSING, False) if d is None else (decimal(d, sign=True), abs(d) >= notable)
            for d in differences
        ),
    )


def _value(row: Mapping[str, Any], part: str) -> str:
    value = row["values"].get(part)
    if value is None:
        return MISSING
    if row["is_share"]:
        return f"{100 * value:.1f} %"
    sd = row["sd"][part]
    digits = 3 if abs(value) < 10 else 1
    return f"{value:.{digits}f} ± {sd:.{digits}f}"
