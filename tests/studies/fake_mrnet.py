"""A tiny MRNet written by hand: five exams, three of them in train, volumes of 8 x 8 pixels."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

PLANES = ("axial", "coronal", "sagittal")


def tables() -> dict[str, str]:
    """Return the six label tables by name."""
    return {
        "train-abnormal.csv": "0000,0\n0001,1\n0002,1\n",
        "train-acl.csv": "0000,0\n0001,1\n0002,0\n",
        "train-meniscus.csv": "0000,0\n0001,0\n0002,1\n",
        "valid-abnormal.csv": "0003,0\n0004,1\n",
        "valid-acl.csv": "0003,0\n0004,1\n",
        "valid-meniscus.csv": "0003,0\n0004,1\n",
    }


@dataclass
class FakeMRNet:
    """What is written; tests change it before they write.

    Attributes
    ----------
    exams
        Part to ids.
    tables
        Name to text.

    """

    exams: dict[str, list[str]] = field(
        default_factory=lambda: {"train": ["0000", "0001", "0002"], "valid": ["0003", "0004"]}
    )
    tables: dict[str, str] = field(default_factory=tables)

    def write(self, raw: Path) -> Path:
        """Write tables and volumes below `raw`, and return it."""
        raw.mkdir(parents=True, exist_ok=True)
        for part, exams in self.exams.items():
            for number, plane in enumerate(PLANES):
                (raw / part / plane).mkdir(parents=True)
                for order, exam in enumerate(exams):
                    shape = (3 + number + order, 8, 8)
                    pixels = np.full(shape, 10 * number + order, dtype=np.uint8)
                    np.save(raw / part / plane / f"{exam}.npy", pixels)
        for name, text in self.tables.items():
            (raw / name).write_text(text, encoding="utf-8")
        return raw
