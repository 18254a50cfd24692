"""Rank the variants of every study, test them in pairs, draw the plots.

Reads   results/scores/<variant>/ of all planned variants, ensembles and imported predictions,
        results/cohorts/<cohort>/scores.csv
Writes  results/comparison/<study>-{ranking,paired,ceiling}.csv and one CSV of all variants
        for each of roc, pr, reliability, decision, history and confusion; cards.json, what each
        metric is; <study>-readers.json, where readers were imported;
        results/figures/{png,svg}/<study>-<figure> and <cohort>-external, for screen and print
"""

from radpipe.core.environment import pin

if __name__ == "__main__":
    pin()

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from radpipe.core.cards import RANKED_BY, write_cards
from radpipe.core.errors import ConfigError
from radpipe.core.files import files_below, read_json, write_json
from radpipe.core.settings import Evaluation
from radpipe.core.step import Job, Step
from radpipe.core.tables import read_table
from radpipe.evaluation.comparison import PAIRED, RANKING, compare
from radpipe.evaluation.curve_points import POINTS
from radpipe.evaluation.decided import DECIDED, decided_rows
from radpipe.evaluation.draws import owners
from radpipe.evaluation.intervals import difference, estimate
from radpipe.evaluation.learning_curve import LEARNING, learning_rows
from radpipe.evaluation.metrics import cards
from radpipe.evaluation.reader_study import study_readers
from radpipe.evaluation.sample import column_names, make_sample
from radpipe.evaluation.scored import Scored
from radpipe.evaluation.tables import plain, read_csv, write_csv
from radpipe.evaluation.weights import seen_of
from radpipe.figures.kept import KeptFigures

log = logging.getLogger("radpipe.compare")

STEP = Step(
    "compare",
    __doc__,
    reads={
        "metrics": "results/scores/{compared}/metrics.json",
        "cases": "results/scores/{compared}/cases.parquet",
        "curves": "results/scores/{compared}/curves.csv",
        "confusion": "results/scores/{compared}/confusion.csv",
        "history": "results/scores/{compared}/history.csv",
        "external": "results/cohorts/{cohorts}/scores.csv",
    },
    writes={"tables": "results/comparison", "figures": "results/figures"},
    settings=("plan.variants|ensembles|imported|seen_by_name", "evaluation", "known_as"),
    keeps={"tables": "git"},
)
# Table and figure to the curves in it.
CURVES = {
    "roc": ("roc", "point"),
    "pr": ("pr",),
    "reliability": ("reliability",),
    "smooth": ("smooth",),
    "decision": ("decision", "decision-all"),
    "points": tuple(name for name, _, _ in POINTS),
}
CEILING = ("study", "variant", "part", "metric", "class", "difference", "low", "high")
Row = dict[str, Any]
Tables = Mapping[str, tuple[Sequence[str], list[Row]]]


@dataclass(frozen=True)
class Scores:
    """What `evaluate` wrote about one variant.

    Attributes
    ----------
    tables
        Rows of curves.csv, confusion.csv and history.csv, with study and variant in front.

    """

    metrics: dict[str, Any]
    cases: pa.Table
    tables: dict[str, list[Row]]

    @property
    def study(self) -> str:
        """The study it belongs to."""
        return str(self.metrics["study"])

    @property
    def name(self) -> str:
        """The variant's name."""
        return str(self.metrics["variant"])

    def table(self, name: str, part: str) -> list[Row]:
        """Return a table's rows of one part; kinds of curves are parts of curves.csv."""
        if name in CURVES:
            return [
                row
                for row in self.tables["curves"]
                if row["curve"] in CURVES[name] and row["part"] == part
            ]
        return [row for row in self.tables[name] if row.get("part", part) == part]


