"""What will go wrong, before it does."""

import errno
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from radpipe.core.files import write_json
from radpipe.core.params import load_params
from radpipe.engines import doctor, remotes
from radpipe.engines.doctor import CHECKS, examine
from radpipe.imaging.dicom import codecs as dicom_codecs
from tests.conftest import ROOT, SMALL


@pytest.fixture
def params(tmp_path, monkeypatch):
    """Enter a project with the settings, the presets and the SLURM profile."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(SMALL))
    for name in ("presets", "slurm", "weights", "workflow"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return load_params()


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Return a function that puts a program of some lines of shell first in the path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setattr(
        shutil, "which", lambda name: str(folder / name) if (folder / name).exists() else None
    )

    def put(name, script):
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    return put


def found(name, params):
    return [(finding.level, finding.what, finding.way_out) for finding in CHECKS[name](params)]


def test_a_sound_project(params):
    assert found("settings", params)[0][:2] == ("ok", "1 study, 2 runs planned")
    assert found("codecs", params)[0][0] == "ok"
    assert found("locks", params)[0][0] == "ok"
    assert found("clock", params)[0][0] == "ok"
    assert {name for name, _ in examine(params)} == set(CHECKS)
    assert not list(Path(".state").glob("*-test"))


def test_settings_that_cannot_work(params):
    text = yaml.safe_load(Path("params.yaml").read_text())
    text["variants"]["bones-v1"]["train"]["optimizer"] = "adm"
    text["studies"]["bones"]["source"] = {"kind": "path", "path": "/no/such/folder"}
    Path("params.yaml").write_text(yaml.safe_dump(text))
    (preset, folder) = found("settings", load_params())
    assert "did you mean 'adam'" in preset[1]
    assert folder[1] == "studies.bones.source.path: no folder /no/such/folder"


def test_a_folder_that_can_only_be_read(params, monkeypatch):
    """It is told once; locks and clock cannot be tried then, and need not."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    (first, *_) = found("folder", params)
    assert first[0] == "problem"
    assert "can only be read, so nothing can be made in it" in first[1]
    assert not {"locks", "clock"} & {name for name, _ in examine(params)}


def test_what_may_not_be_touched_is_a_finding_and_no_traceback(params, monkeypatch):
    def refuse(path, *_, **__):
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    answers = [(name, finding.what) for name, finding in examine(params)]
    said = "this could not be looked at: [Errno 30] Read-only file system: '.state'"
    assert {("locks", said), ("clock", said)} <= set(answers)


def test_data_on_another_disk(params, tmp_path_factory):
    disk = tmp_path_factory.mktemp("disk")
    subprocess.run(["git", "init", "--quiet"], check=True)
    Path(".gitignore").write_text("/data\n")
    Path("data").symlink_to(disk)
    assert found("folder", params)[1:] == [
        ("ok", f"data is a link to {disk}, and Git ignores it", "")
    ]
    subprocess.run(["git", "add", "--force", "data"], check=True)
    assert found("folder", params)[1][:2] == (
        "problem",
        "Git keeps the link data, so another commit may take it away",
    )
    (disk / "bones").mkdir()
    (disk / "bones/split.parquet").symlink_to("/no/such/cache")
    assert found("folder", params)[2][:2] == (
        "problem",
        "1 link to nothing, such as data/bones/split.parquet: DVC's cache has lost the"
        " files (dvc gc?)",
    )


def test_results_on_another_disk(params, tmp_path_factory):
    Path("results").symlink_to(tmp_path_factory.mktemp("disk"))
    ((level, what, way_out),) = found("folder", params)
    assert (level, what[:21]) == ("problem", "results is a link to ")
    assert way_out.startswith("put a folder in the place of the link")


def test_a_missing_codec(params, monkeypatch):
    from PIL import features

    monkeypatch.setattr(features, "check", lambda codec: codec != "jpg_2000")
    assert found("codecs", params)[0][:2] == ("problem", "Pillow cannot decode JPEG 2000")


def test_a_missing_codec_of_dicom(params, monkeypatch):
    monkeypatch.setattr(dicom_codecs, "preflight", lambda: {"python-gdcm": ["JPEG Lossless"]})
    assert found("codecs", params)[1] == (
        "problem",
        "DICOM in JPEG Lossless cannot be decoded",
        "pip install python-gdcm",
    )


