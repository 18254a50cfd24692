"""Every step twice: as it is, and in a world that says otherwise. Also: which files steps read.

The altered world has another shell, locale, time zone, order of hashes, mask of new files, home
with settings of its own, and another folder. Outputs must be the same bytes, and receipts must
differ in facts alone.
"""

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import pytest

from radpipe.core import environment
from radpipe.core.environment import KERNELS, REMOVED, SET, SET_ON_AVX2
from radpipe.core.files import read_json, sha256_json, write_json
from tests.conftest import ROOT, Project

STUDY, VARIANT = ("--study", "bones"), ("--variant", "bones-v1")
FLOOR, RUN = ("--variant", "bones-floor"), ("--fold", "0", "--seed", "0")
# In the order in which they can be made.
RUNS = [
    *((step, STUDY) for step in ("fetch", "index", "ingest", "split", "explore")),
    *((step, (*variant, *RUN)) for variant in (FLOOR, VARIANT) for step in ("train", "predict")),
    *(("evaluate", variant) for variant in (FLOOR, VARIANT)),
    ("compare", ()),
    ("judge", ()),
    ("report", ()),
]
# What each variable says in the altered world; the rest say "1".
SAID = {
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "DNNL_MAX_CPU_ISA": "SSE41",
    "ONEDNN_DEFAULT_FPMATH_MODE": "BF16",
    "MKL_CBWR": "AUTO",
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    "OPENBLAS_CORETYPE": "Nehalem",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3",
    "NPY_ENABLE_CPU_FEATURES": "",
    "ARROW_USER_SIMD_LEVEL": "NONE",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA",
    "PYTHONHASHSEED": "4711",
    "PYTHONUTF8": "0",
    "PYTHONIOENCODING": "latin-1",
    "PYTHONINTMAXSTRDIGITS": "640",
    "PYTHONMALLOC": "malloc",
    "LC_ALL": "",
    "LANG": "de_DE.ISO-8859-1",
    "LANGUAGE": "de",
    "TZ": "Pacific/Kiritimati",
    "SOURCE_DATE_EPOCH": "86400",
    "OMP_SCHEDULE": "dynamic,1",
    "KMP_AFFINITY": "compact",
    "MPLBACKEND": "svg",
}
# Two that end any process at once: the names are tried with values that change nothing.
HARMLESS = {
    "LD_PRELOAD": "",
    "LD_AUDIT": "",
    "PYTHONPLATLIBDIR": sys.platlibdir,
    "PYTHONDEVMODE": "",
}
NUMBERS = {name: "2" for names in REMOVED for name in names.split() if "THREADS" in name}
# Writes down what Python opens for reading, beside itself.
AUDIT = """
import os, sys

def note(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)) and not (arguments[2] or 0) & 3:
        path = os.path.abspath(os.fsdecode(arguments[0]))
        os.write(opened, (path + "\\n").encode("utf-8", "surrogateescape"))

opened = os.open(__file__ + ".opened", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
sys.addaudithook(note)
"""


DATE = "2026-01-01T00:00:00+00:00"


def redate(file: Path) -> None:
    """Put another date into a receipt, under a new seal."""
    body = read_json(file)
    del body["seal"]
    body["facts"]["finished"] = DATE
    write_json(file, {**body, "seal": sha256_json(body)})


@dataclass
class World:
    """A project in which everything was made, and what each run opened."""

    project: Project
    opened: dict[tuple[str, str], set[Path]]

    @property
    def receipts(self) -> dict[str, dict[str, Any]]:
        """Every receipt by step and run."""
        folder = self.project.root / "results/receipts"
        files = sorted(folder.rglob("*.json"))
        return {str(file.relative_to(folder)): read_json(file) for file in files}


def live(root: Path, shell: dict[str, str], umask: int) -> World:
    """Make every run of the small plan in a folder, from a shell."""
    root.mkdir()
    project, opened = Project(root), {}
    audit = root.parent / f"{root.name}-audit"
    audit.mkdir()
    (audit / "sitecustomize.py").write_text(AUDIT)
    noted = audit / "sitecustomize.py.opened"
    # Measuring coverage takes a third of the time, and the tests of the steps do it.
    unmeasured = {name: value for name, value in os.environ.items() if "COVERAGE" not in name}
    for step, words in RUNS:
        noted.write_text("")
        if step == "report":
            # The page says when test was opened and when results were made: no wonder to differ.
            for book in (root / "openings.csv", root / ".state/openings.csv"):
                book.write_text(re.sub(r"20\d\d-[^,]*", DATE, book.read_text()))
            for file in (root / "results/receipts").rglob("*.json"):
                redate(file)
        done = subprocess.run(
            [sys.executable, f"workflow/scripts/{step}.py", *words],
            cwd=root,
            env={**unmeasured, **shell, "PYTHONPATH": str(audit)},
            umask=umask,
            capture_output=True,
            text=True,
            errors="replace",
        )
        assert done.returncode == 0, done.stderr
        opened[step, " ".join(words)] = {Path(line) for line in noted.read_text().splitlines()}
    return World(project, opened)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Make everything as it is."""
    return live(tmp_path_factory.mktemp("plain") / "project", {}, 0o022)


@pytest.fixture(scope="module")
def altered(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Make everything in another world."""
    folder = tmp_path_factory.mktemp("ein anderer Ort")
    home = folder / "home"
    rc = "savefig.dpi: 31\nfont.size: 23\naxes.facecolor: red\n"
    for place in (home / ".config/matplotlib", folder / "mpl"):
        place.mkdir(parents=True)
        (place / "matplotlibrc").write_text(rc)
    known = [*SET, *SET_ON_AVX2, *KERNELS["avx2"], *(n for names in REMOVED for n in names.split())]
    shell = {**dict.fromkeys(known, "1"), **NUMBERS, **SAID, **HARMLESS, "HOME": str(home)}
    shell |= {"MPLCONFIGDIR": str(folder / "mpl"), "MATPLOTLIBRC": str(folder / "mpl/matplotlibrc")}
    return live(folder / "projekt", shell, 0o077)


