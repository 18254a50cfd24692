"""How long the step `explore` counts and draws for a table of CheXpert's size.

A made-up table with about the release's frequencies (benchmarks/chexpert.py), and a store of small
pictures of noise: of the pixels a fixed number is read, whatever their study holds. The target, in
processor time: 20 s for 223,414 films.

python benchmarks/explore.py [--rows 223414] [--keep FOLDER]
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from chexpert import FILMS_A_PATIENT, LATERAL, RELEASE, SHARES, peak_mib, verdict

from radpipe.core.files import write_json
from radpipe.core.settings import Target
from radpipe.core.tables import read_table, write_table
from radpipe.exploring.card import study_card
from radpipe.exploring.cases import StudyCases, read_cases
from radpipe.exploring.contact import ACROSS, contact_rows
from radpipe.figures.contact import contact_figure
from radpipe.figures.drift import drift_figure
from radpipe.figures.labels import labels_figure
from radpipe.figures.people import people_figure
from radpipe.figures.saving import save, save_twice
from radpipe.figures.sizes import sizes_figure
from radpipe.imaging.fingerprint import SIZES
from radpipe.imaging.store import INDEX, Store, shard_name
from radpipe.imaging.writing import StoreWriter, building, write_pictures

AIM_SECONDS = 20.0
SIDE = 32
TARGET = Target(kind="multi-label", classes=list(SHARES))


def main() -> None:
    """Make the table and the store, then time what the step does with them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=RELEASE)
    parser.add_argument("--keep", type=Path, help="folder in which the pictures stay")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="radpipe-explore-") as folder:
        root = Path(folder)
        rng = np.random.default_rng(1)
        write_table(root / "split.parquet", split_table(options.rows, rng))
        write_store(root / "store", options.rows, rng)
        out = options.keep or root / "out"
        began, cpu = time.perf_counter(), time.process_time()
        store = Store(root / "store")
        cases = read_cases(read_table(root / "split.parquet"), TARGET)
        card = study_card("chest", cases, store)
        counted = time.process_time() - cpu
        draw(card, store, cases, out)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - began
    print(
        f"rows={options.rows} counted={counted:.1f} s wall={wall:.1f} s peak={peak_mib():.0f} MiB"
    )
    print(f"counted and drawn: {verdict(cpu, AIM_SECONDS, 's')}")


def draw(card: dict[str, Any], store: Store, cases: StudyCases, out: Path) -> None:
    """Write the card and draw what the step draws."""
    write_json(out / "card.json", card)
    figures = {"people": people_figure, "labels": labels_figure, "drift": drift_figure}
    for name, figure in figures.items():
        save_twice(figure(card), out, name)
    rows, columns = (store.index[name].to_numpy() for name in ("rows", "columns"))
    found = store.fingerprint
    save(
        sizes_figure(rows, columns, found, size=store.size, detail=card["detail"]),
        out / "sizes.png",
    )
    chosen = contact_rows(store, cases)
    pictures = {name: store.middles(rows) / 255 for name, rows in chosen.items()}
    save(contact_figure(pictures, across=ACROSS), out / "contact.png")


def split_table(n: int, rng: np.random.Generator) -> pa.Table:
    """Draw films of patients with about CheXpert's ages, views and answers; five folds, no test."""
    patient = np.sort(rng.integers(int(n / FILMS_A_PATIENT), size=n))
    columns: dict[str, Any] = {
        "case": [f"film-{k:07d}" for k in range(n)],
        "patient": [f"patient-{k:06d}" for k in patient.tolist()],
        "fold": patient % 6 - 1,
    }
    columns["part"] = np.where(columns["fold"] < 0, "test", "train")
    for name, (present, absent, uncertain) in SHARES.items():
        shares = (present, absent, uncertain, 1 - present - absent - uncertain)
        drawn = rng.choice(4, n, p=shares)
        columns[f"target_{name}"] = np.array([1.0, 0.0, np.nan, np.nan])[drawn]
        columns[f"uncertain_{name}"] = drawn == 2
    lateral = rng.random(n) < LATERAL
    columns["covariate_sex"] = rng.choice(["Female", "Male"], n)
    columns["covariate_age"] = np.clip(rng.normal(60, 17, n), 18, 90).round()
    columns["covariate_view"] = np.where(lateral, "lateral", "frontal")
    projection = np.where(rng.random(n) < 0.85, "AP", "PA").astype(object)
    projection[lateral] = None
    columns["covariate_projection"] = projection
    return pa.table(columns)


def write_store(path: Path, n: int, rng: np.random.Generator) -> None:
    """Write a store of small pictures of noise, and an index with sizes of films."""
    rows, columns = rng.integers(320, 391, n), rng.integers(320, 391, n)
    with building(path) as folder:
        writer = StoreWriter(folder, shape=(SIDE, SIDE, 1), dtype="uint8", count=n)
        writer.allocate()
        for number, count in enumerate(np.bincount(writer.shard).tolist()):
            noise = rng.integers(0, 256, (count, SIDE, SIDE, 1), np.uint8)
            write_pictures(folder / shard_name(number), 0, noise)
        values: dict[str, Any] = dict.fromkeys(INDEX.names, [0] * n)
        values |= {name: [""] * n for name in ("file", "sha256", "pixel_hash")}
        values |= {"case": [f"film-{k:07d}" for k in range(n)], "view": ["image"] * n}
        values |= {"slices": [1] * n, "first": writer.first, "shard": writer.shard}
        values |= {"rows": rows, "columns": columns, "mean": rng.normal(0.5, 0.05, n)}
        values |= {"sums": [[0]] * n, "squares": [[0]] * n}
        writer.finish(pa.table(values).cast(INDEX), [], fingerprint())


def fingerprint() -> dict[str, Any]:
    """Return what `sizes_figure` reads of a fingerprint."""
    choices = [{"size": side, "upscaled": float(side > 320), "median_scale": 1} for side in SIZES]
    intensity = {"histogram": [1 / 64] * 64, "mean": 0.5, "sd": 0.29}
    return {"input_sizes": choices, "recommended_size": 320, "intensity": intensity}


if __name__ == "__main__":
    main()
