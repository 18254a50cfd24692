"""What can be answered about the data of a study."""

from collections.abc import Iterable, Mapping
from typing import Any

from radpipe.app.checklists.facts import SETTINGS, Asked, Fact, filler, interval, settings
from radpipe.app.report.card import PARTS
from radpipe.app.report.estimates import ShownEstimate, decimal, whole


@filler
def sources(asked: Asked) -> Fact | None:
    """Say what kind of source the data have."""
    kind = asked.study.source.get("kind")
    kinds = {
        "phantom": "Synthetic data with known truth (phantom), no patients",
        "url": f"Downloaded; licence: {asked.study.source.get('licence')}",
        "path": "The user's own files, read where they lie",
        "arrays": "The user's own arrays",
    }
    if kind not in kinds:
        return None
    rest = "" if kind == "phantom" else "hospitals, years, permission, and for whom they stand"
    return Fact(kinds[kind], (SETTINGS,), rest)


@filler
def refused(asked: Asked) -> Fact:
    """Count refused files by reason, and dropped cases."""
    found = asked.study.ingest["rejected"]
    reasons = "; ".join(f"{reason}: {whole(n)}" for reason, n in sorted(found.items()))
    named = f" ({reasons})" if reasons else ""
    cases = asked.study.split["cases"]
    return Fact(
        f"Of {whole(cases['indexed'])} cases {whole(cases['placed'])} were placed in parts;"
        f" files refused: {whole(asked.study.ingest['n_rejected'])}{named};"
        f" cases dropped as copies: {whole(cases['dropped'])}",
        (f"{asked.folder}/ingest.json", f"{asked.folder}/split.json"),
        "clinical criteria, setting, places and dates",
    )


@filler
def preprocessing(asked: Asked) -> Fact | None:
    """List how pictures are stored and normalised."""
    recipe = asked.study.best.recipe
    if "image" not in recipe:
        return None
    how = recipe.get("train", {}).get("normalize")
    text = settings(recipe["image"])
    return Fact(
        f"Pictures: {text}{f'; normalised: {how}' if how else ''}",
        (f"{asked.scores}/recipe.json",),
    )


@filler
def subset(asked: Asked) -> Fact:
    """Say whether all cases of the table were used."""
    cases = asked.study.split["cases"]
    return Fact(
        f"{whole(cases['placed'])} of {whole(cases['indexed'])} cases in the study's table",
        (f"{asked.folder}/split.json",),
        "how the table itself was drawn from all patients",
    )


@filler
def burned_in(asked: Asked) -> Fact:
    """Count pictures in which text is likely; the rest nobody here knows."""
    n = asked.study.ingest["n_burned_in"]
    return Fact(
        f"Pictures in which text is likely to stand: {whole(n)}",
        (f"{asked.folder}/ingest.json",),
        "how names, dates and numbers were taken out before",
    )


@filler
def missing(asked: Asked) -> Fact:
    """Count cases without a picture and without truth."""
    scores, ingest = asked.study.best.scores, asked.study.ingest
    return Fact(
        f"Cases left out because a picture was missing or refused: {whole(ingest['n_cases_lost'])};"
        f" cases of {asked.study.part} without a known truth, not scored:"
        f" {whole(scores.get('n_unknown', 0))}",
        (f"{asked.folder}/ingest.json", f"{asked.scores}/metrics.json"),
    )


@filler
def acquisition(asked: Asked) -> Fact:
    """Say how large pictures are as they came."""
    seen = asked.study.ingest["fingerprint"]
    sides = [seen[name]["0.5"] for name in ("rows", "columns") if name in seen]
    size = f", median {' x '.join(whole(side) for side in sides)} pixels" if sides else ""
    return Fact(
        f"{whole(seen['n_pictures'])} pictures or volumes{size}",
        (f"{asked.folder}/ingest.json",),
        "machines, makers and protocols",
    )


@filler
def labels(asked: Asked) -> Fact:
    """Name what is predicted."""
    return Fact(
        f"{asked.study.kind} target: {', '.join(asked.study.classes)}",
        (f"{asked.scores}/metrics.json", SETTINGS),
        "who or what said so, when, and why this",
    )


@filler
def partition(asked: Asked) -> Fact:
    """Say how large parts are, and by which rules they were drawn."""
    split = asked.study.split
    sizes = "; ".join(
        f"{'train and tune' if name == 'train' else name}: {whole(part['n_cases'])} cases,"
        f" {whole(part['n_patients'])} patients"
        for name, part in split["parts"].items()
    )
    rules = settings(split["rules"])
    return Fact(f"{sizes}. Rules: {rules}", (f"{asked.folder}/split.json",))


