"""How well the joints of a study were found, where they were cut out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from radpipe.app.report.estimates import whole


@dataclass(frozen=True)
class JointsView:
    """What the section on joints shows.

    Attributes
    ----------
    facts
        (count, what it counts).
    rows
        (part, joints with a known box, median and least overlap with it, median overlap of the
        best fixed box); numbers as text.
    extent
        A sentence on what a crop shows.
    caption
        Below the picture.

    """

    facts: list[tuple[str, str]]
    rows: list[tuple[str, ...]]
    extent: str
    caption: str


def joints_view(summary: Mapping[str, Any] | None) -> JointsView | None:
    """Make the section from `localize.json`; None where nothing was cut out."""
    if summary is None:
        return None
    sides = summary["sides"]
    facts = [
        (summary["n_crops"], "joints cut out"),
        (summary["n_unsure"], "cases without a confident joint, left out"),
        (summary["n_rejected"], "crops that failed"),
        (sides["n_right"], f"of {whole(sides['n_known'])} known joints in the half that was taken"),
    ]
    without = summary["n_without_spacing"]
    rest = f" ({whole(without)} films do not tell their pixels' distance)" if without else ""
    return JointsView(
        facts=[(whole(n), label) for n, label in facts],
        rows=[
            (
                part,
                whole(block["n"]),
                *map(_share, (block["median"], block["min"], fixed["median"])),
            )
            for part, block in summary["overlap"].items()
            for fixed in (summary["fixed_box"][part],)
            if block["n"]
        ],
        extent=(
            f"A crop shows {summary['extent_mm']:g} mm around the joint in"
            f" {summary['image']['side']} pixels{rest}. The detector was trained on"
            f" {whole(summary['n_taught'])} known boxes of train patients; fold 0 is its tune part."
        ),
        caption=(
            "The ten crops whose joint was found worst: least overlap with the known box"
            " (outlined) where there is one, else least confidence."
        ),
    )


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
