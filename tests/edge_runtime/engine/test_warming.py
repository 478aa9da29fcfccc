"""Warming an engine up, by a clock that the test moves."""

from __future__ import annotations

import pytest

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
