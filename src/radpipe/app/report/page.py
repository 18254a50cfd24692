"""The page itself: views of the studies, laid out by the templates beside this module."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from radpipe.app.report import classes, drift, starts, tables
from radpipe.app.report.addresses import embed
from radpipe.app.report.conclusion import conclusion
from radpipe.app.report.data import DataView, data_view
from radpipe.app.report.decided import Decided, decided
from radpipe.app.report.estimates import Scale, decimal, percent, probability, whole
from radpipe.app.report.external import ExternalView, Measure, external_views
from radpipe.app.report.groups import GroupLine, group_lines
from radpipe.app.report.guarantees import GuaranteeView, guarantee_cautions, guarantee_view
from radpipe.app.report.learning import Learned, Needed, learned, needed
from radpipe.app.report.made import together
from radpipe.app.report.outline import outlined
from radpipe.app.report.pairs import Pair, other_pairs, pairs
from radpipe.app.report.points import curve_points
from radpipe.app.report.published import NO_INTERVAL, Beside, beside
from radpipe.app.report.readers import ReadersView, readers_view
from radpipe.app.report.results import Row, StudyResults, VariantResults
from radpipe.app.report.story import Answer, Caution, answer, cautions, in_order
from radpipe.core.settings import Plan


@dataclass(frozen=True, kw_only=True)
class View:
    """One study, ready to be laid out."""

    study: StudyResults
    anchor: str
    answer: Answer
    conclusion: str
    cautions: list[Caution]
    alpha: float
    ranking: list[tables.TableColumn]
    per_class: list[tables.TableColumn]
    gaps_per_class: list[tables.TableColumn]
    at_least: list[tables.TableColumn]
    captioned: list[tuple[str, list[tables.TableColumn]]]
    decisions: list[tables.TableColumn]
    calibration: list[tables.TableColumn]
    pairs: list[Pair]
    other_pairs: list[tuple[str, list[Pair]]]
    confusion: list[tables.Confusion]
    subgroups: list[tables.Subgroup]
    without_number: list[tuple[str, str]]
    subgroup_scale: Scale
    settings: list[tuple[str, tuple[str, ...], bool]]
    starts: list[tuple[str, str]]
    published: list[Beside]
    external: list[ExternalView]
    drift: list[Measure]
    prevalence: list[Measure]
    groups: list[GroupLine]
    guarantee: GuaranteeView | None
    curve_points: list[tables.TableColumn]
    decided: list[Decided]
    learned: list[Learned]
    needed: list[Needed]
    data: DataView
    readers: ReadersView | None = None

    def spread(self, variant: VariantResults) -> str:
        """Write the spread over runs, and what is odd, to stand under a variant's name."""
        said = (
            tables.spread(variant),
            starts.short(variant),
            tables.own_cases(self.study, variant),
        )
        return "; ".join(text for text in said if text)


def render_page(
    studies: Sequence[StudyResults],
    *,
    openings: Sequence[Row],
    plan: Plan,
    colours: Mapping[str, str],
) -> str:
    """Return the whole report as one HTML text that loads nothing from elsewhere.

    Parameters
    ----------
    studies
        What to show, in this order.
    openings
        Rows of `openings.csv`.
    plan
        The block of `params.yaml` that the results come from.
    colours
        Variant to the CSS colour that its curves have in the figures.

    """
    study_of = {variant.name: study.name for study in studies for variant in study.variants}
    views = [view(study, openings, study_of) for study in studies]
    variants = [variant for study in studies for variant in study.variants]
    shared = {
        "level": percent(studies[0].intervals["confidence"]),
        "no_interval": NO_INTERVAL,
        "colours": colours,
    }
    templates = environment()
    laid_out = templates.get_template("study.html.j2")
    sections = [outlined(laid_out.render(view=each, **shared), each.anchor) for each in views]
    return templates.get_template("page.html.j2").render(
        views=views,
        # What our own templates gave is escaped already.
        sections=[
            (view, Markup(html), contents)  # noqa: S704
            for view, (html, contents) in zip(views, sections, strict=True)
        ],
        style=verbatim("style.css"),
        script=verbatim("page.js"),
        n_variants=len(variants),
        openings=tables.openings(openings, plan.compared),
        made=together(made for study in studies for made in study.made.values()),
        versions=tables.versions(variants),
        cards=studies[0].cards.values(),
        intervals=studies[0].intervals,
        plan=plan,
        **shared,
    )


def view(study: StudyResults, openings: Sequence[Row], study_of: Mapping[str, str]) -> View:
    """Prepare one study for the page; `study_of` is planned variant to study."""
    groups, confidence = tables.subgroups(study), study.intervals["confidence"]
    found = [*cautions(study, openings), *drift.drift_cautions(study), *guarantee_cautions(study)]
    warned = in_order(found)
    return View(
        study=study,
        anchor=f"study-{study.name}",
        answer=answer(study, confidence=confidence),
        conclusion=conclusion(study, warned, confidence=confidence),
        cautions=warned,
        alpha=1 - confidence,
        ranking=tables.ranking(study),
        per_class=classes.per_class(study),
        gaps_per_class=classes.gaps_per_class(study),
        at_least=classes.at_least(study),
        captioned=classes.captioned(study),
        decisions=tables.decisions(study),
        calibration=tables.calibration(study),
        pairs=pairs(study),
        other_pairs=other_pairs(study),
        confusion=tables.confusion(study),
        subgroups=[group for group in groups if any(group.cells)],
        without_number=tables.without_number(groups),
        subgroup_scale=Scale.around(cell for group in groups for cell in group.cells),
        settings=tables.settings(study.variants),
        starts=starts.listed(study.variants, study_of),
        published=beside(study),
        external=external_views(study, openings),
        drift=drift.measures(study),
        prevalence=drift.prevalence(study),
        groups=group_lines(study),
        guarantee=guarantee_view(study),
        curve_points=curve_points(study),
        decided=decided(study),
        learned=learned(study),
        needed=needed(study),
        data=data_view(study),
        readers=readers_view(study.readers, alpha=1 - confidence),
    )


def environment() -> Environment:
    """Return the templates' environment: everything is escaped, nothing may be missing."""
    made = Environment(
        loader=PackageLoader("radpipe.app.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.globals.update(whole=whole, probability=probability, embed=embed)
    made.filters["decimal"] = decimal
    return made


def verbatim(name: str) -> Markup:
    """Return a file beside the templates, which is ours and therefore not escaped."""
    file = Path(__file__).parent / "templates" / name
    return Markup(file.read_text(encoding="utf-8"))  # noqa: S704