@filler
def disjoint(asked: Asked) -> Fact:
    """Say that patients are never divided, by whom the test part was chosen, and what is alike."""
    split = asked.study.split
    chosen = "was drawn over patients" if split["rules"]["drawn"]["test"] else "came with the data"
    # Files without names of patients are taken to be a patient each, which no file backs.
    is_alone = split["patients"]["named"] == split["cases"]["indexed"]
    return Fact(
        f"Parts share no patient; test {chosen}. {_alike(split['leaks'])}",
        (f"{asked.folder}/split.json",),
        "whether patients have one case each, as their names say" if is_alone else "",
    )


@filler
def copies(asked: Asked) -> Fact:
    """Count copies, within patients and between them."""
    n = asked.study.ingest.get("n_equal_pixels", 0)
    return Fact(
        f"Pictures equal to another one: {whole(n)}. {_alike(asked.study.split['leaks'])}",
        (f"{asked.folder}/ingest.json", f"{asked.folder}/split.json"),
    )


@filler
def sample_size(asked: Asked) -> Fact:
    """Give the number that there is; how many were needed nobody here knows."""
    scores = asked.study.best.scores
    return Fact(
        f"Available: {whole(scores['n_cases'])} cases of {whole(scores['n_patients'])} patients in"
        f" {asked.study.part}",
        (f"{asked.scores}/metrics.json",),
        "how many were needed, and by which computation",
    )


@filler
def flow(asked: Asked) -> Fact:
    """Count cases from the table to the parts."""
    cases, patients = asked.study.split["cases"], asked.study.split["patients"]
    return Fact(
        f"Cases in the table: {whole(cases['indexed'])}; refused: {whole(cases['rejected'])};"
        f" dropped as copies: {whole(cases['dropped'])}; placed: {whole(cases['placed'])}, of"
        f" {whole(patients['placed'])} patients. {_sizes(asked)}",
        (f"{asked.folder}/split.json",),
        "how many patients came before the table, and why they are not in it",
    )


@filler
def counts(asked: Asked) -> Fact:
    """Count cases and patients of each part, and cases of each class."""
    return Fact(_sizes(asked), (f"{asked.folder}/split.json",))


@filler
def characteristics(asked: Asked) -> Fact | None:
    """Give what the study's card tells of patients, part by part."""
    rows = (asked.study.card or {}).get("drift", {}).get("rows", ())
    told_of = [row for row in rows if row["about"] != "label"]
    if not told_of:
        return None
    text = "; ".join(f"{row['title']}: {_by_part(row)}" for row in told_of)
    return Fact(text, (f"{asked.folder}/card.json",), "what else patients are like")


@filler
def difference(asked: Asked) -> Fact | None:
    """Name what differs between parts by more than is usual."""
    block = (asked.study.card or {}).get("drift")
    if not block:
        return None
    notable = float((asked.study.card or {}).get("notable", 0.1))
    apart = [
        f"{row['title']} ({decimal(d, sign=True)})"
        for row in block["rows"]
        if (d := row["differences"].get("test")) is not None and abs(d) >= notable
    ]
    return Fact(
        f"Test minus train, in standard deviations, of {notable:g} and more:"
        f" {', '.join(apart) or 'nothing'}",
        (f"{asked.folder}/card.json",),
    )


@filler
def prevalence(asked: Asked) -> Fact | None:
    """Give how frequent classes are in the part that is reported."""
    found = asked.study.best.scores.get("prevalence")
    if not found:
        return None
    shown = ((name, ShownEstimate.of(block)) for name, block in found.items())
    text = "; ".join(f"{name}: {interval(each)}" for name, each in shown if each)
    return Fact(f"{asked.study.part}: {text}", (f"{asked.scores}/metrics.json",))


def _sizes(asked: Asked) -> str:
    return "; ".join(
        f"{'train and tune' if name == 'train' else name}: {whole(part['n_cases'])} cases of"
        f" {whole(part['n_patients'])} patients ({_classes(asked, part['n_per_class'])})"
        for name, part in asked.study.split["parts"].items()
    )


def _classes(asked: Asked, numbers: Iterable[int]) -> str:
    pairs = zip(asked.study.classes, numbers, strict=True)
    return ", ".join(f"{name} {whole(n)}" for name, n in pairs)


def _alike(leaks: Iterable[Mapping[str, Any]]) -> str:
    rows = [f"{row['kind']}, {row['decision']}: {whole(row['n'])} pairs" for row in leaks]
    return f"Alike under two patients: {'; '.join(rows) or 'nothing'}"


def _by_part(row: Mapping[str, Any]) -> str:
    values = ((part, row["values"].get(part)) for part in PARTS)
    shown = [
        f"{part} {100 * value:.1f} %" if row["is_share"] else f"{part} {decimal(value, digits=1)}"
        for part, value in values
        if value is not None
    ]
    return ", ".join(shown)
