"""Kernels: equal weights under every variable that a shell sets, and equal to those kept in Git.

`kept_weights.json` holds hashes from another machine, compared where docs/reference/bits.md
says that they hold: every machine on which these tests run proves that page or refutes it.
To write them anew, after torch has changed: python -m tests.learning.training.test_kernels
"""

import json
import os
import subprocess
import sys
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import torch

from radpipe.core import environment
from radpipe.core.environment import KERNELS, lacking, pinned
from radpipe.core.machine import ENOUGH_CACHE, same_bytes_on, this_machine
from tests.small_study import ROOT

KEPT = Path(__file__).parent / "kept_weights.json"
# The networks of which it was measured on several processors; the others are compared on one.
MEASURED = ("compact", "resnet18")
# What a shell may say, to the opposite of what kernels say.
OTHERWISE = {
    "native": {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"},
    "avx512": {"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "AVX2", "OMP_NUM_THREADS": "2"},
    "avx2": {"ONEDNN_MAX_CPU_ISA": "SSE41", "ONEDNN_DEFAULT_FPMATH_MODE": "BF16"},
}
PLAYABLE = [name for name in KERNELS if not lacking(name)]


def trained(kernels: str, **shell: str) -> dict[str, Any]:
    """Train in a process of its own with these kernels, started from a shell with variables."""
    variables = pinned({**os.environ, **shell}, kernels)
    if kernels == "native":
        asked = {name: variables[name] for name in KERNELS["avx2"] if name in variables}
        assert asked == KERNELS["native"]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.learning.training.short_training", folder]
        done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@lru_cache
def otherwise(kernels: str) -> dict[str, Any]:
    """Train as `trained` does, from a shell that says otherwise."""
    return trained(kernels, **OTHERWISE[kernels])


@pytest.mark.parametrize("kernels", [*KERNELS])
def test_no_variable_of_a_shell_changes_a_bit(kernels):
    if missing := lacking(kernels):
        check_refusal(kernels, missing)
        return
    plain, odd = trained(kernels), otherwise(kernels)
    assert plain == odd
    assert odd["how"]["kernels"] == kernels
    capability = odd["how"]["capability"]
    assert capability == {"avx2": "AVX2", "avx512": "AVX512"}.get(kernels, capability)


@pytest.mark.parametrize("kernels", ["avx2", "avx512"])
def test_weights_are_those_of_other_machines(kernels):
    if missing := lacking(kernels):
        check_refusal(kernels, missing)
        return
    kept, here = json.loads(KEPT.read_text()), this_machine()
    assert kept["torch"] == torch.__version__, f"torch is another: {__doc__}"
    promised = same_bytes_on(here, kernels=kernels)
    if (here.cache_kib or 0) < ENOUGH_CACHE[kernels]:
        # oneDNN cuts the work otherwise; then nothing is promised beyond caches of this size.
        assert f"cache of {here.cache_kib or 'unknown'} KiB" in promised
        return
    assert promised == kept["same_bytes_on"][kernels]
    found = otherwise(kernels)["weights"]
    differing = [name for name in MEASURED if found[name] != kept["weights"][kernels][name]]
    if differing and here.kind != kept["machine"]:
        # Not a fault of an edit but news about processors: shown, and no reason to stop.
        pytest.xfail(
            f"{', '.join(differing)}: other weights under {kernels} than on {kept['machine']}; this"
            f" is {here.kind} ({here.name}). docs/reference/bits.md promises too much: {promised}."
        )
    assert not differing, f"{differing}: other weights under {kernels} than this machine gave"


ALIGNED = """
import numpy as np, torch

def place(values, offset):
    room = np.empty(values.nbytes + 128, np.uint8)
    start = -room.ctypes.data % 64 + offset
    view = room[start : start + values.nbytes].view(np.float32).reshape(values.shape)
    view[:] = values
    return torch.from_numpy(view)

draw = np.random.default_rng(1)
for n, wide, out in [(5, 1024, 16), (28, 300, 7), (5, 17, 33)]:
    x, w = (draw.standard_normal((k, wide), dtype=np.float32) for k in (n, out))
    found = {
        torch.nn.functional.linear(place(x, a), place(w, b)).numpy().tobytes()
        for a in range(0, 64, 4) for b in range(0, 64, 16)
    }
    print(len(found))
"""


@pytest.mark.parametrize("kernels", PLAYABLE)
def test_where_numbers_lie_in_memory_changes_no_bit(kernels):
    """As MKL promises for `MKL_CBWR` alone; a process that has run for long has other places."""
    command = [sys.executable, "-c", ALIGNED]
    variables = pinned(os.environ, kernels)
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True)
    assert done.stdout.split() == ["1", "1", "1"], done.stderr


def check_refusal(kernels: str, missing: list[str]) -> None:
    """Where a processor cannot play a part, it must say so, and use none of the kernels."""
    assert set(missing) <= environment.NEEDED[kernels]
    assert kernels not in PLAYABLE
    assert not KERNELS[kernels].items() <= pinned(os.environ, kernels).items()


def write_kept() -> None:
    """Write the hashes of this machine into Git."""
    here, kernels = this_machine(), ("avx2", "avx512")
    found = {name: trained(name)["weights"] for name in kernels}
    kept = {
        "machine": here.kind,
        "torch": torch.__version__,
        "same_bytes_on": {name: same_bytes_on(here, kernels=name) for name in kernels},
        "weights": {name: {case: found[name][case] for case in MEASURED} for name in kernels},
    }
    KEPT.write_text(json.dumps(kept, indent=2) + "\n")


if __name__ == "__main__":
    write_kept()
