"""What is said of runs under way, and of the time that is left."""

from collections import Counter
from datetime import datetime, timedelta

import pytest

from radpipe.core.jobs import log_path
from radpipe.engines.underway import Schedule

EPOCH = "{},000 INFO trained epoch {}/{}: lr=0.01 tune_loss=0.5 tune_auc={}\n"


class Clock:
    """Says what time it is told."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def schedule(tmp_path, monkeypatch, clock):
    """Return a schedule of four trainings, four predictions and a report, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return Schedule(Counter(train=4, predict=4, report=1), clock)


def write_epochs(run, *lines):
    path = log_path("train", run)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as stream:
        for epoch, *rest in lines:  # of 50 s each
            ended = datetime(2026, 11, 28, 8) + timedelta(seconds=50 * epoch)
            stream.write(EPOCH.format(ended, epoch, *rest))


def test_epochs_of_a_training(schedule, clock):
    schedule.begin("train a")
    assert schedule.told() == "train a"
    clock.now = 100.0
    write_epochs("a", (1, 20, 0.7), (2, 20, 0.8123))
    assert schedule.told().endswith("train a: epoch 2 of 20, tune AUC 0.8123")


def test_lines_of_an_earlier_try_are_not_counted(schedule, clock):
    write_epochs("a", (1, 20, 0.7), (2, 20, 0.8))
    schedule.begin("train a")
    clock.now = 100.0
    assert schedule.told() == "train a: 1 min"
    write_epochs("a", (3, 20, 0.9))
    assert "train a: epoch 3 of 20, tune AUC 0.9" in schedule.told()


def test_a_training_is_foreseen_by_its_epochs(schedule, clock):
    """50 s an epoch, 18 to go: 900 s; three more trainings of 1,000 s: 3,900 s are 65 min."""
    schedule.begin("train a")
    clock.now = 100.0
    write_epochs("a", (1, 20, 0.7), (2, 20, 0.8))
    assert schedule.left() == "about 65 min left for train"


def test_the_start_of_a_training_is_no_epoch(schedule, clock):
    """200 s until the first epoch ended, then 50 s each: 18 x 50 s are 15 min."""
    schedule.to_make = Counter(train=1)
    schedule.begin("train a")
    clock.now = 250.0
    write_epochs("a", (1, 20, 0.7), (2, 20, 0.8))
    assert schedule.left() == "about 15 min left"


def test_as_many_run_at_once_as_do_now(schedule, clock):
    """Two of 1,000 s side by side, of which 100 s are over, then two more: 1,900 s, 32 min."""
    schedule.begin("train a")
    schedule.begin("train b")
    clock.now = 100.0
    for run in "ab":
        write_epochs(run, (1, 20, 0.7), (2, 20, 0.8))
    assert schedule.left() == "about 32 min left for train"


def test_runs_are_judged_by_those_of_the_same_step(schedule, clock):
    """Trainings took 600 s each; of predictions, 60 s each, three are left: 3 x 600 + 3 x 60."""
    schedule.begin("train a")
    clock.now = 600.0
    schedule.end("train a")
    assert schedule.left() == "about 30 min left for train"
    schedule.begin("predict a")
    clock.now = 660.0
    schedule.end("predict a")
    assert schedule.left() == "about 33 min left for train, predict"
    del schedule.to_make["report"]
    assert schedule.left() == "about 33 min left"


def test_nobody_knows_before_a_training_is_seen(schedule, clock):
    schedule.begin("predict a")
    clock.now = 600.0
    schedule.end("predict a")
    assert schedule.left() == ""


def test_nothing_is_said_of_seconds(schedule, clock):
    schedule.to_make = Counter(train=2)
    schedule.begin("train a")
    clock.now = 30.0
    schedule.end("train a")
    assert schedule.left() == ""


def test_a_plan_that_has_changed_is_forgotten(schedule, clock):
    schedule.begin("train a")
    clock.now = 600.0
    schedule.end("train a")
    schedule.agree(8)
    assert schedule.left() != ""
    schedule.agree(2)
    assert schedule.left() == ""


def test_many_runs_are_counted(schedule):
    for number in range(7):
        schedule.begin(f"train {number}")
    assert schedule.told() == "train 0; train 1; train 2; train 3; 3 more"
