"""Inner loops of the tabu search for the makespan: longest paths, moves on the critical path, and their estimates.

Operations are numbers. `job_before`, `job_after`, `before`, `after` hold the neighbours of each operation in its job
and on its machine, -1 for none. A head is the earliest start; a tail the longest way from the start of an operation to
the end of the schedule.

Sources: Balas and Vazacopoulos 1998 (moves to the ends of a block, their feasibility and estimates); Zhang, Li, Guan
and Rao 2007 (moves from the ends into a block); Mastrolilli and Gambardella 2000 (changes of the machine).
"""

# ruff: noqa: PLR0917, FBT001 (compiled functions take arrays one by one, and no keywords)
from __future__ import annotations

from typing import Any

import numpy as np

from factory_assets.planning.search.compiled import compiled

Array = Any
HASHES = 1 << 20
AFTER, BEFORE, ASSIGN = 0, 1, 2
TENURE = 5  # steps for which a move is not taken back, at least; long ones hinder more than they help


@compiled
def draw(random: Array, below: int) -> int:
    """A number from 0 to below - 1; `random` holds the state of the generator."""
    random[0] = (random[0] * 1103515245 + 12345) & 0x7FFFFFFF
    return int((random[0] >> 8) % below)


@compiled
def longest_paths(  # noqa: C901 (one loop, fast)
    job_before: Array,
    job_after: Array,
    before: Array,
    after: Array,
    minutes: Array,
    order: Array,
    head: Array,
    tail: Array,
) -> int:
    """Fill in heads and tails; returns the makespan, or -1 if operations wait for each other in a circle."""
    n = len(minutes)
    waiting = np.zeros(n, np.int64)
    filled = 0
    for one in range(n):
        waiting[one] = int(job_before[one] >= 0) + int(before[one] >= 0)
        if waiting[one] == 0:
            order[filled] = one
            filled += 1
    at = 0
    while at < filled:
        one = order[at]
        at += 1
        start = 0
        if job_before[one] >= 0:
            start = head[job_before[one]] + minutes[job_before[one]]
        if before[one] >= 0:
            start = max(start, head[before[one]] + minutes[before[one]])
        head[one] = start
        for following in (job_after[one], after[one]):
            if following >= 0:
                waiting[following] -= 1
                if waiting[following] == 0:
                    order[filled] = following
                    filled += 1
    if filled < n:
        return -1
    makespan = 0
    for back in range(n - 1, -1, -1):
        one = order[back]
        rest = 0
        if job_after[one] >= 0:
            rest = tail[job_after[one]]
        if after[one] >= 0:
            rest = max(rest, tail[after[one]])
        tail[one] = rest + minutes[one]
        makespan = max(makespan, head[one] + tail[one])
    return makespan


@compiled
def critical_path(
    job_after: Array, after: Array, minutes: Array, head: Array, tail: Array, makespan: int, random: Array, path: Array
) -> int:
    """Fill in one critical path, drawn at random where it forks; returns its length."""
    n, count, now = len(minutes), 0, -1
    for one in range(n):
        if head[one] == 0 and tail[one] == makespan:
            count += 1
            if draw(random, count) == 0:
                now = one
    length = 0
    while now >= 0:
        path[length] = now
        length += 1
        end = head[now] + minutes[now]
        job, machine = job_after[now], after[now]
        by_job = job >= 0 and head[job] == end and head[job] + tail[job] == makespan
        by_machine = machine >= 0 and head[machine] == end and head[machine] + tail[machine] == makespan
        if by_job and by_machine:
            now = job if draw(random, 2) == 0 else machine
        elif by_job:
            now = job
        elif by_machine:
            now = machine
        else:
            now = -1
    return length


@compiled
def estimate_after(
    job_before: Array,
    job_after: Array,
    before: Array,
    after: Array,
    minutes: Array,
    head: Array,
    tail: Array,
    one: int,
    last: int,
    heads: Array,
) -> int:
    """The longest way through the moved piece if `one` goes directly behind `last` on its machine."""
    start = 0
    if before[one] >= 0:
        start = head[before[one]] + minutes[before[one]]
    now, count = after[one], 0
    while True:
        if job_before[now] >= 0:
            start = max(start, head[job_before[now]] + minutes[job_before[now]])
        heads[count] = start
        count += 1
        start += minutes[now]
        if now == last:
            break
        now = after[now]
    if job_before[one] >= 0:
        start = max(start, head[job_before[one]] + minutes[job_before[one]])
    rest = 0
    if after[last] >= 0:
        rest = tail[after[last]]
    if job_after[one] >= 0:
        rest = max(rest, tail[job_after[one]])
    rest += minutes[one]
    longest = start + rest
    now = last
    while now != one:
        if job_after[now] >= 0:
            rest = max(rest, tail[job_after[now]])
        rest += minutes[now]
        count -= 1
        longest = max(longest, heads[count] + rest)
        now = before[now]
    return int(longest)


