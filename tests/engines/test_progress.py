"""What `radpipe run` shows of Snakemake."""

import io
import os
import signal
import sys

import pytest

from radpipe.engines import progress, screen
from radpipe.engines.progress import Digest, follow

SAID = """\
Building DAG of jobs...
[Sat Nov 28 08:00:00 2026]
rule train:
    input: a
    output: b
    log: logs/train/bones-floor-fold-0-seed-0.log
    jobid: 7
    reason: Missing output files
2026-11-28 08:00:01,000 INFO epoch 1
2026-11-28 08:00:01,000 WARNING patients unknown for 3 of 9 images
[Sat Nov 28 08:00:02 2026]
Finished jobid: 7 (Rule: train)
3 of 15 steps (20%) done
"""
FAILED = """\
[Sat Nov 28 08:00:03 2026]
Error in rule train:
    jobid: 8
    log: logs/train/x.log (check log file(s) for error details)
Logfile logs/train/x.log:
    what it said
[Sat Nov 28 08:00:04 2026]
rule predict:
    jobid: 9
"""


STATS = """\
Job stats:
job       count
------  -------
train         2
report        1
all           1
total         4

"""


def shown(text, n_planned=0):
    digest = Digest(n_planned)
    return [line for said in text.splitlines() for line in digest.lines(said)], digest


def test_a_line_for_each_finished_step_and_warnings():
    lines, digest = shown(SAID)
    assert lines == [
        "warning: patients unknown for 3 of 9 images",
        " 3 of 14  train bones-floor-fold-0-seed-0",
    ]
    assert not digest.failed


def test_what_was_done_before_is_counted():
    """Of 15 planned runs Snakemake makes 3."""
    ended = SAID.replace("3 of 15 steps (20%)", "1 of 4 steps (25%)")
    assert shown(STATS + ended, n_planned=15)[0] == [
        "12 of 15 are done; 3 to make",
        "warning: patients unknown for 3 of 9 images",
        "13 of 15  train bones-floor-fold-0-seed-0",
    ]


def test_nothing_is_said_of_what_was_done_where_nothing_was():
    assert shown(STATS, n_planned=3)[0] == []


def test_a_plan_that_shrinks_after_a_split_is_counted_to_its_end():
    """The split came out as it was; Snakemake then has no more to do, not even its target."""
    ended = SAID.replace("3 of 15 steps (20%)", "1 of 1 steps (100%)")
    lines, digest = shown(STATS + ended, n_planned=15)
    assert lines[-1] == "15 of 15  train bones-floor-fold-0-seed-0"
    assert digest.schedule.left() == ""


def test_what_has_failed_is_not_under_way():
    begun = "rule train:\n    log: logs/train/x.log\n    jobid: 8\n"
    assert shown(begun)[1].schedule.told() == "train x"
    assert shown(begun + FAILED)[1].schedule.told() == ""


def test_errors_in_full_and_nothing_behind_them():
    lines, digest = shown(FAILED)
    assert lines == FAILED.splitlines()[1:6]
    assert digest.failed


def test_the_target_all_is_no_step():
    end = "localrule all:\n    jobid: 0\nFinished jobid: 0 (Rule: all)\n15 of 15 steps (100%) done"
    assert shown(end)[0] == []


def test_a_long_silence_is_filled_with_what_is_under_way(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "WAIT", 0.01)
    monkeypatch.setattr(screen, "SILENT", 0.05)
    monkeypatch.setattr(screen, "MOST_SILENT", 0.1)
    out = io.StringIO()
    said = "rule ingest:\n    log: logs/ingest/bones.log\n    jobid: 1\n"
    script = f"import time; print({said!r}, flush=True); time.sleep(1.5)"
    assert follow([sys.executable, "-c", script], tmp_path / "all.log", out) == 0
    assert set(out.getvalue().splitlines()) == {"... ingest bones"}


def test_a_process_that_is_left_behind_holds_up_nothing(tmp_path, monkeypatch):
    """It has the output open, as a daemon may; what was said until the end is kept."""
    monkeypatch.setattr(progress, "WAIT", 0.05)
    monkeypatch.setattr(progress, "LINGER", 0.2)
    log, left = tmp_path / "all.log", tmp_path / "left"
    script = f"sleep 60 & echo $! > {left}; echo one"
    assert follow(["sh", "-c", script], log, io.StringIO()) == 0
    os.kill(int(left.read_text()), signal.SIGKILL)
    assert log.read_text() == "one\n"


def test_a_stop_that_was_asked_for_is_no_failure(tmp_path, monkeypatch):
    out = io.StringIO()
    script = "import os, signal, time; os.kill(os.getppid(), signal.SIGTERM); time.sleep(60)"
    with pytest.raises(SystemExit, match="143"):
        follow([sys.executable, "-c", script], tmp_path / "all.log", out)
    assert out.getvalue() == ""


@pytest.mark.parametrize(("code", "end"), [(0, ""), (3, "one\ntwo\n")])
def test_all_is_kept_and_a_silent_failure_shows_the_end(tmp_path, code, end):
    out = io.StringIO()
    script = f"print('one'); print('two'); raise SystemExit({code})"
    log = tmp_path / "logs/all.log"
    assert follow([sys.executable, "-c", script], log, out) == code
    assert log.read_text() == "one\ntwo\n"
    assert out.getvalue() == end


def test_a_preview_looks_whenever_a_step_ends_and_is_ended_itself(tmp_path):
    told = []

    class Looking:
        def look(self):
            told.append("looked")
            yield "so far: a page"

        def close(self):
            told.append("closed")

    out = io.StringIO()
    command = [sys.executable, "-c", "print('a\\nFinished jobid: 1 (Rule: x)\\nb')"]
    assert follow(command, tmp_path / "all.log", out, preview=Looking()) == 0
    assert (told[0], told[-1]) == ("looked", "closed")
    assert out.getvalue().splitlines()[0] == "so far: a page"
