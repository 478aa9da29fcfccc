"""Tabu search for the makespan of a plain shop: jobs as chains, machines always working, nothing else needed."""

# ruff: noqa: PLR0917 (compiled functions take arrays one by one, and no keywords)
from __future__ import annotations

from typing import Any

import numpy as np

from factory_assets.planning.problem import Schedule, Task
from factory_assets.planning.search.compiled import compiled
from factory_assets.planning.search.critical_moves import (
    ASSIGN,
    HASHES,
    critical_path,
    draw,
    key,
    longest_paths,
    make,
    offer,
    try_after,
    try_before,
)
from factory_assets.planning.search.loads import Shop
from factory_assets.planning.search.plain import PlainShop

Array = Any
ELITE = 12  # good schedules that a stalled search goes back to
STALL = 10_000  # steps without a better schedule before it does
LAPS = 250  # new beginnings without a better schedule before the good ones are forgotten


@compiled
def search(
    steps: int,
    target: int,
    job_before: Array,
    job_after: Array,
    choices: Array,
    choice_machine: Array,
    choice_minutes: Array,
    now: Array,
    best: Array,
    lap: Array,
    elite: Array,
    first: Array,
    tabu: Array,
    random: Array,
    status: Array,
) -> None:
    """Go on with the search.

    Args:
        steps: How many moves to make.
        target: Stop at a makespan as small as this.
        job_before: As in `PlainShop`, and so the next four.
        job_after: See above.
        choices: See above.
        choice_machine: See above.
        choice_minutes: See above.
        now: Rows of the present schedule: choice, machine, minutes, before, after of each operation.
        best: The best schedule found, as `now`.
        lap: The best one since the last new beginning.
        elite: Good schedules, unlike each other, to begin anew from.
        first: The first operation of each machine.
        tabu: For each pair of numbers, by hash, until which step it is forbidden.
        random: State of the random numbers.
        status: Step, best makespan, steps since the lap's best was found, random moves to make, the makespans of the
            elite (-1: not there), laps since the best was found, the makespan of the lap's best.
    """
    n = len(job_before)
    minutes, before, after = now[2], now[3], now[4]
    order, head, tail = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64)
    path, piece, move = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(6, np.int64)
    for _ in range(steps):
        status[0] += 1
        makespan = longest_paths(job_before, job_after, before, after, minutes, order, head, tail)
        if makespan < 0 or status[2] > STALL:
            status[-2] += 1
            if status[-2] > LAPS:
                status[-2] = 0
                status[4 : 4 + ELITE] = -1
            _remember(lap, elite, status)
            _restart(job_before, job_after, now, elite, first, status, random)
            tabu[:] = 0
            status[2], status[-1] = 0, 1 << 60
            makespan = longest_paths(job_before, job_after, before, after, minutes, order, head, tail)
        status[2] += 1
        if makespan < status[-1]:
            status[-1], status[2] = makespan, 0
            lap[:] = now
        if makespan < status[1]:
            status[1], status[-2] = makespan, 0
            best[:] = now
        if status[1] <= target:
            return
        length = critical_path(job_after, after, minutes, head, tail, makespan, random, path)
        move[0], move[1], move[2] = 1 << 60, 0, -1
        best_swap(job_before, job_after, now, head, tail, path, length, piece, tabu, random, status, move)
        best_change(
            job_before,
            job_after,
            choices,
            choice_machine,
            choice_minutes,
            now,
            first,
            head,
            tail,
            path,
            length,
            tabu,
            random,
            status,
            move,
        )
        status[3] = max(0, status[3] - 1)
        if move[2] < 0:
            status[2] = STALL + 1
        else:
            make(move, choice_machine, choice_minutes, now, first, tabu, random, status)


