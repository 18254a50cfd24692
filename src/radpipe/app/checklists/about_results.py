"""What can be answered about scores, and what limits them."""

from radpipe.app.checklists.facts import SETTINGS, Asked, Fact, filler, interval
from radpipe.app.report.estimates import ShownEstimate, decimal, whole
from radpipe.core.cards import RANKED_BY


@filler
def goal(asked: Asked) -> Fact:
    """Say what is compared on what."""
    study = asked.study
    return Fact(
        f"Comparison of {len(study.variants)} variants that predict {', '.join(study.classes)}"
        f" ({study.kind}), on the {study.part} part",
        (SETTINGS, f"{asked.scores}/metrics.json"),
        "for whom, and which decision it is to serve",
    )


@filler
def headline(asked: Asked) -> Fact | None:
    """Give the area that the ranking is by."""
    area = asked.study.best.estimate(RANKED_BY)
    if area is None:
        return None
    return Fact(f"AUC {interval(area)} on {asked.study.part}", (f"{asked.scores}/metrics.json",))


@filler
def measures(asked: Asked) -> Fact:
    """Name the metrics that have a value."""
    found = asked.study.best.scores["metrics"]
    titles = [card.title for name, card in asked.study.cards.items() if name in found]
    return Fact(
        ", ".join(titles), ("results/comparison/cards.json", f"{asked.scores}/metrics.json")
    )


@filler
def uncertainty(asked: Asked) -> Fact:
    """Say how intervals and p-values were made."""
    how = asked.study.intervals
    text = (
        f"{asked.level} intervals with whole patients as unit; where patients are drawn,"
        f" {whole(how['bootstrap'])} times, seed {how['seed']}"
    )
    scores = f"{asked.scores}/metrics.json"
    if not asked.study.paired:
        return Fact(text, (scores,))
    return Fact(
        f"{text}. Pairs of variants: DeLong or permutation by patient, corrected by Holm",
        (scores, f"results/comparison/{asked.study.name}-paired.csv"),
    )


@filler
def robustness(asked: Asked) -> Fact | None:
    """Give the spread over runs, where there are several."""
    runs = asked.study.best.scores["metrics"].get(RANKED_BY, {}).get("runs") or {}
    if (runs.get("n") or 0) < 2:
        return None
    return Fact(
        f"AUC over {runs['n']} trainings with other seeds or folds: {decimal(runs['mean'])} ±"
        f" {decimal(runs['sd'])}",
        (f"{asked.scores}/metrics.json",),
    )


@filler
def internal(asked: Asked) -> Fact:
    """Name the part that is reported."""
    scores = asked.study.best.scores
    opened = "" if asked.study.opened else " (it chose epoch and thresholds: test is not opened)"
    return Fact(
        f"The {asked.study.part} part of {asked.study.name}{opened}: {whole(scores['n_cases'])}"
        f" cases of {whole(scores['n_patients'])} patients",
        (f"{asked.scores}/metrics.json", f"{asked.folder}/split.json"),
    )


@filler
def external(asked: Asked) -> Fact | None:
    """Give the area on further studies."""
    name, found = asked.study.best.name, []
    for cohort in asked.study.cohorts:
        block = cohort.scores["variants"].get(name, {}).get("scores", {}).get("metrics", {})
        if area := ShownEstimate.of(block.get(RANKED_BY)):
            found.append(f"{cohort.name}: AUC {interval(area)}")
    places = tuple(f"results/cohorts/{each.name}/scores.json" for each in asked.study.cohorts)
    return Fact("; ".join(found), places) if found else None


@filler
def uncertain(asked: Asked) -> Fact:
    """Say that every case gets a decision, and how many truths are unknown."""
    return Fact(
        f"Every case gets a decision; cases of {asked.study.part} whose truth is unknown, not"
        f" scored: {whole(asked.study.best.scores.get('n_unknown', 0))}",
        (f"{asked.scores}/metrics.json",),
    )


@filler
def subgroups(asked: Asked) -> Fact | None:
    """Name the groups that were looked at."""
    groups = asked.study.best.scores.get("subgroups") or ()
    if not groups:
        return None
    names = [
        f"{one['covariate']} {one['value']}: {whole(one['n_cases'])} cases"
        + (f", AUC {interval(area)}" if (area := ShownEstimate.of(one.get("auc"))) else "")
        for one in groups
    ]
    return Fact(
        "; ".join(names), (f"{asked.scores}/metrics.json",), "which groups were left out, and why"
    )


@filler
def performance(asked: Asked) -> Fact | None:
    """Give the metrics of the ranking with their intervals."""
    return _metrics(asked, "ranking")


@filler
def calibration(asked: Asked) -> Fact | None:
    """Give the metrics that judge probabilities."""
    return _metrics(asked, "calibration")


@filler
def parts(asked: Asked) -> Fact | None:
    """Give the area on every part that was scored."""
    found = {
        part: ShownEstimate.of(block["metrics"].get(RANKED_BY))
        for part, block in asked.study.best.metrics["parts"].items()
    }
    text = "; ".join(f"{part}: AUC {interval(area)}" for part, area in found.items() if area)
    return Fact(text, (f"{asked.scores}/metrics.json",)) if text else None


@filler
def cross_table(asked: Asked) -> Fact | None:
    """Count decisions by truth."""
    rows = [row for row in asked.study.best.confusion if row["part"] == asked.study.part]
    if not rows:
        return None
    text = "; ".join(f"{row['true']} decided {row['decided']}: {row['n']}" for row in rows)
    return Fact(text, (f"{asked.scores}/confusion.csv",))


@filler
def failures(asked: Asked) -> Fact | None:
    """Name the most frequent wrong decision."""
    rows = [
        row
        for row in asked.study.best.confusion
        if row["part"] == asked.study.part and row["true"] != row["decided"] and row["n"]
    ]
    if not rows:
        return None
    worst = max(rows, key=lambda row: int(row["n"]))
    return Fact(
        f"Most frequent: {worst['true']} decided {worst['decided']}, {whole(worst['n'])} times",
        (f"{asked.scores}/confusion.csv",),
        "what such cases look like",
    )


@filler
def limits(asked: Asked) -> Fact | None:
    """List what the page warns of."""
    titles = [each.title for each in asked.cautions]
    if not titles:
        return None
    # The page itself is not there yet; warnings follow from these.
    places = (f"{asked.scores}/metrics.json", f"{asked.folder}/split.json")
    return Fact(f"The report warns: {'; '.join(titles)}", places, "for whom it holds, and bias")


def _metrics(asked: Asked, table: str) -> Fact | None:
    best = asked.study.best
    shown = (
        (card.title, best.estimate(name))
        for name, card in asked.study.cards.items()
        if card.table == table
    )
    text = "; ".join(f"{title} {interval(found)}" for title, found in shown if found)
    where = (f"{asked.scores}/metrics.json",)
    return Fact(f"{asked.study.part}, {asked.level} intervals: {text}", where) if text else None
