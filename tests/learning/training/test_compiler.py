"""torch's compiler is not loaded by a training, and is there for whoever asks."""

import subprocess
import sys

import pytest

OPTIMISE = """
import sys, torch
from radpipe.learning.training.compiler import keep_compiler_out
{}
torch.manual_seed(0)
model = torch.nn.Linear(3, 2)
optimizer = torch.optim.{}(model.parameters(), lr=0.1{})
for _ in range(3):
    optimizer.zero_grad()
    model(torch.ones(4, 3)).square().sum().backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.load_state_dict(optimizer.state_dict())
print("torch._dynamo.config" in sys.modules, [p.tolist() for p in model.parameters()])
"""
FUSED = ", fused=True"


def told(code: str) -> str:
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize(("kind", "more"), [("AdamW", FUSED), ("SGD", FUSED), ("RMSprop", "")])
def test_an_optimiser_does_the_same_without_the_compiler(kind, more):
    loaded, _, weights = told(OPTIMISE.format("", kind, more)).partition(" ")
    spared, _, same = told(OPTIMISE.format("keep_compiler_out()", kind, more)).partition(" ")
    assert (loaded, spared) == ("True", "False")
    assert weights == same


def test_whoever_needs_the_compiler_gets_it():
    code = """
import sys, torch
from radpipe.learning.training.compiler import keep_compiler_out
keep_compiler_out()
optimizer = torch.optim.SGD(torch.nn.Linear(3, 2).parameters(), lr=0.1)
import torch._dynamo.config
from torch._dynamo.utils import counters
print(torch.compile(lambda x: x + 1, backend="eager")(torch.ones(1)).item())
print(sys.modules["torch._dynamo"] is torch._dynamo, torch._dynamo.__file__.endswith("__init__.py"))
keep_compiler_out()
print(hasattr(torch._dynamo, "__file__"))
optimizer.step()
"""
    assert told(code).split() == ["2.0", "True", "True", "True"]