@compiled
def best_swap(
    job_before: Array,
    job_after: Array,
    now: Array,
    head: Array,
    tail: Array,
    path: Array,
    length: int,
    piece: Array,
    tabu: Array,
    random: Array,
    status: Array,
    move: Array,
) -> None:
    """Look at all moves within the blocks of the critical path."""
    after, block = now[4], 0
    while block < length:
        end = block
        while end + 1 < length and after[path[end]] == path[end + 1]:
            end += 1
        for at in range(block, end + 1):
            if at < end:
                try_after(
                    job_before, job_after, now, head, tail, path[at], path[end], piece, tabu, random, status, move
                )
            if at > block:
                try_before(
                    job_before, job_after, now, head, tail, path[at], path[block], piece, tabu, random, status, move
                )
            if block < at < end:
                try_after(
                    job_before, job_after, now, head, tail, path[block], path[at], piece, tabu, random, status, move
                )
                try_before(
                    job_before, job_after, now, head, tail, path[end], path[at], piece, tabu, random, status, move
                )
        block = end + 1


@compiled
def best_change(
    job_before: Array,
    job_after: Array,
    choices: Array,
    choice_machine: Array,
    choice_minutes: Array,
    now: Array,
    first: Array,
    head: Array,
    tail: Array,
    path: Array,
    length: int,
    tabu: Array,
    random: Array,
    status: Array,
    move: Array,
) -> None:
    """Look at all places on all machines for the operations of the critical path that have a choice."""
    n, minutes, after = len(job_before), now[2], now[4]
    for at in range(length):
        one = path[at]
        if choices[one + 1] - choices[one] < 2:
            continue
        previous, following = job_before[one], job_after[one]
        ready = head[previous] + minutes[previous] if previous >= 0 else 0
        rest = tail[following] if following >= 0 else 0
        for pick in range(choices[one], choices[one + 1]):
            k = choice_machine[pick]
            if pick == now[0, one]:
                continue
            forbidden = tabu[key(one, n + k)] > status[0]
            x, y = -1, first[k]
            while True:
                if y == one:
                    y = after[y]
                # No way may lead from the next of the job to x, or from y to the one before in the job.
                if x >= 0 and following >= 0 and head[x] >= head[following] + minutes[following]:
                    break
                if y < 0 or previous < 0 or head[previous] < head[y] + minutes[y]:
                    start = max(ready, head[x] + minutes[x]) if x >= 0 else ready
                    value = start + choice_minutes[pick] + (max(rest, tail[y]) if y >= 0 else rest)
                    offer(value, forbidden, ASSIGN, one, x, pick, random, status, move)
                if y < 0:
                    break
                x, y = y, after[y]


@compiled
def _remember(lap: Array, elite: Array, status: Array) -> None:
    """Put the best schedule of a lap among the best: for one that is nearly the same, or for the worst."""
    makespan, n = status[-1], lap.shape[1]
    place = 0
    for at in range(ELITE):
        if status[4 + at] < 0:
            place = at
            break
        if status[4 + at] >= status[4 + place]:
            place = at
    for at in range(ELITE):
        if status[4 + at] >= 0:
            unlike = 0
            for one in range(n):
                unlike += int(elite[at, 3, one] != lap[3, one])
            if unlike * 20 < n:
                place = at
    if status[4 + place] < 0 or makespan <= status[4 + place]:
        status[4 + place] = makespan
        elite[place] = lap


