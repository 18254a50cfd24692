"""Literally `dvc exp show`, and what else DVC compares, on a plan as large as the default one."""

import fcntl
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios

import pytest
import yaml

from radpipe.engines.exp_table import rearrange
from tests.conftest import ROOT
from tests.engines.conftest import Engines

# Study to its best variant and that one's scores; the longest names of the default plan.
BEST = {
    "bones": {"best": "bones-resnet18", "auc": 0.9128, "auc_low": 0.8883, "auc_high": 0.9356},
    "knee_mri": {"best": "knee-compact", "auc": 0.9, "auc_low": 0.85, "auc_high": 0.95},
    "knee_oa": {
        "best": "oa-compact",
        **{"auc": 0.8765, "auc_low": 0.8543, "auc_high": 0.8987},
        **{"quadratic_kappa": 0.7654, "quadratic_kappa_low": 0.7, "quadratic_kappa_high": 0.8},
    },
    "knee_oa_loss": {"best": "loss-vgg-random", "auc": 0.7, "auc_low": 0.6, "auc_high": 0.8},
}
SCORES = ("0.913 [0.888, 0.936]", "0.900 [0.850, 0.950]", "0.876 [0.854, 0.899]")
KAPPA, LOSS = "0.765 [0.700, 0.800]", "0.700 [0.600, 0.800]"
EPOCHS = "variants.bones-v1.train.epochs"
# The first epochs of the default plan are those of bones-v1.
PLANNED = yaml.safe_load((ROOT / "params.yaml").read_text())
BEFORE = str(PLANNED["variants"]["bones-v1"]["train"]["epochs"])


class Compared(Engines):
    """The default plan with made-up scores, and an experiment beside its only commit."""

    def __init__(self, root):
        super().__init__(root)
        shutil.copy(ROOT / "params.yaml", root)
        self.score(BEST)
        self.commit("first run")
        self.edit(f"epochs: {BEFORE}", "epochs: 60")
        self.score({**BEST, "bones": {**BEST["bones"], "best": "bones-v1", "auc": 0.95}})
        self.keep("longer")

    def score(self, best):
        (self.root / "results").mkdir(exist_ok=True)
        (self.root / "results/metrics.json").write_text(json.dumps(best))

    def edit(self, old, new):
        file = self.root / "params.yaml"
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new, 1))

    def keep(self, name):
        """Make the workspace an experiment, where DVC looks for one, and go back."""
        self.git("add", "--all")
        head, tree = self.git("rev-parse", "HEAD").strip(), self.git("write-tree").strip()
        made = self.git("commit-tree", tree, "-p", head, "-m", name).strip()
        self.git("update-ref", f"refs/exps/{head[:2]}/{head[2:]}/{name}", made)
        self.git("reset", "--hard", "--quiet")

    def wide(self, *arguments, columns=160):
        """Return what DVC prints into a pipe."""
        command = [sys.executable, "-m", "dvc", *arguments]
        environment = {**self.environment, "COLUMNS": str(columns)}
        return subprocess.run(
            command, cwd=self.root, env=environment, capture_output=True, text=True, check=True
        ).stdout

    def on_terminal(self, *arguments, columns=160):
        """Return what DVC shows on a terminal, without colours."""
        environment = {**self.environment, "TERM": "xterm", "DVC_PAGER": "cat"}
        environment.pop("COLUMNS", None)
        child, stream = pty.fork()
        if not child:
            os.chdir(self.root)
            command = [sys.executable, "-m", "dvc", *arguments]
            # With its own environment: readline puts COLUMNS into that of this process.
            os.execve(command[0], command, environment)  # noqa: S606
        fcntl.ioctl(stream, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        shown = b""
        try:
            while more := os.read(stream, 65536):
                shown += more
        except OSError:
            # Linux says that the other end is closed by an error.
            pass
        os.waitpid(child, 0)
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode()).replace("\r", "")


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    return Compared(tmp_path_factory.mktemp("compared"))


