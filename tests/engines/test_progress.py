"""What `radpipe run` shows of Snakemake."""

import io
import sys

import pytest

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


def shown(text):
    digest = Digest()
    return [line for said in text.splitlines() for line in digest.lines(said)], digest


def test_a_line_for_each_finished_step_and_warnings():
    lines, digest = shown(SAID)
    assert lines == [
        "warning: patients unknown for 3 of 9 images",
        " 3 of 14  train bones-floor-fold-0-seed-0",
    ]
    assert not digest.failed


def test_errors_in_full_and_nothing_behind_them():
    lines, digest = shown(FAILED)
    assert lines == FAILED.splitlines()[1:6]
    assert digest.failed


def test_the_target_all_is_no_step():
    end = "localrule all:\n    jobid: 0\nFinished jobid: 0 (Rule: all)\n15 of 15 steps (100%) done"
    assert shown(end)[0] == []


@pytest.mark.parametrize(("code", "end"), [(0, ""), (3, "one\ntwo\n")])
def test_all_is_kept_and_a_silent_failure_shows_the_end(tmp_path, code, end):
    out = io.StringIO()
    script = f"print('one'); print('two'); raise SystemExit({code})"
    log = tmp_path / "logs/all.log"
    assert follow([sys.executable, "-c", script], log, out) == code
    assert log.read_text() == "one\ntwo\n"
    assert out.getvalue() == end
