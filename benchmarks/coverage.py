"""How often intervals hold the truth, and how often tests find a difference that is not there.

    python benchmarks/coverage.py [--studies N | --quick] [--draws B]

Draws studies whose true numbers are known: 40 or 150 patients of one to four cases, whose scores
share a patient's part; AUC 0.7, 0.9 and 0.97, of a yes-or-no question and of three classes (the
mean over one-vs-rest areas); two equally good variants of the same cases; few positives among 200
patients; labels and classes of which some are rare; few patients of many cases; probabilities that
are calibrated, or too extreme; guarantees, decisions in pairs, subgroups and learning curves. Every
interval is made as `evaluate` and `compare` make them, and should hold the truth in 93 to 97 % of
studies; of tests at 5 %, 4 to 6 % should find a difference. With N studies a rate of 95 % is known
to about 200 * sqrt(0.95 * 0.05 / N) points.
"""

import argparse
import math
import time
from collections import defaultdict
from collections.abc import Iterator
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from radpipe.core.settings import Evaluation, Guarantee, Target
from radpipe.evaluation.comparison import area_tests
from radpipe.evaluation.curves import curve_rows
from radpipe.evaluation.decided import METRICS as DECIDED
from radpipe.evaluation.decided import Counted, score_test
from radpipe.evaluation.draws import draw_patients
from radpipe.evaluation.ensemble import EnsembleCases
from radpipe.evaluation.group_tests import compare_groups
from radpipe.evaluation.guarantees import guarantees
from radpipe.evaluation.intervals import difference, estimate
from radpipe.evaluation.metrics import METRICS
from radpipe.evaluation.metrics.probabilities import bin_of
from radpipe.evaluation.paired import area_test, holm
from radpipe.evaluation.permutation import permutation_ps
from radpipe.evaluation.power_law import fit
from radpipe.evaluation.sample import Sample, make_sample
from radpipe.evaluation.shares import Share

NORMAL = NormalDist()
AREAS = (0.7, 0.9, 0.97)
NAMES = ("auc", "accuracy", "sensitivity", "specificity", "precision", "f1", "kappa")
BINARY = Target(kind="binary", classes=["no", "yes"])
THREE = Target(kind="multi-class", classes=["a", "b", "c"])
LABELS = Target(kind="multi-label", classes=[f"label{k}" for k in range(14)])
Floats = npt.NDArray[np.float64]
Owners = npt.NDArray[np.int64]


class Tally:
    """Hits of several named events."""

    def __init__(self) -> None:
        self.hits: dict[str, list[float]] = defaultdict(list)

    def add(self, name: str, interval: tuple[float, float], truth: float) -> None:
        """Count an interval that holds the truth, or not; where either is none it stands apart."""
        low, high = interval
        defined = math.isfinite(low) and math.isfinite(truth)
        self.hits[name].append(float(low <= truth <= high) if defined else math.nan)

    def show(self, title: str, *, least: float = 93, most: float = 97) -> None:
        """Print percentages; a star marks those outside the aim by more than chance explains."""
        for name, hits in self.hits.items():
            shown = [hit for hit in hits if math.isfinite(hit)]
            none = 100 * (1 - len(shown) / len(hits))
            if not shown:
                print(f"{title:<34}{name:<28}  no interval")
                continue
            rate, noise = 100 * float(np.mean(shown)), 200 * math.sqrt(0.0475 / len(shown))
            star = "" if least - noise <= rate <= most + noise else " *"
            print(f"{title:<34}{name:<28}{rate:6.1f} %{star}   none: {none:.0f} %", flush=True)


