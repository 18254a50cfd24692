"""What SLURM knows of our jobs, and what Snakemake's executor makes of its silence."""

import asyncio
import logging
import sys
from types import SimpleNamespace

import pytest
import snakemake_executor_plugin_slurm as executor

from radpipe.engines.slurm import EXECUTOR, keep_jobs_while_slurm_is_silent


class Limiter:
    """As many questions as one likes."""

    async def __aenter__(self):
        return None

    async def __aexit__(self, *_):
        return None


def still_active():
    """Return what the executor keeps of two jobs after asking for them once."""
    settings = SimpleNamespace(init_seconds_before_status_checks=2, status_attempts=2)
    watcher = SimpleNamespace(
        workflow=SimpleNamespace(executor_settings=settings),
        logger=logging.getLogger("test"),
        get_status_command=lambda: "squeue",
        run_uuid="0",
        status_rate_limiter=Limiter(),
        next_seconds_between_status_checks=2,
        _status_query_failures=0,
        _status_query_calls=0,
        _status_query_total_seconds=0.0,
        _status_query_min_seconds=0.0,
        _status_query_max_seconds=0.0,
        _status_query_cycle_rows=[],
        report_job_error=lambda *_, **__: pytest.fail("a job was given up"),
        report_job_success=lambda *_, **__: pytest.fail("a job was believed to be done"),
    )
    jobs = [SimpleNamespace(external_jobid=name, aux={}) for name in ("41", "42")]

    async def ask():
        found = executor.Executor.check_active_jobs(watcher, jobs)
        return [job.external_jobid async for job in found]

    return asyncio.run(ask())


@pytest.fixture
def silence(monkeypatch):
    """No command of SLURM answers."""

    async def no_answer(command, logger):
        return None, None

    monkeypatch.setattr(executor, "query_job_status", no_answer)
    monkeypatch.setattr(executor, "get_min_job_age", lambda: None)


def test_the_executor_loses_jobs_when_slurm_is_silent(silence):
    """If this fails, the executor was mended and `keep_jobs_while_slurm_is_silent` can go."""
    assert still_active() == []


def test_no_job_is_lost_when_slurm_is_silent(silence):
    keep_jobs_while_slurm_is_silent()
    assert still_active() == ["41", "42"]


def test_answers_are_passed_on(monkeypatch):
    async def answer(command, logger):
        return {"41": "RUNNING"}, 0.1

    monkeypatch.setattr(executor, "query_job_status", answer)
    keep_jobs_while_slurm_is_silent()
    assert asyncio.run(executor.query_job_status("squeue", None)) == ({"41": "RUNNING"}, 0.1)


def test_without_the_executor_there_is_nothing_to_mend(monkeypatch):
    monkeypatch.delitem(sys.modules, EXECUTOR)
    keep_jobs_while_slurm_is_silent()
