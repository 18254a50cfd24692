"""Programs of the machine, asked for what they know."""

import shutil
import subprocess
from pathlib import Path


def run_command(*command: str, folder: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """Run a program, in another folder if one is given; its errors stand in `stdout`, too."""
    return subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        cwd=folder,
    )


def lines_of(*command: str) -> list[str]:
    """Return the lines that a program prints; none where it is not installed or fails."""
    if shutil.which(command[0]) is None:
        return []
    done = run_command(*command)
    return [] if done.returncode else done.stdout.strip().splitlines()