def main(job: Job) -> None:
    """Read all scores, rank and test, write tables, draw figures."""
    args, evaluation = job.args, job.setting("evaluation")
    scores = [read_scores(job, path.parent) for path in args.metrics]
    seen = {one.name: seen_of(one.metrics, job.setting(f"known_as.{one.study}")) for one in scores}
    tell_seen(seen, refuse=job.setting("plan.seen_by_name") == "refuse")
    pairs = [(one.metrics, one.cases) for one in scores]
    ranking, paired = compare(pairs, evaluation, seen)
    ceiling = [row for one in scores for row in ceiling_gap(one, evaluation)]
    per_study: Tables = {
        "ranking": (RANKING, ranking),
        "paired": (PAIRED, paired),
        "ceiling": (CEILING, ceiling),
    }
    written = write_tables(args.tables, scores, per_study)
    written += write_readers(args.tables, scores, evaluation)
    figures = KeptFigures([job.code, job.libraries])
    written += draw_figures(figures, args.figures, scores, ranking, args.external)
    written += extra_tables(figures, args, scores, evaluation)
    figures.forget()
    written.append(args.tables / "cards.json")
    write_cards(written[-1], cards())
    forget_others([args.tables, args.figures], written)
    parts = ranked_parts(scores)
    for row in ranking:
        if row["metric"] != RANKED_BY or row["part"] != parts[row["study"]]:
            continue
        if row["n_common"] < row["n_cases"] and row["kind"] == "variant":
            log.warning(
                "%s has cases of %s that other variants have not: own=%d common=%d",
                *(row[key] for key in ("variant", "part", "n_cases", "n_common")),
            )
        if row["rank"] == 1:
            log.info(
                "ranked %s by %s: first %s auc=%s [%s, %s]",
                *(row[key] for key in ("study", "part", "variant", "value", "low", "high")),
            )


def tell_seen(found: Mapping[str, str], *, refuse: bool) -> None:
    """Warn of variants whose start has learned from data of their study, or refuse them.

    The step weights refuses those that the plan shows to start from such weights; here come those,
    too, whose weights were made elsewhere.

    Raises
    ------
    ConfigError
        A start may have seen the study, by name, and the settings refuse that.

    """
    for name, seen in found.items():
        if not seen:
            continue
        log.warning("%s starts from weights that have seen these data: %s", name, seen)
        if refuse and seen != "tune, by a list":
            raise ConfigError(
                f"{name}: starts from weights that have learned from {seen}, and plan.seen_by_name"
                " is refuse. The way out: other weights; a `list` that names images as the study"
                " does, or `unrelated` if it certainly does not come from there, in the descriptor"
                " (docs/how-to/borrowed-weights.md); or seen_by_name: flag."
            )


def read_scores(job: Job, folder: Path) -> Scores:
    """Read one variant's scores, each file checked against its receipt."""
    metrics = read_json(job.read(folder / "metrics.json"))
    origin = {"study": metrics["study"], "variant": metrics["variant"]}
    tables = {
        name: [{**origin, **row} for row in read_csv(job.read(folder / f"{name}.csv"))]
        for name in ("curves", "confusion", "history")
    }
    return Scores(metrics, read_table(job.read(folder / "cases.parquet")), tables)


def ceiling_gap(one: Scores, evaluation: Evaluation) -> list[Row]:
    """Return by how much the ideal observer's metrics exceed a variant's, per part.

    Of the metrics whose card asks for it. Both are drawn with the same patients, so the
    interval is that of the difference. With several classes or labels the row of their mean
    (`class` is empty) is followed by theirs.
    """
    scored = Scored(one.metrics, one.cases)
    names = [card.name for card in cards(scored.target) if card.gap]
    rows: list[Row] = []
    for part, cases in scored.cases.items():
        if cases.ceiling is None or not np.isfinite(cases.ceiling).all():
            continue
        # The ideal observer's probabilities are true: no temperature is laid over them.
        samples = make_sample(scored.target, cases.truth, cases.ceiling), scored.sample(cases, part)
        ideal, own = (
            estimate(
                sample,
                owners(cases.patient),
                names,
                n_draws=evaluation.bootstrap,
                confidence=evaluation.confidence,
                rng=np.random.default_rng(evaluation.seed),
            )
            for sample in samples
        )
        for metric in names:
            gap = difference(ideal, own, metric)
            asked = ["", *column_names(scored.target)][: len(gap.value)]
            for row, name in enumerate(asked):
                values = (metric, name, gap.value[row], *gap.interval(row))
                found = (one.study, scored.name, part, *values)
                rows.append(dict(zip(CEILING, found, strict=True)))
    return rows


