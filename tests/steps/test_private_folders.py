"""Films full of names in a folder with a table of ids: nothing personal comes out."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from radpipe.app.cli import check_data
from radpipe.app.init import command
from radpipe.app.init.command import init
from radpipe.core.errors import RadpipeError
from radpipe.core.params import load_params
from tests.conftest import Project
from tests.dicom_files import film, scene
from tests.steps.test_private import DATE, NAME, SECRET, plant, text_of

TWO = {"kind": "binary", "classes": ["healthy", "fractured"]}
STUDY = ("--study", "films")
RUN = ("--variant", "floor", "--fold", "0", "--seed", "0")
STEPS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("fetch", "index", "ingest", "split", "explore"), STUDY),
    **dict.fromkeys(("train", "predict"), RUN),
    "evaluate": RUN[:2],
    "compare": (),
    "judge": (),
    "report": (),
}
LAYOUT = {
    "table": {"file": "labels.csv", "image": "id", "target": "label", "find": "name"},
    "header": ["patient", "side", "view"],
    "devices": False,
}


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Write 60 films of 30 patients, without suffix, each with somebody in 40 elements."""
    folder = tmp_path / "films"
    rows = []
    for n in range(60):
        name = hashlib.sha256(f"{n}".encode()).hexdigest()[:20]
        path = folder / f"{n % 3}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        side = {"ImageLaterality": "RL"[n % 2], "ViewPosition": ["AP", "LL"][n // 2 % 2]}
        path.write_bytes(film(scene((40, 36), seed=n), SOPClassUID="1.2.840.1", **side))
        uids = {"StudyInstanceUID": f"1.2.{DATE}.{n // 2}", "SOPInstanceUID": f"1.2.{DATE}.9.{n}"}
        plant(path, PatientID=f"{NAME}-{n // 2:03}-X", **uids)
        rows.append(f"{name},{'healthy' if n // 4 % 2 else 'fractured'}\n")
    broken = sorted(path for path in folder.rglob("*") if path.is_file())
    broken[3].write_bytes(broken[3].read_bytes()[:1500])
    broken[5].write_bytes(broken[5].read_bytes()[:-900])
    (folder / "labels.csv").write_text("id,label\n" + "".join(rows))
    return folder


def settle(project: Project, raw: Path, layout: dict[str, Any]) -> None:
    """Let the project have the one study."""
    block = {**project.params["studies"]["bones"], "adapter": "folders", "target": TWO}
    block |= {"source": {"kind": "path", "path": str(raw)}, "layout": layout}
    block |= {"image": {"side": 32}, "split": {"seed": 1, "folds": 2, "on_leak": "group"}}
    project.set("studies", {"films": block})
    project.set("localize", {})
    variant = {"study": "films", "store": "data/films/store", "preset": "pictures/floor"}
    project.set("variants", {"floor": {**variant, "train": {"epochs": 1}}})
    plan = {"variants": ["floor"], "open_test": ["films"], "cohorts": {}, "ensembles": {}}
    project.set("plan", {**project.params["plan"], **plan})


def clean(text: str) -> None:
    found = SECRET.search(text)
    assert found is None, found


def test_nothing_personal_comes_out_of_a_folder(project: Project, raw: Path) -> None:
    settle(project, raw, LAYOUT)
    for step, options in STEPS.items():
        done = project.step(step, *options)
        assert done.returncode == 0, done.stderr
        clean(done.stdout + done.stderr)
    made = [
        path
        for folder in ("data", "results", "logs", ".state", "openings.csv")
        for path in [project.root / folder, *(project.root / folder).rglob("*")]
        if path.is_file()
    ]
    assert {"predictions.parquet", "report.html", "cases.parquet"} <= {path.name for path in made}
    for path in made:
        clean(str(path.relative_to(project.root)))
        clean(text_of(path))


def test_refusals_of_headers_show_nobody(project: Project, raw: Path) -> None:
    films = [path for path in sorted(raw.rglob("*")) if path.is_file() and not path.suffix]
    for n, path in enumerate(films[6:]):
        plant(path, PatientID=NAME.lower() if n % 2 else NAME)
    settle(project, raw, LAYOUT)
    project.step("fetch", *STUDY)
    done = project.step("index", *STUDY)
    assert done.returncode != 0
    assert "1 Patient ID is probably written in several forms" in done.stderr
    clean(done.stdout + done.stderr)


def test_looking_at_films_shows_nobody(
    project: Project,
    raw: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(command, "set_up", lambda folder: iter(()))
    init(tmp_path / "new", images=raw)
    settle(project, raw, {**LAYOUT, "header": ["side"]})
    monkeypatch.chdir(project.root)
    with pytest.raises(RadpipeError, match="Problems: 1"):
        check_data(load_params(), "films")
    said = capsys.readouterr()
    assert "from Patient ID, as keyed hashes" in said.out
    # One film ends in its header, another one in its pixels.
    assert "1 film is truncated" in said.out
    assert "patients are unknown, and headers name 30 for 59 films" in said.out
    clean(said.out + said.err)
