"""`radpipe sweep`: experiments made by Snakemake; nothing of the user's is lost on the way."""

import logging
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from radpipe.core.errors import RadpipeError
from radpipe.engines import sweep as module
from radpipe.engines.sweep import GO_BACK, git, sweep
from tests.conftest import Project
from tests.engines.conftest import Engines
from tests.engines.test_sequences import nothing_to_do

EPOCHS = "variants.bones-v1.train.epochs"


def trained(text: str) -> set[str]:
    return set(re.findall(r"finished train (\S+):", text))


def everything(project: Engines) -> dict[str, bytes]:
    """Return what is there but the book of openings, which only grows."""
    found = project.bytes_of("results/**/*") | project.bytes_of("*.*")
    return {name: data for name, data in found.items() if name != "openings.csv"}


@pytest.mark.engine
def test_points_become_experiments(recorded):
    """Only what varies is trained; the folder is as before; a point can be applied."""
    before = everything(recorded)
    command = ["sweep", "-S", f"{EPOCHS}=3,4", "-S", "plan.seeds=[0,1]", "--", "--cores", "2"]
    text = recorded.radpipe(*command)
    assert "point 2 of 2: variants.bones-v1.train.epochs=4 plan.seeds=[0,1]" in text
    first, second = text.split("point 2 of 2")
    assert trained(first) == {
        "bones-floor-fold-0-seed-1",
        "bones-v1-fold-0-seed-0",
        "bones-v1-fold-0-seed-1",
    }
    assert trained(second) == {"bones-v1-fold-0-seed-0", "bones-v1-fold-0-seed-1"}
    # What was opened on the way stays in the book of openings.
    assert recorded.git("status", "--porcelain") == " M openings.csv\n"
    assert everything(recorded) == before

    table = recorded.radpipe("experiments").splitlines()
    rows = {line.split()[0]: line for line in table if line.startswith("  epochs-")}
    assert set(rows) == {"epochs-3", "epochs-4"}
    # Whichever variant comes first: one of them was trained otherwise.
    scores = [re.findall(r"\d\.\d{3}", line) for line in rows.values()]
    assert scores[0] != scores[1]
    assert f"{EPOCHS}: 2 -> 3" in "".join(table)
    assert f"{EPOCHS}: 2 -> 4" in "".join(table)

    again = recorded.radpipe(*command)
    assert again.count("saved already as") == 2
    assert not trained(again)
    recorded.dvc("exp", "apply", "epochs-3")
    nothing_to_do(recorded)


@pytest.mark.engine
def test_ctrl_c_puts_the_settings_back_and_the_sweep_goes_on(recorded):
    """Snakemake ends in its own way, so that it cancels jobs; a kill is cleared up later."""
    settings = (recorded.root / "params.yaml").read_bytes()
    (recorded.root / "slow").write_text("train")
    command = [sys.executable, "-m", "radpipe.app", "sweep", "-S", f"{EPOCHS}=3"]

    def interrupt(how: signal.Signals) -> None:
        log = recorded.root / "logs/train/bones-v1-fold-0-seed-0.log"
        log.unlink()
        process = recorded.start(*command)
        deadline = time.monotonic() + 120
        while not log.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        recorded.kill(process, how)

    interrupt(signal.SIGINT)
    assert (recorded.root / "params.yaml").read_bytes() == settings
    assert not list((recorded.root / ".snakemake/locks").glob("*"))
    interrupt(signal.SIGKILL)
    assert (recorded.root / "params.yaml").read_bytes() != settings
    (recorded.root / "slow").unlink()
    text = recorded.run(*command)
    assert "the last sweep here was killed; params.yaml is put back" in text
    assert "saved as epochs-3" in text
    assert (recorded.root / "params.yaml").read_bytes() == settings


def append(path, text):
    with path.open("a") as stream:
        stream.write(text)


