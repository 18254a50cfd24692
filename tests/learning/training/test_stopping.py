"""Watching a metric, and being asked to stop."""

import os
import signal

from radpipe.learning.training.stopping import StopRequest, Watch

NAN = float("nan")


def test_watch_counts_epochs_without_enough_improvement():
    watch = Watch("loss", min_delta=0.1)
    assert [watch.see(v, k) for k, v in enumerate([1.0, 0.95, 0.85, 0.9, 0.8], 1)] == [
        *(True, False, True, False, False)
    ]
    assert (watch.best, watch.epoch, watch.waited) == (0.85, 3, 2)


def test_watch_goes_up_for_auc_and_passes_over_undefined_values():
    watch = Watch("auc")
    assert [watch.see(v, k) for k, v in enumerate([NAN, NAN, 0.5, NAN, 0.4, 0.6], 1)] == [
        *(True, False, True, False, False, True)
    ]
    assert watch.epoch == 6


def test_stop_request_remembers_sigterm():
    before = signal.getsignal(signal.SIGTERM)
    try:
        stop = StopRequest()
        assert not stop()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop()
    finally:
        signal.signal(signal.SIGTERM, before)
