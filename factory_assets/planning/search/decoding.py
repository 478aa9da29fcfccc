"""Inner loops of the annealing: a sequence of loads turned into a schedule, and what it costs.

The loads are placed in the order of the sequence, each at once behind what its machine has already, between the fixed
stays (pinned tasks and maintenance), with set-up, shifts and pauses. This is what `Board` does, in numbers only.
"""

# ruff: noqa: PLR0917 (compiled functions take arrays one by one, and no keywords)
from __future__ import annotations

from typing import Any

import numpy as np

from factory_assets.planning.search.compiled import compiled

Array = Any
NEVER = 1 << 60


@compiled
def worked_before(begins: Array, ends: Array, sums: Array, low: int, high: int, minute: int) -> int:
    """Working minutes before a minute; the machine's shifts are those from low to high - 1."""
    left, right = low, high
    while left < right:
        middle = (left + right) // 2
        if begins[middle] <= minute:
            left = middle + 1
        else:
            right = middle
    shift = left - 1
    if shift < low:
        return 0
    return int(sums[shift] + min(minute, ends[shift]) - begins[shift])


@compiled
def shift_with(sums: Array, low: int, high: int, worked: int) -> int:
    """The shift in which the working minute of this number is worked; `high` after the last one."""
    left, right = low, high
    while left < right:
        middle = (left + right) // 2
        if sums[middle] <= worked:
            left = middle + 1
        else:
            right = middle
    return left - 1


@compiled
def find_block(  # noqa: C901 (one loop, fast)
    begins: Array,
    ends: Array,
    sums: Array,
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
    total = sums[high - 1] + ends[high - 1] - begins[high - 1]
    if may_pause:
        reached = max(
            worked_before(begins, ends, sums, low, high, free) + setup,
            worked_before(begins, ends, sums, low, high, ready),
        )
        if reached >= total or reached + work > total:
            return False
        shift = shift_with(sums, low, high, reached)
        block[1] = begins[shift] + reached - sums[shift]
        block[0] = block[1]
        if setup > 0:
            shift = shift_with(sums, low, high, reached - setup)
            block[0] = begins[shift] + reached - setup - sums[shift]
        block[2] = block[1]
        if work > 0:
            shift = shift_with(sums, low, high, reached + work - 1)
            block[2] = begins[shift] + reached + work - sums[shift]
        return True
    earliest = max(free, ready - setup)
    left, right = low, high
    while left < right:
        middle = (left + right) // 2
        if ends[middle] <= earliest:
            left = middle + 1
        else:
            right = middle
    for shift in range(left, high):
        begin = max(earliest, begins[shift])
        if begin + setup + work <= ends[shift]:
            block[0], block[1], block[2] = begin, begin + setup, begin + setup + work
            return True
    return False


@compiled
def decode(  # noqa: C901 (one loop, fast)
    sequence: Array,
    choice: Array,
    choice_machine: Array,
    choice_minutes: Array,
    earlier: Array,
    earlier_at: Array,
    release: Array,
    family: Array,
    orders: Array,
    orders_at: Array,
    due: Array,
    rate: Array,
    begins: Array,
    ends: Array,
    sums: Array,
    shifts_at: Array,
    may_pause: Array,
    setups: Array,
    first_family: Array,
    machine_rate: Array,
    stays: Array,
    stays_at: Array,
    known_end: Array,
    old_start: Array,
    move_rate: float,
    horizon: int,
    places: Array,
) -> float:
    """Place all loads and fill in `places` (set-up start, start, end of each load).

    Returns:
        Lateness + set-ups + work + moves in money, or infinity if a load finds no place.
    """
    n_machines = len(first_family)
    free, state, at_stay = np.zeros(n_machines, np.int64), first_family.copy(), stays_at[:n_machines].copy()
    completed = np.zeros(len(due), np.int64)
    block, cost = np.zeros(3, np.int64), 0.0
    places[:, 2] = known_end
    for load in known_end.nonzero()[0]:
        for at in range(orders_at[load], orders_at[load + 1]):
            completed[orders[at]] = max(completed[orders[at]], known_end[load])
    for load in sequence:
        pick = choice[load]
        machine, work = choice_machine[pick], choice_minutes[pick]
        ready = release[load]
        for at in range(earlier_at[load], earlier_at[load + 1]):
            ready = max(ready, places[earlier[at], 2])
        own, low, passed = state[machine], free[machine], at_stay[machine]
        setup = 0
        while True:
            last = passed >= stays_at[machine + 1]
            setup = setups[machine, own, family[load]]
            limit = horizon if last else stays[passed, 0]
            after = family[load] if family[load] > 0 else own
            fits = last or setups[machine, after, stays[passed, 2]] <= stays[passed, 3]
            found = fits and find_block(
                begins,
                ends,
                sums,
                shifts_at[machine, 0],
                shifts_at[machine, 1],
                may_pause[machine],
                low,
                setup,
                ready,
                work,
                block,
            )
            if found and block[2] <= limit:
                break
            if last:
                return np.inf
            low = max(low, stays[passed, 1])
            own = stays[passed, 2] if stays[passed, 2] > 0 else own
            passed += 1
        free[machine], at_stay[machine] = block[2], passed
        state[machine] = family[load] if family[load] > 0 else own
        places[load, 0], places[load, 1], places[load, 2] = block[0], block[1], block[2]
        cost += machine_rate[machine] * (setup + work)
        if old_start[load] >= 0:
            cost += move_rate * abs(block[1] - old_start[load])
        for at in range(orders_at[load], orders_at[load + 1]):
            completed[orders[at]] = max(completed[orders[at]], block[2])
    for order in range(len(due)):
        cost += rate[order] * max(0, completed[order] - due[order])
    return cost


@compiled
def longest(places: Array) -> float:
    """The end of the last load."""
    return float(places[:, 2].max())