def write_tables(folder: Path, scores: Sequence[Scores], per_study: Tables) -> list[Path]:
    """Write what is compared per study, and the curves of all variants under each other."""
    parts, written = ranked_parts(scores), []
    for study in parts:
        for name, (columns, rows) in per_study.items():
            path = folder / f"{study}-{name}.csv"
            write_csv(path, columns, [row for row in rows if row["study"] == study])
            written.append(path)
    for name in (*CURVES, "confusion", "history"):
        rows = [row for one in scores for row in one.table(name, parts[one.study])]
        columns = list(dict.fromkeys(key for row in rows for key in row))
        write_csv(folder / f"{name}.csv", columns or ["study", "variant"], rows)
        written.append(folder / f"{name}.csv")
    return written


def write_readers(folder: Path, scores: Sequence[Scores], evaluation: Evaluation) -> list[Path]:
    """Write what was found about the readers of each study that has some."""
    written = []
    for study, part in ranked_parts(scores).items():
        own = [Scored(one.metrics, one.cases) for one in scores if one.study == study]
        if found := study_readers(own, part, evaluation):
            written.append(folder / f"{study}-readers.json")
            write_json(written[-1], plain(found))
    return written


def draw_figures(
    figures: KeptFigures,
    folder: Path,
    scores: Sequence[Scores],
    ranking: list[Row],
    external: Sequence[Path],
) -> list[Path]:
    """Draw every figure of every study and cohort, twice; matplotlib is loaded only now."""
    from radpipe.figures.palette import colours
    from radpipe.figures.sheets import SHEETS, external_sheet, sheet

    palette, written = colours(one.name for one in scores), []
    for study, part in ranked_parts(scores).items():
        own = [one for one in scores if one.study == study]
        for kind in SHEETS:
            if kind == "ranking":
                table = [r for r in ranking if r["study"] == study and r["part"] == part]
            else:
                table = [row for one in own for row in one.table(kind, part)]
            given = {
                "kind": kind,
                "table": table,
                "palette": {o.name: palette[o.name] for o in own},
            }
            written += figures.write(sheet, given, folder, f"{study}-{kind}")
    for path in external:
        given = {"table": read_csv(path), "palette": palette}
        written += figures.write(external_sheet, given, folder, f"{path.parent.name}-external")
    return written


def extra_tables(
    figures: KeptFigures, args: Any, scores: Sequence[Scores], evaluation: Evaluation
) -> list[Path]:
    """Write what only some studies have: decisions compared in pairs, learning curves, drawn."""
    from radpipe.figures.palette import colours
    from radpipe.figures.sheets import learning_sheet

    palette, written = colours(one.name for one in scores), []
    for study, part in ranked_parts(scores).items():
        variants = [Scored(one.metrics, one.cases) for one in scores if one.study == study]
        if rows := decided_rows(study, variants, part, evaluation):
            written.append(args.tables / f"{study}-decided.csv")
            write_csv(written[-1], DECIDED, rows)
        if rows := learning_rows(study, variants, part, evaluation):
            written.append(args.tables / f"{study}-learning.csv")
            write_csv(written[-1], LEARNING, rows)
            given = {"table": rows, "palette": palette}
            written += figures.write(learning_sheet, given, args.figures, f"{study}-learning")
    return written


def ranked_parts(scores: Sequence[Scores]) -> dict[str, str]:
    """Return the part that each study is ranked by: `test` once all variants opened it."""
    opened: dict[str, bool] = {}
    for one in scores:
        opened[one.study] = opened.get(one.study, True) and "test" in one.metrics["parts"]
    return {study: "test" if yes else "tune" for study, yes in opened.items()}


def forget_others(folders: Sequence[Path], written: Sequence[Path]) -> None:
    """Remove files of variants and studies that are no longer planned."""
    for path in (path for folder in folders for path in files_below(folder)):
        if path not in written:
            path.unlink()


if __name__ == "__main__":
    STEP(main)