class Fake:
    """A project in which Snakemake and DVC are replaced; Git, settings and files are real."""

    def __init__(self, project, monkeypatch):
        self.root, self.failing, self.made, self.saved = project.root, set(), [], {}
        self.plan = None
        monkeypatch.chdir(project.root)
        for name in ("make", "require_recordable", "write_all", "dvc"):
            monkeypatch.setattr(module, name, getattr(self, name))
        (self.root / ".gitignore").write_text(".state/\n/results/figures/\n")
        (self.root / "openings.csv").write_text("time\n")
        git("init", "-q")
        git("config", "user.name", "T")
        git("config", "user.email", "t")
        self.results("first")
        (self.root / "dvc.lock").write_text("first")
        self.commit()

    def commit(self):
        git("add", "--all")
        git("commit", "-q", "-m", "x")

    def results(self, text):
        for name in ("metrics.json", "receipts/train/a.json", "figures/a.png"):
            path = self.root / "results" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def make(self, arguments):
        settings = (self.root / "params.yaml").read_text()
        epochs = re.findall(r"epochs: (\d+)", settings)[-1]
        self.made.append((epochs, [*arguments]))
        self.results(epochs)
        (self.root / "results/new").mkdir(exist_ok=True)
        (self.root / "results/new/file.csv").write_text(epochs)
        append(self.root / "openings.csv", "later\n")
        if epochs in self.failing:
            raise RadpipeError(f"broken at {epochs}\nand more")

    def require_recordable(self, params):
        pass

    def write_all(self, params):
        self.plan = params.variants["bones-v1"].train["epochs"]

    def dvc(self, *arguments):
        if arguments[0] == "exp":
            assert str(self.plan) == self.made[-1][0]  # DVC seals the plan of this point
            self.saved[arguments[3]] = arguments[6:]
            head = git("rev-parse", "HEAD").strip()
            git("add", "params.yaml")
            tree = git("write-tree").strip()
            git("reset", "-q")
            commit = git("commit-tree", tree, "-m", "x").strip()
            git("update-ref", f"refs/exps/{head[:2]}/{head[2:]}/{arguments[3]}", commit)
        else:
            assert arguments == ("checkout", "--force")
            (self.root / "results/figures/a.png").write_text("first")

    def sweep(self, values="3,4", name=None, arguments=("--cores", "2")):
        sweep(None, settings=[f"{EPOCHS}={values}"], name=name, arguments=arguments)

    def status(self):
        return git("status", "--porcelain").split()


@pytest.fixture
def fake(project, monkeypatch) -> Fake:
    return Fake(project, monkeypatch)


def test_new_files_are_saved_and_then_removed_and_openings_stay(fake, caplog):
    with caplog.at_level(logging.INFO):
        fake.sweep()
    assert fake.made == [("3", ["--cores", "2"]), ("4", ["--cores", "2"])]
    assert fake.saved["epochs-3"] == ("--include-untracked=results/new/file.csv",)
    assert fake.status() == ["M", "openings.csv"]
    assert not (fake.root / "results/new").exists()
    assert (fake.root / "results/figures/a.png").read_text() == "first"
    assert "open the test part of bones" in caplog.text
    fake.sweep("5")
    assert fake.made[2:] == [("5", ["--cores", "2"])]


def test_a_project_may_lie_below_the_top_of_its_repository(tmp_path, monkeypatch):
    """What was changed elsewhere in it would be saved with each point, and is refused, too."""
    (tmp_path / "knees").mkdir()
    fake = Fake(Project(tmp_path / "knees"), monkeypatch)
    (fake.root / ".git").rename(tmp_path / ".git")
    (tmp_path / "other.py").write_text("1")
    git("add", str(tmp_path / "other.py"))
    fake.commit()
    for values in ("3", "4", "3,4"):
        fake.sweep(values)
    assert [epochs for epochs, _ in fake.made] == ["3", "4"]
    (fake.root / "results/metrics.json").write_text("changed")
    (tmp_path / "other.py").write_text("2")
    with pytest.raises(RadpipeError, match=r":\n  other\.py\n  results/metrics\.json\nThe"):
        fake.sweep("5")


