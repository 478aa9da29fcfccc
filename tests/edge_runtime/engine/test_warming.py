"""Warming an engine up, and keeping it warm, by a clock that the test moves."""

from __future__ import annotations

import pytest

from edge_runtime.engine.keep_warm import KeepWarm
from edge_runtime.engine.warming import until_steady


class Clock:
    """Every run takes the next of the times, the last of them for ever."""

    def __init__(self, *times_s):
        self.times_s, self.now, self.runs = list(times_s), 0.0, 0

    def __call__(self):
        return self.now

    def run(self):
        self.now += self.times_s[min(self.runs, len(self.times_s) - 1)]
        self.runs += 1


@pytest.mark.parametrize(
    ("times_s", "runs"),
    [([1.0], 3), ([9, 5, 2, 1, 1], 5), ([9, 1, 1.3, 1.3, 1.2], 5), ([1, 1, 9, 1], 4), ([2**-n for n in range(30)], 20)],
)
def test_it_runs_until_a_call_takes_as_long_as_the_fastest_before(times_s, runs):
    clock = Clock(*times_s)
    assert until_steady(clock.run, clock=clock) == runs == clock.runs


def test_an_idle_engine_is_run_when_it_is_due_and_not_before():
    ran = []
    keep = KeepWarm(lambda: ran.append(1), 1.0, 100.0)
    assert (keep.due_in_s(100.25), keep.tick(100.99), ran) == (0.75, False, [])
    assert keep.tick(101.0)
    assert not keep.tick(101.5)
    assert keep.tick(109.0)
    assert len(ran) == 2


def test_an_engine_in_use_is_left_alone():
    ran = []
    keep = KeepWarm(lambda: ran.append(1), 1.0, 0.0)
    for tenth in range(100):
        keep.used(tenth / 10)
        assert not keep.tick(tenth / 10 + 0.05)
    assert keep.due_in_s(10.5) == pytest.approx(0.4)
    assert keep.tick(10.9)
    assert len(ran) == 1


def test_a_run_that_fails_is_told_and_tried_again():
    def fails():
        raise RuntimeError("the engine is gone")

    keep = KeepWarm(fails, 1.0, 0.0)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="gone"):
            keep.tick(2.0)


def test_a_pause_of_nothing_is_refused():
    with pytest.raises(ValueError, match="keep_warm_s is 0"):
        KeepWarm(lambda: None, 0, 0.0)
