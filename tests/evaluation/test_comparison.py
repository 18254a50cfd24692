"""Ranking and paired tests of hand-built variants."""

import copy

import numpy as np
import pyarrow as pa
import pytest

from radpipe.core.errors import DataError
from radpipe.core.settings import Evaluation
from radpipe.evaluation.comparison import PAIRED, RANKING, area_tests, compare, paired_metrics
from radpipe.evaluation.ensemble import cases_of
from radpipe.evaluation.operating_point import choose
from radpipe.evaluation.paired import area_test
from radpipe.evaluation.sample import make_sample
from radpipe.evaluation.scoring import Scorer
from radpipe.evaluation.tables import plain
from tests.evaluation.conftest import BINARY, GRADES, LABELS, THREE

EVALUATION = Evaluation(bootstrap=200, confidence=0.95, seed=1, threshold="youden")
N = 80
_RNG = np.random.default_rng(4)
ODDS = _RNG.normal(size=2 * N)
TRUTH = (_RNG.random(2 * N) < 1 / (1 + np.exp(-2 * ODDS))).astype(float)


def variant(name, noise, *, study="bones", test=True, ceiling=True, keep=None):
    """Return metrics.json and cases.parquet of an observer with some noise.

    `keep` names cases by a mask, of tune and test under each other: of the others, the
    variant's store knows nothing.
    """
    odds = 2 * ODDS + noise * np.random.default_rng(9).normal(size=2 * N)
    positive, ideal = 1 / (1 + np.exp(-odds)), 1 / (1 + np.exp(-2 * ODDS))
    table = pa.table(
        {
            "part": ["tune"] * N + ["test"] * N,
            "case": [f"c{i:03}" for i in range(2 * N)],
            "patient": [f"p{i // 2:03}" for i in range(2 * N)],
            "target": TRUTH,
            "score_healthy": 1 - positive,
            "score_ill": positive,
            **({"ceiling_healthy": 1 - ideal, "ceiling_ill": ideal} if ceiling else {}),
        }
    ).slice(0, 2 * N if test else N)
    if keep is not None:
        table = table.filter(pa.array(keep))
    return scored(name, table, BINARY, study=study)


def scored(name, table, target, *, study="bones"):
    """Return what evaluate makes of a table of predictions."""
    parts = {
        part: found
        for part in ("tune", "test")
        if (found := cases_of(target, table, part, where=name))
    }
    point = choose(target, parts["tune"].truth, parts["tune"].scores, EVALUATION)
    scorer = Scorer(target, point, EVALUATION)
    blocks = {part: scorer.part(cases, {(0, 0): cases}) for part, cases in parts.items()}
    metrics = {
        "variant": name,
        "study": study,
        "target": target.model_dump(mode="json"),
        "operating_point": point.as_json(),
        "parts": blocks,
    }
    return plain(metrics), table


@pytest.fixture(scope="module")
def three():
    return [variant("poor", 6.0), variant("good", 0.5), variant("fair", 2.5)]


