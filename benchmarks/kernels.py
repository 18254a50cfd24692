"""What pinned kernels cost: processor time of a training step, against kernels chosen natively.

Each network takes AdamW steps on noise in a process of its own under each pin, one thread. Pins
take turns, round by round; the table shows the median of the rounds and its ratio to native.

    resnet18, densenet121  torchvision's, 32 colour pictures of 64 x 64 pixels
    compact                preset bones/compact, 32 grey pictures of 64 x 64 pixels
    v1                     preset bones/v1, the same
    v3                     preset bones/v3, a quarter of the channels, the same
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from radpipe.core.environment import KERNELS, pinned

PRESETS = Path(__file__).parent.parent / "presets"
NETWORKS = ("resnet18", "densenet121", "compact", "v1", "v3")
PRECISIONS = ("float32", "bfloat16")
BATCH, SIDE = 32, 64


def main() -> None:
    """Measure every network under every pin and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="processes of each network and pin")
    parser.add_argument("--seconds", type=float, default=3.0, help="processor time of one of them")
    parser.add_argument("--networks", nargs="*", default=list(NETWORKS))
    parser.add_argument("--precisions", nargs="*", default=["float32"])
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(step_time(*asked.one, seconds=asked.seconds)))
        return
    print(f"{'network':<14}{'precision':<10}{'kernels':<9}{'ms a step':>10}{'ratio':>7}")
    for network in asked.networks:
        for precision in asked.precisions:
            report(network, precision, asked.rounds, asked.seconds)


def report(network: str, precision: str, rounds: int, seconds: float) -> None:
    """Measure one network under every pin, in turns, and print its rows."""
    found: dict[str, list[float]] = {kernels: [] for kernels in KERNELS}
    for _ in range(rounds):
        for kernels in KERNELS:
            found[kernels].append(started(network, precision, kernels, seconds))
    native = statistics.median(found["native"])
    for kernels, times in found.items():
        median = statistics.median(times)
        row = f"{network:<14}{precision:<10}{kernels:<9}{1000 * median:>10.1f}"
        print(f"{row}{median / native:>7.2f}", flush=True)


def started(network: str, precision: str, kernels: str, seconds: float) -> float:
    """Return the processor time of a step, in seconds, measured in a process under a pin."""
    command = [sys.executable, __file__, "--seconds", str(seconds), "--one", network, precision]
    variables = pinned(os.environ, kernels)
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout))


def step_time(network: str, precision: str, *, seconds: float) -> float:
    """Return the median processor time of a training step in this process, in seconds."""
    import torch
    import torch.nn.functional as F

    torch.set_num_threads(1)
    torch.manual_seed(0)
    model, channels = model_of(network)
    model = model.to(memory_format=torch.channels_last)
    x = torch.rand(BATCH, channels, SIDE, SIDE).to(memory_format=torch.channels_last)
    y = torch.arange(BATCH) % 3
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    times: list[float] = []
    while sum(times) < seconds or len(times) < 6:
        began = time.process_time()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        times.append(time.process_time() - began)
    return statistics.median(times[2:])


def model_of(network: str) -> tuple["torch.nn.Module", int]:  # noqa: F821 - not yet loaded
    """Build a network for three classes; return it and its channels."""
    from torchvision.models import get_model

    from radpipe.core.presets import load_preset
    from radpipe.learning.models import build_model

    if network in ("resnet18", "densenet121"):
        return get_model(network, num_classes=3), 3
    model = {"width": 0.25} if network == "v3" else {}
    preset = load_preset(f"bones/{network}", {"model": model}, where="", root=PRESETS)
    return build_model(preset.model, n_channels=1, n_outputs=3, size=SIDE), 1


if __name__ == "__main__":
    main()
