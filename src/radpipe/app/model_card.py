"""The card that a model takes along: what it is, what it learned from, and under which terms."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from radpipe.app.checklists.writing import plain
from radpipe.core.plurals import counted
from radpipe.evaluation.sample import column_names
from radpipe.prediction.description import BorrowedFrom, Description

CARD = "model-card.md"
CHECKLISTS = Path("results/checklists")


def card_text(what: Description, files: Iterable[str], checklists: Path = CHECKLISTS) -> str:
    """Write the card of an exported model as Markdown.

    Parameters
    ----------
    what
        What `predictor.json` says.
    files
        Names of the files that leave.
    checklists
        Where the step `report` has left the project's cards: that of the study is appended if it is
        about this variant.

    """
    sections = {
        "What it must not be used for": _limits(),
        "What it is": _kind(what),
        "What it takes": _takes(what),
        "What it answers": _answers(what),
        "What it learned from": _learned(what),
        "Terms of the weights that it started from": _terms(what.borrowed),
        "What is unlike the pictures that it knows": _unlike(what),
        "Files": (f"- {name}" for name in sorted(files)),
    }
    text = [f"# Model card: {plain(what.title)}"]
    for heading, lines in sections.items():
        text += ["", f"## {heading}", "", *lines]
    return "\n".join(text) + "\n" + _appended(what, checklists)


def _limits() -> list[str]:
    return [
        "It is no medical device. Nobody has shown that its answers help or do not harm a patient:"
        " research use only."
    ]


def _kind(what: Description) -> Iterator[str]:
    yield f"- Architecture: {plain(what.model.name)}, {what.parameters:,} parameters"
    yield f"- Preset: {plain(what.preset)}; source: {plain(what.source)}"
    yield f"- Fold {what.fold}, seed {what.seed}; recipe (SHA-256) {what.recipe}"
    yield f"- Weights (SHA-256): {what.weights.sha256}"
    yield "- Made with: " + ", ".join(f"{k} {v}" for k, v in sorted(what.versions.items()))


def _takes(what: Description) -> Iterator[str]:
    inputs = what.inputs
    if inputs.views:
        bits, side = inputs.image.bits, inputs.image.side
        kind = "volumes" if inputs.volumes else "pictures"
        yield f"- Views: {', '.join(map(plain, inputs.views))} ({kind}, {side} pixels, {bits} bits)"
    if inputs.sides:
        both = ", cut from films of both sides" if inputs.halves else ""
        yield f"- A case is a side of the patient{both}; left ones are mirrored"
    if what.joints is not None:
        yield "- The joint is found and cut out first"
    if inputs.covariates:
        yield f"- Covariates: {', '.join(map(plain, inputs.covariates))}"


def _answers(what: Description) -> Iterator[str]:
    target, point = what.target, what.operating_point
    yield f"- {target.kind}: {', '.join(map(plain, target.classes))}"
    if point is not None:
        pairs = zip(column_names(target), point.thresholds, strict=True)
        limits = ", ".join(f"{plain(name)} {limit:.4g}" for name, limit in pairs)
        yield (
            f"- Thresholds by the rule {point.rule}, chosen on {counted(point.n_cases, 'case')} of"
            f" tune: {limits}; temperature {point.temperature:.4g}"
        )


def _learned(what: Description) -> Iterator[str]:
    study = what.study
    for part, counts in (("train", study.train), ("tune", study.tune)):
        yield (
            f"- {plain(study.name)}, {part}: {counted(counts.cases, 'case')} of"
            f" {counted(counts.patients, 'patient')}"
        )
    yield f"- Licence of the data: {plain(study.licence or 'not stated in the settings')}"
    for run in what.learned_from[:-1]:
        yield f"- Before that: {plain(run.variant)}, {counted(run.n_patients, 'patient')}"


def _terms(borrowed: list[BorrowedFrom]) -> Iterator[str]:
    if not borrowed:
        yield "It started from random numbers."
    for start in borrowed:
        seen = ", ".join(map(plain, start.data_sets)) or "what is unknown"
        yield f"- {plain(start.start)} ({plain(start.function)}), learned from {seen}."
        if start.licence is None:
            yield "  No terms that restrict are known."
            continue
        forbids = ", ".join(start.licence.forbids)
        yield f"  Licence {start.licence.spdx}: {plain(start.licence.says)}" + (
            f" Forbidden use: {forbids}." if forbids else ""
        )


def _unlike(what: Description) -> Iterator[str]:
    if what.likeness is None:
        yield "It does not say so."
        return
    low, high = what.likeness.interval
    yield (
        "Cases whose features are farther from those of tune than a threshold are flagged: of"
        f" cases as those of tune {what.likeness.rate:.1%} on average, between {low:.1%} and"
        f" {high:.1%} with these {counted(what.likeness.n_patients, 'patient')} (95 % interval)."
        " That a film is not flagged does not show that the answer is right."
    )


def _appended(what: Description, checklists: Path) -> str:
    """Return the project's own card of the variant, one level deeper; empty if there is none."""
    path = checklists / f"{what.study.name}-{CARD}"
    if not path.is_file():
        return ""
    text = path.read_text(encoding="utf-8")
    first, _, rest = text.partition("\n")
    if not first.endswith(f": {what.variant}"):
        return ""
    deeper = "\n".join(f"#{line}" if line.startswith("#") else line for line in rest.splitlines())
    return f"\n## From the project's report\n\nScores are means over all its runs.\n{deeper}\n"
