"""Does anything but the target tell the target? Every variant on shuffled targets.

The default plan runs once more on the same pictures, with targets shuffled between patients
inside every part. Nothing is left to learn, so each variant's AUC must be 0.5 within its
interval. A score above it means that something leaks: parts, files, or the pipeline itself.

Intervals have coverage 1 - 0.01 / n for n variants, the strictest step of Holm's correction,
so all of them hold 0.5 with 99 % if nothing leaks.
"""

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from radpipe.core.tables import read_table
from radpipe.evaluation.sanity import shuffle_targets

ROOT = Path(__file__).parent.parent
NEEDED = ("Snakefile", "dvc.yaml", "environment.yml", "profiles", "presets", "weights", "workflow")


def main() -> None:
    """Run, print a table, exit with 1 if an interval misses 0.5."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=1, help="seed of the shuffle")
    parser.add_argument("--keep", type=Path, help="folder to work in, kept afterwards")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = args.keep or Path(temporary)
        make_project(root)
        params = yaml.safe_load((root / "params.yaml").read_text())
        run(root, "--until", "split")
        shuffle(root, params, args.seed)
        run(root)
        sys.exit(show(root, list(params["variants"])))


def make_project(root: Path) -> None:
    """Copy what a run needs, and nothing that a run made."""
    root.mkdir(parents=True, exist_ok=True)
    for name in NEEDED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, dirs_exist_ok=True)
        else:
            shutil.copy(ROOT / name, root / name)
    shutil.copytree(ROOT / "src", root / "src", dirs_exist_ok=True)
    shutil.copy(ROOT / "params.yaml", root / "params.yaml")


def shuffle(root: Path, params: dict[str, Any], seed: int) -> None:
    """Point the study at the same pictures, with a table of shuffled targets."""
    split = read_table(root / "data/bones/split.parquet").to_pydict()
    files = read_table(root / "data/bones/cases.parquet", ["case", "file_image"]).to_pydict()
    file_of = dict(zip(files["case"], files["file_image"], strict=True))
    part = np.where(np.array(split["part"]) == "test", -1, np.array(split["fold"]))
    target, patient = np.array(split["target"]), np.array(split["patient"])
    rng = np.random.default_rng(seed)
    for one in np.unique(part):
        rows = part == one
        target[rows] = shuffle_targets(target[rows], patient[rows], rng)
    pictures = root / "shuffled"
    shutil.copytree(root / "data/bones/raw", pictures)
    for name in ("ceiling.csv", "boxes.csv"):
        (pictures / name).unlink()
    # One picture with two targets is refused, and rightly: of equal files one stays.
    with (root / "data/bones/manifest.csv").open(newline="") as stream:
        hashes = {row["file"]: row["sha256"] for row in csv.DictReader(stream)}
    first = {digest: file for file, digest in reversed(hashes.items())}
    copies = {file for file, digest in hashes.items() if first[digest] != file}
    for file in copies & set(file_of.values()):
        (pictures / file).unlink()
    classes = params["studies"]["bones"]["target"]["classes"]
    names = {-1: "test", 0: "tune"}
    with (pictures / "table.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["image", "patient", "part", "target"])
        for case, who, where, what in zip(split["case"], patient, part, target, strict=True):
            if file_of[case] in copies:
                continue
            row = (file_of[case], who, names.get(int(where), "train"), classes[int(what)])
            table.writerow(row)
    study = params["studies"]["bones"]
    study["source"] = {"kind": "path", "path": str(pictures.resolve())}
    columns = {"file": "table.csv", "image": "image", "patient": "patient"}
    study["layout"] = {"table": {**columns, "part": "part", "target": "target"}}
    params["evaluation"]["confidence"] = 1 - 0.01 / len(params["variants"])
    (root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    shutil.rmtree(root / "data")


def run(root: Path, *arguments: str) -> None:
    """Run Snakemake in the project, with the project's own code."""
    command = [sys.executable, "-m", "snakemake", "--cores", "all", "--quiet", *arguments]
    environment = {**os.environ, "PYTHONPATH": str((root / "src").resolve())}
    subprocess.run(command, cwd=root, env=environment, check=True)


def show(root: Path, variants: list[str]) -> int:
    """Print each variant's AUC on test and return how many intervals miss 0.5."""
    missed = 0
    print(f"{'variant':24} {'AUC':>7} {'low':>7} {'high':>7}")
    for variant in variants:
        metrics = json.loads((root / f"results/scores/{variant}/metrics.json").read_text())
        auc = metrics["parts"]["test"]["metrics"]["auc"]
        holds = auc["low"] <= 0.5 <= auc["high"]
        missed += not holds
        print(
            f"{variant:24} {auc['value']:7.4f} {auc['low']:7.4f} {auc['high']:7.4f}"
            f"  {'holds 0.5' if holds else 'MISSES 0.5'}"
        )
    return int(missed > 0)


if __name__ == "__main__":
    main()
