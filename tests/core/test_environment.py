"""The environment of a step: what is set, kept and removed, and who looks after that."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from radpipe.core import environment
from radpipe.core.environment import KEPT, KERNELS, REMOVED, SET, SET_ON_AVX2, kept, lacking, pinned
from tests.conftest import ROOT

SHOW = """
from radpipe.core.environment import pin

if __name__ == "__main__":
    pin()

import json, os, sys

print(json.dumps({"seen": dict(os.environ), "argv": sys.argv[1:], "hash": hash("radpipe")}))
"""


# With nonsense in them no interpreter or loader starts at all.
FATAL = [
    *("LD_PRELOAD", "LD_AUDIT", "PYTHONHASHSEED", "PYTHONMALLOC", "PYTHONDEVMODE"),
    *("PYTHONIOENCODING", "PYTHONINTMAXSTRDIGITS", "PYTHONPLATLIBDIR"),
]


def names(table: dict[str, str]) -> list[str]:
    return [name for words in table for name in words.split()]


def started(tmp_path: Path, **shell: str) -> Any:
    """Start a script that begins as a step's does; return what it sees."""
    script = tmp_path / "script.py"
    script.write_text(SHOW)
    command = [sys.executable, str(script), "--study", "a b"]
    done = subprocess.run(
        command, env={**os.environ, **shell}, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_a_step_sees_what_is_set_and_kept_and_nothing_else(tmp_path):
    shell = dict.fromkeys([*names(REMOVED), *SET, *SET_ON_AVX2, *KERNELS["avx2"]], "1")
    for name in FATAL:
        del shell[name]
    found = started(tmp_path, **shell, UNHEARD_OF="1", SLURM_JOB_ID="7", PYTHONWARNINGS="error")
    seen = found["seen"]
    assert found["argv"] == ["--study", "a b"]
    assert {name: seen[name] for name in SET} == {name: value for name, (value, _) in SET.items()}
    assert not {*names(REMOVED), "UNHEARD_OF"} & seen.keys()
    assert seen["SLURM_JOB_ID"] == "7"
    assert seen["PYTHONWARNINGS"].startswith("error")
    assert seen["PATH"] == os.environ["PATH"]
    if not lacking("avx2"):
        assert KERNELS["avx2"].items() <= seen.items()


def test_text_has_one_hash_whatever_the_shell_says(tmp_path):
    assert len({started(tmp_path, PYTHONHASHSEED=s)["hash"] for s in ("1", "2", "random")}) == 1


def test_a_pinned_environment_stays_as_it_is():
    once = pinned({**os.environ, "PYTHONWARNINGS": "error", "LANG": "de_DE.UTF-8"})
    assert pinned(once) == once


def test_no_variable_is_in_two_places():
    """What is removed is not kept; what is set is in none of the other tables."""
    given = [*SET, *SET_ON_AVX2, *KERNELS["avx2"]]
    assert not [name for name in [*names(REMOVED), *given] if kept(name)]
    assert len({*names(REMOVED), *given, *names(KEPT)}) == len(
        [*names(REMOVED), *given, *names(KEPT)]
    )


@pytest.mark.parametrize("name", ["SLURM_JOB_ID", "CONDA_PREFIX", "PATH", "https_proxy"])
def test_what_says_where_things_are_is_kept(name):
    assert kept(name)


def test_kernels_are_told_by_the_variables_that_ask_for_them(monkeypatch):
    for name in KERNELS["avx2"]:
        monkeypatch.setenv(name, "x")
    for kernels in (name for name in KERNELS if not lacking(name)):
        environment.use_kernels(kernels)
        assert environment.kernels_in_use() == kernels
    monkeypatch.setenv("MKL_CBWR", "AVX")
    with pytest.raises(RuntimeError, match="no kernels of radpipe's"):
        environment.kernels_in_use()


def test_a_processor_without_avx2_uses_its_own_kernels(monkeypatch):
    monkeypatch.setattr(environment, "flags", lambda: frozenset({"sse4_2"}))
    assert lacking("avx2") == ["avx2", "fma"]
    found = pinned({"OPENBLAS_CORETYPE": "Zen"})
    assert not {*SET_ON_AVX2, *(KERNELS["avx2"].keys() - KERNELS["native"].keys())} & found.keys()
    assert found["MKL_CBWR"] == "AUTO"
    for name in KERNELS["avx2"]:
        monkeypatch.setenv(name, "x")
    environment.use_kernels("avx2")
    assert environment.kernels_in_use() == "native"


def test_every_script_begins_with_the_pin():
    """Before NumPy or torch is imported, whatever else a script does."""
    begins = re.compile(
        r'^""".*?"""\n\nfrom radpipe\.core\.environment import pin\n\n'
        r'if __name__ == "__main__":\n    pin\((kernels_to="(train|predict)")?\)\n\n',
        re.DOTALL,
    )
    for script in sorted((ROOT / "workflow/scripts").glob("*.py")):
        assert begins.match(script.read_text(encoding="utf-8")), script


def test_the_page_names_every_variable():
    page = (ROOT / "docs/reference/bits.md").read_text(encoding="utf-8")
    for name in [*SET, *SET_ON_AVX2, *KERNELS["avx2"], *names(KEPT), *names(REMOVED)]:
        assert f"`{name}`" in page, name


def test_variables_that_the_settings_name_are_kept(tmp_path, monkeypatch):
    """A source's path may hold them; one that decides bits is no path."""
    (tmp_path / "params.yaml").write_text("path: $FILMS/x\nother: ${MORE}\nlast: $MKL_CBWR $END")
    shell = {"FILMS": "/a", "MORE": "/b", "END": "/c", "FILM": "/d", "MKL_CBWR": "AVX"}
    monkeypatch.chdir(tmp_path)
    found = pinned(shell)
    assert {name: found.get(name) for name in ("FILMS", "MORE", "END", "FILM")} == {
        **{"FILMS": "/a", "MORE": "/b", "END": "/c", "FILM": None}
    }
    assert found.get("MKL_CBWR") != "AVX"


def test_a_step_loads_next_to_nothing_before_it_starts_itself_anew():
    """What the first process loads is loaded for nothing, at every start of every step."""
    program = (
        "import sys; before = set(sys.modules); import radpipe.core.environment;"
        "print(sorted({'collections', 'enum', 're', 'typing'} & (set(sys.modules) - before)))"
    )
    command = [sys.executable, "-S", "-c", program]
    source = {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, env=source, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("step", "unused"),
    [
        ("ingest", {"pyarrow.compute", "urllib.request"}),
        ("index", {"PIL", "urllib.request"}),
        ("fetch", {"PIL", "urllib.request"}),
    ],
)
def test_a_step_does_not_wait_for_what_it_seldom_uses(step, unused):
    program = (
        f"import runpy, sys; runpy.run_path('workflow/scripts/{step}.py', run_name='imported');"
        f"print({unused} & set(sys.modules) or 'none')"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "none"
