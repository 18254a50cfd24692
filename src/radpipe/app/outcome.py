"""What came out, in a few lines: per study the variants in order, and where the page is."""

from pathlib import Path

from radpipe.app.report.estimates import ShownEstimate
from radpipe.app.report.results import ResultFolders, StudyResults, VariantResults, read_studies
from radpipe.core.params import Params

PAGE = Path("results/report.html")
RESULTS = ResultFolders(
    scores=Path("results/scores"),
    tables=Path("results/comparison"),
    figures=Path("results/figures"),
    studies=Path("results/studies"),
)


def outcome(params: Params) -> str:
    """Return the ranking of every planned study with intervals, and the path of the page."""
    studies = read_studies(RESULTS, params.plan.compared, localized=params.localize)
    blocks = [_study(study) for study in studies]
    return "\n\n".join([*blocks, f"The page: {PAGE.absolute()}"])


def _study(study: StudyResults) -> str:
    """Lay out one study: AUC with its interval, best first, and by which part."""
    part = "test" if study.opened else "tune, the validation set (test stays closed)"
    confidence = float(study.intervals["confidence"])
    head = f"{study.name}: AUC with its {100 * confidence:g} % interval, on {part}"
    width = max(len(variant.name) for variant in study.variants)
    rows = [
        f"  {place}. {variant.name:<{width}}  {_score(variant)}"
        for place, variant in enumerate(study.variants, start=1)
    ]
    ceiling = study.ceiling("auc")
    best = [f"  {'':<{width + 3}} {_text(ceiling)}, the ideal observer"] if ceiling else []
    return "\n".join([head, *rows, *best])


def _score(variant: VariantResults) -> str:
    found = variant.estimate("auc")
    return _text(found) if found else "undefined: the report says why"


def _text(found: ShownEstimate) -> str:
    return f"{found.text} [{found.interval}]"
