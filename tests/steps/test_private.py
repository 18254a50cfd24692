"""Films full of names through every step: nobody's name, number or date comes out."""

import re
from pathlib import Path

import pyarrow.csv as pc
import pydicom
import pytest

from radpipe.core.settings import PhantomSource, Target
from radpipe.core.tables import read_table
from radpipe.studies.base.adapters import load_adapter, read_layout
from tests.conftest import Project
from tests.imaging.dicom.test_dicom_privacy import DATES, PRIVATE, TEXTS

NAME, DATE = "WORTHINGTON^QUILLFEATHER", "19531224"
# Identifiers and dates of the phantom itself, in its tables and paths.
NUMBERS = r"PHANTOM\d{4}|Phantom\^|\b19000\d{3}\b|\b9000\d{4}\b"
SECRET = re.compile(rf"{NAME}|WORTHINGTON|QUILLFEATHER|{DATE}|{NUMBERS}", re.IGNORECASE)
# What keeps the paths of films, which the data set itself names after patients: in a column
# `file`, in the study's own remote, never in Git.
PATHS = {"manifest.csv", "index.parquet", "rejected.csv", "leaks.csv"}
KL = {"kind": "ordinal", "classes": ["kl0", "kl1", "kl2", "kl3", "kl4"]}
STUDY = ("--study", "knee")
RUN = ("--variant", "oa", "--fold", "0", "--seed", "0")
STEPS = {
    **dict.fromkeys(("fetch", "index", "ingest", "split", "localize", "explore", "review"), STUDY),
    **dict.fromkeys(("train", "predict"), RUN),
    "evaluate": RUN[:2],
}


def plant(film: Path, **own: str) -> None:
    """Write somebody into 40 elements of a film, and `own` over some of them."""
    found = pydicom.dcmread(film)
    for keyword in (*TEXTS, *DATES):
        vr = pydicom.datadict.dictionary_VR(keyword)
        value = {"UI": f"1.2.{DATE}", "DA": DATE, "SH": NAME[:16]}.get(vr, NAME)
        setattr(found, keyword, value)
    for keyword, value in own.items():
        setattr(found, keyword, value)
    for tag, _ in PRIVATE:
        found.add_new(tag, "LO", NAME)
    found.save_as(film)


@pytest.fixture
def told(project: Project) -> str:
    """Run every step up to predictions on planted films; return all that was said."""
    raw = project.root / "films of patients"
    adapter = load_adapter("oai")
    layout = read_layout("knee", adapter, {"question": "kl"})
    source = PhantomSource(kind="phantom", seed=3, patients=40)
    raw.mkdir()
    adapter.phantom(raw, source=source, layout=layout, target=Target.model_validate(KL))
    films = [path for path in sorted(raw.rglob("*")) if path.is_file() and not path.suffix]
    for film in films:
        plant(film)
    # One that is broken where a name stands, and one whose pixels end early.
    films[3].write_bytes(films[3].read_bytes()[:2000])
    films[5].write_bytes(films[5].read_bytes()[:-9000])
    block = {**project.params["studies"]["bones"], "adapter": "oai", "target": KL}
    block |= {"source": {"kind": "path", "path": str(raw)}, "layout": {"question": "kl"}}
    block |= {"image": {"side": 96}, "split": {"seed": 1, "folds": 2, "draw": "hashed"}}
    project.set("studies", {"knee": block})
    crops = {"remote": None, "side": 32, "extent_mm": 56, "confidence": 0.0}
    project.set("localize", {"knee": {**crops, "detection": {"epochs": 1, "batch_size": 8}}})
    variant = {"study": "knee", "store": "data/knee/crops", "preset": "knee_oa/floor"}
    project.set("variants", {"oa": {**variant, "train": {"epochs": 1}}})
    plan = {"variants": ["oa"], "open_test": ["knee"]}
    project.set("plan", {**project.params["plan"], **plan})
    said = []
    for step, options in STEPS.items():
        done = project.step(step, *options)
        assert done.returncode == 0, done.stderr
        said += [done.stdout, done.stderr]
    return "\n".join(said)


def text_of(path: Path) -> str:
    """Return what a file says; of what keeps paths, everything but the paths."""
    if path.suffix == ".parquet":
        table = read_table(path)
    elif path.name in PATHS:
        table = pc.read_csv(path)
    else:
        return path.read_bytes().decode("latin-1")
    if path.name in PATHS:
        table = table.drop_columns([n for n in table.column_names if n.startswith("file")])
    elif "file_image" in table.column_names:
        table = table.drop_columns(["file_image"])
    return str(table.to_pylist())


def test_nothing_personal_comes_out(project: Project, told: str) -> None:
    assert "refused: " in told
    assert not SECRET.search(told)
    made = [
        path
        for folder in ("data", "results", "logs", ".state", "openings.csv")
        for path in [project.root / folder, *(project.root / folder).rglob("*")]
        if path.is_file()
    ]
    assert {"predictions.parquet", "weights.safetensors", "joints.png"} <= {
        path.name for path in made
    }
    for path in made:
        name = str(path.relative_to(project.root))
        assert not SECRET.search(name)
        found = SECRET.search(text_of(path))
        assert found is None, (name, found)