@pytest.fixture(scope="module")
def shown(compared):
    return compared.wide("exp", "show")


@pytest.mark.parametrize("where", ["pipe", "terminal"])
def test_experiments_are_readable_at_160_columns(compared, shown, where):
    shown = shown if where == "pipe" else compared.on_terminal("exp", "show")
    lines = shown.splitlines()
    assert max(map(len, lines)) <= 160
    assert "…" not in shown
    assert shown.count(EPOCHS.removeprefix("variants.")) == 1
    assert re.search(rf"{BEFORE} ->.*\n.*60|{BEFORE} -> 60", shown)
    for row in ("workspace", "main", "[longer]"):
        start = next(n for n, line in enumerate(lines) if row in line)
        text = "\n".join(lines[start : start + 3])
        best = "bones-v1" if row == "[longer]" else "bones-resnet18"
        scores = SCORES if row != "[longer]" else ("0.950 [0.888, 0.936]", *SCORES[1:])
        for word in (best, "knee-compact", "oa-compact", "loss-vgg-random", *scores, KAPPA, LOSS):
            assert word in text, (row, word)
    head = "\n".join(lines[:6])
    assert all(word in head for word in [*BEST, "auc", "quadratic_kappa"])


def test_the_long_name_of_the_command_is_the_same_command(compared, shown):
    assert compared.wide("experiments", "show") == shown


def test_a_narrow_screen_has_intervals_below_their_scores(compared):
    shown = compared.wide("exp", "show", columns=140)
    assert max(map(len, shown.splitlines())) <= 140
    assert "0.913 [" not in shown
    assert "[0.888, 0.936]" in shown


def test_markdown_has_the_same_few_columns(compared):
    lines = compared.wide("exp", "show", "--md").splitlines()
    assert {line.count("|") for line in lines if line} == {8}
    assert "| bones-resnet18 0.913 [0.888, 0.936] |" in lines[2]


def test_only_changed_hides_no_scores(compared, shown):
    assert compared.wide("exp", "show", "--only-changed") == shown


@pytest.mark.parametrize("option", [("--csv",), ("--drop", "Created"), ("--keep", "plan")])
def test_who_asks_for_columns_gets_those_of_dvc(compared, option):
    shown = compared.wide("exp", "show", *option)
    assert "bones.auc_low" in shown or "results/plan" in shown
    assert "changed" not in shown.splitlines()[0]


def test_other_projects_are_left_alone(tmp_path):
    other = Engines.at(tmp_path, {"own": 1})
    other.git("init", "--quiet", "--initial-branch=main")
    other.git("config", "user.name", "Test")
    other.git("config", "user.email", "test@example.org")
    other.dvc("init", "--quiet")
    stage = "stages:\n  own:\n    cmd: echo\n    deps: [input.txt]\n    metrics: [s.json]\n"
    (tmp_path / "dvc.yaml").write_text(stage)
    (tmp_path / "input.txt").write_text("1")
    (tmp_path / "s.json").write_text('{"bones": {"best": "a", "auc": 0.5}}')
    other.commit("start")
    shown = other.dvc("exp", "show")
    assert "bones.auc" in shown
    assert "input.txt" in shown


def test_no_other_process_pays_for_it():
    """The line in radpipe.pth is read by every Python of the environment."""
    command = (sys.executable, "-c", "import sys; print(*sys.modules)", "exp", "show")
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert not {"dvc", "radpipe", "radpipe.engines"} & {*loaded}


def test_metrics_of_two_versions_are_a_few_lines(compared):
    lines = compared.wide("metrics", "diff", "HEAD", "longer").splitlines()
    assert [line.split()[1:4] for line in lines[1:]] == [
        ["bones.auc", "0.9128", "0.95"],
        ["bones.best", "bones-resnet18", "bones-v1"],
    ]
    assert max(map(len, lines)) <= 160


