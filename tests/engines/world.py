"""A small plan in one process, on which everything can happen that happens to projects.

Steps are stubs whose outputs are hashes of what they were made from: settings, inputs, the effect
of their script and the versions of libraries. An output is therefore right exactly if it is the
one that a fresh folder makes from the settings, scripts and libraries of now.
"""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from copy import deepcopy
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

from radpipe.core import graph as plans
from radpipe.core import step, versions
from radpipe.core.checking import load_yaml
from radpipe.core.environment import pinned
from radpipe.core.files import files_below, sha256_json
from radpipe.core.graph import Graph, Run
from radpipe.core.imports import Code, needed
from radpipe.core.openings import read_openings
from radpipe.core.params import load_params
from radpipe.core.step import Job, Step, StoppedError
from radpipe.engines.freshness import Freshness
from radpipe.engines.record import verify
from tests.conftest import Project
from tests.engines import stub
from tests.engines.conftest import stub_of

# What happens in the world: library to the step whose outputs depend on it.
LIBRARIES = {"pillow": "ingest", "torch": "train", "matplotlib": "explore"}
SETTINGS: dict[str, Sequence[Any]] = {
    "variants.bones-v1.train.lr": (0.001, 0.01, 0.02),
    "studies.bones.image.side": (32, 48),
    "studies.bones.split.seed": (1, 2),
    "evaluation.seed": (1, 2),
    "plan.open_test": (["bones"], []),
}
EDITED = ("fetch", "ingest", "split", "train", "predict", "evaluate", "compare")
EFFECT = re.compile(r"^EFFECT = (\d+)$", re.MULTILINE)
# Results alone are compared: receipts hold times, what stands in `.state` is memory.
RESULTS = ("data", "results")
# Memory, and what no walk changes.
UNSAVED = (".state", ".git", "logs", "presets", "weights")
# Variables of a shell to the step whose outputs depend on them, unless they are pinned.
DECIDING = {"PYTHONHASHSEED": "split", "ATEN_CPU_CAPABILITY": "train", "LANG": "evaluate"}