@pytest.mark.parametrize(
    ("listed", "seen", "level"),
    [("", "0 12.8", "note"), ("GPU 0", "0 12.8", "problem"), ("GPU 0", "1 12.8", "ok")],
)
def test_gpus(params, programs, monkeypatch, listed, seen, level):
    """A GPU that the driver lists and torch does not see is a problem."""
    programs("nvidia-smi", f'echo "{listed}"' if listed else "exit 9")
    programs("python", f'echo "{seen}"')
    monkeypatch.setattr(doctor.sys, "executable", "python")
    assert found("gpu", params)[0][0] == level


def test_torch_that_does_not_start(params, programs, monkeypatch):
    programs("python", "echo 'ImportError: libcudart' >&2; exit 1")
    monkeypatch.setattr(doctor.sys, "executable", "python")
    assert "ImportError: libcudart" in found("gpu", params)[0][1]


def slurm(programs, *, sacct="exit 1", age=300, gres="gpu:2"):
    programs("sbatch", "")
    programs("squeue", "")
    programs("sacct", sacct)
    programs("scontrol", f'echo "Slurmctld(primary) at x is UP"; echo "MinJobAge = {age} sec"')
    programs("sinfo", f'echo "standard|{gres}|up"; echo "long|(null)|up"')


def configure(**changes):
    path = Path("slurm/config.yaml")
    config = yaml.safe_load(path.read_text())
    config.update(changes)
    path.write_text(yaml.safe_dump(config))


def slurm_level(params, *, asked):
    answers = examine(params, slurm=asked)
    return next(finding.level for name, finding in answers if name == "slurm")


@pytest.mark.parametrize(("asked", "level"), [(False, "note"), (True, "problem")])
def test_no_slurm_is_a_problem_only_where_it_is_asked_for(params, programs, asked, level):
    """On a laptop there is none; of a client without a controller the same is true."""
    assert slurm_level(params, asked=asked) == level
    slurm(programs)
    programs("scontrol", "echo 'Unable to contact slurm controller'; exit 1")
    assert slurm_level(params, asked=asked) == level


def test_a_cluster_without_accounting(params, programs):
    slurm(programs)
    (first, *_) = found("slurm", params)
    assert first[0] == "problem"
    assert "wait for ever" in first[1]
    assert "slurm-status-command: squeue" in first[2]
    configure(**{"slurm-status-command": "squeue"})
    assert [level for level, *_ in found("slurm", params)] == ["ok", "ok"]


def test_a_cluster_that_forgets_at_once(params, programs):
    slurm(programs, age=30)
    configure(**{"slurm-status-command": "squeue"})
    assert "forgets ended jobs after 30 s" in found("slurm", params)[0][1]


def test_a_controller_that_is_down(params, programs):
    slurm(programs)
    programs("scontrol", "echo 'slurm_load_ctl_conf error: Unable to contact'; exit 1")
    assert "Unable to contact" in found("slurm", params)[0][1]


@pytest.mark.parametrize(
    ("gres", "partition", "what"),
    [
        ("(null)", "", "no partition has one"),
        ("gpu:2", "'gpus'", "wants the partition 'gpus', there are long, standard"),
        ("gpu:2", "'long'", "asks for a GPU in 'long', which has none"),
    ],
)
def test_partitions(params, programs, gres, partition, what):
    slurm(programs, sacct="exit 0", gres=gres)
    configure(**{"set-resources": {"train": {"gpu": 1, "slurm_partition": partition}}})
    answers = found("slurm", params)
    assert ("ok", "sacct answers", "") in answers
    assert any(what in answer[1] for answer in answers)


@pytest.mark.engine
def test_the_remote_is_tried(engines, tmp_path_factory):
    """Without a remote a warning, with one that can be written fine, otherwise a problem."""
    assert "no default remote" in engines.radpipe("doctor", check=False)
    remote = tmp_path_factory.mktemp("remote")
    engines.dvc("remote", "add", "--default", "store", str(remote))
    assert "remote store can be written" in engines.radpipe("doctor", check=False)
    assert not list(remote.iterdir())
    engines.dvc("remote", "modify", "store", "url", "/dev/null/nowhere")
    assert "the remote cannot be written: NotADirectoryError" in engines.radpipe(
        "doctor", check=False
    )


