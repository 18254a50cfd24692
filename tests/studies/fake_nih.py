"""A small ChestX-ray14 in the layout in which the NIH serves it, drawn by the tests."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.dicom_files import scene

# As served: the header's own commas part it, and a comma ends it.
HEAD = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],\n"
)
TARGET = {"kind": "multi-label", "classes": ["effusion", "mass", "pleural_thickening"]}
LAYOUT: dict[str, Any] = {
    "table": {
        "file": "Data_Entry_2017.csv",
        "image": "Image Index",
        "find": "name",
        "target": "Finding Labels",
        "labels": {
            "separator": "|",
            "none": "No Finding",
            "names": {
                "Effusion": "effusion",
                "Mass": "mass",
                "Pleural_Thickening": "pleural_thickening",
                "Hernia": None,
            },
        },
        "patient": "Patient ID",
        "part_files": {"train": "train_val_list.txt", "test": "test_list.txt"},
        "view": "View Position",
        "covariates": {"age": {"column": "Patient Age", "form": "age"}, "sex": "Patient Gender"},
    }
}
FINDINGS = ("No Finding", "Effusion", "Mass", "Effusion|Mass|Hernia", "Pleural_Thickening")


@dataclass
class FakeNih:
    """Films by name: findings, patient, age, and the part in whose list they stand."""

    rows: dict[str, tuple[str, int, str, str]] = field(default_factory=dict)
    head: str = HEAD

    @classmethod
    def of(cls, n_patients: int) -> "FakeNih":
        """Return patients of two films, every fourth of whom is in the official test list."""
        fake = cls()
        for n in range(2 * n_patients):
            patient = n // 2 + 1
            part = "test" if patient % 4 == 0 else "train_val"
            found = FINDINGS[n // 2 % len(FINDINGS)]
            fake.rows[f"{patient:08d}_{n % 2:03d}.png"] = (found, patient, f"{40 + n:03d}Y", part)
        return fake

    def write(self, root: Path) -> Path:
        """Write table, lists and films in two folders; return the root."""
        lines, lists = [self.head], {"train_val": "", "test": ""}
        for n, (name, (found, patient, age, part)) in enumerate(self.rows.items()):
            view = "PA" if n % 3 else "AP"
            spacing = ".143,.143"
            lines.append(f"{name},{found},{n % 2:03d},{patient},{age},M,{view},40,40,{spacing},\n")
            lists[part] += f"{name}\n" if part in lists else ""
            film = root / f"images_{n % 2 + 1:03d}/images" / name
            film.parent.mkdir(parents=True, exist_ok=True)
            pixels = scene((40, 40), seed=n).astype(float)
            Image.fromarray((255 * pixels / pixels.max()).astype(np.uint8)).save(film)
        (root / "Data_Entry_2017.csv").write_text("".join(lines))
        (root / "BBox_List_2017.csv").write_text("Image Index,Finding Label,Bbox [x,y,w,h],,,\n")
        for part, text in lists.items():
            (root / f"{part}_list.txt").write_text(text)
        return root