def test_ranking_has_the_ceiling_first(three):
    ranking, _ = compare(three, EVALUATION)
    assert list(ranking[0]) == RANKING
    top = [row for row in ranking if row["part"] == "test" and row["metric"] == "auc"]
    assert ranking[:4] == top
    assert [row["variant"] for row in top] == ["ceiling", "good", "fair", "poor"]
    assert [row["rank"] for row in top] == [0, 1, 2, 3]
    assert [row["kind"] for row in top] == ["ceiling", *["variant"] * 3]
    assert top[0]["value"] > top[2]["value"] > top[3]["value"]
    assert top[1]["value"] == three[1][0]["parts"]["test"]["metrics"]["auc"]["value"]
    assert {row["n_cases"] for row in top} == {N}
    assert {row["n_patients"] for row in top} == {N // 2}
    assert {row["seed_sd"] for row in top} == {None}
    assert {row["metric"] for row in ranking} == set(three[0][0]["parts"]["test"]["metrics"])
    assert {row["part"] for row in ranking} == {"tune", "test"}


def test_pairs_are_tested_and_corrected(three):
    _, paired = compare(three, EVALUATION)
    assert list(paired[0]) == PAIRED
    assert len(paired) == 3 * 2 * len(paired_metrics(BINARY))
    assert "quadratic_kappa" not in paired_metrics(BINARY)
    areas = [row for row in paired if row["part"] == "test" and row["metric"] == "auc"]
    assert [(row["variant_a"], row["variant_b"]) for row in areas] == [
        ("poor", "good"),
        ("poor", "fair"),
        ("good", "fair"),
    ]
    values = {m["variant"]: m["parts"]["test"]["metrics"]["auc"]["value"] for m, _ in three}
    for row in areas:
        expected = values[row["variant_a"]] - values[row["variant_b"]]
        assert row["difference"] == pytest.approx(expected, abs=2e-6)
        assert row["low"] < row["difference"] < row["high"]
        assert row["p_delong"] <= row["p_holm"] <= 3 * row["p_delong"] + 1e-6
    assert areas[0]["p_holm"] < 0.05
    others = [row for row in paired if row["metric"] == "brier"]
    assert {row["p_delong"] for row in others} == {None}
    assert all(row["p_permutation"] <= row["p_holm"] for row in others)


def test_a_reader_makes_no_pair_of_variants_less_sure(three):
    """Pairs with a reader are corrected together, apart from the one pair of variants."""
    (metrics, table), *others = three
    by = {"kind": "reader", "name": "r", "modality": ""}
    reader = {**metrics, "variant": "r", "imported": {"by": by, "form": "probabilities"}}
    _, alone = compare(others, EVALUATION)
    _, beside = compare([*others, (reader, table)], EVALUATION)
    kept = [row for row in beside if "r" not in (row["variant_a"], row["variant_b"])]
    areas = [row for row in alone if row["metric"] == "auc"]
    assert [row for row in kept if row["metric"] == "auc"] == areas
    # Others may have more swaps, which a smaller p can come from; it stands uncorrected.
    others = [row for row in kept if row["metric"] != "auc"]
    assert all(row["p_holm"] == row["p_permutation"] for row in others)
    people = [row for row in beside if row["part"] == "test" and row["metric"] == "auc"][1:]
    found = sorted((row["p_delong"], row["p_holm"]) for row in people)
    assert found[0][1] == pytest.approx(2 * found[0][0], abs=1e-6)


def test_without_test_of_all_variants_tune_ranks(three):
    scores = [three[0], variant("closed", 1.0, test=False)]
    ranking, paired = compare(scores, EVALUATION)
    assert ranking[0]["part"] == "tune"
    tested = [row for row in ranking if row["part"] == "test"]
    assert {row["variant"] for row in tested} == {"ceiling", "poor"}
    assert {row["part"] for row in paired} == {"tune"}


def test_studies_are_ranked_apart(three):
    scores = [three[0], variant("alone", 1.0, study="knee", ceiling=False, test=False)]
    ranking, paired = compare(scores, EVALUATION)
    knee = [row for row in ranking if row["study"] == "knee"]
    assert {row["part"] for row in knee} == {"tune"}
    assert {row["variant"] for row in knee} == {"alone"}
    assert paired == []


def test_undefined_area_ranks_last(three):
    odd = copy.deepcopy(three[1][0])
    for block in odd["parts"].values():
        block["metrics"]["auc"]["value"] = None
    ranking, _ = compare([(odd, three[1][1]), three[0]], EVALUATION)
    assert [row["variant"] for row in ranking[:3]] == ["ceiling", "poor", "good"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: t.set_column(
                t.column_names.index("case"), "case", pa.array([f"other{i}" for i in range(2 * N)])
            ),
            "good and poor cannot be compared on tune: .* none is common to all",
        ),
        (
            lambda t: t.set_column(
                t.column_names.index("patient"), "patient", pa.array(["p"] * 2 * N)
            ),
            "different patients",
        ),
        (
            lambda t: t.set_column(t.column_names.index("target"), "target", pa.array(1 - TRUTH)),
            "different truths",
        ),
    ],
)
def test_other_cases_are_refused(three, change, message):
    metrics, table = three[0]
    metrics = {**metrics, "parts": {"tune": metrics["parts"]["tune"]}}
    with pytest.raises(DataError, match=message):
        compare([three[1], (metrics, change(table))], EVALUATION)


@pytest.fixture(scope="module")
def some():
    """Return a variant on all cases, and one that never saw those it would have been wrong on."""
    whole = variant("fair", 2.5)
    positive = np.array(whole[1]["score_ill"])
    misled = (positive > 0.5) != (TRUTH == 1)
    keep = ~(misled & (np.arange(2 * N) % 2 == 0))
    return whole, variant("picky", 3.0, keep=keep), keep


def test_the_order_is_that_on_common_cases(some):
    whole, picky, keep = some
    ranking, _ = compare([whole, picky], EVALUATION)
    n = int(keep[N:].sum())
    fair, other = (
        row
        for name in ("fair", "picky")
        for row in ranking
        if (row["variant"], row["part"], row["metric"]) == (name, "test", "auc")
    )
    assert (fair["n_cases"], fair["n_common"]) == (N, n)
    assert (other["n_cases"], other["n_common"]) == (n, n)
    # Easier cases make the worse one look better, if each is seen on its own.
    assert other["value"] > fair["value"]
    assert other["value_common"] == other["value"] < fair["value_common"]
    assert (fair["rank"], other["rank"]) == (1, 2)
    ceiling = ranking[0]
    assert (ceiling["kind"], ceiling["n_cases"]) == ("ceiling", N)
    assert ceiling["value_common"] != ceiling["value"]


