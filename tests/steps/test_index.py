"""The step index as a process: tables written, listing checked, refusals."""

import shutil

import pytest

from radpipe.core.tables import read_table

FETCH = ("fetch", "--study", "bones")
INDEX = ("index", "--study", "bones")


@pytest.fixture
def fetched(project):
    project.set("studies.bones.source.patients", 20)
    done = project.step(*FETCH)
    assert done.returncode == 0, done.stderr
    return project


def bytes_of(project, name):
    return (project.root / "data/bones" / name).read_bytes()


def test_writes_cases_and_boxes(fetched):
    done = fetched.step(*INDEX)
    assert done.returncode == 0, done.stderr
    cases = read_table(fetched.root / "data/bones/cases.parquet")
    assert cases.column_names == [
        *("case", "patient", "official", "target", "file_image"),
        *("ceiling_healthy", "ceiling_fractured", "ceiling_beyond_repair"),
    ]
    boxes = read_table(fetched.root / "data/bones/boxes.parquet")
    assert boxes.column_names == ["case", "view", "slice", "x0", "y0", "x1", "y1", "label"]
    assert set(boxes["case"].to_pylist()) < set(cases["case"].to_pylist())


def test_raw_files_that_are_gone_are_made_again(fetched):
    fetched.step(*INDEX)
    before = [bytes_of(fetched, name) for name in ("cases.parquet", "boxes.parquet")]
    shutil.rmtree(fetched.root / "data/bones/raw")
    (fetched.root / "data/bones/.source.json").unlink()
    done = fetched.step(*INDEX)
    assert done.returncode == 0, done.stderr
    assert before == [bytes_of(fetched, name) for name in ("cases.parquet", "boxes.parquet")]


def test_files_that_changed_since_fetch_are_refused(project, tmp_path):
    images = tmp_path / "images"
    for name in ("healthy/a", "fractured/b", "beyond_repair/c"):
        (images / name).parent.mkdir(parents=True)
        (images / f"{name}.png").write_text(name)
    project.set("studies.bones.source", {"kind": "path", "path": str(images)})
    project.set("studies.bones.layout", {"path": "{class}/{file}"})
    assert project.step(*FETCH).returncode == 0
    assert project.step(*INDEX).returncode == 0
    (images / "healthy/a.png").write_text("longer than before")
    (images / "healthy/new.png").write_text("new")
    (images / "fractured/b.png").unlink()
    done = project.step(*INDEX)
    assert done.returncode == 2
    for line in ("changed: healthy/a.png", "added: healthy/new.png", "missing: fractured/b.png"):
        assert line in done.stderr
    assert "The way out" in done.stderr


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("layout", {"pth": "{class}/{file}"}, "studies.bones.layout.pth: unknown setting, did"),
        ("adapter", "folder", "unknown 'folder', did you mean 'folders'"),
        ("target.classes", ["whole", "broken", "lost"], "'beyond_repair', 'fractured', 'healthy'"),
    ],
)
def test_settings_that_do_not_fit(fetched, setting, value, message):
    # The manifest is not what fetch would write now, which the frame would refuse first.
    shutil.rmtree(fetched.root / "results/receipts")
    if setting == "target.classes":
        fetched.set("studies.bones.source", {"kind": "path", "path": "data/bones/raw"})
    fetched.set(f"studies.bones.{setting}", value)
    done = fetched.step(*INDEX)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