@compiled
def estimate_before(
    job_before: Array,
    job_after: Array,
    before: Array,
    after: Array,
    minutes: Array,
    head: Array,
    tail: Array,
    one: int,
    first: int,
    tails: Array,
) -> int:
    """The longest way through the moved piece if `one` goes directly before `first` on its machine."""
    rest = 0
    if after[one] >= 0:
        rest = tail[after[one]]
    now, count = before[one], 0
    while True:
        if job_after[now] >= 0:
            rest = max(rest, tail[job_after[now]])
        rest += minutes[now]
        tails[count] = rest
        count += 1
        if now == first:
            break
        now = before[now]
    if job_after[one] >= 0:
        rest = max(rest, tail[job_after[one]])
    rest += minutes[one]
    start = 0
    if before[first] >= 0:
        start = head[before[first]] + minutes[before[first]]
    if job_before[one] >= 0:
        start = max(start, head[job_before[one]] + minutes[job_before[one]])
    longest = start + rest
    start += minutes[one]
    now = first
    while now != one:
        if job_before[now] >= 0:
            start = max(start, head[job_before[now]] + minutes[job_before[now]])
        count -= 1
        longest = max(longest, start + tails[count])
        start += minutes[now]
        now = after[now]
    return int(longest)


@compiled
def key(one: int, other: int) -> int:
    """Where the tabu list keeps a pair of numbers."""
    return (one * 7919 + other * 104729) % HASHES


@compiled
def is_tabu(after: Array, kind: int, one: int, other: int, tabu: Array, now: int) -> bool:
    """Whether a move within a machine would put a pair back into an order that was given up lately."""
    step = one if kind == AFTER else other
    while step != other if kind == AFTER else step != one:
        if kind == AFTER:
            step = after[step]
            if tabu[key(step, one)] > now:
                return True
        else:
            if tabu[key(one, step)] > now:
                return True
            step = after[step]
    return False


@compiled
def offer(
    value: int, forbidden: bool, kind: int, one: int, other: int, pick: int, random: Array, status: Array, move: Array
) -> None:
    """Keep a move if it is better than those seen, at random among equals; a tabu one only if it beats the best.

    `move` holds value, number of equals, kind, operation, other operation and choice. While random moves are due
    (`status[3]`), all are equal.
    """
    if status[3] > 0:
        value = 0
    elif forbidden and value >= status[1]:
        value += 1 << 40
    if value > move[0]:
        return
    move[1] = move[1] + 1 if value == move[0] else 1
    if value < move[0] or draw(random, move[1]) == 0:
        move[0], move[2], move[3], move[4], move[5] = value, kind, one, other, pick


@compiled
def try_after(
    job_before: Array,
    job_after: Array,
    now: Array,
    head: Array,
    tail: Array,
    one: int,
    last: int,
    piece: Array,
    tabu: Array,
    random: Array,
    status: Array,
    move: Array,
) -> None:
    """Offer to put `one` directly behind `last`, if no way leads from the next of its job to `last`."""
    if job_after[one] >= 0 and tail[last] < tail[job_after[one]]:
        return
    value = estimate_after(job_before, job_after, now[3], now[4], now[2], head, tail, one, last, piece)
    offer(value, is_tabu(now[4], AFTER, one, last, tabu, status[0]), AFTER, one, last, -1, random, status, move)


@compiled
def try_before(
    job_before: Array,
    job_after: Array,
    now: Array,
    head: Array,
    tail: Array,
    one: int,
    first: int,
    piece: Array,
    tabu: Array,
    random: Array,
    status: Array,
    move: Array,
) -> None:
    """Offer to put `one` directly before `first`, if no way leads from `first` to the one before in its job."""
    previous = job_before[one]
    if previous >= 0 and head[first] + now[2, first] < head[previous] + now[2, previous]:
        return
    value = estimate_before(job_before, job_after, now[3], now[4], now[2], head, tail, one, first, piece)
    offer(value, is_tabu(now[4], BEFORE, one, first, tabu, status[0]), BEFORE, one, first, -1, random, status, move)


@compiled
def unlink(first: Array, before: Array, after: Array, machine: Array, one: int) -> None:
    """Take an operation off its machine."""
    if before[one] >= 0:
        after[before[one]] = after[one]
    else:
        first[machine[one]] = after[one]
    if after[one] >= 0:
        before[after[one]] = before[one]


@compiled
def link(first: Array, before: Array, after: Array, machine: Array, one: int, previous: int) -> None:
    """Put an operation on its machine behind another (-1: to the front)."""
    following = first[machine[one]] if previous < 0 else after[previous]
    before[one], after[one] = previous, following
    if previous >= 0:
        after[previous] = one
    else:
        first[machine[one]] = one
    if following >= 0:
        before[following] = one


@compiled
def make(
    move: Array,
    choice_machine: Array,
    choice_minutes: Array,
    now: Array,
    first: Array,
    tabu: Array,
    random: Array,
    status: Array,
) -> None:
    """Make a move, and forbid for a while to take it back."""
    machine, before, after = now[1], now[3], now[4]
    kind, one, other, pick = move[2], move[3], move[4], move[5]
    n = now.shape[1]
    tenure = TENURE + n // max(1, len(first) * 15)
    until = status[0] + tenure + draw(random, tenure // 2 + 1)
    if kind == ASSIGN:
        tabu[key(one, n + machine[one])] = until
        unlink(first, before, after, machine, one)
        now[0, one], now[1, one], now[2, one] = pick, choice_machine[pick], choice_minutes[pick]
        link(first, before, after, machine, one, other)
    elif kind == AFTER:
        step = one
        while step != other:
            step = after[step]
            tabu[key(one, step)] = until
        unlink(first, before, after, machine, one)
        link(first, before, after, machine, one, other)
    else:
        step = other
        while step != one:
            tabu[key(step, one)] = until
            step = after[step]
        previous = before[other]
        unlink(first, before, after, machine, one)
        link(first, before, after, machine, one, previous)
