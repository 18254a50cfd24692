"""The frame of every step: arguments, checks, receipts, exit codes."""

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from radpipe.core.declared import Declared, read_steps
from radpipe.core.errors import DataError, RadpipeError
from radpipe.core.files import read_json
from radpipe.core.graph import receipt_path
from radpipe.core.jobs import CLAIMS
from radpipe.core.receipts import read_receipt
from radpipe.core.step import RUN_ME_AGAIN, Step, StoppedError
from tests.conftest import SMALL

MAKE = """
    each="studies",
    writes={"out": "made.txt"},
    settings=("studies.{study}.split",),
"""
USE = """
    each="studies",
    reads={"made": "made.txt"},
    writes={"out": "used.txt"},
"""
SCRIPT = """
from radpipe.core.environment import pin

if __name__ == "__main__":
    pin()

from radpipe.core.step import Step
{strange}
STEP = Step(
    "{name}",
    __doc__ or "",
{declared}
)
if __name__ == "__main__":
    STEP(lambda job: job.args.out.write_text("x"))
"""


def write_script(folder, name, declared, strange=""):
    script = folder / f"workflow/scripts/{name}.py"
    script.write_text(SCRIPT.format(name=name, declared=declared, strange=strange))
    return script


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Enter a project of two steps; give the root logger back afterwards."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(SMALL))
    (tmp_path / "workflow/scripts").mkdir(parents=True)
    write_script(tmp_path, "split", MAKE)
    write_script(tmp_path, "use", USE)
    yield tmp_path
    logging.captureWarnings(capture=False)


def step(name):
    declared = {f.name: getattr(read_steps()[name], f.name) for f in fields(Declared)}
    return Step(**declared)


def make(main=None):
    """Run the first step, by default with honest work."""

    def honest(job):
        job.args.out.write_text(str(job.setting("studies.bones.split.seed")))
        job.fact(n_cases=3)

    return step("split").execute(main or honest, ["--study", "bones"])


def use(main=None):
    """Run the second step, which reads what the first made."""

    def honest(job):
        job.args.out.write_text(job.args.made.read_text())

    return step("use").execute(main or honest, ["--study", "bones"])


def log_of(step):
    return Path(f"logs/{step}/bones.log").read_text()


@pytest.mark.parametrize("beside", ["helper.py", "helper/__init__.py", "use.py"])
def test_a_script_that_imports_what_lies_beside_it_is_refused(folder, beside):
    """The receipt would call it a library that is not installed, whatever stands in it."""
    file = folder / "workflow/scripts" / beside
    file.parent.mkdir(exist_ok=True)
    name = Path(beside).parts[0].removesuffix(".py")
    if name == "helper":
        file.write_text(f"{SCRIPT.format(name=name, declared=USE, strange='')}\nN = 1\n")
    write_script(folder, "split", MAKE, f"import {name}\n")
    with pytest.raises(
        RadpipeError, match=rf"split\.py: imports {name}, which lies .* The way out"
    ):
        read_steps()


