"""One run of each kind, made once for all tests of this folder."""

from pathlib import Path

import pytest

from radpipe.core.settings import Image, Localize, Target
from tests.prediction.made import Made, Maker

THREE = Target(kind="multi-class", classes=["healthy", "fractured", "beyond_repair"])
PLANES = Target(kind="multi-label", classes=["abnormal", "acl", "meniscus"])
LOSS = Target(kind="binary", classes=["stays", "narrows"])
ONCE = {"epochs": 1, "batch_size": 8}
RESIDUAL = {"trunk": {"kind": "residual", "widths": [4, 8]}}


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Radiographs of bones in class folders, in three classes."""
    root = tmp_path_factory.mktemp("pictures")
    layout = {"path": "{class}/{patient}-{_}"}
    maker = Maker(root, "folders", THREE, layout, image=Image(side=32, bits=16))
    return maker.run(root, maker.recipe("bones/compact", model={"widths": [4]}, train=ONCE))


@pytest.fixture(scope="session")
def exams(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """MR exams of three planes with three labels."""
    root = tmp_path_factory.mktemp("exams")
    maker = Maker(root, "mrnet", PLANES, {}, image=Image(side=32), patients=32)
    return maker.run(root, maker.recipe("knee_mri/compact", model=RESIDUAL, train=ONCE))


@pytest.fixture(scope="session")
def knees(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    """DICOM films of both knees, and crops around their joints."""
    return cropped(tmp_path_factory.mktemp("knees"), Image(side=64))


def cropped(root: Path, image: Image) -> Maker:
    """Return a maker with crops around the joints of its films."""
    maker = Maker(root, "oai", LOSS, {"question": "progression"}, image=image, patients=50)
    detection = {"epochs": 2, "batch_size": 8}
    block = {"remote": None, "side": 32, "extent_mm": 56, "confidence": 0.0}
    maker.crop(Localize.model_validate({**block, "detection": detection}))
    return maker


@pytest.fixture(scope="session")
def smaller(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Crops of films in JPEG 2000 that were decoded at the size that each of them takes."""
    root = tmp_path_factory.mktemp("smaller")
    maker = cropped(root, Image(side=32, decode="reduced"))
    assert any("smaller size" in text for text in maker.about["remarks"])
    return maker.run(root, maker.recipe("knee_oa/compact_joint", store="crops", train=ONCE))


@pytest.fixture(scope="session")
def halves(knees: Maker, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Halves of films, left ones mirrored."""
    recipe = knees.recipe("bones/compact", model={"widths": [4]}, train=ONCE)
    return knees.run(tmp_path_factory.mktemp("halves"), recipe)


@pytest.fixture(scope="session")
def fusion(knees: Maker, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Crops around joints, and risk factors."""
    recipe = knees.recipe("knee_oa/compact_joint", store="crops", train=ONCE)
    return knees.run(tmp_path_factory.mktemp("fusion"), recipe)


@pytest.fixture(scope="session")
def factors(knees: Maker, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Risk factors alone."""
    recipe = knees.recipe("knee_oa/table_floor", store="crops", train=ONCE)
    return knees.run(tmp_path_factory.mktemp("factors"), recipe)