def test_one_changed_setting_is_one_line(compared):
    lines = compared.wide("params", "diff", "HEAD", "longer").splitlines()
    assert [line.split() for line in lines[1:]] == [["params.yaml", EPOCHS, BEFORE, "60"]]
    compared.edit("seeds:\n    - 0", "seeds:\n    - 7")
    try:
        lines = compared.wide("params", "diff").splitlines()
    finally:
        compared.git("checkout", "--quiet", "params.yaml")
    assert [line.split()[1:] for line in lines[1:]] == [["plan.seeds", "[0]", "[7]"]]


def test_the_page_of_two_versions_needs_no_network(recorded, tmp_path):
    """Each figure of both, from files beside the page, and no script at all."""
    recorded.set("variants.bones-v1.train.epochs", 3)
    recorded.snakemake()
    folder = tmp_path / "plots"
    recorded.dvc("plots", "diff", "--out", str(folder), "HEAD", "workspace")
    page = (folder / "index.html").read_text()
    assert "<script" not in page
    assert "http" not in page
    pictures = [folder / name for name in re.findall(r'<img src="([^"]+)"', page)]
    assert [path.name.rpartition("_figures_png_")[2] for path in pictures] == ["bones-roc.png"] * 2
    assert len({path.read_bytes() for path in pictures}) == 2
    assert all(f"<p>{version}</p>" in page for version in ("HEAD", "workspace"))


COLUMNS = ("Experiment", "rev", "typ", "Created", "parent", "State", "Executor")
SETTINGS = ("variants.a.train.lr", "plan.variants")


def table(*rows):
    """Return DVC's table of rows: name, score of study s, learning rate, planned variants."""
    from dvc.compare import TabularData

    metrics = ("s.best", "s.auc", "s.auc_low", "s.auc_high", "own")
    found = TabularData([*COLUMNS, *metrics, *SETTINGS, "results/plan/x.json"], fill_value="-")
    for rev, typ, auc, *settings in rows:
        scores = ("a", auc, auc, auc, "7") if auc != "-" else ("-",) * 5
        found.append(["", rev, typ, "-", "", "-", "-", *scores, *settings, "0" * 32])
    headers = {"metrics": metrics, "params": SETTINGS, "deps": ["results/plan/x.json"]}
    return found, rearrange(found, headers)


def test_metrics_of_ones_own_stay_as_they_are():
    found, headers = table(("workspace", "baseline", "0.5", "1", "[a]"))
    assert headers == {"metrics": ["own", "s\nauc"], "params": ["changed"], "deps": []}
    assert found.keys() == [*COLUMNS, "own", "s\nauc", "changed"]
    assert [str(cell) for cell in found.column("s\nauc")] == ["a\n0.500 [0.500, 0.500]"]


def test_what_has_no_results_is_a_dash_and_errors_are_no_changes():
    found, _ = table(
        ("workspace", "baseline", "-", "1", "[a]"),
        ("1234567", "baseline", "!", "2", "[a]"),
        ("2345678", "branch_base", "-", "-", "-"),
    )
    assert [str(cell) for cell in found.column("s\nauc")] == ["-", "a\n! [!, !]", "-"]
    assert [str(cell) for cell in found.column("changed")] == ["a.train.lr: 2 -> 1", "", ""]


def test_a_setting_that_only_one_of_both_has():
    found, _ = table(
        ("1234567", "baseline", "0.5", "-", "[a]"), ("2345678", "branch_base", "0.5", "2", "[a]")
    )
    assert str(found.column("changed")[1]) == "a.train.lr: unset -> 2"


def test_long_values_and_many_changes_are_cut():
    names = str([f"variant-{n}" for n in range(20)])
    found, _ = table(
        ("1234567", "baseline", "0.5", "1", "[a]"), ("2345678", "branch_base", "0.5", "1", names)
    )
    (_, cell) = map(str, found.column("changed"))
    assert cell.replace("\n ", "") == "plan.variants: [a] -> ['variant-0',…"
