"""Filled lists and cards as tables, as text, and as a page."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

# Modules that file their functions in FILLERS.
from radpipe.app.checklists import about_data, about_model, about_results  # noqa: F401
from radpipe.app.checklists.facts import FILLERS, Asked, Fact
from radpipe.app.checklists.forms import CARDS, FORMS, Form, Item, read_form
from radpipe.app.report.downloads import as_csv
from radpipe.app.report.page import environment, verbatim, view
from radpipe.app.report.results import Row, StudyResults
from radpipe.core.errors import DataError
from radpipe.core.files import files_below, write_text

YOURS = "You must write this"
COLUMNS = ("number", "section", "asked", "answer", "where", "still_to_write")
PAGE = "index.html"


@dataclass(frozen=True)
class Line:
    """An item and its answer; None where only people can give one."""

    item: Item
    fact: Fact | None

    @property
    def cells(self) -> tuple[str, ...]:
        """What stands in a row of the table, in the order of `COLUMNS`."""
        asked = (self.item.number, self.item.section, self.item.asks)
        if self.fact is None:
            return (*asked, "", "", YOURS)
        rest = f"{YOURS}: {self.fact.rest}" if self.fact.rest else ""
        return (*asked, self.fact.value, "; ".join(self.fact.places), rest)


@dataclass(frozen=True)
class Filled:
    """One list or card of one study, and the name of its table beside the page."""

    form: Form
    lines: tuple[Line, ...]
    table: str

    @property
    def n_answered(self) -> int:
        """How many items have an answer of their own, in part or whole."""
        return sum(line.fact is not None for line in self.lines)


def fill(form: Form, asked: Asked) -> tuple[Line, ...]:
    """Answer what can be answered.

    Raises
    ------
    DataError
        An item names a function that there is not.

    """
    lines = []
    for item in form.items:
        if item.filler is not None and item.filler not in FILLERS:
            raise DataError(
                f"{form.name}.yaml, item {item.number}: nothing is called {item.filler!r}; known"
                f" are {', '.join(sorted(FILLERS))}"
            )
        lines.append(Line(item, FILLERS[item.filler](asked) if item.filler else None))
    return tuple(lines)


def own_first(study: StudyResults) -> StudyResults:
    """Put what was trained here before what was imported, so that answers are about a model.

    Each keeps its order; readers and other systems are no model that the lists ask for.
    """
    return replace(study, variants=tuple(sorted(study.variants, key=lambda one: one.imported)))


def write_checklists(
    folder: Path, studies: Sequence[StudyResults], openings: Sequence[Row]
) -> None:
    """Write all lists and cards of all studies as CSV, cards as Markdown, and a page of them.

    What lies in the folder of studies that are no longer planned is removed.

    Parameters
    ----------
    folder
        `results/checklists`.
    studies
        As the report shows them.
    openings
        Rows of `openings.csv`.

    """
    study_of = {variant.name: study.name for study in studies for variant in study.variants}
    forms = [read_form(name) for name in FORMS]
    shown, written = [], [folder / PAGE]
    for study in studies:
        seen = view(study, openings, study_of)
        asked = Asked(own_first(study), tuple(seen.cautions), study_of)
        filled = []
        for form in forms:
            lines, name = fill(form, asked), f"{study.name}-{form.name}"
            text = as_csv(COLUMNS, [line.cells for line in lines])
            written.append(folder / f"{name}.csv")
            write_text(written[-1], text)
            if form.name in CARDS:
                written.append(folder / f"{name}.md")
                write_text(written[-1], as_markdown(form, lines, asked))
            filled.append(Filled(form, lines, f"{name}.csv"))
        shown.append((seen, filled))
    page = environment().get_template("checklists.html.j2")
    text = page.render(shown=shown, yours=YOURS, style=verbatim("style.css"))
    write_text(folder / PAGE, text)
    for path in files_below(folder):
        if path not in written:
            path.unlink()


def as_markdown(form: Form, lines: Sequence[Line], asked: Asked) -> str:
    """Write a card as Markdown, section by section."""
    what = asked.study.best.name if form.name == "model-card" else asked.study.name
    text, section = [f"# {form.title}: {what}", "", f"{form.source}. {form.about}"], ""
    for line in lines:
        if line.item.section != section:
            section = line.item.section
            text += ["", f"## {section}"]
        text += ["", f"**{line.item.asks}**", ""]
        *_, answer, where, rest = line.cells
        parts = (answer, where and f"From: {where}", rest)
        text += [f"{plain(part)}  " for part in parts if part]
    return "\n".join(text) + "\n"


def plain(text: str) -> str:
    """Write text in which no name is taken for Markdown."""
    for mark in "\\`*_<>#":
        text = text.replace(mark, f"\\{mark}")
    return text
