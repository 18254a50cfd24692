"""When to stop: because `tune` no longer improves, or because someone asks."""

import math
import signal
from dataclasses import dataclass
from types import FrameType

from radpipe.learning.training.scores import larger_is_better


@dataclass
class Watch:
    """The best value of a `tune` metric so far, and how long ago it was.

    Attributes
    ----------
    metric
        Name of the metric.
    min_delta
        Least improvement that counts, absolute.
    best
        Best value; None before the first epoch.
    epoch
        Epoch (from 1) of the best value, 0 before the first.
    waited
        Epochs since.

    """

    metric: str
    min_delta: float = 0.0
    best: float | None = None
    epoch: int = 0
    waited: int = 0

    def __post_init__(self) -> None:
        larger_is_better(self.metric)  # a misspelt name is an error before the first epoch

    def see(self, value: float, epoch: int) -> bool:
        """Take in an epoch's value; tell whether it improved. NaN never does, save first."""
        sign = 1.0 if larger_is_better(self.metric) else -1.0
        first = self.best is None or (math.isnan(self.best) and not math.isnan(value))
        improved = first or sign * (value - (self.best or 0.0)) > self.min_delta
        if improved:
            self.best, self.epoch, self.waited = value, epoch, 0
        else:
            self.waited += 1
        return improved


class StopRequest:
    """Remembers that SIGTERM came, so that work can end where it may be taken up again."""

    def __init__(self) -> None:
        self.asked = False
        signal.signal(signal.SIGTERM, self._ask)

    def __call__(self) -> bool:
        """Tell whether someone asked to stop."""
        return self.asked

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
