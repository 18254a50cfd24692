"""The blocks of params.yaml that the guides show are accepted as they stand."""

import re
from pathlib import Path

import pytest
import yaml

from radpipe.core.settings import Study, Variant
from radpipe.studies.base.adapters import load_adapter, read_layout

DOCS = Path(__file__).parents[2] / "docs"
PAGES = (
    "first-steps/your-own-images.md",
    "how-to/mrnet.md",
    "how-to/knee-radiographs.md",
    "how-to/oai.md",
    "how-to/open-chest-data.md",
    "how-to/chexpert.md",
)
BLOCKS = [
    yaml.safe_load(text)
    for page in PAGES
    for text in re.findall(r"```yaml\n(.*?)```", (DOCS / page).read_text(), re.S)
]
STUDIES = {name: block for found in BLOCKS for name, block in found.get("studies", {}).items()}
VARIANTS = {name: block for found in BLOCKS for name, block in found.get("variants", {}).items()}


@pytest.mark.parametrize("name", list(STUDIES))
def test_studies(name):
    study = Study.model_validate(STUDIES[name])
    read_layout(name, load_adapter(study.adapter), study.layout)


@pytest.mark.parametrize("name", list(VARIANTS))
def test_variants(name):
    assert Variant.model_validate(VARIANTS[name]).study in STUDIES


def test_every_kind_of_example_is_there():
    own = {"wrist", "limbs", "chest", "chest_binary", "fracatlas"}
    knees = {"knee_mri", "knee_acl", "knee_grades", "knee_loss", "knee_kl", "knee_progression"}
    chests = {"pneumonia", "chest_findings", "chest_labels", "chest_edema", "own_arrays", "nih"}
    assert STUDIES.keys() == own | knees | chests
    kinds = {Study.model_validate(block).source.kind for block in STUDIES.values()}
    assert kinds == {"path", "url", "arrays"}


@pytest.mark.parametrize(
    ("message", "module"),
    [
        ("of cases would leak between parts", "leaks"),
        ("of copies joined", "leaks"),
        ("one group joins", "parts"),
        ("folds cannot be filled", "parts"),
        ("has no case of", "parts"),
    ],
)
def test_what_split_says_is_explained(message, module):
    source = DOCS.parent / f"src/radpipe/splitting/{module}.py"
    assert message in source.read_text()
    page = (DOCS / PAGES[0]).read_text()
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert any(message in row.split(" | ")[0] for row in rows)