def test_all_cores_and_no_warning_with_a_closed_test(fake, project, caplog):
    project.set("plan.open_test", [])
    fake.sweep("3", arguments=[])
    assert fake.made[0][1][:2] == ["--cores", "all"]
    assert "opens the test part" not in caplog.text
    assert fake.status() == ["M", "openings.csv", "M", "params.yaml"]


def test_a_failed_point_does_not_stop_the_next(fake, caplog):
    """It is named with its reason, and the same command tries it again."""
    fake.failing = {"3"}
    with pytest.raises(RadpipeError, match="Not saved:\n  epochs-3: broken at 3\n") as error:
        fake.sweep()
    assert GO_BACK in str(error.value)
    assert list(fake.saved) == ["epochs-4"]
    assert "params.yaml" not in fake.status()
    assert "results/metrics.json" in fake.status()
    fake.failing = set()
    fake.sweep()
    assert [epochs for epochs, _ in fake.made] == ["3", "4", "3"]
    assert fake.status() == ["M", "openings.csv"]


def test_what_a_failed_sweep_left_is_overwritten_only_while_it_is_the_sweeps(fake):
    fake.failing = {"3"}
    with pytest.raises(RadpipeError, match="Not saved"):
        fake.sweep("3")
    fake.results("made by hand since")
    with pytest.raises(RadpipeError, match="refused, because this was changed"):
        fake.sweep("3")
    done = subprocess.run(["sh", "-c", GO_BACK.rpartition(" && ")[0]], check=False)
    assert done.returncode == 0
    assert fake.status() == ["M", "openings.csv"]


def test_ctrl_c_ends_after_the_point_that_it_stopped(fake, monkeypatch):
    def make(arguments):
        os.kill(os.getpid(), signal.SIGINT)
        raise RadpipeError("stopped by hand")

    monkeypatch.setattr(module, "make", make)
    with pytest.raises(RadpipeError, match="stopped by hand\n  epochs-4: stopped before it began"):
        fake.sweep()


@pytest.mark.parametrize("file", ["results/metrics.json", "results/own.txt", "presets/bones.yaml"])
def test_what_nobody_committed_is_not_overwritten(fake, file):
    append(fake.root / file, "\n# mine")
    with pytest.raises(RadpipeError, match=f"refused.*\n  {file}\nThe way out: make record"):
        fake.sweep()
    assert fake.made == []


def test_many_changed_files_are_counted(fake):
    for number in range(12):
        (fake.root / f"results/{number}.csv").touch()
    with pytest.raises(RadpipeError, match="and 2 more\n"):
        fake.sweep()


def test_a_name_stands_for_one_set_of_settings(fake):
    fake.sweep("3", name="long")
    fake.sweep("3", name="long")
    assert len(fake.made) == 1
    with pytest.raises(RadpipeError, match=r"long-1: an experiment.*dvc exp remove long-1"):
        fake.sweep("4", name="long")
    assert len(fake.made) == 1


def test_without_a_record_the_last_point_stays(fake, caplog):
    git("rm", "-q", "-r", "dvc.lock", "results")
    git("commit", "-q", "-m", "nothing made")
    with caplog.at_level(logging.INFO):
        fake.sweep()
    assert "--include-untracked=dvc.lock" in fake.saved["epochs-3"]
    assert "results are those of the last point" in caplog.text
    assert (fake.root / "results/metrics.json").read_text() == "4"
    fake.failing = {"5"}
    with pytest.raises(RadpipeError, match=r"what is missing\.$"):
        fake.sweep("5")


def test_settings_edited_after_a_kill_are_the_users(fake):
    """What a killed sweep left in .state is only put back over its own point's settings."""
    module.STATE.mkdir(parents=True)
    module.OWN.write_text("old")
    module.AT_WORK.write_text("point")
    fake.sweep("3")
    assert "params.yaml" not in fake.status()


def test_a_sweep_needs_a_commit(fake):
    git("update-ref", "-d", "HEAD")
    git("rm", "-q", "-r", "--cached", ".")
    git("clean", "-fdqx", "results", "dvc.lock")
    with pytest.raises(RadpipeError, match="git rev-parse HEAD failed"):
        fake.sweep("3")
