"""The defended comparison: who is better on the same cases, by how much, how sure.

Ranking and paired tests of the variants of one or several studies, as rows of tables.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from radpipe.core.cards import RANKED_BY
from radpipe.core.settings import Evaluation, Target
from radpipe.evaluation.draws import Integers, owners
from radpipe.evaluation.intervals import difference, estimate, patients_of
from radpipe.evaluation.metrics import METRICS, cards, names_for, values
from radpipe.evaluation.metrics.base import counted
from radpipe.evaluation.paired import area_test, holm
from radpipe.evaluation.permutation import permutation_ps, swaps_for
from radpipe.evaluation.rows import FEWEST_PATIENTS
from radpipe.evaluation.sample import Sample, column_names, make_sample
from radpipe.evaluation.scored import Common, Scored, check_parts, common_cases
from radpipe.evaluation.tables import plain

Row = dict[str, Any]
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
    "value_common",
    "n_common",
    "seen",
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
    "why",
]


def compare(
    scores: Sequence[tuple[dict[str, Any], pa.Table]],
    evaluation: Evaluation,
    seen: Mapping[str, str] | None = None,
) -> tuple[list[Row], list[Row]]:
    """Rank variants and test every pair of them on their common cases.

    Parameters
    ----------
    scores
        One pair per variant, of any studies: the content of `metrics.json` and the
        table `cases.parquet` that `evaluate` wrote.
    evaluation
        The block `evaluation` of `params.yaml`: draws, confidence, seed.
    seen
        Variant to the data of its study from which its start has learned before, as a text
        (`weights.seen_of`).

    Returns
    -------
    ranking, paired
        Rows in the order of their table, with the keys `RANKING` and `PAIRED`; numbers
        are rounded to 6 decimals, None stands for "undefined" (an empty CSV field).
        `kind` is "ceiling" (rank 0, first) or "variant"; `class` is a label of a multi-label
        target, empty for all together; `why` says why a difference has no interval. Values and
        numbers of cases in the ranking are each variant's own; `value_common` is the value on the
        `n_common` cases of all variants, and its area decides the rank. `seen` is what was given,
        empty for the others. Pairs are
        tested on these cases alone.

    Raises
    ------
    DataError
        Variants of a study have no common cases, or other targets, truths or patients.

    """
    ranking: list[Row] = []
    paired: list[Row] = []
    for study in dict.fromkeys(metrics["study"] for metrics, _ in scores):
        variants = [Scored(*pair) for pair in scores if pair[0]["study"] == study]
        check_parts(variants)
        part = "test" if all("test" in one.metrics["parts"] for one in variants) else "tune"
        parts = [part, *(p for p in ("test", "tune") if p != part)]
        ranks = _ranks(variants, part)
        for name in parts:
            having = [one for one in variants if name in one.metrics["parts"]]
            if having:
                common = common_cases(having, name)
                rows = _ranking_rows(study, having, name, common, ranks)
                ranking += [{**row, "seen": (seen or {}).get(row["variant"], "")} for row in rows]
                paired += _paired_rows(study, having, name, common, evaluation)
    return [plain(row) for row in ranking], [plain(row) for row in paired]


def paired_metrics(target: Target) -> list[str]:
    """Name the metrics that pairs are tested on, those of some kinds of target alone last."""
    tested = [card for card in cards(target) if card.tested]
    return [card.name for card in sorted(tested, key=lambda card: card.special)]


def _ranks(variants: list[Scored], part: str) -> dict[str, int]:
    """Rank by the area on common cases of `part`, best 1, undefined last, equals by name."""
    common = common_cases(variants, part)

    def key(one: Scored) -> tuple[bool, float, str]:
        area = _on_common(one, part, RANKED_BY, common)
        return bool(np.isnan(area)), -np.nan_to_num(area), one.name

    return {one.name: rank for rank, one in enumerate(sorted(variants, key=key), start=1)}


def _on_common(one: Scored, part: str, metric: str, common: Common) -> float:
    """Return a variant's value on the common cases, NaN if undefined."""
    value = one.metrics["parts"][part]["metrics"][metric]["value"]
    if value is None:
        return float("nan")
    if common.whole:
        return float(value)
    return float(values(METRICS[metric], one.sample(common.cases[one.name], part))[0])


