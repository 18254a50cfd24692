"""A tiny CheXpert written by hand: eight films, five of them in train, of 8 x 8 pixels."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

LABELS = (
    *("No Finding", "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity", "Lung Lesion"),
    *("Edema", "Consolidation", "Pneumonia", "Atelectasis", "Pneumothorax", "Pleural Effusion"),
    *("Pleural Other", "Fracture", "Support Devices"),
)
COLUMNS = ("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *LABELS)
SMALL = "CheXpert-v1.0-small/"


def row(place, said=("Female", "61", "Frontal", "AP"), **labels):
    """Return a row by column; labels are named as in params.yaml."""
    named = {name.replace("_", " ").title(): value for name, value in labels.items()}
    columns = zip(COLUMNS[1:5], said, strict=True)
    return {"Path": SMALL + place} | dict(columns) | dict.fromkeys(LABELS, "") | named


def rows():
    """Return the rows of both tables."""
    side = ("Female", "61", "Lateral", "")
    old = ("Male", "70", "Frontal", "PA")
    found = {"edema": "1.0", "pleural_effusion": "-1.0"}
    return {
        "train.csv": [
            row("train/patient00001/study1/view1_frontal.jpg", **found),
            row("train/patient00001/study1/view2_lateral.jpg", side, **found),
            row("train/patient00001/study2/view1_frontal.jpg", fracture="1.0", edema="0.0"),
            row("train/patient00002/study1/view1_frontal.jpg", old, edema="-1.0"),
            row("train/patient00003/study1/view1_lateral.jpg", side, pleural_effusion="1.0"),
        ],
        "valid.csv": [
            row(
                f"valid/patient0000{n}/study1/view1_frontal.jpg",
                **{name.lower().replace(" ", "_"): f"{n % 2}.0" for name in LABELS},
            )
            for n in (7, 8)
        ],
    }


def rows_of_test():
    """Return the rows of the later release's test films: paths and labels, nothing else."""
    told = {"Path": "test/patient00009/study1/view1_frontal.jpg", **dict.fromkeys(LABELS, "0")}
    return [{**told, "Edema": "1"}]


@dataclass
class FakeCheXpert:
    """What is written; tests change it before they write.

    Attributes
    ----------
    rows
        Table to its rows, by column.
    prefix
        Folder in which tables and films lie below the raw root, with a slash.

    """

    rows: dict[str, list[dict[str, str]]] = field(default_factory=rows)
    prefix: str = SMALL

    def write(self, raw: Path) -> Path:
        """Write tables, and films where their rows name some, below `raw`, and return it."""
        for name, several in self.rows.items():
            for path in (one["Path"] for one in several if "/study" in one.get("Path", "")):
                film = raw / (self.prefix + path.removeprefix(SMALL))
                film.parent.mkdir(parents=True, exist_ok=True)
                pixels = np.full((8, 8), len(film.name), dtype=np.uint8)
                Image.fromarray(pixels).save(film)
            self.write_table(raw, name)
        return raw

    def write_table(self, raw: Path, name: str) -> None:
        """Write a table alone."""
        several = self.rows[name]
        lines = [",".join(several[0]), *(",".join(one.values()) for one in several)]
        (raw / self.prefix).mkdir(parents=True, exist_ok=True)
        (raw / self.prefix / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