def main() -> None:
    """Draw studies, print coverage and error rates."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--studies", type=int, default=2000, help="per cell")
    parser.add_argument("--quick", action="store_true", help="200 studies per cell")
    parser.add_argument("--draws", type=int, default=500, help="of patients, where there are any")
    args = parser.parse_args()
    studies, began = 200 if args.quick else args.studies, time.process_time()
    rng = np.random.default_rng(1)
    for patients in (40, 150):
        for area in AREAS:
            title = f"{patients} patients, AUC {area}"
            one_variant(rng, patients, area, studies, args.draws).show(title)
            three_classes(rng, patients, area, studies).show(title)
            two_variants(rng, patients, area, studies, args.draws, title)
            points_of_curves(rng, patients, area, studies // 4, args.draws).show(title)
        for slope in (1.0, 0.7, 0.4):
            calibration(rng, patients, slope, studies).show(f"{patients} patients, slope {slope}")
    for positives in (2, 4, 5, 7, 10, 20):
        for area in (0.85, 0.95):
            title = f"{positives} of 200 positive, AUC {area}"
            few_positives(rng, positives, area, studies).show(title)
    for patients in (2, 3, 5, 10, 20):
        title = f"{patients} patients of 20 cases"
        many_cases(rng, patients, studies).show(title, most=100)
    for rare in (1, 2, 5):
        title = f"5 of 14 labels with {rare} positives"
        rare_labels(rng, rare, studies // 4).show(title)
        rare_labels_compared(rng, rare, studies // 10).show(title, least=4, most=6)
    rare_class(rng, studies // 10).show("classes of 1, 30 and 30", least=4, most=6)
    ten_pairs(rng, studies // 2)
    for patients in (40, 150):
        guaranteed(rng, patients, studies // 4).show(f"{patients} patients of tune", most=100)
        decisions(rng, patients, studies // 2).show(f"{patients} patients", least=4, most=6)
        subgroups(rng, 2 * patients, studies // 4).show(
            f"{2 * patients} patients, 2 groups", least=4, most=6
        )
    small = subgroups(rng, 400, studies // 4, area=0.97, share=0.1)
    small.show("400 patients, 1 of 10 in a group", least=4, most=6)
    learning(rng, studies // 4).show("learning curves of 4 points")
    print(f"{studies} studies a cell, {time.process_time() - began:.0f} s")


def clusters(rng: np.random.Generator, patients: int) -> Owners:
    """Return each case's patient: one to four cases each."""
    return np.repeat(np.arange(patients), rng.integers(1, 5, patients))


def shared_noise(rng: np.random.Generator, owner: Owners, columns: int, share: float) -> Floats:
    """Return noise of variance 1, a share of it the same in all cases of a patient."""
    own = rng.normal(size=(int(owner.max()) + 1, columns))[owner]
    noise: Floats = np.sqrt(share) * own + np.sqrt(1 - share) * rng.normal(size=own.shape)
    return noise


def binary(truth: Floats, odds: Floats) -> Sample:
    """Return cases whose odds are in the log."""
    chance = 1 / (1 + np.exp(-odds))
    return make_sample(BINARY, truth[:, None], np.column_stack([1 - chance, chance]))


def answers(rng: np.random.Generator, owner: Owners) -> Floats:
    """Return truths, half of them yes, alike within patients."""
    chance = rng.beta(1, 1, int(owner.max()) + 1)
    return (rng.random(len(owner)) < chance[owner]).astype(float)


def one_variant(
    rng: np.random.Generator, patients: int, area: float, studies: int, draws: int
) -> Tally:
    """Score one variant; its threshold is the best there is."""
    found, apart = Tally(), math.sqrt(2) * NORMAL.inv_cdf(area)
    right = NORMAL.cdf(apart / 2)
    true = dict.fromkeys(NAMES, right) | {"auc": area, "kappa": 2 * right - 1}
    for _ in range(studies):
        owner = clusters(rng, patients)
        truth = answers(rng, owner)
        odds = shared_noise(rng, owner, 1, 0.5)[:, 0] + apart * (truth - 0.5)
        some = estimate(binary(truth, odds), owner, NAMES, n_draws=draws, rng=rng)
        for name in NAMES:
            found.add(name, some[name].interval(), true[name])
    return found


def points_of_curves(
    rng: np.random.Generator, patients: int, area: float, studies: int, draws: int
) -> Tally:
    """Read points off the ROC curve, a part of its area, and average precision."""
    found, apart = Tally(), math.sqrt(2) * NORMAL.inv_cdf(area)
    true = true_points(apart)
    for _ in range(studies):
        owner = clusters(rng, patients)
        truth = answers(rng, owner)
        odds = shared_noise(rng, owner, 1, 0.5)[:, 0] + apart * (truth - 0.5)
        drawn = draw_patients(owner, draws, rng)
        sample = binary(truth, odds)
        for row in curve_rows(sample, ["yes"], "test", draws=drawn, confidence=0.95):
            name = f"{row['curve']} {row['x']:g}"
            if name in true:
                found.add(name, (row["low"], row["high"]), true[name])
    return found