def _ceiling_on_common(one: Scored, part: str, metric: str, common: Common) -> float | None:
    """Return the ideal observer's value on the common cases."""
    cases = common.cases[one.name]
    if common.whole or cases.ceiling is None:
        value: float | None = one.metrics["parts"][part]["ceiling"][metric]["value"]
        return value
    ideal = make_sample(one.target, cases.truth, cases.ceiling)
    return float(values(METRICS[metric], ideal)[0])


def _ranking_rows(
    study: str, variants: list[Scored], part: str, common: Common, ranks: dict[str, int]
) -> list[Row]:
    rows: list[Row] = []
    ordered = sorted(variants, key=lambda one: ranks[one.name])
    names = names_for(variants[0].target)
    for metric in [RANKED_BY, *(name for name in names if name != RANKED_BY)]:
        found: list[tuple[str, str, int, Row, Row, float | None]] = []
        for one in ordered:
            block = one.metrics["parts"][part]
            ceiling = block["ceiling"] or {}
            if one is ordered[0] and metric in ceiling:
                value = _ceiling_on_common(one, part, metric, common)
                found.append(("ceiling", "ceiling", 0, ceiling[metric], block, value))
            value = _on_common(one, part, metric, common)
            score = block["metrics"][metric]
            found.append(("variant", one.name, ranks[one.name], score, block, value))
        for kind, name, rank, score, block, value in found:
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
                "value_common": value,
                "n_common": common.n_cases,
            }
            rows.append(row)
    # Within a metric the ceiling is first because it is found with the best variant.
    return rows


def _paired_rows(
    study: str, variants: list[Scored], part: str, common: Common, evaluation: Evaluation
) -> list[Row]:
    """Test every pair on every metric of `paired_metrics`, corrected within part and metric.

    Pairs with a reader are corrected apart from the others.

    Labels are questions of their own, so that areas of a multi-label target are tested label
    by label, too, of those to score, and corrected together with their mean.
    """
    if len(variants) < 2:
        return []
    owner = owners(common.cases[variants[0].name].patient)
    samples = [one.sample(common.cases[one.name], part) for one in variants]
    names = paired_metrics(variants[0].target)
    found = [
        estimate(
            sample,
            owner,
            names,
            n_draws=evaluation.bootstrap,
            confidence=evaluation.confidence,
            # The same draws for all, which is what pairs them.
            rng=np.random.default_rng(evaluation.seed),
        )
        for sample in samples
    ]
    pairs = list(itertools.combinations(range(len(variants)), 2))
    swapped = _swapped([name for name in names if name != "auc"], samples, owner, evaluation)
    rows: list[Row] = []
    for metric in names:
        family: list[Row] = []
        differences = {(i, j): difference(found[i], found[j], metric) for i, j in pairs}
        questions = list(_questions(variants[0].target, samples, metric))
        for place, name, seen in questions:
            known = owner[~np.isnan(seen[0].truth).all(axis=1)]
            for i, j in pairs:
                change = differences[i, j]
                low, high, why = change.judged(place)
                if metric == "auc":
                    tests = area_tests(
                        seen[i], seen[j], owner, evaluation, len(pairs) * len(questions)
                    )
                else:
                    tests = {"p_delong": np.nan, "p_permutation": swapped[i, j][metric]}
                family.append(
                    {
                        "study": study,
                        "part": part,
                        "metric": metric,
                        "class": name,
                        "variant_a": variants[i].name,
                        "variant_b": variants[j].name,
                        "difference": change.value[place],
                        "low": low,
                        "high": high,
                        **tests,
                        "n_cases": len(known),
                        "n_patients": len(np.unique(known)),
                        "why": why,
                    }
                )
        rows += _corrected(family, {one.name for one in variants if one.is_reader})
    return [{key: row[key] for key in PAIRED} for row in rows]


