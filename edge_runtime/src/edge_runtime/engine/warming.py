"""Runs whose outputs nobody needs: before the first part comes, and in pauses between parts."""

from __future__ import annotations

import time
from collections.abc import Callable

LEAST_CALLS, MOST_CALLS = 3, 20
STEADY = 1.25


def until_steady(run: Callable[[], object], *, clock: Callable[[], float] = time.perf_counter) -> int:
    """Run until a call takes as long as the fastest before: the first part shall not wait for what is made once.

    Args:
        run: One call.
        clock: Seconds.

    Returns:
        How many calls it took, at least 3 and at most 20.
    """
    fastest = float("inf")
    for number in range(1, MOST_CALLS + 1):
        start = clock()
        run()
        took = clock() - start
        is_steady = fastest / STEADY <= took <= STEADY * fastest
        fastest = min(fastest, took)
        if number >= LEAST_CALLS and is_steady:
            break
    return number


def run_for_warmth(run: Callable[[], object], calls: int | None) -> int:
    """Run so often, or until it is steady; says how often that was."""
    if calls is None:
        return until_steady(run)
    for _ in range(calls):
        run()
    return calls