def true_points(apart: float) -> dict[str, float]:
    """Return what `points_of_curves` should find: two normal distributions, as many of each."""
    alarms = np.linspace(0, 1, 20001)[1:-1]
    hits = np.array([NORMAL.cdf(apart + NORMAL.inv_cdf(share)) for share in alarms])
    both = np.append(0, alarms), np.append(0, hits)
    part = np.trapezoid(np.where(both[0] <= 0.1, both[1], 0), both[0])
    at = {f"{x:g}": NORMAL.cdf(apart - NORMAL.inv_cdf(x)) for x in (0.9, 0.95)}
    return {
        **{f"{kind}-at {x}": y for kind in ("sensitivity", "specificity") for x, y in at.items()},
        "partial-area 0.9": (1 + (part - 0.005) / 0.095) / 2,
        "average-precision 1": float(np.trapezoid(hits / (hits + alarms), hits)) + hits[0],
    }


def calibration(rng: np.random.Generator, patients: int, slope: float, studies: int) -> Tally:
    """Score the calibration error of log odds that are 1 / slope times the true ones."""
    found, ece = Tally(), METRICS["ece"]

    def draw(n: int) -> tuple[Owners, Floats, Floats]:
        owner = clusters(rng, n)
        odds = 1.5 * shared_noise(rng, owner, 1, 0.5)[:, 0] - 0.6
        return owner, odds, 1 / (1 + np.exp(-odds))

    _, odds, chance = draw(200_000)
    claimed = 1 / (1 + np.exp(-odds / slope))
    true = float(np.abs(np.bincount(bin_of(claimed), claimed - chance)).sum()) / len(odds)
    for _ in range(studies):
        owner, odds, chance = draw(patients)
        truth = (rng.random(len(owner)) < chance).astype(float)
        [row] = ece.rows(binary(truth, odds / slope), owner, 0.95) or ()
        found.add("ece", (row.low, row.high), true)
    return found


def three_classes(rng: np.random.Generator, patients: int, area: float, studies: int) -> Tally:
    """Score the mean area of three classes of 50, 30 and 20 %."""
    found, apart = Tally(), math.sqrt(2) * NORMAL.inv_cdf(area)
    for _ in range(studies):
        owner = clusters(rng, patients)
        truth = rng.choice(3, len(owner), p=[0.5, 0.3, 0.2])
        odds = shared_noise(rng, owner, 3, 0.5) + apart * np.eye(3)[truth]
        sample = make_sample(THREE, truth[:, None].astype(float), 1 / (1 + np.exp(-odds)))
        some = estimate(sample, owner, ["auc"], rng=rng)["auc"]
        found.add("auc, mean of three classes", some.interval(), area)
    return found


def pair(
    rng: np.random.Generator, owner: Owners, truth: Floats, apart: float, n: int = 2
) -> Iterator[Sample]:
    """Yield equally good variants, 70 % of whose noise is the same."""
    same = shared_noise(rng, owner, 1, 0.5)
    for _ in range(n):
        odds = np.sqrt(0.7) * same + np.sqrt(0.3) * shared_noise(rng, owner, 1, 0.5)
        yield binary(truth, odds[:, 0] + apart * (truth - 0.5))


