"""Whole runs on small phantoms, from raw files to predictions, in this process."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from radpipe.core.files import write_text
from radpipe.core.hashes import Hashes
from radpipe.core.recipe import Recipe, make_backbone_recipe
from radpipe.core.settings import Features, Image, Localize, PhantomSource, Target
from radpipe.core.tables import write_table
from radpipe.detection.finding import ARITHMETIC, find, save_detector, train_detector
from radpipe.imaging.boxes import from_square, to_square
from radpipe.imaging.crops import crop_image, cut_crops, regions_of, spacing_of, squares_around
from radpipe.imaging.ingest import ingest
from radpipe.imaging.store import Store
from radpipe.imaging.writing import building
from radpipe.learning.data.cases import read_part
from radpipe.learning.data.features import FeatureStore, open_store
from radpipe.learning.networks.network import load_network
from radpipe.learning.runs.one_run import Order, train_run
from radpipe.learning.starts.frozen import arithmetic_for, make_backbone, write_features
from radpipe.learning.training.run import set_up
from radpipe.prediction import describing
from radpipe.prediction.describing import Rule, describe, with_likeness, with_point
from radpipe.prediction.description import DESCRIPTION, LIKENESS
from radpipe.prediction.export import gather
from radpipe.prediction.predictor import Predictor
from radpipe.prediction.raw import RawCase
from radpipe.studies.base.adapters import load_adapter, read_layout
from radpipe.studies.base.manifest import write_manifest
from tests.small_study import ROOT, recipe_of

PARTS = ("test", "tune")


@dataclass(frozen=True)
class Made:
    """A trained and exported run, and what it was made from.

    Attributes
    ----------
    table
        What the step `predict` writes as predictions.parquet.

    """

    raw: Path
    cases: pa.Table
    run: Path
    detector: Path | None
    folder: Path
    table: pa.Table

    def rows(self, part: str) -> pa.Table:
        """Return the predictions of a part."""
        return self.table.filter(pc.equal(self.table["part"], part))

    def scores(self, part: str) -> np.ndarray:
        """Return the predicted scores of a part, float32 (cases, classes)."""
        names = [name for name in self.table.column_names if name.startswith("score_")]
        rows = self.rows(part)
        return np.stack([rows[name].to_numpy() for name in names], axis=1)

    def raw_cases(self, part: str) -> list[RawCase]:
        """Return the cases of a part as somebody would ask about them who has the files only."""
        inputs = Predictor.open(self.folder).description.inputs
        known = {row["case"]: row for row in self.cases.to_pylist()}
        return [
            RawCase(
                row["case"],
                {view: self.raw / row[f"file_{view}"] for view in inputs.views},
                side=row.get("side"),
                both=row.get("shows_both") or False,
                covariates={name: row[f"covariate_{name}"] for name in inputs.covariates},
            )
            for row in (known[name] for name in self.rows(part)["case"].to_pylist())
        ]


class Maker:
    """A phantom and its store below a folder; makes runs on it.

    Parameters
    ----------
    root
        Empty folder.
    adapter, target, layout, image
        As in params.yaml.
    patients
        Number of the phantom's.

    """

    def __init__(
        self,
        root: Path,
        adapter: str,
        target: Target,
        layout: dict[str, Any],
        *,
        image: Image,
        patients: int = 24,
    ) -> None:
        self.data, self.target, self.image = root / "data/study", target, image
        self.raw = self.data / "raw"
        self.raw.mkdir(parents=True)
        reader = load_adapter(adapter)
        read = read_layout("study", reader, layout)
        source = PhantomSource(kind="phantom", seed=1, patients=patients)
        reader.phantom(self.raw, source=source, layout=read, target=target)
        files = write_manifest(self.raw, self.data / "manifest.csv")
        found = reader.cases(self.raw, files=files, layout=read, target=target)
        self.cases, self.boxes = found.cases, found.boxes
        self.manifest = {name: file.sha256 for name, file in files.items()}
        self.store, self.split = self.data / "store", self.data / "split.parquet"
        summary = ingest(self.cases, self.raw, image, self.store, manifest=self.manifest, workers=1)
        self.about = {"study": "study", "adapter": adapter, "licence": None, **summary}
        self._split()

    def _split(self) -> None:
        """Deal out patients: every fourth to test, the others to three folds."""
        patients = sorted(set(self.cases["patient"].to_pylist()))
        place = {name: k % 4 - 1 for k, name in enumerate(patients)}
        folds = [place[name] for name in self.cases["patient"].to_pylist()]
        drop = [n for n in self.cases.column_names if n.startswith("file_")]
        table = self.cases.drop_columns([*drop, "official"])
        for name, values in {
            "named": self.cases["patient"],
            "part": pa.array(["test" if fold < 0 else "train" for fold in folds]),
            "fold": pa.array(folds),
        }.items():
            table = table.append_column(name, values)
        write_table(self.split, table)

    def crop(self, how: Localize) -> None:
        """Do what the step `localize` does."""
        store = Store(self.store)
        regions = regions_of(store)
        known = {
            row["case"]: [row[name] for name in ("x0", "y0", "x1", "y1")]
            for row in self.boxes.to_pylist()
        }
        rows = np.arange(len(store))
        boxes = np.array(
            [known.get(case, [np.nan] * 4) for case in store.index["case"].to_pylist()]
        )
        rows = np.flatnonzero(np.isfinite(boxes).all(axis=1))
        squares = to_square(boxes, regions, self.image)
        set_up(ARITHMETIC)
        detector = train_detector(store, rows, squares[rows], how.detection)
        save_detector(self.data / "detector.safetensors", detector, "study", self.image, how)
        found = find(detector, store)
        crops = squares_around(
            from_square(found.boxes, regions, self.image),
            spacing_of(store),
            [region.mirrored for region in regions],
            how,
        )
        cut_crops(
            store,
            crops,
            raw=self.raw,
            image=crop_image(self.image, how),
            out=self.data / "crops",
            workers=1,
            unsure={},
        )

    def look(self, store: str = "store", **block: Any) -> None:
        """Do what the step `features` does, with a network that was drawn."""
        pixels, random = self.data / store, ROOT / "weights/random.json"
        fields = {"study": "study", "store": str(pixels), "weights": "weights/random.json"}
        plan = Features.model_validate({**fields, "remote": None, "normalize": "unit", **block})
        plan = plan.model_copy(update={"weights": str(random)})
        recipe = make_backbone_recipe("drawn", plan, Hashes())
        opened = Store(pixels)
        made = make_backbone(
            recipe,
            n_channels=opened.channels,
            n_views=len(opened.views),
            volumes=opened.volumes,
        )
        with building(self.data / "features/drawn") as folder:
            write_features(folder, recipe, opened, made, set_up(arithmetic_for(1)))

    def recipe(self, preset: str, *, store: str = "store", **overrides: Any) -> Recipe:
        """Resolve a recipe."""
        return recipe_of(self.target, self.data / store, self.split, preset=preset, **overrides)

    def run(self, out: Path, recipe: Recipe) -> Made:
        """Train, predict as the step does, describe and export."""
        run = out / "run"
        run.mkdir(parents=True)
        write_text(run / "recipe.json", recipe.text)
        weights = run / "weights.safetensors"
        order = Order(
            run / "recipe.json", 0, 0, weights, run / "history.csv", out / "state", out / "board"
        )
        train_run(order, recipe, lambda: False)
        store = open_store(Path(recipe.store.path))
        device = set_up(recipe.train)
        cases = {
            part: read_part(self.split, store, recipe.target, part=part, fold=0, model=recipe.model)
            for part in (*PARTS, "train")
        }
        network = load_network(weights, recipe, store)
        described = describe(
            recipe,
            weights,
            network,
            store,
            about_study=self.about,
            train=cases["train"],
            tune=cases["tune"],
        )
        predictor = Predictor(described, network, device=device)
        told = {part: predictor.table(store, cases[part], part=part) for part in PARTS}
        table = pa.concat_tables([rows for rows, _ in told.values()])
        complete = with_likeness(
            with_point(described, table, Rule("youden", 0.9)),
            told["tune"][1],
            cases["tune"],
            rate=0.25,
            path=run / LIKENESS,
        )
        write_text(run / DESCRIPTION, complete.text)
        detector = describing.detector_of(recipe)
        features = store.path if isinstance(store, FeatureStore) else None
        gather(run, out / "copy", detector=detector, features=features)
        return Made(self.raw, self.cases, run, detector, out / "copy", table)
