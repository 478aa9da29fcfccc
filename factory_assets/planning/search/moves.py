"""Inner loops of the annealing: which change to try next."""

# ruff: noqa: PLR0917 (compiled functions take arrays one by one, and no keywords)
from __future__ import annotations

from typing import Any

import numpy as np

from factory_assets.planning.search.compiled import compiled
from factory_assets.planning.search.critical_moves import draw

Array = Any


@compiled
def late_load(
    ends: Array, due: Array, rate: Array, members: Array, members_at: Array, places: Array, active: Array, random: Array
) -> int:
    """The last load of an order that is late, drawn by what its lateness costs; -1 if none is."""
    total = 0.0
    for order in range(len(ends)):
        total += rate[order] * max(0, ends[order] - due[order])
    if total <= 0:
        return -1
    left, order = total * draw(random, 1 << 20) / (1 << 20), -1
    while left >= 0 and order < len(ends) - 1:
        order += 1
        left -= rate[order] * max(0, ends[order] - due[order])
    for at in range(members_at[order], members_at[order + 1]):
        if active[members[at]] and places[members[at], 2] == ends[order]:
            return int(members[at])
    return -1


@compiled
def blocked_load(
    load: int, loads: Array, earlier: Array, earlier_at: Array, places: Array, known: Array, random: Array
) -> int:
    """A load that a machine or a resource kept from beginning, drawn from all that made a load as late as it is.

    The way leads back from load to load, always to the one that ended last of those that had to end before.
    """
    found, count = -1, 0
    for _ in range(len(loads)):
        ready, previous = loads[load, 0], -1
        for at in range(earlier_at[load], earlier_at[load + 1]):
            if places[earlier[at], 2] > ready:
                ready, previous = places[earlier[at], 2], earlier[at]
        on_machine = places[load, 5]
        setup = places[load, 1] - places[load, 0]
        if on_machine >= 0 and places[on_machine, 2] > ready - setup:
            previous = on_machine
        if places[load, 1] > ready:
            count += 1
            if draw(random, count) == 0:
                found = load
        if previous < 0 or known[previous]:
            break
        load = previous
    return found


@compiled
def bounds(
    load: int, n: int, earlier: Array, earlier_at: Array, later: Array, later_at: Array, position: Array
) -> tuple[int, int]:
    """The first and the last place in the sequence that precedence allows."""
    low, high = 0, n - 1
    for at in range(earlier_at[load], earlier_at[load + 1]):
        low = max(low, position[earlier[at]] + 1)
    for at in range(later_at[load], later_at[load + 1]):
        if position[later[at]] >= 0:
            high = min(high, position[later[at]] - 1)
    return low, high


@compiled
def passing(
    load: int,
    step: int,
    left: int,
    low: int,
    high: int,
    machine: int,
    family: int,
    loads: Array,
    choices: Array,
    sequence: Array,
    position: Array,
    active: Array,
    places: Array,
) -> int:
    """Where a load goes when it passes some loads of a machine, or (family > 0) to the next one of its family."""
    to, found = position[load], position[load]
    while left > 0 and low <= to + step <= high:
        to += step
        other = sequence[to]
        if active[other] and choices[places[other, 3], 0] == machine:
            if family <= 0:
                found = to
                left -= 1
            elif loads[other, 1] == family:
                return int(to - step) if to - step != position[load] else int(to)
    return int(found)


@compiled
def shift(sequence: Array, position: Array, old: int, to: int) -> None:
    """Move the load at one place of the sequence to another."""
    load = sequence[old]
    step = 1 if to > old else -1
    while old != to:
        sequence[old] = sequence[old + step]
        position[sequence[old]] = old
        old += step
    sequence[to] = load
    position[load] = to


@compiled
def sort_by_start(
    sequence: Array, position: Array, active: Array, places: Array, earlier: Array, earlier_at: Array
) -> None:
    """Put the sequence into the order of the starts, as far as precedence allows."""
    start = np.zeros(len(position), np.int64)
    for at in range(len(sequence)):
        load = sequence[at]
        start[load] = places[load, 0] if active[load] else 0
        for before in range(earlier_at[load], earlier_at[load + 1]):
            start[load] = max(start[load], start[earlier[before]])
        to = at
        while to > 0 and start[sequence[to - 1]] > start[load]:
            sequence[to] = sequence[to - 1]
            to -= 1
        sequence[to] = load
    for at in range(len(sequence)):
        position[sequence[at]] = at