class World:
    """A project, the versions of libraries, the user's shell, snapshots, and what was opened."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.versions = dict.fromkeys(LIBRARIES, "1.0")
        self.shell: dict[str, str] = {}
        self.opened: set[str] = set()
        root.mkdir(exist_ok=True)
        # The book of openings keeps its second copy in Git's folder.
        subprocess.run(["git", "init", "--quiet", "--template=", str(root)], check=True)
        self.project = Project(root)
        for script in (root / "workflow/scripts").glob("*.py"):
            script.write_text(stub_of(script))
        self.snapshots: list[Path] = []
        self.expected: dict[str, dict[str, bytes]] = {}

    def copy_to(self, root: Path) -> "World":
        """Return a world of its own that is as this one is.

        It shares what fresh folders made, and the snapshots, which nobody writes to.
        """
        other = object.__new__(World)
        shutil.copytree(self.root, root)
        other.root, other.versions = root, dict(self.versions)
        other.snapshots = list(self.snapshots)
        other.shell, other.opened = dict(self.shell), set(self.opened)
        other.project, other.expected = object.__new__(Project), self.expected
        other.project.root, other.project.params = root, deepcopy(self.project.params)
        return other

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Work in the project's folder, with its versions of libraries."""
        installed, before, sync = versions._version, Path.cwd(), os.fsync
        os.fsync = lambda _: None  # no power fails here, and walks are many
        plans.Code = _CodeOnce  # type: ignore[misc]
        versions._version = lambda name: self.versions.get(name) or installed(name)  # type: ignore[assignment]
        os.chdir(self.root)
        try:
            with redirect_stderr(StringIO()):
                yield
        finally:
            versions._version, os.fsync = installed, sync
            plans.Code = Code  # type: ignore[misc]
            os.chdir(before)

    # What people do -------------------------------------------------------------------------

    def set(self, dotted: str, value: Any) -> None:
        """Edit a setting."""
        self.project.set(dotted, value)

    def edit(self, name: str, effect: int | None) -> None:
        """Edit a script so that it has another effect; None: in its words alone."""
        path = self.root / f"workflow/scripts/{name}.py"
        text = path.read_text()
        if effect is None:
            path.write_text(f"{text}\n# remark {len(text)}\n")
        else:
            path.write_text(f"{EFFECT.sub('', text)}\nEFFECT = {effect}\n")

    def make(self, *, until: str = "", dies_in: str = "") -> None:
        """Make what is stale, as an engine would; stop after a step, or die in one."""
        with self.entered():
            graph = Graph(load_params())
            freshness = Freshness(graph)
            with _planned_once(graph):
                for run in graph.runs.values():
                    # Asked again after each step; only then are inputs what they will be.
                    freshness.ask_again(graph.steps)
                    if freshness.reasons(run) and not self._run(graph, run, dies_in):
                        break
                    if run.step.name == until and run is graph.runs_of(until)[-1]:
                        break
        self.opened |= self._book()

    def _run(self, graph: Graph, run: Run, dies_in: str) -> bool:
        declared = run.step
        how = {
            name: getattr(declared, name)
            for name in vars(declared)
            if name not in ("name", "about")
        }
        made = Step(declared.name, declared.about, **how)
        dies = declared.name == dies_in

        def work(job: Job) -> None:
            stub.work(made, job)
            _mark(job, [_effect(declared.script), *self._deciding(declared.name)])
            if dies:
                raise StoppedError("killed")

        words = [word for key, value in run.values.items() for word in (f"--{key}", str(value))]
        code = made.execute(work, words)
        if code and not dies:
            raise AssertionError(f"{run.title}: exit code {code}")
        return not dies

    def _deciding(self, name: str) -> list[str]:
        versions = [self.versions[library] for library, step in LIBRARIES.items() if step == name]
        shell = pinned({"LANG": "C", **self.shell})
        return versions + [str(shell.get(v)) for v, step in DECIDING.items() if step == name]

    def _book(self) -> frozenset[str]:
        book = self.root / "openings.csv"
        return frozenset(book.read_text().splitlines()[1:] if book.exists() else ())

    # What happens to files ------------------------------------------------------------------

    def shift(self, seconds: float) -> None:
        """Date every file so many seconds from now."""
        when = time.time() + seconds
        for path in self.root.rglob("*"):
            os.utime(path, (when, when), follow_symlinks=False)

    def flip(self, number: int) -> None:
        """Change a byte of some result, and keep its size and time."""
        if files := self._results():
            file = files[number % len(files)]
            times, data = file.stat(), bytearray(file.read_bytes())
            data[0] ^= 1
            with file.open("r+b") as stream:
                stream.write(data)
            os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))

    def delete(self, number: int) -> None:
        """Delete some result or receipt."""
        if files := [f for name in RESULTS for f in files_below(self.root / name)]:
            files[number % len(files)].unlink()

    def forget(self) -> None:
        """Delete what was remembered between commands."""
        shutil.rmtree(self.root / ".state", ignore_errors=True)

    # Git and DVC ----------------------------------------------------------------------------

    def save(self) -> None:
        """Keep a copy of everything that walks change and a commit holds."""
        folder = self.root.parent / f"snapshot-{len(self.snapshots)}"
        shutil.copytree(self.root, folder, ignore=shutil.ignore_patterns(*UNSAVED))
        self.snapshots.append(folder)

    def restore(self, number: int, names: Sequence[str]) -> None:
        """Put back some folders of a copy; results and settings need not be of one moment."""
        if not self.snapshots:
            return
        source = self.snapshots[number % len(self.snapshots)]
        for name in names:
            target = self.root / name
            shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)
            if (source / name).is_dir():
                shutil.copytree(source / name, target)
            elif (source / name).exists():
                shutil.copy2(source / name, target)
        self.project.params = load_yaml(self.root / "params.yaml")

    # What must never be ---------------------------------------------------------------------

    def clean(self) -> dict[str, bool]:
        """Tell which statuses say that nothing is to be done."""
        with self.entered():
            graph = Graph(load_params())
            planning = Freshness(graph)
            return {
                "status": not any(map(planning.reasons, graph.runs.values())),
                "verify": verify(load_params()) == [],
            }

    def forgotten(self) -> frozenset[str]:
        """Return the openings of test that happened and that radpipe no longer counts."""
        with self.entered():
            counted = {",".join(row.values()) for row in read_openings()}
        return frozenset(self.opened - counted)

    def results(self) -> dict[str, bytes]:
        """Return what the planned runs have written, without receipts."""
        with self.entered():
            paths = [
                Path(path) for run in Graph(load_params()).runs.values() for path in run.outputs
            ]
            files = [f for path in paths for f in (files_below(path) if path.is_dir() else [path])]
            return {str(file): file.read_bytes() for file in files if file.exists()}

    def honest(self, fresh: Callable[[], Path]) -> dict[str, bytes]:
        """Return what a fresh folder makes from the settings, scripts and libraries of now."""
        scripts = sorted((self.root / "workflow/scripts").glob("*.py"))
        effects = {script.name: _effect(script) for script in scripts}
        key = sha256_json([self.project.params, effects, self.versions])
        if key not in self.expected:
            other = World(fresh())
            other.versions, other.project.params = (
                dict(self.versions),
                deepcopy(self.project.params),
            )
            other.project.save()
            for name, effect in effects.items():
                if effect:
                    other.edit(Path(name).stem, effect)
            other.make()
            self.expected[key] = other.results()
        return self.expected[key]

    def _results(self) -> list[Path]:
        files = [f for name in RESULTS for f in files_below(self.root / name)]
        return [file for file in files if "receipts" not in file.parts]


class _CodeOnce(Code):
    """Finds once what a script needs of the package, in which no walk edits anything."""

    def needed(self, script: Path, loads: Iterable[str] = ()) -> set[Path]:
        return _needed_by(script.read_text(), script, tuple(loads))


@cache
def _needed_by(text: str, script: Path, loads: tuple[str, ...]) -> set[Path]:
    del text
    return needed(script, loads)


@contextmanager
def _planned_once(graph: Graph) -> Iterator[None]:
    """Let steps use the plan that is there; settings do not change while they run."""
    loaded, made = step.load_params, step.Graph
    step.load_params, step.Graph = lambda: graph.params, lambda _: graph  # type: ignore[assignment, misc]
    try:
        yield
    finally:
        step.load_params, step.Graph = loaded, made  # type: ignore[misc]


def _mark(job: Job, how: list[Any]) -> None:
    """Let outputs depend on more than stubs know of."""
    for path in job._outputs:
        for file in files_below(path) if path.is_dir() else [path]:
            if file.name not in ("fingerprint.json", "recipe.json"):
                file.write_text(f"{file.read_text()}{how}\n")


def _effect(script: Path) -> int:
    found = EFFECT.findall(script.read_text())
    return int(found[-1]) if found else 0
