"""Minutes within intervals, against counting them one by one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from factory_assets.planning.checking.presence import Presence

MINUTE = st.integers(0, 40)


@given(st.lists(st.tuples(MINUTE, MINUTE), max_size=6), MINUTE, MINUTE)
def test_minutes_are_those_that_lie_in_an_interval(intervals: list[tuple[int, int]], begin: int, end: int) -> None:
    presence = Presence(intervals)
    there = [minute for minute in range(begin, end) if any(a <= minute < b for a, b in intervals)]
    assert presence.minutes(begin, end) == len(there)
    assert [minute for a, b in presence.within(begin, end) for minute in range(a, b)] == there
    runs, longest = 0, 0
    for minute in range(begin, end):
        runs = runs + 1 if minute in there else 0
        longest = max(longest, runs)
    assert presence.longest(begin, end) == longest


def test_without_intervals_somebody_is_always_there() -> None:
    assert Presence(None).holds(-5, 1_000_000)
    assert not Presence(()).holds(0, 1)
    assert Presence(()).holds(3, 3)
