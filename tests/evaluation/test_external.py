"""Scores of a cohort under the home study's frozen point, and the difference of two samples."""

import numpy as np
import pytest

from radpipe.core.errors import DataError
from radpipe.core.settings import Evaluation, Target
from radpipe.evaluation.ensemble import EnsembleCases
from radpipe.evaluation.external import ROWS, differences, home_part, judge, rows_of
from radpipe.evaluation.operating_point import OperatingPoint
from radpipe.evaluation.sample import make_sample
from radpipe.evaluation.scored import Scored
from radpipe.evaluation.scoring import Scorer

TWO = Target(kind="binary", classes=["no", "yes"])
THREE = Target(kind="multi-class", classes=["a", "b", "c"])
HOW = Evaluation(bootstrap=2000, confidence=0.95, seed=1, threshold="youden")


def cases(truth, positive, *, start=0):
    """Return cases of a patient each; `positive` are probabilities of the second class."""
    truth, positive = np.asarray(truth, float), np.asarray(positive, float)
    names = np.array([f"c{k + start:05d}" for k in range(len(truth))], dtype=object)
    return EnsembleCases(names, names, truth[:, None], np.column_stack([1 - positive, positive]))


def scored(parts, *, thresholds=(0.4,), temperature=1.0, target=TWO):
    """Return a variant with these cases by part, its metrics.json made as evaluate does."""
    point = OperatingPoint("youden", thresholds, temperature)
    scorer = Scorer(target, point, HOW)
    home = Scored.__new__(Scored)
    home.name, home.target, home.cases = "v", target, parts
    home.points = dict.fromkeys([*parts, "tune"], point)
    home.metrics = {
        "study": "home",
        "variant": "v",
        "operating_point": point.as_json(),
        "parts": {part: scorer.part(own, {(0, 0): own}) for part, own in parts.items()},
    }
    return home


def shares(n, right):
    """Return n positives, of which a share is flagged at 0.4, and as many negatives, none."""
    flagged = round(n * right)
    return [1] * n + [0] * n, [0.8] * flagged + [0.2] * (n - flagged) + [0.1] * n


def test_the_interval_of_a_difference_of_shares_is_that_of_the_textbook():
    """Sensitivity 0.9 of 200 and 0.7 of 150: -0.2 and 1.96 sqrt(.9 .1/200 + .7 .3/150)."""
    home = scored({"test": cases(*shares(200, 0.9))})
    away = cases(*shares(150, 0.7))
    judged = judge(home, {(0, 0): away}, HOW)
    change = judged["difference"]["sensitivity"]
    assert change["value"] == pytest.approx(-0.2)
    half = 1.96 * np.sqrt(0.9 * 0.1 / 200 + 0.7 * 0.3 / 150)
    assert change["low"] == pytest.approx(-0.2 - half, abs=0.012)
    assert change["high"] == pytest.approx(-0.2 + half, abs=0.012)
    assert judged["scores"]["metrics"]["sensitivity"]["value"] == pytest.approx(0.7)


def test_the_threshold_is_that_of_home():
    """At 0.4 half of the positives are found; the cohort's own best threshold would find all."""
    home = scored({"test": cases(*shares(20, 0.9))})
    away = cases([1, 1, 0, 0], [0.5, 0.3, 0.1, 0.2])
    judged = judge(home, {(0, 0): away}, HOW)
    metrics = judged["scores"]["metrics"]
    assert (metrics["sensitivity"]["value"], metrics["specificity"]["value"]) == (0.5, 1.0)
    assert metrics["auc"]["value"] == 1.0
    assert judged["operating_point"]["thresholds"] == [0.4]


def test_the_temperature_is_that_of_home():
    """At temperature 2 the odds 81 of 0.9878 become 9, so 0.9; Brier of one case 0.01."""
    home = scored({"test": cases(*shares(20, 0.9))}, temperature=2.0)
    p = 81 / 82
    judged = judge(home, {(0, 0): cases([1, 0], [p, 1 - p])}, HOW)
    assert judged["scores"]["metrics"]["brier"]["value"] == pytest.approx(0.01)


def test_the_mean_of_all_runs_is_scored():
    home = scored({"test": cases(*shares(20, 0.9))})
    truth = [1, 1, 0, 0]
    runs = {(0, s): cases(truth, p) for s, p in enumerate(([0.5, 0.5, 0, 0], [0.2, 0.4, 0, 0]))}
    judged = judge(home, runs, HOW)
    # Means 0.35 and 0.45: one of the two reaches 0.4.
    assert judged["scores"]["metrics"]["sensitivity"]["value"] == 0.5
    assert judged["scores"]["metrics"]["sensitivity"]["runs"]["n"] == 2


