"""Judge explanations: means with intervals beside what knows less, tests in pairs, verdicts.

Reads   results/explanations/<variant>/measures.parquet and facts.json of all explained variants
Writes  results/judged/tables/<study>-{scores,paired,curves}.csv and <study>-verdicts.json;
        results/judged/figures/{png,svg}/<study>-{maps,deletion,randomised}
"""

from radpipe.core.environment import pin

if __name__ == "__main__":
    pin()

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from radpipe.core.files import read_json, write_json
from radpipe.core.settings import Evaluation
from radpipe.core.step import Job, Step
from radpipe.core.tables import read_table
from radpipe.evaluation.tables import plain, write_csv
from radpipe.explaining.judging import (
    CURVE_POINTS,
    PAIRED,
    SCORES,
    curve_rows,
    last_part,
    pair_rows,
    read_explanations,
    score_rows,
    verdicts,
)

log = logging.getLogger("radpipe.judge")

STEP = Step(
    "judge",
    __doc__,
    reads={
        "measures": "results/explanations/{explained}/measures.parquet",
        "facts": "results/explanations/{explained}/facts.json",
    },
    writes={"tables": "results/judged/tables", "figures": "results/judged/figures"},
    settings=("explain", "evaluation"),
    keeps={"tables": "git"},
    mem_mb=4000,
)


def main(job: Job) -> None:
    """Gather the measures of each study, judge, write, draw."""
    args = job.args
    for folder in (args.tables, args.figures):
        folder.mkdir(parents=True, exist_ok=True)
    facts = [read_json(path) for path in args.facts]
    measures = [read_table(path) for path in args.measures]
    for study in dict.fromkeys(one["study"] for one in facts):
        own = [k for k, one in enumerate(facts) if one["study"] == study]
        table = pa.concat_tables([measures[k] for k in own])
        about = {facts[k]["variant"]: facts[k] for k in own}
        judge(job, study, table.to_pylist(), about)


def judge(
    job: Job, study: str, rows: list[dict[str, Any]], facts: Mapping[str, Mapping[str, Any]]
) -> None:
    """Write the tables and figures of one study."""
    how: Evaluation = job.setting("evaluation")
    tables: Path = job.args.tables
    part = last_part(rows)
    found = read_explanations(rows, part)
    every = score_rows(study, part, found, how)
    curves, scores = curve_rows(every), [row for row in every if "@" not in row["measure"]]
    paired = pair_rows(study, part, found, how)
    bounds = {name: one["bound"] for name, one in facts.items()}
    said = verdicts(scores, paired, bounds, confidence=how.confidence)
    write_csv(tables / f"{study}-scores.csv", SCORES, scores)
    write_csv(tables / f"{study}-paired.csv", PAIRED, paired)
    write_csv(tables / f"{study}-curves.csv", CURVE_POINTS, curves)
    write_json(
        tables / f"{study}-verdicts.json",
        plain(
            {
                "part": part,
                "verdicts": said,
                "measured": {name: one["measured"] for name, one in facts.items()},
                "bounds": bounds,
            }
        ),
    )
    draw(job.args.figures, study, scores, curves)
    for one in said:
        log.info("judged %s/%s: %s", one["variant"], one["method"], one["verdict"])


def draw(
    folder: Path, study: str, scores: list[dict[str, Any]], curves: list[dict[str, Any]]
) -> None:
    """Draw what there is of a study; matplotlib is loaded only now."""
    from radpipe.figures.explanations import deletion_figure, maps_figure, randomised_figure
    from radpipe.figures.saving import save_twice

    figures = {
        "maps": maps_figure(scores),
        "deletion": deletion_figure(curves),
        "randomised": randomised_figure(scores),
    }
    for name, figure in figures.items():
        if figure is not None:
            save_twice(figure, folder, f"{study}-{name}")


if __name__ == "__main__":
    STEP(main)
