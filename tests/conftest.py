"""A project folder for tests, in which steps run as processes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from radpipe.core.environment import use_kernels

ROOT = Path(__file__).parent.parent
# A small plan: everything that the real one has, in seconds.
SMALL: dict[str, Any] = {
    "studies": {
        "bones": {
            "adapter": "folders",
            "source": {"kind": "phantom", "seed": 1, "patients": 60},
            "remote": None,
            "layout": {"path": "{class}/{patient}-{_}"},
            "target": {
                "kind": "multi-class",
                "classes": ["healthy", "fractured", "beyond_repair"],
            },
            "image": {"side": 32, "resize": "letterbox", "channels": "grey", "bits": 8},
            "split": {"seed": 1, "test": 0.3, "folds": 3, "on_leak": "group"},
        }
    },
    "localize": {},
    "features": {},
    "explain": {},
    "variants": {
        "bones-floor": {
            "study": "bones",
            "store": "data/bones/store",
            "preset": "bones/floor",
            "weights": "weights/random.json",
            "train": {"epochs": 2},
        },
        "bones-v1": {
            "study": "bones",
            "store": "data/bones/store",
            "preset": "bones/v1",
            "weights": "weights/random.json",
            "train": {"epochs": 2},
        },
    },
    "plan": {
        "variants": ["bones-floor", "bones-v1"],
        "folds": [0],
        "seeds": [0],
        "open_test": ["bones"],
        "cohorts": {},
        "ensembles": {},
        "imported": {},
        "starts": [],
    },
    "evaluation": {
        "bootstrap": 200,
        "confidence": 0.95,
        "seed": 1,
        "threshold": "youden",
    },
}


def pytest_configure() -> None:
    """Let what tests train in their own process keep a step's promise (core/environment.py)."""
    use_kernels("native")


class Project:
    """A folder with everything a step needs, and nothing that a step made."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.params = yaml.safe_load(yaml.safe_dump(SMALL))
        for name in ("presets", "weights", "workflow"):
            shutil.copytree(ROOT / name, root / name)
        self.save()

    def set(self, dotted: str, value: Any) -> None:
        """Set one value of params.yaml."""
        *path, last = dotted.split(".")
        block = self.params
        for key in path:
            block = block.setdefault(key, {})
        block[last] = value
        self.save()

    def save(self) -> None:
        """Write params.yaml."""
        text = yaml.safe_dump(self.params, sort_keys=False)
        (self.root / "params.yaml").write_text(text)

    def step(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one step as a process."""
        command = [sys.executable, f"workflow/scripts/{name}.py", *arguments]
        return subprocess.run(
            command,
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONWARNINGS": "error"},
        )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return an empty project folder with the small plan."""
    return Project(tmp_path)
