"""The defended comparison: who is better on the same cases, by how much, how sure.

Ranking and paired tests of the variants of one or several studies, as rows of tables.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from radpipe.core.errors import DataError
from radpipe.core.settings import Evaluation, Target
from radpipe.evaluation.ensemble import Cases, cases_of
from radpipe.evaluation.intervals import draw_patients, owners, percentile, spread
from radpipe.evaluation.metrics import METRICS, values
from radpipe.evaluation.operating_point import OperatingPoint
from radpipe.evaluation.paired import area_test, holm, permutation_p
from radpipe.evaluation.sample import Integers, Sample, column_names
from radpipe.evaluation.tables import plain

Row = dict[str, Any]
# Metrics that pairs are tested on; the first one ranks.
TESTED = ("auc", "accuracy", "balanced_accuracy", "f1", "brier", "log_loss")
RANKING = [
    "study",
    "variant",
    "part",
    "metric",
    "value",
    "low",
    "high",
    "rank",
    "n_cases",
    "n_patients",
    "seed_sd",
    "kind",
]
PAIRED = [
    "study",
    "part",
    "metric",
    "class",
    "variant_a",
    "variant_b",
    "difference",
    "low",
    "high",
    "p_delong",
    "p_permutation",
    "p_holm",
    "n_cases",
    "n_patients",
]


def compare(
    scores: Sequence[tuple[dict[str, Any], pa.Table]], evaluation: Evaluation
) -> tuple[list[Row], list[Row]]:
    """Rank variants and test every pair of them on their common cases.

    Parameters
    ----------
    scores
        One pair per variant, of any studies: the content of `metrics.json` and the
        table `cases.parquet` that `evaluate` wrote.
    evaluation
        The block `evaluation` of `params.yaml`: draws, confidence, seed.

    Returns
    -------
    ranking, paired
        Rows in the order of their table, with the keys `RANKING` and `PAIRED`; numbers
        are rounded to 6 decimals, None stands for "undefined" (an empty CSV field).
        `kind` is "ceiling" (rank 0, first) or "variant"; `class` is a label of a multi-label
        target, empty for all together.

    Raises
    ------
    DataError
        Two variants of a study were scored on different cases, truths or patients.

    """
    ranking: list[Row] = []
    paired: list[Row] = []
    for study in dict.fromkeys(metrics["study"] for metrics, _ in scores):
        variants = [Scored(*pair) for pair in scores if pair[0]["study"] == study]
        part = "test" if all("test" in one.metrics["parts"] for one in variants) else "tune"
        parts = [part, *(p for p in ("test", "tune") if p != part)]
        ranks = _ranks(variants, part)
        for name in parts:
            having = [one for one in variants if name in one.metrics["parts"]]
            _same_cases(having, name)
            ranking += _ranking_rows(study, having, name, ranks)
            paired += _paired_rows(study, having, name, evaluation)
    return [plain(row) for row in ranking], [plain(row) for row in paired]


class Scored:
    """One variant: its `metrics.json`, and its cases with the frozen operating point."""

    def __init__(self, metrics: dict[str, Any], table: pa.Table) -> None:
        self.metrics = metrics
        self.name: str = metrics["variant"]
        self.target = Target.model_validate(metrics["target"])
        point = metrics["operating_point"]
        self.point = OperatingPoint(point["rule"], tuple(point["thresholds"]), point["temperature"])
        self.cases: dict[str, Cases] = {}
        for part in metrics["parts"]:
            cases = cases_of(self.target, table, part, where=f"{self.name}: cases.parquet")
            if cases is None:
                raise DataError(
                    f"{self.name}: metrics.json has part {part}, cases.parquet has not. Run"
                    " evaluate again."
                )
            self.cases[part] = cases.take(cases.known)

    def sample(self, part: str) -> Sample:
        """Return the cases of a part as metrics see them."""
        cases = self.cases[part]
        return self.point.sample(self.target, cases.truth, cases.scores)

    def value(self, part: str, metric: str) -> float:
        """Return a metric's value, NaN if undefined."""
        value = self.metrics["parts"][part]["metrics"][metric]["value"]
        return float("nan") if value is None else float(value)


def _ranks(variants: list[Scored], part: str) -> dict[str, int]:
    """Rank by the area on `part`, best 1, undefined last, equals by name."""

    def key(one: Scored) -> tuple[bool, float, str]:
        area = one.value(part, TESTED[0])
        return bool(np.isnan(area)), -np.nan_to_num(area), one.name

    return {one.name: rank for rank, one in enumerate(sorted(variants, key=key), start=1)}


