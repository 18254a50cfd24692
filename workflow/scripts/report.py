"""Write the page for reviewers and the few numbers that `dvc exp show` shows.

Reads   results/scores/<variant>/ of all planned variants and ensembles,
        results/comparison, results/figures, results/studies/<study>/,
        results/cohorts/<cohort>/, results/explanations/<variant>/, results/judged,
        presets/published
Writes  results/report.html; results/metrics.json, the best variant of each study;
        results/variants.json, the same numbers of every variant; results/checklists/, what
        journals ask for, filled as far as files answer it
"""

from radpipe.core.environment import pin

if __name__ == "__main__":
    pin()

import logging
from dataclasses import replace
from pathlib import Path

from radpipe.app.checklists.writing import write_checklists
from radpipe.app.report.explanations import read_galleries
from radpipe.app.report.external import read_cohorts
from radpipe.app.report.judged import read_judged
from radpipe.app.report.made import Made, made_of
from radpipe.app.report.numbers import best_metrics, variant_metrics
from radpipe.app.report.page import render_page
from radpipe.app.report.publications import Published, read_published
from radpipe.app.report.published import published_on
from radpipe.app.report.results import CARDS, ResultFolders, StudyResults, read_studies
from radpipe.core.cards import read_cards
from radpipe.core.files import write_json, write_text
from radpipe.core.graph import Graph
from radpipe.core.openings import read_openings
from radpipe.core.step import Job, Step
from radpipe.figures.palette import colours

log = logging.getLogger("radpipe.report")

STEP = Step(
    "report",
    __doc__,
    reads={
        "scores": "results/scores/{compared}/metrics.json",
        "confusion": "results/scores/{compared}/confusion.csv",
        "recipes": "results/scores/{compared}/recipe.json",
        "tables": "results/comparison",
        "figures": "results/figures",
        "ingested": "results/studies/{studies}/ingest.json",
        "splits": "results/studies/{studies}/split.json",
        "sizes": "results/studies/{studies}/sizes.png",
        "cards": "results/studies/{studies}/card.json",
        "explored": "results/studies/{studies}/figures",
        "contact": "results/studies/{studies}/contact.png",
        "localized": "results/studies/{localized}/localize.json",
        "joints": "results/studies/{localized}/joints.png",
        "judged": "results/cohorts/{cohorts}/scores.json",
        "external": "results/cohorts/{cohorts}/scores.csv",
        "known": "results/cohorts/{cohorts}/leaks.csv",
        "explained": "results/explanations/{explained}/facts.json",
        "galleries": "results/explanations/{explained}/gallery",
        "maps": "results/judged/tables",
        "map_figures": "results/judged/figures",
        "published": "presets/published",
    },
    writes={
        "out": "results/report.html",
        "metrics": "results/metrics.json",
        "numbers": "results/variants.json",
        "checklists": "results/checklists",
    },
    settings=("plan", "variants", "studies", "localize", "explain"),
    keeps={"metrics": "metrics", "numbers": "git", "checklists": "git"},
)


def main(job: Job) -> None:
    """Read the results, lay them out, write page and numbers."""
    args, plan = job.args, job.setting("plan")
    folders = ResultFolders(
        scores=Path("results/scores"),
        tables=args.tables,
        figures=args.figures,
        studies=Path("results/studies"),
    )
    published = read_published(args.published, read_cards(args.tables / CARDS))
    studies = [
        with_settings(study, job, published)
        for study in read_studies(folders, plan.compared, localized=job.setting("localize"))
    ]
    # openings.csv is no declared input: predict appends to it on every opening, so as an
    # input it would make this page stale by the very run that asks for it.
    openings = read_openings()
    page = render_page(
        studies,
        openings=openings,
        plan=plan,
        colours=colours(plan.compared),
    )
    write_text(args.out, page)
    write_json(args.metrics, best_metrics(studies))
    write_json(args.numbers, variant_metrics(studies))
    write_checklists(args.checklists, studies, openings)
    log.info(
        "reported %s: studies=%d variants=%d openings=%d",
        args.out,
        len(studies),
        len(plan.compared),
        len(openings),
    )


def with_settings(study: StudyResults, job: Job, published: list[Published]) -> StudyResults:
    """Add where the study's data come from, and what others found on the same data."""
    settings, plan = job.setting(f"studies.{study.name}"), job.setting("plan")
    figures = dict(study.figures)
    if settings.remote is not None:
        # The page goes to the default remote, and these are pixels.
        for name in ("joints", "contact"):
            figures.pop(name, None)
    return replace(
        study,
        made=made_by_variant(study, job.graph),
        source=settings.source.model_dump(),
        restricted=settings.remote is not None,
        published=published_on(study, settings, published),
        figures=figures,
        galleries=read_galleries(
            study.name,
            job.setting("explain"),
            results=Path("results/explanations"),
            several_runs=len(plan.folds) * len(plan.seeds) > 1,
            restricted=settings.remote is not None,
        ),
        judged=read_judged(study.name, job.args.maps.parent),
        cohorts=read_cohorts(
            study.name,
            plan.cohorts,
            results=Path("results/cohorts"),
            figures=job.args.figures,
        ),
    )


def made_by_variant(study: StudyResults, graph: Graph) -> dict[str, Made]:
    """Say when each variant was trained and scored, as receipts do.

    They are no declared inputs, as `openings.csv` is none: a training that is repeated to the same
    bytes has another receipt, and must not make this page stale.
    """
    found = {}
    for variant in study.variants:
        scored = graph.makers[f"results/scores/{variant.name}/metrics.json"]
        runs = [run for run in graph.runs.values() if run.step.name == "train"]
        trained = [run for run in runs if run.values["variant"] == variant.name]
        if made := made_of(run.receipt for run in (*trained, scored)):
            found[variant.name] = made
    return found


if __name__ == "__main__":
    STEP(main)
