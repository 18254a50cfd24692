"""What SLURM knows of our jobs."""

import shutil
from pathlib import Path

from radpipe.engines.commands import run_command

LOGS = Path("logs/slurm")


def listed_jobs() -> frozenset[str] | None:
    """Return the ids of this user's jobs that wait or run; None where SLURM cannot be asked."""
    if shutil.which("squeue") is None:
        return None
    done = run_command("squeue", "--me", "--noheader", "--format=%A")
    return None if done.returncode else frozenset(done.stdout.split())


def said_of(job: str | None) -> str:
    """Return what SLURM itself wrote about a job, which is where it names the cause of death."""
    if job is None:
        return ""
    files = sorted(LOGS.rglob(f"{job}*.log"))
    return "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in files)
