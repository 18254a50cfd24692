"""What SLURM knows of our jobs."""

import logging
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from radpipe.engines.commands import run_command

LOGS = Path("logs/slurm")
EXECUTOR = "snakemake_executor_plugin_slurm"


def listed_jobs() -> frozenset[str] | None:
    """Return the ids of this user's jobs that wait or run; None where SLURM cannot be asked."""
    if shutil.which("squeue") is None:
        return None
    done = run_command("squeue", "--me", "--noheader", "--array", "--format=%i")
    return None if done.returncode else frozenset(done.stdout.split())


def waiting_jobs() -> dict[str, str]:
    """Return the jobs of this folder that SLURM has not started yet: comment to id and reason."""
    if shutil.which("squeue") is None:
        return {}
    form = "--format=%i|%r|%k|%Z"
    done = run_command("squeue", "--me", "--noheader", "--states=PENDING", form)
    rows = [line.strip().split("|", 3) for line in done.stdout.splitlines() if line.count("|") >= 3]
    return {
        comment: f"SLURM job {job} waits ({reason})"
        for job, reason, comment, folder in rows
        if folder == str(Path.cwd())
    }


def comment_of(step: str, values: Iterable[str | int]) -> str:
    """Return the comment that Snakemake's executor gives the job of a run."""
    wildcards = "_".join(map(str, values))
    return f"rule_{step}_wildcards_{wildcards}" if wildcards else f"rule_{step}"


def keep_jobs_while_slurm_is_silent() -> None:
    """Let Snakemake's executor ask again later when SLURM does not answer.

    Of jobs whose state it asks for in vain (the controller or its database is down, or squeue
    takes a minute) version 2.8 lets go for good: it would wait for them for ever. No answer is
    made to be an empty one, which means "nothing new".
    """
    executor = sys.modules.get(EXECUTOR)
    if executor is None:
        return
    ask = executor.query_job_status

    async def ask_in_vain_or_not(
        command: str, logger: logging.Logger
    ) -> tuple[dict[str, str], float]:
        states, seconds = await ask(command, logger)
        return ({}, 0.0) if states is None else (states, seconds)

    setattr(executor, "query_job_status", ask_in_vain_or_not)  # noqa: B010


def failed_job(step: str, values: Iterable[str | int], since: float) -> str | None:
    """Return the id of the newest job of a run that failed at `since` (epoch) or later.

    The executor deletes the logs of jobs that end well.
    """
    # The folder's name is the executor's: wildcards in the order of the rule's outputs.
    folder = LOGS / f"rule_{step}" / "_".join(map(str, values))
    files = [file for file in folder.glob("*.log") if file.stat().st_mtime >= since]
    newest = max(files, key=lambda file: file.stat().st_mtime, default=None)
    return newest.stem if newest else None


def said_of(job: str | None) -> str:
    """Return what SLURM itself wrote about a job, which is where it names the cause of death."""
    if job is None:
        return ""
    files = sorted(LOGS.rglob(f"{job}*.log"))
    return "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in files)
