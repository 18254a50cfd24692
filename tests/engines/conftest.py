"""A project whose steps do no work, with both engines."""

import ast
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import pytest
import yaml

from radpipe.core.files import IGNORED
from tests.conftest import ROOT, SMALL, Project

COPIED = (
    "Snakefile",
    "dvc.yaml",
    "environment.yml",
    "profiles",
    "slurm",
    "src",
    ".dvcignore",
    ".gitignore",
)
# What commands say that run beside a test; Git ignores it.
SAID = Path(".state/said.txt")
# Kept until the process ends.
TEMPLATES: list[TemporaryDirectory[str]] = []
STUB = '''"""A stub."""

from radpipe.core.environment import pin

pin()

import sys
from importlib import import_module

sys.path.insert(0, {tests!r})
import radpipe.core.recipe
from radpipe.core.step import Step

{step}


def never():
{imports}


import_module("stub").run(STEP)
'''


def stub_of(script: Path) -> str:
    """Return a script that declares the same and depends on the same code, but does no work."""
    text = script.read_text()
    nodes = list(ast.walk(ast.parse(text)))
    step = next(
        ast.get_source_segment(text, node)
        for node in nodes
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "STEP"
    )
    imports = [
        f"    {ast.unparse(node)}"
        for node in nodes
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("radpipe")
    ]
    tests = str(ROOT / "tests/engines")
    return STUB.format(tests=tests, step=step, imports="\n".join(imports))


class Engines(Project):
    """A Git repository with the real DAG files, stub or real steps; runs both engines."""

    def __init__(self, root: Path, *, stubs: bool = True) -> None:
        shutil.copytree(template(stubs=stubs), root, symlinks=True, dirs_exist_ok=True)
        self.root, self.params = root, deepcopy(SMALL)

    def begin(self, *, stubs: bool) -> None:
        """Make the project in an empty folder, with the code compiled as Python keeps it."""
        Project.__init__(self, self.root)
        for name in COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(
                    ROOT / name, self.root / name, ignore=shutil.ignore_patterns("__*__")
                )
            else:
                shutil.copy(ROOT / name, self.root / name)
        for script in (ROOT / "workflow/scripts").glob("*.py") if stubs else ():
            (self.root / "workflow/scripts" / script.name).write_text(stub_of(script))
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "user.name", "Test")
        self.git("config", "user.email", "test@example.org")
        self.dvc("init", "--quiet")
        self.commit("start")
        self.run(sys.executable, "-m", "compileall", "-q", "src")

    @classmethod
    def at(cls, root: Path, params: dict[str, Any] | None = None) -> Self:
        """Return the project that lies in a folder already."""
        found = cls.__new__(cls)
        found.root = root
        text = params or yaml.safe_load((root / "params.yaml").read_text())
        found.params = deepcopy(text)
        return found

    def copy_to(self, root: Path) -> Self:
        """Return a project of its own with everything that this one has."""
        shutil.copytree(self.root, root, symlinks=True)
        return self.at(root, self.params)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of commands, whose coverage is not measured.

        That takes a third of the time of Snakemake, DVC and the steps that they start, and what
        these steps do is measured by the tests of steps.
        """
        return {
            **{name: value for name, value in os.environ.items() if "COVERAGE" not in name},
            "PYTHONPATH": f"{self.root / 'src'}",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "DVC_NO_ANALYTICS": "1",
        }

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a command in a process group of its own; what it says is kept in `SAID`."""
        (self.root / SAID).parent.mkdir(exist_ok=True)
        with (self.root / SAID).open("ab") as said:
            return subprocess.Popen(
                command,
                cwd=self.root,
                env={**self.environment, "PYTHONFAULTHANDLER": "1"},
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self, process: subprocess.Popen[bytes], how: signal.Signals) -> None:
        """Signal a started command as a terminal does; kill it with everything it started.

        What has not ended two minutes later is described, killed, and a failure.
        """
        if how == signal.SIGKILL:  # what it started stands in groups of its own
            self.kill_session(process)
        else:
            os.killpg(process.pid, how)
        try:
            process.wait(timeout=120)
        except subprocess.TimeoutExpired:
            self.kill_session(process, signal.SIGABRT)  # each tells where its threads are
            time.sleep(2)
            self.kill_session(process)
            process.wait()
            said = (self.root / SAID).read_text(errors="replace")[-20000:]
            raise AssertionError(f"still there after {how.name}:\n{said}") from None

    def kill_session(
        self, process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGKILL
    ) -> None:
        """Signal a started command and everything it started."""
        for pid in self.session(process):
            with suppress(ProcessLookupError):
                os.kill(pid, how)

    def session(self, process: subprocess.Popen[bytes]) -> Iterator[int]:
        """Yield the processes that a started command and everything it started consists of."""
        for pid in (int(path.name) for path in Path("/proc").glob("[0-9]*")):
            with suppress(ProcessLookupError):
                if os.getsid(pid) == process.pid:
                    yield pid

    def run(self, *command: str, check: bool = True, **environment: str) -> str:
        """Run a command in the project, with some variables besides; return all it printed."""
        done = subprocess.run(
            command,
            cwd=self.root,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)} exited {done.returncode}:\n{done.stdout}")
        return done.stdout

    def git(self, *arguments: str) -> str:
        return self.run("git", *arguments)

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def dvc(self, *arguments: str, check: bool = True) -> str:
        return self.run(sys.executable, "-m", "dvc", *arguments, check=check)

    def snakemake(self, *arguments: str, check: bool = True) -> str:
        command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
        return self.run(*command, check=check)

    def radpipe(self, *arguments: str, check: bool = True) -> str:
        """Run a command of radpipe's own, whose coverage is measured."""
        measured = {name: value for name, value in os.environ.items() if "COVERAGE" in name}
        command = [sys.executable, "-m", "radpipe.app", *arguments]
        return self.run(*command, check=check, **measured)

    def planned(self, *arguments: str) -> set[str]:
        """Return the logs of the jobs that Snakemake would run now."""
        text = self.snakemake("--dry-run", *arguments)
        logs = [line.split()[-1] for line in text.splitlines() if "log: logs/" in line]
        return {log.removeprefix("logs/").removesuffix(".log") for log in logs}

    def bytes_of(self, pattern: str) -> dict[str, bytes]:
        """Return the content of files by relative name."""
        return {
            str(file.relative_to(self.root)): file.read_bytes()
            for file in sorted(self.root.glob(pattern))
            if file.is_file() and file.name not in IGNORED
        }