def test_ctrl_c_ends_a_step_whatever_its_threads_wait_for(folder):
    """An interrupted start of a thread would leave one that Python waits for without end."""
    waiting = (
        "import os, signal, threading\nwait = threading.Event().wait\n"
        # Programs that a shell has started beside itself ignore it.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    )
    script = write_script(folder, "split", MAKE, waiting)
    work = (
        "lambda job: (threading.Thread(target=wait).start(), os.kill(os.getpid(), signal.SIGINT),"
        " wait())"
    )
    script.write_text(script.read_text().replace('lambda job: job.args.out.write_text("x")', work))
    command = [sys.executable, str(script), "--study", "bones"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGINT
    assert "stopped by Ctrl-C. The same command goes on" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_receipt_tells_what_was_done(folder):
    assert make() == 0
    receipt = read_receipt(receipt_path("split", "bones"))
    assert receipt.settings["studies.bones.split"]["seed"] == 1
    assert receipt.settings["studies.bones.split"]["on_leak"] == "group"
    assert list(receipt.outputs) == ["made.txt"]
    assert receipt.facts["n_cases"] == 3
    assert receipt.facts["processor"]
    assert "finished split bones" in log_of("split")
    assert use() == 0
    assert list(read_receipt(receipt_path("use", "bones")).inputs) == ["made.txt"]


def test_an_input_that_disagrees_with_its_receipt_stops_the_next_step(folder):
    make()
    (folder / "made.txt").write_text("tampered")
    assert use() == 2
    assert "output made.txt: changed" in log_of("use")
    assert "The way out" in log_of("use")
    assert not (folder / "used.txt").exists()


def test_an_input_made_under_other_settings_stops_the_next_step(folder):
    make()
    edited = json.loads(json.dumps(SMALL))
    edited["studies"]["bones"]["split"]["seed"] = 5
    (folder / "params.yaml").write_text(yaml.safe_dump(edited))
    assert use() == 2
    assert "studies.bones.split.seed: 1 when made, 5 now" in log_of("use")


def test_a_missing_input_is_named(folder):
    assert use() == 2
    assert "made.txt: missing. Run the step that makes it first." in log_of("use")


def test_an_input_that_changes_meanwhile_leaves_no_receipt(folder):
    make()

    def meddling(job):
        job.args.out.write_text("x")
        job.args.made.write_text("meanwhile")

    assert use(meddling) == 2
    assert "changed while use bones was reading it" in log_of("use")
    assert not receipt_path("use", "bones").exists()


@pytest.mark.parametrize("why", ["setting", "input"])
def test_a_step_that_refuses_to_begin_keeps_what_was_made(folder, why):
    """It may have taken hours, and one typing error is soon put right."""
    assert make() == 0
    assert use() == 0
    receipt, text = receipt_path("use", "bones"), Path("params.yaml").read_text()
    before = receipt.read_bytes()
    if why == "setting":
        Path("params.yaml").write_text(text.replace("bootstrap", "bootstrapp"))
    else:
        Path("made.txt").write_text("edited")
    assert use() == 2
    assert receipt.read_bytes() == before


def test_a_failed_step_has_no_receipt_of_an_earlier_success(folder):
    make()

    def failing(job):
        raise DataError("data are odd")

    assert make(failing) == 2
    assert "split bones: data are odd" in log_of("split")
    assert not receipt_path("split", "bones").exists()


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (StoppedError("saved after epoch 3"), RUN_ME_AGAIN, "The same command goes on"),
        (OSError(28, "No space left on device"), 2, "make room or give access"),
        (BrokenPipeError(32, "Broken pipe"), RUN_ME_AGAIN, "nobody reads what it says any more"),
        (ZeroDivisionError("x"), 1, "this is a bug in radpipe"),
    ],
)
def test_exit_codes_tell_what_to_do(folder, error, code, told):
    def failing(job):
        raise error

    assert make(failing) == code
    assert told in log_of("split")


@pytest.mark.parametrize("link", [os.symlink, os.link], ids=["symbolic", "hard"])
def test_an_output_is_never_written_through_a_link(folder, link):
    """The step opens it in place; DVC's cache, to which it was linked, stays as it was."""
    cached = folder / "cached"
    cached.write_text("recorded")
    link(cached, folder / "made.txt")
    assert make() == 0
    assert cached.read_text() == "recorded"
    assert not Path("made.txt").is_symlink()


def test_an_input_that_is_a_link_to_nothing_is_named(folder):
    assert make() == 0
    Path("made.txt").unlink()
    Path("made.txt").symlink_to("/no/such/cache")
    assert use() == 2
    assert "made.txt: missing (a link to nothing: DVC's cache has lost its file)" in log_of("use")


def test_a_log_that_cannot_be_written_is_told_in_one_message(folder, capsys):
    Path("logs").write_text("in the way")
    assert make() == 2
    assert "split bones: [Errno" in capsys.readouterr().err


