"""Inner loops of the annealing: who is there and free, which tool is free, how long the stock lasts.

A lane is one person or one tool. `busy` holds begin and end of what each lane does, by time, and `count` how many of
them; `events` and `amounts` what comes and goes of each material, by time, and `n_events` how many. This is what
`Board` does, in numbers only.
"""

# ruff: noqa: PLR0917 (compiled functions take arrays one by one, and no keywords)
from __future__ import annotations

from typing import Any

from factory_assets.planning.search.compiled import compiled

Array = Any


@compiled
def free_from(busy: Array, count: int, begin: int, end: int) -> int:
    """`begin` if nothing is in the way of [begin, end), else when what is in the way ends."""
    left, right = 0, count
    while left < right:
        middle = (left + right) // 2
        if busy[middle, 0] <= begin:
            left = middle + 1
        else:
            right = middle
    if left > 0 and busy[left - 1, 1] > begin:
        return int(busy[left - 1, 1])
    if left < count and busy[left, 0] < end:
        return int(max(busy[left, 1], begin + 1))
    return begin


@compiled
def take(busy: Array, count: Array, lane: int, begin: int, end: int) -> None:
    """Mark a lane as busy."""
    own, at = busy[lane], count[lane]
    while at > 0 and own[at - 1, 0] >= begin:
        own[at, 0], own[at, 1] = own[at - 1, 0], own[at - 1, 1]
        at -= 1
    own[at, 0], own[at, 1] = begin, end
    count[lane] += 1


@compiled
def is_there(there: Array, low: int, high: int, begin: int, end: int) -> bool:
    """Whether [begin, end) lies in one of the shifts of a lane."""
    left, right = low, high
    while left < right:
        middle = (left + right) // 2
        if there[middle, 0] <= begin:
            left = middle + 1
        else:
            right = middle
    return left > low and there[left - 1, 1] >= end


@compiled
def is_there_in_shifts(
    there: Array, low: int, high: int, shifts: Array, first: int, last: int, start: int, end: int
) -> bool:
    """Whether all pieces of [start, end) in the shifts (first to last - 1; -1: always) of a machine lie in theirs."""
    if first < 0:
        return bool(is_there(there, low, high, start, end))
    left, right = first, last
    while left < right:
        middle = (left + right) // 2
        if shifts[middle, 1] <= start:
            left = middle + 1
        else:
            right = middle
    for shift in range(left, last):
        if shifts[shift, 0] >= end:
            break
        if not is_there(there, low, high, max(start, shifts[shift, 0]), min(end, shifts[shift, 1])):
            return False
    return True


@compiled
def find_person(
    able: Array,
    first_able: int,
    last_able: int,
    there: Array,
    there_at: Array,
    shifts: Array,
    first: int,
    last: int,
    busy: Array,
    n_busy: Array,
    block: Array,
) -> int:
    """The block's start with the first person who can (in `block[3]`), or a later minute to try; -1: nobody ever.

    They must be there in the pieces of the block in the shifts of a machine, those from `first` to `last` - 1 (-1: from
    begin to end).
    """
    start, end, soonest = block[1], block[2], -1
    for at in range(first_able, last_able):
        lane = able[at]
        later = free_from(busy[lane], n_busy[lane], start, end)
        low, high = there_at[lane, 0], there_at[lane, 1]
        if later == start and low >= 0 and not is_there_in_shifts(there, low, high, shifts, first, last, start, end):
            while low < high and there[low, 0] <= start:
                low += 1
            later = there[low, 0] if low < high else -1
        if later == start:
            block[3] = lane
            return int(start)
        if later >= 0 and (soonest < 0 or later < soonest):
            soonest = later
    return int(soonest)


@compiled
def find_tool(first: int, last: int, busy: Array, n_busy: Array, block: Array) -> int:
    """The block's start with the first tool that is free (in `block[4]`), or a later minute to try; -1: never."""
    start, soonest = block[1], -1
    for lane in range(first, last):
        later = free_from(busy[lane], n_busy[lane], start, block[2])
        if later == start:
            block[4] = lane
            return int(start)
        if soonest < 0 or later < soonest:
            soonest = later
    return int(soonest)


@compiled
def lasts_from(events: Array, amounts: Array, n_events: int, quantity: float) -> int:
    """The first minute from which the stock lasts for a quantity; -1: never."""
    left = 0.0
    for at in range(n_events):
        left += amounts[at]
    found = -1
    for at in range(n_events - 1, -1, -1):
        if left < quantity - 1e-9:
            break
        found = events[at]
        left -= amounts[at]
    return int(found)


@compiled
def use(events: Array, amounts: Array, n_events: Array, material: int, minute: int, quantity: float) -> None:
    """Take a quantity from the stock."""
    own, much, at = events[material], amounts[material], n_events[material]
    while at > 0 and own[at - 1] >= minute:
        own[at], much[at] = own[at - 1], much[at - 1]
        at -= 1
    own[at], much[at] = minute, -quantity
    n_events[material] += 1
