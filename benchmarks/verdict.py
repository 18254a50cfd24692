"""How long a verdict takes: scores of six variants with intervals, and every pair compared.

    python benchmarks/verdict.py [--against PATH] [--cases N] [--variants V] [--draws B] [--quick]

Draws a study of independent labels with patients of one to five cases and two covariates, of
which every variant has noisy scores, and runs what `evaluate` and `compare` run, in a process of
its own. The code of the build of 2026-11-22, taken from Git, or of another checkout (--against),
does the same work beside it: it evaluates a variant likewise, but compares only one pair, with
fewer draws, because all would take it half an hour; its time is scaled by draws and pairs.
"""

import argparse
import io
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parent.parent
BEFORE = "19826e3"
TARGET = 20  # times as fast as the build of 2026-11-22
FEWEST_DRAWS = 100  # fewer no settings allow
AREA_TARGET = 0.6  # milliseconds a draw of the AUC at 20,000 cases of 14 labels


def main() -> None:
    """Measure this checkout, and another if there is one; print seconds and ratios."""
    args = arguments()
    if args.child:
        child(args)
        return
    own = run(ROOT, args, draws=args.draws, variants=args.variants)
    for name, seconds in own.items():
        print(f"{name:<28}{seconds:>10.2f} s")
    area = 1000 * own["auc, all draws"] / args.draws
    full = (args.cases, args.labels) == (20_000, 14)
    if full:
        verdict = "met" if area <= AREA_TARGET else "missed"
        print(f"AUC: {area:.2f} ms a draw, at most {AREA_TARGET}: {verdict}")
    half = run(ROOT, args, draws=args.draws, variants=args.variants, cases=args.cases // 2)
    for name in ("evaluate a variant", "compare"):
        print(f"{name}: {own[name] / half[name]:.2f} times the time for twice the cases")
    with TemporaryDirectory() as folder:
        checkout = args.against or take_out(Path(folder))
        if checkout is None:
            print(f"{BEFORE} is not in this clone: nothing to compare with")
            return
        whole = run(checkout, args, draws=args.draws, variants=1)
        pair = run(checkout, args, draws=args.their_draws, variants=2)
    tell("evaluate a variant", own, whole["evaluate a variant"], "", whole=full)
    pairs = args.variants * (args.variants - 1) // 2
    scaled = pair["compare"] * pairs * args.draws / args.their_draws
    how = f", scaled from {pair['compare']:.1f} s of one pair and {args.their_draws} draws"
    tell("compare", own, scaled, how, whole=full)


def tell(name: str, own: dict[str, float], theirs: float, how: str, *, whole: bool) -> None:
    """Print a ratio and, of the whole size, whether the target is met."""
    ratio = theirs / own[name]
    verdict = "met" if ratio >= TARGET else "missed"
    aim = f", at least {TARGET}: {verdict}" if whole else ""
    print(f"{name}: {theirs:.0f} s there{how}: {ratio:.0f} times{aim}")


def take_out(folder: Path) -> Path | None:
    """Put the code of the build of 2026-11-22 into a folder; None where Git does not know it."""
    command = ["git", "-C", str(ROOT), "archive", BEFORE, "src"]
    packed = subprocess.run(command, capture_output=True, check=False)
    if packed.returncode:
        return None
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--against", type=Path, help="another checkout")
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--labels", type=int, default=14)
    parser.add_argument("--variants", type=int, default=6)
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument(
        "--their-draws", type=int, default=200, help="of the other checkout's comparison"
    )
    parser.add_argument(
        "--quick", action="store_true", help="a fifth of the cases, 8 labels, 3 variants, 500 draws"
    )
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.quick:
        args.cases, args.labels, args.variants, args.draws = 4_000, 8, 3, 500
    if min(args.draws, args.their_draws) < FEWEST_DRAWS:
        parser.error(f"--draws and --their-draws must be at least {FEWEST_DRAWS}")
    return args


def run(checkout: Path, args: argparse.Namespace, **changed: Any) -> dict[str, float]:
    """Let the code of a checkout do the work; return processor seconds by name."""
    settings = {"cases": args.cases, "labels": args.labels, **changed}
    command = [sys.executable, __file__, "--child"]
    for name, value in settings.items():
        command += [f"--{name}", str(value)]
    environment = {**os.environ, "PYTHONPATH": str(checkout / "src"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    lines = (line.rsplit("\t", 1) for line in done.stdout.splitlines())
    return {name: float(seconds) for name, seconds in lines}


def child(args: argparse.Namespace) -> None:
    """Do the work with whatever `radpipe` is on the path, and print processor seconds."""
    from radpipe.core.settings import Evaluation, Target
    from radpipe.evaluation.comparison import compare
    from radpipe.evaluation.operating_point import choose

    names = [f"label{k:02}" for k in range(args.labels)]
    target = Target(kind="multi-label", classes=names)
    evaluation = Evaluation(bootstrap=args.draws, confidence=0.95, seed=1, threshold="youden")
    scored = []
    for variant in range(args.variants):
        table, cases = study(target, args.cases, noise=1 + 0.1 * variant)
        point = choose(target, cases.truth, cases.scores, evaluation)
        began = time.process_time()
        block = evaluate(target, point, evaluation, cases)
        seconds = time.process_time() - began
        metrics = {
            "variant": f"v{variant}",
            "study": "films",
            "target": target.model_dump(mode="json"),
            "operating_point": point.as_json(),
            "parts": {"test": block},
        }
        scored.append((metrics, table))
    print(f"evaluate a variant\t{seconds}")
    began = time.process_time()
    compare(scored, evaluation)
    print(f"compare\t{time.process_time() - began}")
    print(f"auc, all draws\t{areas(target, point, evaluation, cases)}")


def study(target: Any, n: int, *, noise: float) -> tuple[Any, Any]:
    """Return a table of cases with truths, scores and covariates, and what evaluate makes of it."""
    import numpy as np
    import pyarrow as pa

    from radpipe.evaluation.ensemble import cases_of

    rng = np.random.default_rng(1)
    owner = np.sort(rng.integers(0, n // 3, n))
    share = np.linspace(0.02, 0.5, len(target.classes))
    truth = (rng.random((n, len(share))) < share).astype(float)
    own = rng.normal(size=(n, len(share)))
    odds = (
        1.5 * truth
        - 1
        + own
        + noise * np.random.default_rng(int(10 * noise)).normal(size=own.shape)
    )
    columns = {
        "part": ["test"] * n,
        "case": [f"c{i:06}" for i in range(n)],
        "patient": [f"p{i:06}" for i in owner],
        **dict(zip(target.columns, truth.T, strict=True)),
        **dict(zip(target.score_columns, 1 / (1 + np.exp(-odds.T)), strict=True)),
        "covariate_age": rng.integers(20, 90, n).astype(float),
        "covariate_sex": rng.choice(["f", "m"], n),
        "covariate_view": rng.choice(["ap", "pa"], n),
    }
    table = pa.table(columns)
    return table, cases_of(target, table, "test", where="benchmark")


def evaluate(target: Any, point: Any, evaluation: Any, cases: Any) -> Any:
    """Score a part and draw its curves, as the step does."""
    import numpy as np

    from radpipe.evaluation import intervals
    from radpipe.evaluation.curves import curve_rows
    from radpipe.evaluation.scoring import Scorer
    from radpipe.evaluation.tables import plain

    block = Scorer(target, point, evaluation).part(cases, {(0, 0): cases})
    rng = np.random.default_rng(evaluation.seed)
    owner = intervals.owners(cases.patient) if hasattr(intervals, "owners") else owners_of(cases)
    curve_rows(
        point.sample(target, cases.truth, cases.scores),
        target.classes,
        "test",
        draws=intervals.draw_patients(owner, evaluation.bootstrap, rng),
        confidence=evaluation.confidence,
    )
    return plain(block)


def owners_of(cases: Any) -> Any:
    """Return each case's patient as a number."""
    from radpipe.evaluation.draws import owners

    return owners(cases.patient)


def areas(target: Any, point: Any, evaluation: Any, cases: Any) -> float:
    """Return the processor seconds that the AUC takes on all draws."""
    import numpy as np

    from radpipe.evaluation import intervals

    sample = point.sample(target, cases.truth, cases.scores)
    owner = intervals.owners(cases.patient) if hasattr(intervals, "owners") else owners_of(cases)
    drawn = intervals.draw_patients(owner, evaluation.bootstrap, np.random.default_rng(1))
    began = time.process_time()
    intervals.spread(sample, drawn, ["auc"])
    return time.process_time() - began


if __name__ == "__main__":
    main()
