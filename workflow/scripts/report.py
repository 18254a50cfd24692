"""Write the page for reviewers and the few numbers that `dvc exp show` shows.

Reads   results/scores/<variant>/ and results/runs/<variant>/recipe.json of the planned
        variants, results/comparison, results/figures, results/studies/<study>/,
        presets/published
Writes  results/report.html, results/metrics.json
"""

import logging
from dataclasses import replace
from pathlib import Path

from radpipe.app.report.numbers import flat_metrics
from radpipe.app.report.page import render_page
from radpipe.app.report.publications import Published, read_published
from radpipe.app.report.published import published_on
from radpipe.app.report.results import CARDS, Folders, Study, read_openings, read_studies
from radpipe.core.cards import read_cards
from radpipe.core.files import write_json, write_text
from radpipe.core.step import Job, Step
from radpipe.figures.palette import colours

log = logging.getLogger("radpipe.report")

STEP = Step(
    "report",
    __doc__,
    run="all",
    layers=("core", "figures", "app/report"),
    options={"scores": Path, "studies": Path},
    reads=("tables", "figures", "published"),
    writes=("out", "metrics"),
    settings=("plan", "variants", "studies"),
)


def main(job: Job) -> None:
    """Read the results, lay them out, write page and numbers."""
    args, plan = job.args, job.setting("plan")
    folders = Folders(
        scores=args.scores,
        runs=args.scores.parent / "runs",
        tables=args.tables,
        figures=args.figures,
        studies=args.studies,
    )
    published = read_published(args.published, read_cards(args.tables / CARDS))
    studies = [
        with_settings(study, job, published)
        for study in read_studies(folders, plan.variants, check=job.read)
    ]
    # openings.csv is no declared input: predict appends to it on every opening, so as an
    # input it would make this page stale by the very run that asks for it.
    openings = read_openings()
    page = render_page(
        studies,
        openings=openings,
        plan=plan,
        colours=colours(plan.variants),
    )
    write_text(args.out, page)
    write_json(args.metrics, flat_metrics(studies))
    log.info(
        "reported %s: studies=%d variants=%d openings=%d",
        args.out,
        len(studies),
        len(plan.variants),
        len(openings),
    )


def with_settings(study: Study, job: Job, published: list[Published]) -> Study:
    """Add where the study's data come from, and what others found on the same data."""
    settings = job.setting(f"studies.{study.name}")
    figures = dict(study.figures)
    if settings.remote is not None:
        # The page goes to the default remote, and these are pixels.
        figures.pop("joints", None)
    return replace(
        study,
        source=settings.source.model_dump(),
        published=published_on(study, settings, published),
        figures=figures,
    )


if __name__ == "__main__":
    STEP(main)
