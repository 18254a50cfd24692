"""Tables of a study class by class, label by label or grade by grade."""

from collections.abc import Sequence

from radpipe.app.report.estimates import Estimate, Scale
from radpipe.app.report.results import Study
from radpipe.app.report.tables import Column
from radpipe.core.cards import RANKED_BY


def per_class(study: Study, metric: str = RANKED_BY) -> list[Column]:
    """Return a column of a metric per class; empty for two classes, which share one."""
    if len(study.classes) < 3 and study.kind != "multi-label":
        return []
    return _columns(study, metric, study.classes)


def at_least(study: Study) -> list[Column]:
    """Return a column of AUC per grade but the lowest; empty without grades."""
    titles = [f"≥ {name}" for name in study.classes]
    return _columns(study, "auc_at_least", titles) if study.kind == "ordinal" else []


def gaps_per_class(study: Study) -> list[Column]:
    """Return one column per class or label of the ceiling's distance; empty without a ceiling."""
    if not per_class(study):
        return []
    found = []
    for name in study.classes:
        cells = study.gaps_of(label=name)
        if any(cells):
            found.append(Column(name, name, Scale.around(cells, 0.0), None, cells, 0.0))
    return found


def captioned(study: Study) -> list[tuple[str, list[Column]]]:
    """Return (caption, a column per class) of the metrics whose card asks for such a table."""
    word = "label" if study.kind == "multi-label" else "class"
    tables = [
        (card.each.replace("{word}", word), per_class(study, card.name))
        for card in study.cards.values()
        if card.each
    ]
    return [(caption, found) for caption, found in tables if found]


def _columns(study: Study, metric: str, titles: Sequence[str]) -> list[Column]:
    found = []
    for name, title in zip(study.classes, titles, strict=True):
        cells: tuple[Estimate | None, ...]
        cells = tuple(variant.estimate(metric, name) for variant in study.variants)
        ceiling = study.best.ceiling(metric, name)
        if any(cells):
            found.append(Column(name, title, Scale.around([*cells, ceiling]), ceiling, cells))
    return found