def dvc_says(programs, monkeypatch, *lines):
    programs("python", "; ".join(f"echo '{line}'" for line in lines))
    monkeypatch.setattr(remotes.sys, "executable", "python")


def of_remote(name, *, localized):
    text = yaml.safe_load(Path("params.yaml").read_text())
    text["studies"]["bones"]["remote"] = name
    if localized:
        text["localize"]["bones"] = {
            **{"remote": name, "side": 32},
            **{"extent_mm": 50, "detection": {"epochs": 1}},
        }
    Path("params.yaml").write_text(yaml.safe_dump(text))
    return load_params()


@pytest.mark.parametrize(
    ("known", "localized", "what"),
    [
        (
            ["secure", "store"],
            False,
            "studies.bones.remote: DVC knows no remote 'secur', did you mean 'secure'? It knows:"
            " secure, store",
        ),
        (
            [],
            True,
            "studies.bones.remote and localize.bones.remote: DVC knows no remote 'secur'. It"
            " knows: none",
        ),
    ],
)
def test_a_remote_of_a_study_that_dvc_does_not_know(
    params, programs, monkeypatch, known, localized, what
):
    dvc_says(programs, monkeypatch, f"remotes: {json.dumps(known)}", "store")
    answers = found("dvc", of_remote("secur", localized=localized))
    assert answers[0] == ("ok", "remote store can be written", "")
    way_out = "dvc remote add secur ADDRESS (docs/how-to/remotes.md), or name one of these"
    assert answers[1:] == [("problem", what, way_out)]


def test_a_remote_of_a_study_that_dvc_knows_is_no_finding(params, programs, monkeypatch):
    dvc_says(programs, monkeypatch, 'remotes: ["secure"]', "none")
    answers = found("dvc", of_remote("secure", localized=True))
    assert [level for level, _, _ in answers] == ["warning"]


def test_a_folder_that_is_none_of_dvc(params, programs, monkeypatch):
    dvc_says(programs, monkeypatch)
    programs("python", "echo 'NotDvcRepoError: you are not inside'; exit 1")
    (answer,) = found("dvc", of_remote("secure", localized=False))
    assert answer[:2] == (
        "problem",
        "the remote cannot be written: NotDvcRepoError: you are not inside",
    )


def test_a_full_disk(params, monkeypatch):
    """A hundred thousand pictures of 1,024 pixels need 98 GiB."""
    path = Path("params.yaml")
    text = yaml.safe_load(path.read_text())
    text["studies"]["bones"]["image"]["side"] = 1024
    path.write_text(yaml.safe_dump(text))
    write_json(Path("results/studies/bones/ingest.json"), {"n_pictures": 100_000})
    usage = shutil.disk_usage(".")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=50 * 2**30))
    level, what, _ = found("disk", load_params())[0]
    assert (level, what) == ("problem", "50.0 GiB free, about 102.7 GiB needed")


def test_of_volumes_each_slice_counts(params):
    summary = {"n_pictures": 3, "fingerprint": {"n_slices": 1024 * 1024}}
    write_json(Path("results/studies/bones/ingest.json"), summary)
    assert found("disk", params)[0][1].endswith("about 6.0 GiB needed")


def test_a_manifest_gives_the_number_of_pictures(params):
    Path("data/bones").mkdir(parents=True)
    Path("data/bones/manifest.csv").write_text("file\n" + "a.png\n" * 1024 * 1024)
    assert found("disk", params)[0][1].endswith("about 6.0 GiB needed")


def test_locks_that_bind_nobody(params, monkeypatch):
    monkeypatch.setattr("fcntl.flock", lambda stream, how: None)
    assert found("locks", params)[0][1] == "the file system grants a lock twice"

    def refuse(stream, how):
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    assert "No locks available" in found("locks", params)[0][1]


def test_clocks_that_differ(params, monkeypatch):
    now = doctor.time.time()
    monkeypatch.setattr(doctor.time, "time", lambda: now - 60)
    level, what, _ = found("clock", params)[0]
    assert level == "warning"
    assert "+60 s from this host's, so a failed job's log may not be found" in what


def test_the_command_ends_with_a_count(params, programs):
    command = [doctor.sys.executable, "-m", "radpipe.app", "doctor"]
    Path("presets/bones.yaml").write_text("{}")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "problem  settings" in done.stdout
    assert "Problems: " in done.stderr
