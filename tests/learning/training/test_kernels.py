"""Kernels: equal weights under every variable that a shell sets, and equal to those kept in Git.

`kept_weights.json` holds hashes from other machines by what their receipts promise: a machine that
makes the same promise proves it or refutes it; any other skips, and says whether it agrees.
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
from radpipe.core.machine import same_bytes_on, this_machine
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
# What a promise calls their instructions.
SETS = {"avx2": "with AVX2 ", "avx512": "with AVX-512 "}
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
    promised, found = same_bytes_on(here, kernels=kernels), otherwise(kernels)["weights"]
    if promised not in kept["weights"]:
        others = [name for name in kept["weights"] if SETS[kernels] in name]
        agreeing = {
            name: [other for other in others if kept["weights"][other][name] == found[name]]
            for name in MEASURED
        }
        pytest.skip(
            f"Of {promised} no weights are kept, so nothing was promised ({here.kind},"
            f" {here.name}). These agree all the same: {agreeing}"
        )
    assert {name: found[name] for name in MEASURED} == kept["weights"][promised]


def test_what_the_page_says_of_two_models():
    """The house's network came to the same weights on both, ResNet-18 to others."""
    kept = json.loads(KEPT.read_text())["weights"]
    models = ("family 26 model 2, ", "family 25 model 17, ")
    for instructions in SETS.values():
        both = [w for name, w in kept.items() if any(m + instructions in name for m in models)]
        assert len(both) == 2
        assert len({weights["compact"] for weights in both}) == 1
        assert len({weights["resnet18"] for weights in both}) == 2


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
    """Write the hashes of this machine into Git, beside those of others under the same torch."""
    here, kept = this_machine(), json.loads(KEPT.read_text())
    if kept["torch"] != torch.__version__:
        kept = {"torch": torch.__version__, "weights": {}}
    for kernels in ("avx2", "avx512"):
        found = trained(kernels)["weights"]
        promised = same_bytes_on(here, kernels=kernels)
        kept["weights"][promised] = {name: found[name] for name in MEASURED}
    KEPT.write_text(json.dumps(kept, indent=2) + "\n")


if __name__ == "__main__":
    write_kept()
