"""What is under way while Snakemake runs: which runs, at which epoch, and for how long still."""

import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from radpipe.core.jobs import log_path

# What the step train logs after each epoch: time, its number, how many there are, scores.
EPOCH = re.compile(r"^(\S+ [\d:]+),\d+ .*trained epoch (\d+)/(\d+):(.*)$", re.MULTILINE)
SCORE = re.compile(r" tune_auc=(\S+)")
# Runs under way that are named; on a large machine there are many.
N_NAMED = 4


@dataclass
class UnderWay:
    """One run that is being made.

    Attributes
    ----------
    step, run
        Its step and name.
    since
        When it began, seconds of some clock.
    log_start
        Size of its log at that time, bytes: what stands before is of an earlier try.
    n_seen, seen_at
        Epochs that were finished since, and when the last of them was seen.
    pace
        Seconds for an epoch.
    epoch, epochs
        The last epoch that was finished, from 1 (0: none so far), and how many there are.
    score
        AUC of `tune` after that epoch, as text; "" if nothing says it.

    """

    step: str
    run: str
    since: float
    log_start: int
    n_seen: int = 0
    seen_at: float = 0.0
    pace: float = 0.0
    epoch: int = 0
    epochs: int = 0
    score: str = ""

    def look(self, now: float) -> None:
        """Read what its log says of epochs, at a time of the clock."""
        try:
            with log_path(self.step, self.run).open("rb") as stream:
                stream.seek(self.log_start)
                text = stream.read().decode("utf-8", errors="replace")
        except OSError:
            return
        found = EPOCH.findall(text)
        if len(found) > self.n_seen:
            first, (last, epoch, epochs, scores) = found[0][0], found[-1]
            self.n_seen, self.seen_at = len(found), now
            # The first epoch takes longer: libraries are loaded and pictures read before it.
            self.pace = _seconds(first, last) / max(1, len(found) - 1) or now - self.since
            self.epoch, self.epochs = int(epoch), int(epochs)
            score = SCORE.search(scores)
            self.score = score[1] if score else ""

    @property
    def seconds(self) -> float | None:
        """How long it will have taken if its epochs go on as they did; None before the first.

        A training that stops early takes less.
        """
        if not self.n_seen:
            return None
        return self.seen_at - self.since + self.pace * (self.epochs - self.epoch)

    def told(self, now: float) -> str:
        """Name it, with its epoch and score, or else with the minutes since it began."""
        what = f"{self.step} {self.run}"
        if self.epoch:
            score = f", tune AUC {self.score}" if self.score else ""
            return f"{what}: epoch {self.epoch} of {self.epochs}{score}"
        minutes = int((now - self.since) / 60)
        return f"{what}: {minutes} min" if minutes else what


@dataclass
class Schedule:
    """The runs that are still to be made, those under way, and how long others took.

    Attributes
    ----------
    to_make
        Runs of each step that are not finished.
    clock
        Seconds.

    """

    to_make: Counter[str] = field(default_factory=Counter)
    clock: Callable[[], float] = time.monotonic
    _under_way: dict[str, UnderWay] = field(default_factory=dict)
    _took: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    @property
    def n_left(self) -> int:
        """How many runs are not finished."""
        return sum(self.to_make.values())

    def agree(self, n_left: int) -> None:
        """Forget what is to be made if it is no longer so many runs: the plan has changed.

        Snakemake plans anew after a split, and what comes out as it was need not be used again.
        """
        if n_left != self.n_left:
            self.to_make.clear()

    def begin(self, title: str) -> None:
        """Note that a run, "step run", has begun; one that is tried again begins anew."""
        step, _, run = title.partition(" ")
        if not run:
            return  # Snakemake's own target
        try:
            log_start = log_path(step, run).stat().st_size
        except OSError:
            log_start = 0
        self._under_way[title] = UnderWay(step, run, self.clock(), log_start)

    def end(self, title: str) -> None:
        """Note that a run is finished."""
        if begun := self._under_way.pop(title, None):
            self._took[begun.step].append(self.clock() - begun.since)
            self.to_make[begun.step] -= self.to_make[begun.step] > 0

    def fail(self, title: str) -> None:
        """Note that a run is no longer under way, though not finished."""
        self._under_way.pop(title, None)

    def told(self) -> str:
        """Say what is left and which runs are being made, those that began first at the front."""
        left = self.left()
        now, running = self.clock(), list(self._under_way.values())
        named = [each.told(now) for each in running[:N_NAMED]]
        more = [f"{len(running) - N_NAMED} more"] if len(running) > N_NAMED else []
        return "; ".join(text for text in [left, *named, *more] if text)

    def left(self) -> str:
        """Say about how long all that is left takes; empty below a minute, or if nobody can know.

        Judged by the runs of the same step that are done, and by the epochs of those that are
        under way; as many are taken to run at once as do now. Where no run of a step is done, the
        steps that can be judged are named, unless trainings are not among them: these take most of
        the time.
        """
        for each in self._under_way.values():
            each.look(self.clock())
        typical = {step: self._typical(step) for step, n in self.to_make.items() if n > 0}
        unknown = [step for step, seconds in typical.items() if seconds is None]
        if "train" in unknown or len(unknown) == len(typical):
            return ""
        running = [self._rest(each, typical.get(each.step)) for each in self._under_way.values()]
        waiting = self.to_make - Counter(each.step for each in self._under_way.values())
        work = sum(n * (typical[step] or 0.0) for step, n in waiting.items()) + sum(running)
        seconds = max([work / max(1, len(running)), *running])
        if seconds < 60:
            return ""
        judged = [step for step in typical if step not in unknown]
        return f"about {_duration(seconds)} left{' for ' + ', '.join(judged) if unknown else ''}"

    def _typical(self, step: str) -> float | None:
        """Return the mean seconds of a step's runs; None if none is done or can be foreseen."""
        foreseen = [each.seconds for each in self._under_way.values() if each.step == step]
        known = [*self._took[step], *(seconds for seconds in foreseen if seconds is not None)]
        return sum(known) / len(known) if known else None

    def _rest(self, each: UnderWay, typical: float | None) -> float:
        """Return about how many seconds a run that is under way still takes."""
        foreseen = each.seconds if each.seconds is not None else typical
        return max(0.0, (foreseen or 0.0) - (self.clock() - each.since))


def _seconds(first: str, last: str) -> float:
    """Return how long after one time of a log another one is."""
    return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{seconds / 3600:.0f} hours"
