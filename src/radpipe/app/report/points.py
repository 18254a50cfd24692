"""Points of curves, partial areas and average precision, as columns of a table."""

from radpipe.app.report.estimates import Scale, ShownEstimate
from radpipe.app.report.results import Row, StudyResults
from radpipe.app.report.tables import TableColumn

TITLES = {
    "sensitivity-at": "Sensitivity at specificity {x}",
    "specificity-at": "Specificity at sensitivity {x}",
    "partial-area": "Partial AUC, specificity from {x}",
    "average-precision": "Average precision",
}
WHY = "every draw of patients gives the same value"


def curve_points(study: StudyResults) -> list[TableColumn]:
    """Return a column for each point, and class or label if there are several."""
    labels = list(dict.fromkeys(row["class"] for row in study.points))
    keys = dict.fromkeys((row["curve"], row["x"]) for row in study.points)
    found = []
    for label in labels:
        for kind, x in keys:
            rows = {
                row["variant"]: row
                for row in study.points
                if (row["class"], row["curve"], row["x"]) == (label, kind, x)
            }
            cells = tuple(_cell(rows.get(variant.name)) for variant in study.variants)
            if not any(cells):
                continue
            title = TITLES[kind].format(x=f"{float(x):g}")
            title = title if len(labels) == 1 else f"{label}: {title}"
            whys = tuple("" if cell else WHY for cell in cells)
            scale = Scale.around(cells)
            found.append(TableColumn(f"{kind}-{x}-{label}", title, scale, None, cells, whys=whys))
    return found


def _cell(row: Row | None) -> ShownEstimate | None:
    return ShownEstimate.of({**row, "value": row["y"]}) if row else None
