"""Tables of a study class by class, label by label or grade by grade."""

from collections.abc import Sequence

from radpipe.app.report.estimates import Scale, ShownEstimate
from radpipe.app.report.results import StudyResults
from radpipe.app.report.tables import TableColumn
from radpipe.core.cards import RANKED_BY


def per_class(study: StudyResults, metric: str = RANKED_BY) -> list[TableColumn]:
    """Return a column of a metric per class; empty for two classes, which share one."""
    if len(study.classes) < 3 and study.kind != "multi-label":
        return []
    return _columns(study, metric, study.classes)


def at_least(study: StudyResults) -> list[TableColumn]:
    """Return a column of AUC per grade but the lowest; empty without grades."""
    titles = [f"≥ {name}" for name in study.classes]
    return _columns(study, "auc_at_least", titles) if study.kind == "ordinal" else []


def gaps_per_class(study: StudyResults) -> list[TableColumn]:
    """Return one column per class or label of the ceiling's distance; empty without a ceiling."""
    if not per_class(study):
        return []
    found = []
    for name in study.classes:
        cells = study.gaps_of(label=name)
        if any(cells):
            found.append(TableColumn(name, name, Scale.around(cells, 0.0), None, cells, 0.0))
    return found


def captioned(study: StudyResults) -> list[tuple[str, list[TableColumn]]]:
    """Return (caption, a column per class) of the metrics whose card asks for such a table."""
    word = "label" if study.kind == "multi-label" else "class"
    tables = [
        (card.each.replace("{word}", word), per_class(study, card.name))
        for card in study.cards.values()
        if card.each
    ]
    return [(caption, found) for caption, found in tables if found]


def _columns(study: StudyResults, metric: str, titles: Sequence[str]) -> list[TableColumn]:
    found = []
    for name, title in zip(study.classes, titles, strict=True):
        cells: tuple[ShownEstimate | None, ...]
        cells = tuple(variant.estimate(metric, name) for variant in study.variants)
        ceiling = study.best.ceiling(metric, name)
        if any(cells):
            whys = tuple(variant.why(metric, name) for variant in study.variants)
            scale = Scale.around([*cells, ceiling])
            found.append(TableColumn(name, title, scale, ceiling, cells, whys=whys))
    return found
