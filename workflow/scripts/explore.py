"""Show what a study is like: its patients, labels, parts and pictures.

Reads   data/<study>/store, data/<study>/split.parquet, results/studies/<study>/ingest.json
Writes  results/studies/<study>/card.json, counts and shares without any of one to four patients;
        results/studies/<study>/figures/, drawn from it; results/studies/<study>/sizes.png;
        results/studies/<study>/contact.png, a few pictures, which may be restricted
"""

from radpipe.core.environment import pin

if __name__ == "__main__":
    pin()

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from radpipe.core.files import read_json, write_json
from radpipe.core.step import Job, Step
from radpipe.core.tables import read_table
from radpipe.exploring.card import study_card
from radpipe.exploring.cases import StudyCases, read_cases
from radpipe.exploring.contact import ACROSS, contact_rows
from radpipe.figures.contact import contact_figure, notice_figure
from radpipe.figures.drift import drift_figure
from radpipe.figures.labels import labels_figure
from radpipe.figures.people import people_figure
from radpipe.figures.saving import save, save_twice
from radpipe.figures.sizes import sizes_figure
from radpipe.imaging.store import Store

log = logging.getLogger("radpipe.explore")

STEP = Step(
    "explore",
    __doc__,
    each="studies",
    reads={
        "store": "data/{study}/store",
        "split": "data/{study}/split.parquet",
        "ingested": "results/studies/{study}/ingest.json",
    },
    writes={
        "card": "results/studies/{study}/card.json",
        "figures": "results/studies/{study}/figures",
        "sizes": "results/studies/{study}/sizes.png",
        "contact": "results/studies/{study}/contact.png",
    },
    settings=("studies.{study}.target",),
    # The sheet holds pixels, which may be restricted.
    keeps={"card": "git", "contact": "remote"},
    mem_mb=4000,
)
FIGURES: dict[str, Callable[[Mapping[str, Any]], Figure]] = {
    "people": people_figure,
    "labels": labels_figure,
    "drift": drift_figure,
}


def main(job: Job) -> None:
    """Count, then draw what was counted, and a few pictures."""
    args = job.args
    store = Store(args.store)
    cases = read_cases(read_table(args.split), job.setting(f"studies.{args.study}.target"))
    card = study_card(args.study, cases, store)
    write_json(args.card, card)
    draw(card, args.figures)
    rows, columns = (store.index[name].to_numpy() for name in ("rows", "columns"))
    detail = card["detail"]
    figure = sizes_figure(rows, columns, store.fingerprint, size=store.size, detail=detail)
    save(figure, args.sizes)
    save(sheet(store, cases, read_json(args.ingested)["n_burned_in"]), args.contact)
    log.info(
        "explored %s: cases=%d patients=%d",
        args.study,
        card["patients"]["n_cases"],
        card["patients"]["n_patients"],
    )


def draw(card: Mapping[str, Any], folder: Path) -> None:
    """Draw each topic of a card, for screens and for print."""
    for name, figure in FIGURES.items():
        save_twice(figure(card), folder, name)


def sheet(store: Store, cases: StudyCases, n_burned_in: int) -> Figure:
    """Draw a contact sheet; a notice where text is likely to stand in some pictures.

    The store does not say in which ones, so that none can be shown.
    """
    if n_burned_in:
        return notice_figure("No picture is shown: text is likely to stand in some of this study.")
    full = 2**store.bits - 1
    if not (chosen := contact_rows(store, cases)):
        return notice_figure("No picture outside test has a known label and no letters.")
    pictures = {name: store.middles(rows) / full for name, rows in chosen.items()}
    return contact_figure(pictures, across=ACROSS)


if __name__ == "__main__":
    STEP(main)
