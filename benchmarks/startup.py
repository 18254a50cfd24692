"""How long a step takes before it does anything: interpreter, imports, command line.

Steps that need neither torch nor scikit-learn must not wait for them. Each step is started
with --help, in turns; the table shows the median.
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

SCRIPTS = Path(__file__).parent.parent / "workflow/scripts"
TARGET = 1.5  # seconds, of a step without torch and scikit-learn
ASK = (
    "import runpy, sys; runpy.run_path({script!r}, run_name='imported');"
    "print(sorted({{'torch', 'sklearn'}} & set(sys.modules)))"
)


def main() -> None:
    """Start every step several times, print a table and whether the target is met."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7, help="starts of every step")
    rounds = parser.parse_args().rounds
    scripts = sorted(SCRIPTS.glob("*.py"))
    needs = {script: imported(script) for script in scripts}
    seconds: dict[Path, list[float]] = {script: [] for script in scripts}
    for _ in range(rounds):
        for script in scripts:
            seconds[script].append(start(script))
    print(f"{'step':<10}{'seconds':>9}  imports")
    worst = 0.0
    for script in scripts:
        median = statistics.median(seconds[script])
        print(f"{script.stem:<10}{median:>9.2f}  {needs[script]}")
        if needs[script] == "[]":
            worst = max(worst, median)
    verdict = "met" if worst <= TARGET else "missed"
    print(f"slowest without torch and scikit-learn: {worst:.2f} s, at most {TARGET}: {verdict}")


def imported(script: Path) -> str:
    """Return which of the two slow packages a script imports, as text."""
    command = [sys.executable, "-c", ASK.format(script=str(script))]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def start(script: Path) -> float:
    """Return the seconds from the start of a step's process to its end."""
    began = time.perf_counter()
    subprocess.run([sys.executable, str(script), "--help"], capture_output=True, check=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