@compiled
def _restart(
    job_before: Array, job_after: Array, now: Array, elite: Array, first: Array, status: Array, random: Array
) -> None:
    """Begin a lap between two of the best schedules: each operation at a mean of its times in both.

    Starts grow along jobs and machines in both schedules, so any mean of them gives an order without circles.
    """
    n, count = now.shape[1], 0
    for at in range(ELITE):
        count += int(status[4 + at] >= 0)
    one, other = draw(random, count), draw(random, count)
    share = 30 + draw(random, 41)
    order, heads, others, tail = (
        np.zeros(n, np.int64),
        np.zeros(n, np.int64),
        np.zeros(n, np.int64),
        np.zeros(n, np.int64),
    )
    a, b = elite[one], elite[other]
    longest_paths(job_before, job_after, a[3], a[4], a[2], order, heads, tail)
    longest_paths(job_before, job_after, b[3], b[4], b[2], order, others, tail)
    mean = heads * (100 - share) + others * share
    last = np.full(len(first), -1, np.int64)
    first[:] = -1
    for step in np.argsort(mean, kind="mergesort"):
        source = b if draw(random, 100) < share else a
        k = source[1, step]
        now[0, step], now[1, step], now[2, step] = source[0, step], k, source[2, step]
        now[3, step], now[4, step] = last[k], -1
        if last[k] < 0:
            first[k] = step
        else:
            now[4, last[k]] = step
        last[k] = step
    status[3] = 5 + draw(random, 20 if count > 1 else n) if one == other else 0


class TabuSearch:
    """A tabu search that can be asked for more, again and again.

    Attributes:
        best: The smallest makespan so far.
    """

    def __init__(self, shop: Shop, plain: PlainShop, start: Schedule, seed: int) -> None:
        self._shop, self._plain = shop, plain
        n = len(shop.loads)
        self._now = np.full((5, n), -1, np.int64)
        self._first = np.full(plain.n_machines, -1, np.int64)
        last = dict.fromkeys(range(plain.n_machines), -1)
        for task in sorted(start.tasks, key=lambda task: (task.start_min, task.end_min)):
            one, machine = shop.load_of[task.name], shop.machine_index[task.machine]
            if self._now[1, one] >= 0:
                continue  # another operation of its batch
            pick = self._pick(one, machine, task.end_min - task.start_min)
            self._now[:, one] = pick, machine, plain.choice_minutes[pick], last[machine], -1
            if last[machine] < 0:
                self._first[machine] = one
            else:
                self._now[4, last[machine]] = one
            last[machine] = one
        self._best, self._lap = self._now.copy(), self._now.copy()
        self._elite = np.repeat(self._now[None], ELITE, axis=0)
        self._tabu = np.zeros(HASHES, np.int64)
        self._random = np.array([(seed * 2654435761 + 12345) & 0x7FFFFFFF], np.int64)
        self._status = np.array([0, 1 << 60, 0, 0, *[-1] * ELITE, 0, 1 << 60], np.int64)

    @property
    def best(self) -> int:
        """The smallest makespan so far."""
        return int(self._status[1])

    def _pick(self, one: int, machine: int, minutes: int) -> int:
        plain = self._plain
        fitting = range(plain.choices[one], plain.choices[one + 1])
        return min(fitting, key=lambda at: (plain.choice_machine[at] != machine, plain.choice_minutes[at] != minutes))

    def burst(self, progress: float, target: float) -> float:
        """Search for a moment; see `Improver`."""
        del progress
        return self.run(max(5, 30_000 // self._now.shape[1]), int(target))

    def run(self, steps: int, target: int = 0) -> int:
        """Make moves, until the makespan is as small as the target; returns the smallest makespan so far."""
        plain = self._plain
        search(
            steps,
            target,
            plain.job_before,
            plain.job_after,
            plain.choices,
            plain.choice_machine,
            plain.choice_minutes,
            self._now,
            self._best,
            self._lap,
            self._elite,
            self._first,
            self._tabu,
            self._random,
            self._status,
        )
        return self.best

    def tasks(self) -> list[Task]:
        """The tasks of the best schedule."""
        plain, best = self._plain, self._best
        n = best.shape[1]
        head, tail, order = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64)
        longest_paths(plain.job_before, plain.job_after, best[3], best[4], best[2], order, head, tail)
        found = []
        for load in self._shop.loads:
            start, machine = int(head[load.index]), self._shop.machines[int(best[1, load.index])].name
            end = start + int(best[2, load.index])
            found += [Task(name, machine, start, start, end) for name in load.names]
        return found