@pytest.mark.parametrize(("parts", "part"), [(("tune",), "tune"), (("tune", "test"), "test")])
def test_home_is_its_test_or_tune_while_that_is_closed(parts, part):
    home = scored({name: cases(*shares(20, 0.8), start=k * 99) for k, name in enumerate(parts)})
    assert home_part(home.metrics) == part
    assert judge(home, {(0, 0): cases(*shares(20, 0.8))}, HOW)["home_part"] == part


def test_equal_samples_differ_by_nothing_but_their_draws_are_their_own():
    """Were both drawn alike, the interval would have no width."""
    sample = make_sample(TWO, *(getattr(cases(*shares(50, 0.8)), k) for k in ("truth", "scores")))
    owner = np.arange(100)
    change = differences((sample, owner), (sample, owner), ["sensitivity"], HOW)["sensitivity"]
    assert change.value[0] == 0
    low, high = change.interval()
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(2 * 0.8 * 0.2 / 50), rel=0.15)


def test_patients_are_drawn_whole():
    """Four equal cases a patient say no more than one: the interval is as wide."""
    truth, positive = shares(40, 0.7)
    one = make_sample(TWO, cases(truth, positive).truth, cases(truth, positive).scores)
    many = one.take(np.repeat(np.arange(80), 4))
    widths = []
    for sample, owner in ((one, np.arange(80)), (many, np.repeat(np.arange(80), 4))):
        found = differences((sample, owner), (one, np.arange(80)), ["recall"], HOW)["recall"]
        low, high = found.interval()
        widths.append(high - low)
    assert widths[1] == pytest.approx(widths[0])


def test_a_class_that_the_cohort_lacks_is_undefined_there():
    rng = np.random.default_rng(0)
    scores = rng.dirichlet(np.ones(3), 60)
    names = np.array([f"c{k:02d}" for k in range(60)], dtype=object)
    home = EnsembleCases(names, names, (np.arange(60) % 3.0)[:, None], scores)
    away = EnsembleCases(names, names, (np.arange(60) % 2.0)[:, None], scores)
    variant = scored({"test": home}, thresholds=(0.3, 0.3, 0.3), target=THREE)
    judged = judge(variant, {(0, 0): away}, HOW)
    auc = judged["difference"]["auc"]
    assert np.isnan(auc["per_class"]["c"]["value"])
    assert np.isfinite([auc["per_class"]["a"][key] for key in ("value", "low", "high")]).all()
    assert np.isnan([auc["value"], auc["low"], auc["high"]]).all()
    rows = [row for row in rows_of("away", variant.metrics, judged) if row["metric"] == "auc"]
    assert [row["class"] for row in rows] == ["", "a", "b", "c"]
    assert rows[3]["difference"] is None
    assert rows[3]["home_value"] is not None


def test_rows_set_home_and_cohort_side_by_side():
    home = scored({"test": cases(*shares(20, 0.9))})
    judged = judge(home, {(0, 0): cases(*shares(10, 0.7))}, HOW)
    rows = {row["metric"]: row for row in rows_of("away", home.metrics, judged)}
    row = rows["sensitivity"]
    assert list(row) == list(ROWS)
    assert (row["cohort"], row["home"], row["variant"], row["class"]) == ("away", "home", "v", "")
    assert (row["n_cases"], row["home_n_cases"], row["home_part"]) == (20, 40, "test")
    assert (row["value"], row["home_value"], row["difference"]) == (0.7, 0.9, -0.2)
    assert row["difference_low"] < -0.2 < row["difference_high"]


def test_cases_without_a_known_truth_are_not_scored():
    home = scored({"test": cases(*shares(20, 0.9))})
    judged = judge(home, {(0, 0): cases([1, 0, np.nan], [0.5, 0.1, 0.9])}, HOW)
    assert (judged["scores"]["n_cases"], judged["scores"]["n_unknown"]) == (2, 1)


def test_a_cohort_without_a_truth_is_refused():
    home = scored({"test": cases(*shares(20, 0.9))})
    away = cases([float("nan")] * 3, [0.5, 0.3, 0.1])
    with pytest.raises(DataError, match="v: of none of the 3 cases of the cohort is a truth known"):
        judge(home, {(0, 0): away}, HOW)