def test_pairs_are_tested_on_common_cases(some):
    """As if the other variant's store lacked these cases, too."""
    whole, picky, keep = some
    _, paired = compare([whole, picky], EVALUATION)
    _, expected = compare([(whole[0], whole[1].filter(pa.array(keep))), picky], EVALUATION)
    assert paired == expected
    tests = [row for row in paired if row["part"] == "test"]
    assert {row["n_cases"] for row in tests} == {int(keep[N:].sum())}


def test_equal_cases_are_all_common(three):
    ranking, _ = compare(three, EVALUATION)
    assert {row["n_common"] for row in ranking} == {N}
    assert all(row["value_common"] == row["value"] for row in ranking)


def test_different_splits_are_refused(three):
    metrics, table = three[0]
    swapped = pa.array(["test"] * N + ["tune"] * N)
    other = table.set_column(table.column_names.index("part"), "part", swapped)
    with pytest.raises(DataError, match=r"good and poor cannot be .* different splits"):
        compare([three[1], (metrics, other)], EVALUATION)


def test_grades_are_tested_on_quadratic_kappa():
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 3, 2 * N)
    tables = []
    for noise in (0.4, 1.5):
        odds = -((truth[:, None] + noise * rng.normal(size=(2 * N, 1)) - np.arange(3)) ** 2)
        scores = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)
        columns = {
            "part": ["tune"] * N + ["test"] * N,
            "case": [f"c{i:03}" for i in range(2 * N)],
            "patient": [f"p{i // 2:03}" for i in range(2 * N)],
            "target": truth.astype(float),
        }
        columns |= dict(zip(GRADES.score_columns, scores.T, strict=True))
        tables.append(pa.table(columns))
    pair = [scored(name, one, GRADES) for name, one in zip("ab", tables, strict=True)]
    ranking, paired = compare(pair, EVALUATION)
    row = next(r for r in paired if (r["metric"], r["part"]) == ("quadratic_kappa", "test"))
    kappas = [m["parts"]["test"]["metrics"]["quadratic_kappa"]["value"] for m, _ in pair]
    assert row["difference"] == pytest.approx(kappas[0] - kappas[1], abs=2e-6)
    assert 0 < row["low"] < row["difference"] < row["high"]
    assert row["p_permutation"] == row["p_holm"] < 0.05
    assert row["p_delong"] is None
    assert {"grade_error", "auc_at_least", "kappa"} <= {row["metric"] for row in ranking}


def test_other_classes_are_refused(three):
    metrics, table = copy.deepcopy(three[0][0]), three[0][1]
    metrics["target"]["classes"] = ["healthy", "sick"]
    table = table.rename_columns([n.replace("ill", "sick") for n in table.column_names])
    with pytest.raises(DataError, match=r"targets .*'ill'.* and .*'sick'"):
        compare([three[1], (metrics, table)], EVALUATION)


def test_metrics_and_cases_of_different_days(three):
    metrics, table = three[0]
    with pytest.raises(DataError, match="poor: metrics"):
        compare([(metrics, table.slice(0, N))], EVALUATION)


def test_a_mean_over_a_rare_class_is_not_tested_by_delong():
    """Classes of 1, 30 and 30 patients, 15 times two equally good variants.

    DeLong's finds a difference far too often; what decides, about one time in twenty.
    """
    rng, truth, owner = np.random.default_rng(2), np.repeat([0, 1, 2], [1, 30, 30]), np.arange(61)
    how, wrong = Evaluation(bootstrap=100, confidence=0.8, seed=1), {"delong": 0, "decisive": 0}
    for _ in range(15):
        odds = rng.normal(size=(2, 61, 3)) + np.eye(3)[truth]
        one, other = (
            make_sample(THREE, truth[:, None].astype(float), 1 / (1 + np.exp(-each)))
            for each in odds
        )
        tests = area_tests(one, other, owner, how, 1)
        assert np.isnan(tests["p_delong"])
        wrong["delong"] += area_test(one, other, owner)[1] < 0.05
        wrong["decisive"] += tests["p_permutation"] < 0.05
    assert wrong["delong"] >= 4
    assert wrong["decisive"] <= 2


@pytest.mark.parametrize("kind", ["counts", "not to score"])
def test_a_rare_label_takes_delong_from_the_mean_only_if_it_counts(kind):
    target = LABELS
    if kind == "not to score":
        target = LABELS.model_copy(update={"score_on": [LABELS.classes[0]]})
    truth = np.column_stack([np.arange(60) % 2, np.arange(60) == 7]).astype(float)
    rng = np.random.default_rng(1)
    one, other = (
        make_sample(target, truth, 1 / (1 + np.exp(-odds)))
        for odds in rng.normal(size=(2, 60, 2)) + truth
    )
    tests = area_tests(one, other, np.arange(60), EVALUATION, 1)
    assert np.isnan(tests["p_delong"]) == (kind == "counts")
    assert np.isnan(tests["p_permutation"]) == (kind != "counts")
