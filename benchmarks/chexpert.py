"""How long the adapter `chexpert` takes for tables of the release's size, and in how much memory.

Tables of random rows with about the release's frequencies, and a manifest that lists all films but
one; no film is written, because the adapter opens none. The targets, in processor time: 223,414
rows in 20 s and 1 GiB, examined as `radpipe check-data` does in 60 s; twice as many in at most 2.2
times as long.

python benchmarks/chexpert.py [--rows 223414 446828] [--unit image] [--examine]
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from radpipe.core.settings import Target
from radpipe.studies.base.adapters import load_adapter, read_layout
from radpipe.studies.base.contract import File
from radpipe.studies.chexpert.layout import LABELS, header_of

RELEASE = 223_414
AIM_SECONDS, AIM_EXAMINED, AIM_MIB, AIM_GROWTH = 20.0, 60.0, 1024, 2.2
PREFIX = "CheXpert-v1.0-small/"
# Of each label, the share of rows with 1, 0 and -1; the rest is blank.
SHARES = {
    "no_finding": (0.10, 0, 0),
    "enlarged_cardiomediastinum": (0.05, 0.10, 0.06),
    "cardiomegaly": (0.12, 0.05, 0.04),
    "lung_opacity": (0.47, 0.03, 0.03),
    "lung_lesion": (0.04, 0.01, 0.01),
    "edema": (0.23, 0.09, 0.06),
    "consolidation": (0.07, 0.13, 0.12),
    "pneumonia": (0.03, 0.01, 0.08),
    "atelectasis": (0.15, 0.01, 0.15),
    "pneumothorax": (0.09, 0.25, 0.01),
    "pleural_effusion": (0.39, 0.16, 0.05),
    "pleural_other": (0.02, 0, 0.01),
    "fracture": (0.04, 0.01, 0),
    "support_devices": (0.52, 0.03, 0),
}
TEXTS = np.array(["1.0", "0.0", "-1.0", ""])
FILMS_A_PATIENT = 3.46
LATERAL = 0.145


def main() -> None:
    """Measure each size in a process of its own, and print whether targets are met."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[RELEASE, 2 * RELEASE])
    parser.add_argument("--unit", choices=("image", "study"), default="image")
    parser.add_argument("--examine", action="store_true", help="as check-data does")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        measure(options.one, options.unit, examine=options.examine)
        return
    seconds, aim = {}, AIM_EXAMINED if options.examine else AIM_SECONDS
    for n_rows in options.rows:
        command = [sys.executable, __file__, "--one", str(n_rows), "--unit", options.unit]
        command += ["--examine"] if options.examine else []
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        cpu, wall, before, peak, cases = map(float, text.split())
        seconds[n_rows] = cpu
        counted = "findings" if options.examine else "cases"
        print(
            f"rows={n_rows} {counted}={cases:.0f} cpu={cpu:.1f} s wall={wall:.1f} s"
            f" peak={peak:.0f} MiB ({before:.0f} MiB before, with the manifest)",
            flush=True,
        )
        if n_rows == RELEASE:
            print(f"  {verdict(cpu, aim, 's')}, {verdict(peak, AIM_MIB, 'MiB')}")
    if 2 * RELEASE in seconds and RELEASE in seconds:
        print(f"growth: {verdict(seconds[2 * RELEASE] / seconds[RELEASE], AIM_GROWTH, 'times')}")


def measure(n_rows: int, unit: str, *, examine: bool) -> None:
    """Print processor and wall time in seconds, memory before and at most in MiB, and a count.

    Of cases, or of findings.
    """
    with tempfile.TemporaryDirectory(prefix="radpipe-chexpert-") as folder:
        raw = Path(folder)
        paths = write_table(raw / "train.csv", n_rows, part="train", first=1)
        paths += write_table(raw / "valid.csv", 234, part="valid", first=10**6)
        files = {path: File(1, "") for path in paths[1:]}
        files |= {name: File(1, "") for name in ("train.csv", "valid.csv")}
        adapter = load_adapter("chexpert")
        layout = read_layout("chest", adapter, {"views": "all", "unit": unit})
        target = Target(kind="multi-label", classes=list(LABELS))
        del paths
        before = peak_mib()
        began, cpu = time.perf_counter(), time.process_time()
        read = {"files": files, "layout": layout, "target": target}
        n_found = len(
            list(adapter.examine(raw, **read)) if examine else adapter.cases(raw, **read).cases
        )
        cpu, wall = time.process_time() - cpu, time.perf_counter() - began
    print(cpu, wall, before, peak_mib(), n_found)


def write_table(file: Path, n_rows: int, *, part: str, first: int) -> list[str]:
    """Write a table of random rows, patient by patient; return the paths in it."""
    rng = np.random.default_rng(1)
    paths, views = draw_paths(n_rows, part, first, rng)
    columns = [
        paths,
        rng.choice(["Female", "Male"], n_rows).tolist(),
        np.clip(rng.normal(60, 17, n_rows), 18, 90).astype(int).astype(str).tolist(),
        [view.title() for view in views],
        ["" if view == "lateral" else ("PA", "AP")[rng.random() < 0.85] for view in views],
    ]
    # Labels are those of a study's report, and alike for all of its films.
    study = np.cumsum(["/view1_" in path for path in paths]) - 1
    for label in LABELS:
        shares = [*SHARES[label], 1 - sum(SHARES[label])]
        columns.append(TEXTS[rng.choice(4, study[-1] + 1, p=shares)][study].tolist())
    header = ["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *map(header_of, LABELS)]
    with file.open("w", encoding="utf-8") as stream:
        stream.write(",".join(header) + "\n")
        stream.writelines(",".join(cells) + "\n" for cells in zip(*columns, strict=True))
    return paths


def draw_paths(
    n_rows: int, part: str, first: int, rng: np.random.Generator
) -> tuple[list[str], list[str]]:
    """Return paths and views of films: studies of one or two films, patients of a few studies."""
    patient = first + np.sort(rng.integers(int(n_rows / FILMS_A_PATIENT), size=n_rows))
    lateral = rng.random(n_rows) < LATERAL
    paths, views, study, number, before = [], [], 1, 0, (-1, False)
    for who, is_lateral in zip(patient.tolist(), lateral.tolist(), strict=True):
        same = who == before[0]
        together = same and is_lateral and not before[1]
        study = study if together else study + 1 if same else 1
        number = number + 1 if together else 1
        view = "lateral" if is_lateral else "frontal"
        paths.append(f"{PREFIX}{part}/patient{who:05d}/study{study}/view{number}_{view}.jpg")
        views.append(view)
        before = (who, is_lateral)
    return paths, views


def peak_mib() -> float:
    """Return the most memory that this process has taken, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def verdict(value: float, aim: float, unit: str) -> str:
    """Compare with a target."""
    return f"{value:.1f} {unit}, at most {aim:g}: {'met' if value <= aim else 'missed'}"


if __name__ == "__main__":
    main()