def _same_cases(variants: list[Scored], part: str) -> None:
    """Refuse to compare variants that answered different questions."""
    if not variants:
        return
    first, *others = variants
    for other in others:
        a, b = first.cases[part], other.cases[part]
        if first.target != other.target:
            what = f"targets {first.target.classes} and {other.target.classes}"
        elif not np.array_equal(a.case, b.case):
            odd = len(set(a.case) ^ set(b.case))
            what = f"{len(a.case)} and {len(b.case)} cases, {odd} of them not in both"
        elif not np.array_equal(a.patient, b.patient):
            what = "the same cases of different patients"
        elif not np.array_equal(a.truth, b.truth, equal_nan=True):
            what = "the same cases with different truths"
        else:
            continue
        raise DataError(
            f"{first.name} and {other.name} cannot be compared on {part}: they were scored"
            f" on {what}. Variants of a study need stores of the same cases, one split and"
            " the same folds: run ingest, split and everything after them again, or make"
            " the odd one a study of its own."
        )


def _ranking_rows(
    study: str, variants: list[Scored], part: str, ranks: dict[str, int]
) -> list[Row]:
    rows: list[Row] = []
    ordered = sorted(variants, key=lambda one: ranks[one.name])
    names = [TESTED[0], *(name for name in METRICS if name != TESTED[0])]
    for metric in names:
        found: list[tuple[str, str, int, Row, Row]] = []
        for one in ordered:
            block = one.metrics["parts"][part]
            ceiling = block["ceiling"] or {}
            if one is ordered[0] and metric in ceiling:
                found.append(("ceiling", "ceiling", 0, ceiling[metric], block))
            found.append(("variant", one.name, ranks[one.name], block["metrics"][metric], block))
        for kind, name, rank, score, block in found:
            row = {
                "study": study,
                "variant": name,
                "part": part,
                "metric": metric,
                **{key: score[key] for key in ("value", "low", "high")},
                "rank": rank,
                **{key: block[key] for key in ("n_cases", "n_patients")},
                "seed_sd": score.get("runs", {}).get("sd"),
                "kind": kind,
            }
            rows.append(row)
    # Within a metric the ceiling is first because it is found with the best variant.
    return [{key: row[key] for key in RANKING} for row in rows]


def _paired_rows(
    study: str, variants: list[Scored], part: str, evaluation: Evaluation
) -> list[Row]:
    """Test every pair on every metric of `TESTED`, corrected within part and metric.

    Labels are questions of their own, so that areas of a multi-label target are tested label
    by label, too, and corrected together with their mean.
    """
    if len(variants) < 2:
        return []
    owner = owners(variants[0].cases[part].patient)
    draws = draw_patients(owner, evaluation.bootstrap, np.random.default_rng(evaluation.seed))
    samples = [one.sample(part) for one in variants]
    drawn = [spread(sample, draws, TESTED) for sample in samples]
    rows: list[Row] = []
    for metric in TESTED:
        family: list[Row] = []
        for place, (name, seen) in enumerate(_questions(variants[0].target, samples, metric)):
            known = owner[~np.isnan(seen[0].truth).all(axis=1)]
            for i, j in zip(*np.triu_indices(len(variants), 1), strict=True):
                difference = drawn[i][metric][place] - drawn[j][metric][place]
                low, high = percentile(difference, confidence=evaluation.confidence)
                family.append(
                    {
                        "study": study,
                        "part": part,
                        "metric": metric,
                        "class": name,
                        "variant_a": variants[i].name,
                        "variant_b": variants[j].name,
                        **_tests(metric, seen[i], seen[j], owner, evaluation),
                        "low": low,
                        "high": high,
                        "n_cases": len(known),
                        "n_patients": len(np.unique(known)),
                    }
                )
        corrected = holm([_decisive(row) for row in family])
        rows += [{**row, "p_holm": p} for row, p in zip(family, corrected, strict=True)]
    return [{key: row[key] for key in PAIRED} for row in rows]


def _questions(
    target: Target, samples: list[Sample], metric: str
) -> Iterator[tuple[str, list[Sample]]]:
    """Yield what pairs are tested on: all together, then labels, in the order of the draws."""
    yield "", samples
    if target.kind == "multi-label" and metric == TESTED[0] and len(target.classes) > 1:
        for index, name in enumerate(column_names(target)):
            yield name, [sample.column(index) for sample in samples]


def _tests(
    metric: str, first: Sample, second: Sample, owner: Integers, evaluation: Evaluation
) -> dict[str, float]:
    """Return the difference and its p-values; DeLong's is for areas alone."""
    a, b = (float(values(METRICS[metric], sample)[0]) for sample in (first, second))
    p_area = area_test(first, second, owner)[1] if metric == "auc" else np.nan
    p_swap = permutation_p(
        metric,
        first,
        second,
        owner,
        n_draws=evaluation.bootstrap,
        # Every pair starts anew, so that a variant more in the plan changes no other pair.
        rng=np.random.default_rng(evaluation.seed),
    )
    return {"difference": a - b, "p_delong": p_area, "p_permutation": p_swap}


def _decisive(row: Row) -> float:
    """Return the p-value that is corrected: clustered DeLong's, else the permutation's.

    DeLong's has no smallest value; a permutation's is 1 / (1 + draws), which correction
    for some hundred pairs would lift above any level.
    """
    p: float = row["p_delong"] if np.isfinite(row["p_delong"]) else row["p_permutation"]
    return p