def _corrected(family: Sequence[Row], readers: set[str]) -> list[Row]:
    """Correct the p-values of a part and metric for their number, by Holm.

    How good people are is a question of its own, for which `reader_study` has the analysis: ten of
    them make no difference between two variants less sure.
    """
    asked = [not readers.isdisjoint((row["variant_a"], row["variant_b"])) for row in family]
    found = np.full(len(family), np.nan)
    for people in (True, False):
        places = [place for place, has_reader in enumerate(asked) if has_reader == people]
        found[places] = holm([_decisive(family[place]) for place in places])
    return [{**row, "p_holm": p} for row, p in zip(family, found, strict=True)]


def _questions(
    target: Target, samples: list[Sample], metric: str
) -> Iterator[tuple[int, str, list[Sample]]]:
    """Yield what pairs are tested on, with its row in the draws: all together, then labels."""
    yield 0, "", samples
    if target.kind == "multi-label" and metric == RANKED_BY and len(target.classes) > 1:
        for index, name in enumerate(column_names(target)):
            if name in target.scored:
                yield index + 1, name, [sample.column(index) for sample in samples]


def _swapped(
    names: list[str], samples: list[Sample], owner: Integers, evaluation: Evaluation
) -> dict[tuple[int, int], dict[str, float]]:
    """Return the permutation p-values of every pair of variants, by metric."""
    pairs = list(itertools.combinations(range(len(samples)), 2))
    most = swaps_for(len(pairs), n_draws=evaluation.bootstrap, confidence=evaluation.confidence)
    return {
        (i, j): permutation_ps(
            names,
            samples[i],
            samples[j],
            owner,
            n_draws=evaluation.bootstrap,
            most=most,
            # Every pair starts anew, so that a variant more in the plan changes no other pair.
            rng=np.random.default_rng(evaluation.seed),
        )
        for i, j in pairs
    }


def area_tests(
    first: Sample, second: Sample, owner: Integers, evaluation: Evaluation, n_tests: int
) -> dict[str, float]:
    """Return the p-values of areas: `p_delong` and `p_permutation`, one of them NaN.

    Swaps are drawn only where DeLong's test is undefined, or where a question that counts has so
    few patients of an answer that the variance is unsteady: even one such class or label among
    several makes DeLong's find differences that are not there (benchmarks/coverage.py).

    Parameters
    ----------
    first, second
        The same cases, answered by two variants.
    owner
        Shape (cases,): number of each case's patient.
    evaluation
        Number and seed of the swaps, confidence.
    n_tests
        Number of tests that are corrected together.

    """
    p_area = area_test(first, second, owner)[1]
    fewest = np.array(patients_of(first, owner))[counted(first)]
    if fewest.min(initial=FEWEST_PATIENTS) < FEWEST_PATIENTS:
        p_area = np.nan
    if np.isfinite(p_area):
        return {"p_delong": p_area, "p_permutation": np.nan}
    most = swaps_for(n_tests, n_draws=evaluation.bootstrap, confidence=evaluation.confidence)
    p_swap = permutation_ps(
        ["auc"],
        first,
        second,
        owner,
        n_draws=evaluation.bootstrap,
        most=most,
        rng=np.random.default_rng(evaluation.seed),
    )
    return {"p_delong": p_area, "p_permutation": p_swap["auc"]}


def _decisive(row: Row) -> float:
    """Return the p-value that is corrected: clustered DeLong's, else the permutation's.

    DeLong's has no smallest value and needs no draws; where there is one, nothing is swapped.
    """
    p: float = row["p_delong"] if np.isfinite(row["p_delong"]) else row["p_permutation"]
    return p
