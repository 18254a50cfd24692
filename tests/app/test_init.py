"""`radpipe init`: a project from a folder of pictures, and refusals that say what to do."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import shtab
import yaml
from PIL import Image

from radpipe.app import cli
from radpipe.app.init import command, skeleton
from radpipe.app.init.command import init
from radpipe.app.init.pictures import look_at, side_for
from radpipe.app.init.study import look
from radpipe.app.network import network
from radpipe.core.errors import ConfigError, DataError, RadpipeError
from radpipe.core.params import load_params
from radpipe.engines.reproduce import reproduce
from tests.conftest import ROOT
from tests.dicom_files import film, scene


@pytest.fixture
def images(tmp_path):
    """Return a folder of class folders with 2 x 24 pictures of 12 patients each."""
    folder = tmp_path / "My films"
    draw(folder, *(f"{name}/p{n:02d}-{k}.png" for name in ("sick", "normal") for n, k in pairs()))
    return folder


@pytest.fixture
def quick(monkeypatch):
    """Leave Git and DVC out, which take seconds."""
    monkeypatch.setattr(command, "set_up", lambda folder: iter(()))


def pairs():
    return [(n, k) for n in range(12) for k in range(2)]


def draw(folder, *names, shape=(70, 90), dtype=np.uint8, suffix_text=None):
    rng = np.random.default_rng(1)
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, np.iinfo(dtype).max, shape, endpoint=True).astype(dtype)
        Image.fromarray(pixels).save(path)


def test_a_project_that_only_has_to_be_run(images, tmp_path, monkeypatch, capsys):
    project = tmp_path / "project"
    init(project, images=images)
    said = capsys.readouterr().out
    assert "Looked at 48 images" in said
    assert "normal 24, sick 24 (names of folders)" in said
    assert "'p00-0' is taken for one of 'p00'" in said
    assert "stored as squares of 64 pixels, the largest of 224, 128, 96, 64 that they have" in said
    assert "git init, dvc init" in said
    assert said.endswith(
        f"The project: {project}. Next:\n  cd {project}\n  radpipe check-data my_films\n"
        "  radpipe run\n"
    )
    monkeypatch.chdir(project)
    params = load_params()
    study = params.studies["my_films"]
    assert study.layout == {"path": "{class}/{patient}-{_}"}
    assert study.target.classes == ["normal", "sick"]
    assert (study.image.side, study.image.channels, study.image.bits) == (64, "grey", 8)
    assert params.plan.open_test == []
    assert list(params.variants) == ["my_films-floor", "my_films-compact"]
    cli.check_settings(params)
    for name in (
        "Snakefile",
        "dvc.yaml",
        "workflow/scripts/train.py",
        "docs/how-to/remotes.md",
        ".git",
    ):
        assert (project / name).exists(), name
    assert not list(project.rglob("__pycache__"))


def test_patients_in_two_official_parts_are_told_with_what_is_done(quick, tmp_path, capsys):
    form = "{part}/{name}/{initial}{n:02d}-{k}.png"
    names = [
        form.format(part=part, name=name, initial=name[0], n=n, k=k)
        for part, numbers in (("train", range(20)), ("test", range(19, 29)))
        for name in ("normal", "sick")
        for n in numbers
        for k in range(2)
    ]
    draw(tmp_path / "films", *names)
    init(tmp_path / "project", images=tmp_path / "films")
    said = capsys.readouterr().out
    assert "2 patients stand in several official parts" in said
    assert "images in test stay before those in tune" in said
    assert "on_leak: drop" in (tmp_path / "project/params.yaml").read_text()


def test_dvc_knows_the_project(images, tmp_path):
    project = tmp_path / "project"
    init(project, images=images)
    asked = [sys.executable, "-m", "dvc", "config", "core.analytics"]
    done = subprocess.run(asked, cwd=project, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "false"
    status = ["git", "status", "--short", "--untracked-files=all"]
    listed = subprocess.run(status, cwd=project, capture_output=True, text=True, check=True)
    assert "?? params.yaml" in listed.stdout


def test_a_folder_in_a_repository_gets_none_of_its_own(images, tmp_path, capsys):
    top = tmp_path / "top"
    top.mkdir()
    subprocess.run(["git", "init", "--quiet"], cwd=top, check=True)
    (top / "project").mkdir()
    (top / "project/.gitignore").write_text("mine\n")
    init(top / "project", images=images)
    assert f"dvc init, in the Git repository {top}" in capsys.readouterr().out
    assert not (top / "project/.git").exists()
    ignored = (top / "project/.gitignore").read_text().splitlines()
    assert ignored[0] == "mine"
    assert "/data" in ignored


def test_without_git(images, tmp_path, monkeypatch, capsys):
    which = shutil.which
    monkeypatch.setattr(skeleton.shutil, "which", lambda n: None if n == "git" else which(n))
    init(tmp_path / "project", images=images)
    assert "without Git, which is not installed" in capsys.readouterr().out
    assert (tmp_path / "project/.dvc/config").exists()


def test_without_pictures_a_synthetic_study(quick, tmp_path, monkeypatch, capsys):
    init(tmp_path / "project")
    said = capsys.readouterr().out
    assert "for your own: radpipe init" in said
    assert "check-data" not in said  # there are no files before it runs
    monkeypatch.chdir(tmp_path / "project")
    params = load_params()
    assert params.studies["bones"].source.kind == "phantom"
    cli.check_settings(params)


def test_a_project_is_never_overwritten(quick, images, tmp_path):
    project = tmp_path / "project"
    init(project, images=images)
    with pytest.raises(ConfigError, match=r"holds .*Snakefile.*params.yaml.*nothing is overwrit"):
        init(project, images=images)
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="file is a file; give a folder"):
        init(tmp_path / "file")
    with pytest.raises(ConfigError, match="--table and --label say how to read --images"):
        init(tmp_path / "other", label="a")
    assert not (tmp_path / "other").exists()


def test_nothing_is_made_where_nothing_can_be_proposed(tmp_path):
    with pytest.raises(DataError, match="there is no such folder"):
        init(tmp_path / "project", images=tmp_path / "nowhere")
    assert not (tmp_path / "project").exists()


def test_the_command_needs_no_project_around_it(quick, images, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["radpipe", "init", "mine", "--images", "My films"])
    cli.main()
    assert (tmp_path / "mine/params.yaml").exists()
    assert "my_films:" in (tmp_path / "mine/params.yaml").read_text()


def test_other_commands_say_where_projects_come_from(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["radpipe", "run"])
    with pytest.raises(SystemExit):
        cli.main()
    assert "make one: radpipe init FOLDER --images PATH" in caplog.text


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion(shell, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["radpipe", "--print-completion", shell])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    said = capsys.readouterr().out
    for word in ("init", "check-data", "--images"):
        assert word in said


def test_completion_is_offered_for_every_shell_that_can_be_completed():
    assert list(cli.SHELLS) == shtab.SUPPORTED_SHELLS


def test_help_says_of_every_command_what_its_function_says():
    """Functions that load large libraries stand behind others, which say the same of themselves."""
    for name, function in (("init", init), ("reproduce", reproduce), ("network", network)):
        said = (cli.COMMANDS[name].__doc__ or "").partition("\n")[0]
        assert said == (function.__doc__ or "").partition("\n")[0]


def test_a_table_above_the_pictures(images, tmp_path):
    table = tmp_path / "labels.csv"
    rows = [f"My films/{f.parent.name}/{f.name},{f.parent.name}" for f in images.rglob("*.png")]
    table.write_text("\n".join(["file,label", *rows]))
    seen = look(images, table=table)
    assert seen.raw == tmp_path
    assert seen.proposal.layout["table"]["file"] == "labels.csv"
    elsewhere = tmp_path / "elsewhere/labels.csv"
    with pytest.raises(DataError, match="there is no such file"):
        look(images, table=elsewhere)
    elsewhere.parent.mkdir()
    table.rename(elsewhere)
    with pytest.raises(DataError, match=r"neither in .* nor in a folder above"):
        look(images, table=elsewhere)


def test_a_table_that_knows_patients_is_better_than_folders_that_do_not(tmp_path):
    names = [f"{name}/{n * 7919:06x}.png" for name in ("normal", "sick") for n in range(1, 13)]
    draw(tmp_path, *names)
    rows = [f"{name},{name.partition('/')[0]},{n // 2}" for n, name in enumerate(names)]
    (tmp_path / "labels.csv").write_text("\n".join(["path,label,patient", *rows]))
    seen = look(tmp_path)
    assert seen.proposal.layout["table"]["patient"] == "patient"
    told = [remark.what for remark in seen.proposal.remarks if remark.about == "table"]
    assert told == ["labels.csv is used, because it knows patients and class folders do not"]


def test_a_table_beside_folders_that_know_patients_is_told(images):
    rows = [f"{f.parent.name}/{f.name},{n % 2}" for n, f in enumerate(images.rglob("*.png"))]
    (images / "labels.csv").write_text("\n".join(["path,label", *rows]))
    seen = look(images)
    assert "path" in seen.proposal.layout
    told = [remark.what for remark in seen.proposal.remarks if remark.about == "table"]
    assert told == ["labels.csv is not used; to use it: --table labels.csv"]


def test_outlines_are_left_out(images):
    draw(images, *(f"masks/{n}.png" for n in range(3)))
    seen = look(images)
    assert seen.proposal.layout["leave_out"] == ["masks/*"]
    assert len(seen.pictures) == 48


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("a.txt", b"x", r"holds no pictures .* There is: 1 \.txt"),
        ("a.npy", b"x", "volumes, and no pictures. Knee MRI in the layout of MRNet"),
        ("I0001", b"\0" * 128 + b"DICM" + b"\0" * 99, "1 image in 1 folder, 0 deep, and nothing"),
        ("a.png", b"x", "1 image in 1 folder, 0 deep, and nothing says what they show"),
        ("a/b.png", b"x", "one folder a class"),
    ],
)
def test_folders_that_say_nothing(tmp_path, name, content, match):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=match):
        look(tmp_path)


def test_colour_depth_and_unreadable_pictures(tmp_path):
    draw(tmp_path, "a.png", "b.png", shape=(20, 30, 3))
    assert look_at(tmp_path, ["a.png", "b.png"]).colour
    grey = np.repeat(np.full((20, 30, 1), 99, np.uint8), 3, axis=2)
    Image.fromarray(grey).save(tmp_path / "c.jpg")
    (tmp_path / "d.png").write_bytes(b"")
    found = look_at(tmp_path, ["c.jpg", "d.png"])
    assert (found.colour, found.n_read, found.refused.total()) == (False, 1, 1)
    assert found.side == 20
    draw(tmp_path, "e.png", dtype=np.uint16)
    assert look_at(tmp_path, ["e.png"]).deep
    with pytest.raises(DataError, match="none of 1 images that were tried can be read: empty"):
        look_at(tmp_path, ["d.png"])


def test_class_folders_of_dicom_are_read_as_pictures(tmp_path):
    """12 bits a pixel, shown as they are meant to be, for which 8 do."""
    for name in ("normal/a.dcm", "sick/b.dcm"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(film(scene((72, 80))))
    seen = look(tmp_path)
    assert seen.proposal.layout == {"path": "{class}/{file}"}
    assert (seen.look.dicom, seen.look.deep, seen.look.short_sides) == (True, False, (72, 72))


@pytest.mark.parametrize(
    ("n", "short", "side"),
    [(150, 500, 224), (500, 500, 128), (1000, 500, 96), (6000, 500, 64), (10**6, 500, 64)],
)
def test_the_side_that_a_laptop_trains_in_minutes(n, short, side):
    """150 x 224^2 = 7.5, 500 x 128^2 = 8.2, 1,000 x 96^2 = 9.2 million pixels."""
    assert side_for(n, short)[0] == side
    assert side_for(n, 40)[0] == 40


@pytest.mark.parametrize(
    ("n", "short", "reason"),
    [
        (
            150,
            500,
            "the largest of 224, 128, 96, 64 that they have and with which 150 images stay below"
            " 10 million pixels together: a training then takes minutes on a laptop",
        ),
        (
            6000,
            500,
            "the smallest of 224, 128, 96, 64, because 6,000 images have more than 10 million"
            " pixels together even so, and a training should take minutes on a laptop",
        ),
        (150, 40, "because they have no more"),
    ],
)
def test_the_side_comes_with_its_reason(n, short, reason):
    assert side_for(n, short)[1] == reason


def test_what_a_wheel_ships_is_what_a_checkout_has(tmp_path, monkeypatch):
    names = list(skeleton.project_files())
    assert {"Snakefile", "dvc.yaml", "workflow", "presets"} <= set(names)
    assert all((ROOT / name).exists() for name in names)
    shipped = tmp_path / "project"
    (shipped / ".dvc").mkdir(parents=True)
    (shipped / "Snakefile").write_text("")
    monkeypatch.setattr(skeleton, "SHIPPED", shipped)
    assert list(skeleton.project_files()) == [".dvc", "Snakefile"]
    monkeypatch.setattr(skeleton, "SHIPPED", Path("nowhere"))
    monkeypatch.setattr(skeleton, "CHECKOUT", Path("nowhere"))
    with pytest.raises(RadpipeError, match="installed without the files of a project"):
        skeleton.project_files()


def test_settings_are_short(quick, images, tmp_path):
    init(tmp_path / "project", images=images)
    text = (tmp_path / "project/params.yaml").read_text()
    assert len(text.splitlines()) < 65
    assert yaml.safe_load(text)["studies"].keys() == {"my_films"}


def test_a_workbook_and_a_broken_table_are_named(tmp_path, quick):
    folder = tmp_path / "films"
    draw(folder, *(f"i{n}.png" for n in range(30)))
    (folder / "labels.xlsx").write_bytes(b"PK\x03\x04")
    (folder / "labels.csv").write_text("image,y,y\ni0.png,0,1\n")
    with pytest.raises(DataError, match=r"labels\.xlsx: a workbook is not read.*'y' is column 2"):
        init(tmp_path / "project", images=folder)


def test_a_folder_that_is_no_utf8(tmp_path):
    folder = tmp_path / os.fsdecode(b"br\xfcche")
    draw(folder, "a/1.png")
    with pytest.raises(DataError, match=r"the path is no UTF-8.*rename the folder"):
        init(tmp_path / "project", images=folder)


def test_pictures_of_12_bits_among_others_are_stored_in_16(tmp_path):
    draw(tmp_path, *(f"a/{n}.png" for n in range(20)))
    assert not look_at(tmp_path, sorted(f"a/{n}.png" for n in range(20))).deep
    for n in range(5):
        pixels = np.full((70, 90), 4000 + n, np.uint16)
        Image.fromarray(pixels).save(tmp_path / f"a/{n}.png")
    assert look_at(tmp_path, sorted(f"a/{n}.png" for n in range(20))).deep