def test_another_world_changes_no_byte(plain, altered):
    assert plain.receipts.keys() == altered.receipts.keys()
    for name, receipt in plain.receipts.items():
        other = altered.receipts[name]
        differing = [path for path in receipt["outputs"] if _differs(path, receipt, other)]
        assert not differing, f"{name}: {', '.join(differing)}"
        for part in ("settings", "code", "inputs", "outputs"):
            assert receipt[part] == other[part], f"{name}: {part}"


def _differs(path: str, receipt: dict[str, Any], other: dict[str, Any]) -> bool:
    return bool(receipt["outputs"][path] != other["outputs"].get(path))


def test_receipts_say_on_which_machines_the_bytes_hold(plain):
    for name, receipt in plain.receipts.items():
        machine, step = receipt["facts"]["machine"], Path(name).parts[0]
        assert machine["same_bytes_on"]
        assert machine["instructions"]
        if step in ("train", "predict"):
            assert machine["kernels"] == ("native" if environment.lacking("avx2") else "avx2")
            assert machine["capability"]
        else:
            assert machine["kernels"] is None


def test_steps_read_nothing_that_no_receipt_names(plain):
    """Their inputs, code, settings and presets, and what belongs to Python and the system.

    Seen is what Python opens; what libraries in C open, such as Arrow, are paths that the code
    took from its arguments.
    """
    root, receipts = plain.project.root, plain.receipts
    for (step, words), opened in plain.opened.items():
        receipt = receipts[_receipt(step, words)]
        # Inputs are checked against the receipts of their makers, for which these' files are read.
        makers = [r for r in receipts.values() if r["outputs"].keys() & receipt["inputs"].keys()]
        known = [root / name for name in _named_in(receipt, *makers)]
        known += [root / name for name in receipt["code"]]
        strays = {path for path in opened if not _known(path, root, known, step)}
        assert not strays, f"{step} {words} reads {sorted(map(str, strays))}"


def _named_in(*receipts: dict[str, Any]) -> list[str]:
    return [name for r in receipts for name in (*r["inputs"], *r["outputs"])]


def _receipt(step: str, words: str) -> str:
    values = words.split()[1::2]
    keys = [word.removeprefix("--") for word in words.split()[::2]]
    parts = [f"{k}-{v}" if k in ("fold", "seed") else v for k, v in zip(keys, values, strict=True)]
    return f"{step}/{'-'.join(parts) or 'all'}.json"


def _known(path: Path, root: Path, known: list[Path], step: str) -> bool:
    """Tell whether a step may read a file: of the world around the project only the system's."""
    inside = root.parent in path.parents
    if inside and (temporary := re.fullmatch(r"\.(.+)\.(\w{8}|building)", path.name)):
        # A file beside an output, which is synced to the disk before it gets its name.
        path = path.with_name(temporary[1])
    if path.name.startswith("fontlist-v"):
        return True  # which fonts there are, remembered; figures take those that matplotlib brings
    places = [*known, *_of_the_project(root, step)] if inside else _of_the_system()
    return any(path == place or place in path.parents for place in places)


def _of_the_project(root: Path, step: str) -> Iterator[Path]:
    """Yield files and folders of a project that a step may read and that are no inputs."""
    # Settings; what steps declare, of which the graph is made; receipts of the makers of inputs.
    yield from (root / n for n in ("params.yaml", "presets", "workflow/scripts"))
    yield from (root / n for n in ("results/receipts", ".state", "logs"))
    # Openings are counted: read and written, and nothing follows from what stands there.
    yield root / "openings.csv"
    # What is being built; it gets its name when it is whole.
    yield root / "data/bones/.store.building"
    if step in ("fetch", "index", "ingest"):
        # The manifest, which is an input, holds the hashes of raw files.
        yield from (root / "data/bones/raw", root / "data/bones/.source.json")
    yield root.parent / f"{root.name}-audit"


def _of_the_system() -> list[Path]:
    places = [*sysconfig.get_paths().values(), sys.prefix, sys.base_prefix, str(ROOT / "src")]
    places += ["/proc", "/sys", "/dev", "/etc/mime.types", "/etc/localtime", gettempdir()]
    places += ["/usr/share/zoneinfo"]
    return [Path(place).resolve() for place in places] + [Path(place) for place in places]


def test_the_harness_sees_a_file_that_nobody_named():
    """Or else it would prove nothing."""
    root = Path("/home/somebody/project")
    assert not _known(root / "notes.txt", root, [], "split")
    assert not _known(root.parent / ".config/matplotlib/matplotlibrc", root, [], "split")
    assert _known(root / "params.yaml", root, [], "split")
