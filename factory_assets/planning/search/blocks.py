"""Inner loops of the annealing: the earliest set-up and work in the shifts of a machine, as `Clock.block`."""

# ruff: noqa: PLR0917 (compiled functions take arrays one by one, and no keywords)
from __future__ import annotations

from typing import Any

from factory_assets.planning.search.compiled import compiled

Array = Any


@compiled
def worked_before(shifts: Array, low: int, high: int, minute: int) -> int:
    """Working minutes before a minute; the machine's shifts are those from low to high - 1."""
    left, right = low, high
    while left < right:
        middle = (left + right) // 2
        if shifts[middle, 0] <= minute:
            left = middle + 1
        else:
            right = middle
    shift = left - 1
    if shift < low:
        return 0
    return int(shifts[shift, 2] + min(minute, shifts[shift, 1]) - shifts[shift, 0])


@compiled
def shift_with(shifts: Array, low: int, high: int, worked: int) -> int:
    """The shift in which the working minute of this number is worked; `high` after the last one."""
    left, right = low, high
    while left < right:
        middle = (left + right) // 2
        if shifts[middle, 2] <= worked:
            left = middle + 1
        else:
            right = middle
    return left - 1


@compiled
def find_block(  # noqa: C901 (one loop, fast)
    shifts: Array,
    low: int,
    high: int,
    may_pause: int,
    free: int,
    setup: int,
    ready: int,
    work: int,
    block: Array,
) -> bool:
    """Fill in set-up start, start and end of the earliest block; false if there is none. As `Clock.block`."""
    if low < 0:
        start = max(free + setup, ready)
        block[0], block[1], block[2] = start - setup, start, start + work
        return True
    if low == high:
        return False
    total = shifts[high - 1, 2] + shifts[high - 1, 1] - shifts[high - 1, 0]
    if may_pause:
        reached = max(
            worked_before(shifts, low, high, free) + setup,
            worked_before(shifts, low, high, ready),
        )
        if reached >= total or reached + work > total:
            return False
        shift = shift_with(shifts, low, high, reached)
        block[1] = shifts[shift, 0] + reached - shifts[shift, 2]
        block[0] = block[1]
        if setup > 0:
            shift = shift_with(shifts, low, high, reached - setup)
            block[0] = shifts[shift, 0] + reached - setup - shifts[shift, 2]
        block[2] = block[1]
        if work > 0:
            shift = shift_with(shifts, low, high, reached + work - 1)
            block[2] = shifts[shift, 0] + reached + work - shifts[shift, 2]
        return True
    earliest = max(free, ready - setup)
    left, right = low, high
    while left < right:
        middle = (left + right) // 2
        if shifts[middle, 1] <= earliest:
            left = middle + 1
        else:
            right = middle
    for shift in range(left, high):
        begin = max(earliest, shifts[shift, 0])
        if begin + setup + work <= shifts[shift, 1]:
            block[0], block[1], block[2] = begin, begin + setup, begin + setup + work
            return True
    return False