def two_variants(
    rng: np.random.Generator, patients: int, area: float, studies: int, draws: int, title: str
) -> None:
    """Compare two equally good variants."""
    found, wrong, names = Tally(), Tally(), ("auc", "accuracy", "f1", "brier", "log_loss")
    apart = math.sqrt(2) * NORMAL.inv_cdf(area)
    for _ in range(studies // 2):
        owner = clusters(rng, patients)
        truth = answers(rng, owner)
        first, second = pair(rng, owner, truth, apart)
        seed = int(rng.integers(1 << 30))
        one, other = (
            estimate(sample, owner, names, n_draws=draws, rng=np.random.default_rng(seed))
            for sample in (first, second)
        )
        for name in names:
            change = difference(one, other, name)
            found.add(f"{name}, difference", change.interval(), 0.0)
        wrong.add("auc, DeLong's test", (0, 0.05), area_test(first, second, owner)[1])
        tests = permutation_ps(("accuracy", "brier"), first, second, owner, n_draws=200, rng=rng)
        for name, p in tests.items():
            wrong.add(f"{name}, permutation test", (0, 0.05), p)
    found.show(title)
    wrong.show(title, least=4, most=6)


def few_positives(rng: np.random.Generator, positives: int, area: float, studies: int) -> Tally:
    """Score a variant on 200 patients of whom few are ill."""
    found, apart = Tally(), math.sqrt(2) * NORMAL.inv_cdf(area)
    truth, owner = (np.arange(200) < positives).astype(float), np.arange(200)
    for _ in range(studies):
        odds = rng.normal(size=200) + apart * (truth - 0.5)
        some = estimate(binary(truth, odds), owner, ["auc", "sensitivity"], rng=rng)
        found.add("auc", some["auc"].interval(), area)
        found.add("sensitivity", some["sensitivity"].interval(), NORMAL.cdf(apart / 2))
    return found


def many_cases(rng: np.random.Generator, patients: int, studies: int) -> Tally:
    """Estimate shares of few patients with many cases, of which some are alike."""
    found, owner = Tally(), np.repeat(np.arange(patients), 20)
    every = np.ones(len(owner), dtype=bool)
    for yes, no in ((12, 4), (3, 1), (0.75, 0.25), (18, 2)):
        for _ in range(studies):
            hit = rng.random(len(owner)) < rng.beta(yes, no, patients)[owner]
            row = Share(hit, every).row(owner, patients, 0.95)
            found.add(f"share, beta({yes}, {no})", (row.low, row.high), yes / (yes + no))
    return found


def rare_labels(rng: np.random.Generator, rare: int, studies: int) -> Tally:
    """Score 14 labels of 200 patients, five of them rare."""
    found, apart, owner = Tally(), math.sqrt(2) * NORMAL.inv_cdf(0.85), np.arange(200)
    for _ in range(studies):
        counts = [rare] * 5 + [60] * 9
        truth = np.column_stack([rng.permutation(owner) < n for n in counts]).astype(float)
        odds = rng.normal(size=truth.shape) + apart * truth
        sample = make_sample(LABELS, truth, 1 / (1 + np.exp(-odds)))
        some = estimate(sample, owner, ["auc"], rng=rng)["auc"]
        found.add("auc, mean of labels", some.interval(), 0.85)
    return found


def rare_labels_compared(rng: np.random.Generator, rare: int, studies: int) -> Tally:
    """Test two equally good variants on such labels, as `compare` does."""
    found, owner, how = Tally(), np.arange(200), Evaluation(bootstrap=200, seed=1)
    for _ in range(studies):
        counts = [rare] * 5 + [60] * 9
        truth = np.column_stack([rng.permutation(owner) < n for n in counts]).astype(float)
        one, other = (
            make_sample(LABELS, truth, 1 / (1 + np.exp(-(rng.normal(size=truth.shape) + truth))))
            for _ in range(2)
        )
        tests = area_tests(one, other, owner, how, 1)
        found.add("auc, test of the mean", (0, 0.05), float(np.nanmax(list(tests.values()))))
    return found


def rare_class(rng: np.random.Generator, studies: int) -> Tally:
    """Test two equally good variants of three classes, one of which has one patient."""
    found, how, truth = (
        Tally(),
        Evaluation(bootstrap=200, seed=1),
        np.repeat([0, 1, 2], [1, 30, 30]),
    )
    for _ in range(studies):
        one, other = (
            make_sample(THREE, truth[:, None].astype(float), 1 / (1 + np.exp(-odds)))
            for odds in rng.normal(size=(2, len(truth), 3)) + np.eye(3)[truth]
        )
        tests = area_tests(one, other, np.arange(len(truth)), how, 1)
        found.add("auc, test of the mean", (0, 0.05), float(np.nanmax(list(tests.values()))))
    return found


def guaranteed(rng: np.random.Generator, patients: int, studies: int) -> Tally:
    """Learn thresholds and sets from `tune`, and count the share of new positives that they find.

    On average over studies, and (certain) in how many studies at least the share asked for.
    """
    found, asked = Tally(), Guarantee()
    for _ in range(studies):
        tune, test = (some_cases(rng, n) for n in (patients, 400))
        runs = {"tune": {(0, 0): tune}, "test": {(0, 0): test}}
        block = guarantees(BINARY, runs, asked, 0.95).block
        yes = block["thresholds"]["yes"]
        for kind in ("average", "certain"):
            value = yes[kind].get("test", {}).get("sensitivity", {}).get("value", math.nan)
            if kind == "certain" and math.isfinite(value):
                value = float(value >= asked.sensitivity)
            found.hits[f"sensitivity 0.90, {kind}"].append(value)
        covered = block["sets"][""].get("test", {}).get("coverage", {})
        for name in BINARY.classes:
            found.hits[f"sets 0.90, {name}"].append(covered.get(name, {}).get("value", math.nan))
    return found


def some_cases(rng: np.random.Generator, patients: int) -> EnsembleCases:
    """Return cases of an AUC of about 0.85 as a part holds them."""
    owner = clusters(rng, patients)
    truth = answers(rng, owner)
    odds = shared_noise(rng, owner, 1, 0.5)[:, 0] + 1.5 * (truth - 0.5)
    chance, names = 1 / (1 + np.exp(-odds)), np.arange(len(owner)).astype(str).astype(object)
    scores = np.column_stack([1 - chance, chance])
    return EnsembleCases(names, owner.astype(str).astype(object), truth[:, None], scores)


def decisions(rng: np.random.Generator, patients: int, studies: int) -> Tally:
    """Test decisions of two equally good variants."""
    found = Tally()
    for _ in range(studies):
        owner = clusters(rng, patients)
        truth = answers(rng, owner)
        pairs = list(pair(rng, owner, truth, math.sqrt(2) * NORMAL.inv_cdf(0.85)))
        for name in DECIDED:
            counted = (Counted.of_metric(name, sample, 0) for sample in pairs)
            found.add(f"{name}, McNemar's test", (0, 0.05), score_test(*counted, owner))
    return found


def subgroups(
    rng: np.random.Generator,
    patients: int,
    studies: int,
    *,
    area: float = 0.85,
    share: float = 0.35,
) -> Tally:
    """Compare two groups, one of a share of the patients, for which a variant does the same."""
    found, apart = Tally(), math.sqrt(2) * NORMAL.inv_cdf(area)
    for _ in range(studies):
        owner = clusters(rng, patients)
        truth = answers(rng, owner)
        odds = apart * (shared_noise(rng, owner, 1, 0.5)[:, 0] + apart * (truth - 0.5))
        sex = np.array(["f", "m"], dtype=object)[(rng.random(patients) < share).astype(int)][owner]
        rows = compare_groups(binary(truth, odds), owner, {"sex": sex}, 0.95)
        for row in rows[: len(rows) // 2]:
            p = math.nan if row["p"] is None else row["p"]
            found.add(f"{row['metric']}, group against rest", (0, 0.05), p)
    return found


def learning(rng: np.random.Generator, studies: int) -> Tally:
    """Foretell the gain from twice the patients, of points that share most of their noise."""
    found, patients = Tally(), np.array([40.0, 100.0, 200.0, 400.0])
    for best, factor, exponent in ((0.95, 1.5, 0.6), (0.9, 0.8, 0.3), (0.85, 3.0, 1.0)):
        true = factor * (400**-exponent - 800**-exponent)
        noise = np.linalg.cholesky(0.7 * np.ones((4, 4)) + 0.3 * np.eye(4)) * 0.01
        for _ in range(studies):
            seen = best - factor * patients**-exponent + noise @ rng.normal(size=4)
            drawn = seen[:, None] + noise @ rng.normal(size=(4, 300))
            ends = fit(patients, drawn, np.ones(4)).at(np.array([400.0, 800.0]))
            low, high = np.quantile(ends[1] - ends[0], [0.025, 0.975])
            found.add(f"gain, exponent {exponent}", (low, high), true)
    return found


def ten_pairs(rng: np.random.Generator, studies: int) -> None:
    """Test ten pairs of five equally good variants; Holm's correction keeps any error rare."""
    wrong = Tally()
    for _ in range(studies):
        owner = clusters(rng, 80)
        truth = answers(rng, owner)
        five = list(pair(rng, owner, truth, math.sqrt(2) * NORMAL.inv_cdf(0.85), n=5))
        p = [area_test(five[i], five[j], owner)[1] for i in range(5) for j in range(i)]
        wrong.add("auc, any of 10 pairs (Holm)", (0, 0.05), float(np.nanmin(holm(p))))
    wrong.show("80 patients, AUC 0.85", least=0, most=6)


if __name__ == "__main__":
    main()
