"""What a leak is worth: SMOTE and augmented copies made before the split, on a phantom.

A published system put turned and mirrored copies of its rarest class into the pool, as we read its
notebooks, drew new pictures between those of the rarer classes (SMOTE, on pixels), and divided the
pool into train and test afterwards. Here the same is done to the phantom of the bones, whose ideal
observer is known, so that one sees how much of a score is the leak's. radpipe is then given each
pool as a study.

Every picture is judged by the five of train that are nearest to it on pixels: the simplest thing
that can profit from a copy, and nearly nothing else. AUC is the mean over classes against the
rest; its interval is that of 1,000 draws of the patients whose pictures are tested. A picture that
was made belongs to the patient whose picture it began with.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import rotate
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from radpipe.core.errors import LeakError
from radpipe.core.settings import PhantomSource, Split, Target
from radpipe.splitting.copies import find_copies
from radpipe.splitting.leaks import LeakCases, copy_leaks, refuse, settle
from radpipe.studies.folders.layout import FoldersLayout
from radpipe.studies.folders.phantom import draw
from radpipe.studies.folders.phantom_plan import draw_plan, posterior

Floats = npt.NDArray[np.float64]
CLASSES = ("healthy", "fractured", "beyond_repair")
# Chawla et al., JAIR 2002;16:321: a new case lies between a case and one of its five nearest.
NEIGHBOURS = 5
# The published angle, and copies of each picture of the rarest class.
DEGREES, COPIES = 30.0, 28
TEST = 0.1
DRAWS = 1000
IDEAL = "ideal observer, real pictures"


@dataclass(frozen=True)
class Pool:
    """Pictures, (n, side, side) from 0 to 1, their classes, patients, and severities.

    A severity is not known (NaN) of pictures that were made of others.
    """

    pictures: Floats
    classes: npt.NDArray[np.int64]
    patients: npt.NDArray[np.int64]
    severities: Floats

    def __getitem__(self, rows: npt.NDArray[np.int64]) -> "Pool":
        parts = (self.pictures, self.classes, self.patients, self.severities)
        return Pool(*(part[rows] for part in parts))

    def __len__(self) -> int:
        return len(self.classes)

    def with_made(self, pictures: Sequence[Floats], of: Sequence[int]) -> "Pool":
        """Add pictures made of those with the numbers `of`."""
        rows = np.asarray(of, np.int64)
        return Pool(
            np.concatenate([self.pictures, np.stack(pictures)]),
            np.concatenate([self.classes, self.classes[rows]]),
            np.concatenate([self.patients, self.patients[rows]]),
            np.concatenate([self.severities, np.full(len(rows), np.nan)]),
        )


def main() -> None:
    """Draw, judge, print a table, and what radpipe says to the pools."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--patients", type=int, default=160, help="patients of the phantom")
    parser.add_argument("--side", type=int, default=64, help="side of the pictures, pixels")
    parser.add_argument("--seed", type=int, default=1, help="seed of everything that is drawn")
    parser.add_argument("--figure", type=Path, help="file to draw the rows into")
    args = parser.parse_args()
    pool = draw_pool(args.patients, args.side, args.seed)
    rng = np.random.default_rng(args.seed)
    by_patient = split_patients(pool, rng)
    rows: dict[str, tuple[float, float, float, int]] = {}

    def row(name: str, found: tuple[float, float, float, int]) -> None:
        rows[name] = found
        show(name, *found)

    row(IDEAL, ceiling(pool))
    row("nothing made", judged(pool, *by_patient, rng))
    made: dict[str, Callable[[Pool, np.random.Generator], Pool]] = {
        "SMOTE": smote,
        "copies": augmented,
        "copies, then SMOTE": lambda pool, rng: smote(augmented(pool, rng), rng),
    }
    for name, make in made.items():
        train, test = by_patient
        row(f"{name} after the split", judged_apart(make(pool[train], rng), pool[test], rng))
        leaky = make(pool, rng)
        row(f"{name} before the split", judged(leaky, *split_pictures(leaky, rng), rng))
        print(f"  radpipe: {answer(leaky)}")
    if args.figure:
        draw_rows(rows, args.figure)


def draw_pool(patients: int, side: int, seed: int) -> Pool:
    """Draw the phantom's pictures without those that it plants as copies."""
    source = PhantomSource(kind="phantom", seed=seed, patients=patients)
    layout = FoldersLayout(path="{class}/{patient}-{_}")
    target = Target(kind="multi-class", classes=list(CLASSES))
    plan = [image for image in draw_plan(source, layout, target) if image.copy is None]
    return Pool(
        np.stack([small(draw(image, seed=seed)[0], side) for image in plan]),
        np.array([image.label for image in plan]),
        np.array([image.patient for image in plan]),
        np.array([image.severity for image in plan]),
    )


def small(pixels: npt.NDArray[np.float32], side: int) -> Floats:
    """Squash a picture to a square."""
    image = Image.fromarray(pixels).resize((side, side), Image.Resampling.BOX)
    return np.asarray(image, np.float64)


def smote(pool: Pool, rng: np.random.Generator) -> Pool:
    """Draw pictures between neighbours of a class until all classes are as frequent."""
    flat = pool.pictures.reshape(len(pool), -1)
    counts = np.bincount(pool.classes)
    pictures, of = [], []
    for label in range(len(counts)):
        own = np.flatnonzero(pool.classes == label)
        near = NearestNeighbors(n_neighbors=NEIGHBOURS + 1).fit(flat[own])
        others = near.kneighbors(flat[own], return_distance=False)[:, 1:]
        for begin in rng.integers(len(own), size=counts.max() - counts[label]):
            end = own[rng.choice(others[begin])]
            share = rng.random()
            a, b = pool.pictures[own[begin]], pool.pictures[end]
            pictures.append(a + share * (b - a))
            of.append(int(own[begin]))
    return pool.with_made(pictures, of)