def test_a_receipt_names_the_commit_and_whether_it_was_changed(folder):
    """What steps write, and notes that lie about, change nothing; a new preset does."""

    def named():
        assert make() == 0
        facts = read_receipt(receipt_path("split", "bones")).facts
        return facts["commit"], facts["clean"], facts["gpu"]

    assert named() == (None, None, None)
    git("init", "--quiet")
    git("add", "params.yaml", "workflow")
    git("commit", "--quiet", "--message", "start")
    commit = git("rev-parse", "HEAD").strip()
    Path("notes.txt").write_text("mine")
    assert named() == (commit, True, None)
    Path("presets").mkdir()
    Path("presets/new.yaml").write_text("{}")
    assert named() == (commit, False, None)
    shutil.rmtree("presets")
    script = Path("workflow/scripts/use.py")
    script.write_text(script.read_text() + "# edited")
    assert named() == (commit, False, None)


@pytest.mark.parametrize(("used", "name"), [(True, "NVIDIA H200"), (False, None)])
def test_a_receipt_names_the_gpu_that_was_used(folder, monkeypatch, used, name):
    """And none that torch merely sees; torch is not loaded to find out."""
    cuda = SimpleNamespace(is_initialized=lambda: used, get_device_name=lambda: "NVIDIA H200")
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    assert make() == 0
    assert read_receipt(receipt_path("split", "bones")).facts["gpu"] == name


def git(*arguments):
    who = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    command = ["git", *who, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_an_output_that_was_not_written_is_a_failure(folder):
    assert make(lambda job: None) == 1
    assert "split did not write made.txt" in log_of("split")


def test_undeclared_settings_are_not_handed_out(folder):
    assert make(lambda job: job.setting("plan.folds")) == 1
    assert "does not declare the setting plan.folds" in log_of("split")


def test_broken_settings_are_told(folder):
    (folder / "params.yaml").write_text("studies: 1")
    assert make() == 2
    assert "params.yaml: variants: missing" in log_of("split")


def test_undeclared_inputs_are_not_handed_out(folder):
    assert make(lambda job: job.read("params.yaml")) == 1
    assert "does not declare the input params.yaml" in log_of("split")


def test_a_run_that_is_not_planned_is_refused(folder):
    assert step("split").execute(lambda job: None, ["--study", "bone"]) == 2
    log = Path("logs/split/bone.log").read_text()
    assert "params.yaml plans no split bone, did you mean 'bones'? It plans: bones." in log


@pytest.mark.parametrize(
    ("strange", "code", "told"),
    [
        ("", 0, "finished split bones"),
        ("import radpipe.evaluation.sanity", 0, "finished split bones"),
        (
            "__import__('radpipe.evaluation.sanity')",
            1,
            "evaluation/sanity.py, which its script does not import",
        ),
    ],
)
def test_a_process_ends_with_its_code_and_uses_no_undeclared_code(folder, strange, code, told):
    script = write_script(folder, "split", MAKE, strange)
    command = [sys.executable, str(script), "--study", "bones"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert told in done.stderr


def take_over(step):
    """Claim a run as a newer process would."""
    path = CLAIMS / step / "bones.json"
    path.write_text(json.dumps({**read_json(path), "process": 17, "nonce": "newer"}))


def test_a_step_that_another_process_took_over_writes_no_more(folder):
    """Neither receipt nor note: they are the other's now."""
    note = Path(".state/jobs/split/bones.json")
    seen = {}

    def slow(job):
        job.args.out.write_text("1")
        take_over("split")
        seen["note"] = note.read_text()

    assert make(slow) == RUN_ME_AGAIN
    assert "split bones: stopped, process 17 (host " in log_of("split")
    assert not receipt_path("split", "bones").exists()
    assert note.read_text() == seen["note"]


def test_a_step_whose_note_is_no_longer_its_own_leaves_it(folder):
    """Even when it has failed for another reason meanwhile."""

    def failing(job):
        take_over("split")
        raise DataError("data are odd")

    assert make(failing) == RUN_ME_AGAIN
    assert read_json(Path(".state/jobs/split/bones.json"))["code"] is None