@cache
def template(*, stubs: bool) -> Path:
    """Return a fresh project that this process copies: Git, DVC and compiling take seconds."""
    folder = TemporaryDirectory(prefix="radpipe-template-")
    TEMPLATES.append(folder)
    Engines.at(Path(folder.name), SMALL).begin(stubs=stubs)
    return Path(folder.name)


@pytest.fixture(scope="session")
def once(tmp_path_factory, worker_id) -> Callable[[str, Callable[[Path], None]], Path]:
    """Return a function that fills a folder once, however many processes run tests."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent

    def fill(name: str, build: Callable[[Path], None]) -> Path:
        folder = shared / name
        with (shared / f"{name}.lock").open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            if not folder.exists():
                unfinished = shared / f"{name}-unfinished"
                shutil.rmtree(unfinished, ignore_errors=True)
                build(unfinished)
                unfinished.rename(folder)
        return folder

    return fill


@pytest.fixture
def engines(tmp_path: Path) -> Engines:
    """Return a fresh project with stub steps."""
    return Engines(tmp_path)


@pytest.fixture
def recorded(once, tmp_path: Path) -> Engines:
    """Return a project with stub steps in which Snakemake made everything, recorded and committed.

    A copy of one that is made once for all tests.
    """

    def build(root: Path) -> None:
        project = Engines(root)
        project.snakemake()
        project.radpipe("record")
        project.commit("first run")

    return Engines.at(once("recorded", build)).copy_to(tmp_path / "project")


@pytest.fixture
def repeated(once) -> Engines:
    """Return the project, not to be changed, in which DVC ran all real steps; committed."""

    def build(root: Path) -> None:
        project = Engines(root, stubs=False)
        project.dvc("repro", "--quiet")
        project.radpipe("record")
        project.commit("first run")

    return Engines.at(once("repeated", build))