def augmented(pool: Pool, rng: np.random.Generator) -> Pool:
    """Add copies of the rarest class, turned by up to 30 degrees and mirrored."""
    rare = np.flatnonzero(pool.classes == np.bincount(pool.classes).argmin())
    of = np.repeat(rare, COPIES)
    pictures = []
    for number in of:
        angle = rng.uniform(-DEGREES, DEGREES)
        turned = rotate(pool.pictures[number], angle, reshape=False, order=1, mode="nearest")
        flips = tuple(slice(None, None, step) for step in rng.choice([1, -1], 2))
        pictures.append(turned[flips])
    return pool.with_made(pictures, of.tolist())


def split_pictures(pool: Pool, rng: np.random.Generator) -> tuple[npt.NDArray[np.int64], ...]:
    """Divide as was published: picture by picture."""
    order = rng.permutation(len(pool))
    n_test = round(TEST * len(pool))
    return order[n_test:], order[:n_test]


def split_patients(pool: Pool, rng: np.random.Generator) -> tuple[npt.NDArray[np.int64], ...]:
    """Divide patient by patient; more are tested, since fewer pictures are there."""
    patients = rng.permutation(np.unique(pool.patients))
    test = np.isin(pool.patients, patients[: round(3 * TEST * len(patients))])
    return np.flatnonzero(~test), np.flatnonzero(test)


def judged(
    pool: Pool, train: npt.NDArray[np.int64], test: npt.NDArray[np.int64], rng: np.random.Generator
) -> tuple[float, float, float, int]:
    """Judge some pictures of a pool by others of it."""
    return judged_apart(pool[train], pool[test], rng)


def judged_apart(
    train: Pool, test: Pool, rng: np.random.Generator
) -> tuple[float, float, float, int]:
    """Return AUC, the ends of its interval, and the number of pictures tested."""
    model = KNeighborsClassifier(NEIGHBOURS, weights="distance")
    model.fit(train.pictures.reshape(len(train), -1), train.classes)
    return estimate(model.predict_proba(test.pictures.reshape(len(test), -1)), test, rng)


def ceiling(pool: Pool) -> tuple[float, float, float, int]:
    """Judge the real pictures as who knows all that can be known of them."""
    scores = posterior(pool.severities, len(CLASSES))
    return estimate(scores, pool, np.random.default_rng(0))


def estimate(
    scores: Floats, pool: Pool, rng: np.random.Generator
) -> tuple[float, float, float, int]:
    """Return the mean AUC, a 95 % interval from draws of patients, and the number of cases."""
    _, whose = np.unique(pool.patients, return_inverse=True)
    members = [np.flatnonzero(whose == k) for k in range(whose.max() + 1)]
    draws = []
    for _ in range(DRAWS):
        rows = np.concatenate([members[k] for k in rng.integers(len(members), size=len(members))])
        draws.append(auc(scores[rows], pool.classes[rows]))
    low, high = np.nanquantile(draws, [0.025, 0.975])
    return auc(scores, pool.classes), float(low), float(high), len(pool)


def auc(scores: Floats, classes: npt.NDArray[np.int64]) -> float:
    """Return the mean over classes of the AUC of a class against the rest."""
    if len(np.unique(classes)) < len(CLASSES):
        return float("nan")
    return float(np.mean([roc_auc_score(classes == k, scores[:, k]) for k in range(len(CLASSES))]))


def answer(pool: Pool) -> str:
    """Say what radpipe's split says to a pool whose files name no patients."""
    thumbnails = np.rint(pool.pictures.clip(0, 1) * 255).astype(np.uint8)
    names = np.array([f"picture-{k:05d}" for k in range(len(pool))])
    hashes = np.array([picture.tobytes().hex() for picture in thumbnails])
    split = Split(seed=1)
    copies = find_copies(
        thumbnails, sha256=hashes, pixel_hash=hashes, patients=names, correlation=split.correlation
    )
    cases = LeakCases(case=names, patient=names, official=np.full(len(names), ""))
    leaks = copy_leaks(copies, files=list(names), case_of=np.arange(len(names)))
    try:
        refuse(settle(leaks, cases, on_leak=split.on_leak, accept=[]), study="bones", table="")
    except LeakError as error:
        return str(error).partition("\n")[0]
    return "nothing found"


def show(name: str, value: float, low: float, high: float, n: int) -> None:
    """Print a row."""
    print(f"{name:<42} AUC {value:.3f} [{low:.3f}, {high:.3f}]  pictures tested: {n:,}", flush=True)


def draw_rows(rows: dict[str, tuple[float, float, float, int]], file: Path) -> None:
    """Draw every row with its interval, and the ideal observer's as a band behind them."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "radpipe"
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 2.6), layout="constrained")
    axes.axvspan(*rows[IDEAL][1:3], color="0.85", label="ceiling")
    others = [name for name in rows if name != IDEAL]
    for place, name in enumerate(reversed(others)):
        value, low, high, _ = rows[name]
        colour = "C3" if "before" in name else "C0"
        axes.errorbar(value, place, xerr=[[value - low], [high - value]], fmt="o", color=colour)
    axes.set_yticks(range(len(others)), reversed(others))
    axes.set(xlabel="AUC", xlim=(0.35, 1))
    axes.legend(loc="lower left", frameon=False)
    figure.savefig(file, metadata={"Date": None})


if __name__ == "__main__":
    main()
