"""Simulated annealing over the sequence of loads and their machines, for costs and for the makespan of any shop.

It covers machines with shifts, pauses, set-ups and fixed stays, alternatives, release and due dates, and moves from the
schedule in force. It does not cover operators, tools and material; `annealing_of` says so by None.
"""

# ruff: noqa: PLR0917 (compiled functions take arrays one by one, and no keywords)
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from factory_assets.planning.costs import Objective
from factory_assets.planning.problem import Schedule, Task
from factory_assets.planning.search.board import Board
from factory_assets.planning.search.compiled import compiled
from factory_assets.planning.search.critical_moves import draw
from factory_assets.planning.search.decoding import NEVER, decode, longest
from factory_assets.planning.search.loads import Shop

Array = Any
HOT = 0.05  # first temperature, as a share of the mean rise
COLD = 0.03  # last temperature, as a share of the first


@dataclass
class Numbers:
    """A problem in arrays, in the order in which `decode` takes them."""

    choice_machine: Array
    choice_minutes: Array
    earlier: Array
    earlier_at: Array
    release: Array
    family: Array
    orders: Array
    orders_at: Array
    due: Array
    rate: Array
    begins: Array
    ends: Array
    sums: Array
    shifts_at: Array
    may_pause: Array
    setups: Array
    first_family: Array
    machine_rate: Array
    stays: Array
    stays_at: Array
    known_end: Array
    old_start: Array
    move_rate: float
    horizon: int


@compiled
def anneal(
    steps: int,
    hot: float,
    makespan_only: bool,  # noqa: FBT001 (compiled functions take no keywords)
    numbers: Any,
    later: Array,
    later_at: Array,
    choices_at: Array,
    sequence: Array,
    position: Array,
    choice: Array,
    places: Array,
    best_sequence: Array,
    best_choice: Array,
    values: Array,
    random: Array,
) -> None:
    """Make random changes; keep those that cost less, and of others the fewer, the more they cost and the colder it is.

    `values` holds the present and the best value, then the sum and the number of all rises.
    """
    n = len(sequence)
    earlier, earlier_at, machine_of = numbers[2], numbers[3], numbers[0]
    for _ in range(steps):
        load = sequence[draw(random, n)]
        n_choices = choices_at[load + 1] - choices_at[load]
        old_choice, old = choice[load], position[load]
        to = old
        if n_choices > 1 and draw(random, 2) == 0:
            choice[load] = choices_at[load] + draw(random, n_choices)
        if choice[load] == old_choice or draw(random, 3) == 0:
            to = _target(load, sequence, position, choice, machine_of, earlier, earlier_at, later, later_at, random)
        if to == old and choice[load] == old_choice:
            continue
        _shift(sequence, position, old, to)
        value = decode(sequence, choice, *numbers, places)
        if makespan_only and value < np.inf:
            value = longest(places)
        rise = value - values[0]
        if 0 < rise < np.inf:
            values[2] += rise
            values[3] += 1
        if rise <= 0 or (hot > 0 and rise < np.inf and draw(random, 1 << 20) < math.exp(-rise / hot) * (1 << 20)):
            values[0] = value
            if value < values[1]:
                values[1] = value
                best_sequence[:] = sequence
                best_choice[:] = choice
        else:
            _shift(sequence, position, to, old)
            choice[load] = old_choice


@compiled
def _target(
    load: int,
    sequence: Array,
    position: Array,
    choice: Array,
    machine_of: Array,
    earlier: Array,
    earlier_at: Array,
    later: Array,
    later_at: Array,
    random: Array,
) -> int:
    """Where in the sequence a load could go: past one to four loads of its machine, as far as precedence allows."""
    low, high = 0, len(sequence) - 1
    for at in range(earlier_at[load], earlier_at[load + 1]):
        low = max(low, position[earlier[at]] + 1)
    for at in range(later_at[load], later_at[load + 1]):
        if position[later[at]] >= 0:
            high = min(high, position[later[at]] - 1)
    step = 1 if draw(random, 2) == 0 else -1
    left, to, found = 1 + draw(random, 4), position[load], position[load]
    machine = machine_of[choice[load]]
    while left > 0 and low <= to + step <= high:
        to += step
        if machine_of[choice[sequence[to]]] == machine:
            left -= 1
            found = to
    return int(found)


@compiled
def _shift(sequence: Array, position: Array, old: int, to: int) -> None:
    """Move the load at one place of the sequence to another."""
    load = sequence[old]
    step = 1 if to > old else -1
    while old != to:
        sequence[old] = sequence[old + step]
        position[sequence[old]] = old
        old += step
    sequence[to] = load
    position[load] = to


class Annealing:
    """An annealing that can be asked for more, again and again.

    Attributes:
        best: The smallest value so far, in money without the risk of maintenance, or in minutes.
    """

    def __init__(self, shop: Shop, start: Schedule, objective: Objective, seed: int) -> None:
        self._shop, self._objective = shop, objective
        self._maintenance = {
            task.name: start.task[task.name].start_min if task.name in start.task else None
            for task in shop.problem.maintenance
        }
        self._fixed = Board(shop, self._maintenance)
        numbers = _numbers(shop, self._fixed)
        self._numbers = tuple(getattr(numbers, name) for name in numbers.__dataclass_fields__)
        n = len(shop.loads)
        self._choices_at = np.array([0, *np.cumsum([len(load.choices) for load in shop.loads])], np.int64)
        self._later, self._later_at = _rows(shop.followers)
        placed = [load for load in shop.loads if load.names[0] in start.task and load.index not in self._fixed.end]
        rank = {number: at for at, number in enumerate(shop.sorted)}
        placed.sort(key=lambda load: (start.task[load.names[0]].setup_start_min, rank[load.index]))
        self._sequence = np.array([load.index for load in _in_order(placed, shop)], np.int64)
        self._position = np.full(n, -1, np.int64)
        self._position[self._sequence] = np.arange(len(self._sequence))
        self._choice = self._choices_at[:-1].copy()
        for load in placed:
            self._choice[load.index] += _pick(shop, load.index, start.task[load.names[0]])
        self._places = np.zeros((n, 3), np.int64)
        self._best_sequence, self._best_choice = self._sequence.copy(), self._choice.copy()
        self._random = np.array([(seed * 2654435761 + 777) & 0x7FFFFFFF], np.int64)
        self._values: Array | None = None

    @property
    def best(self) -> float:
        """The smallest value so far."""
        return float(self._values[1]) if self._values is not None else math.inf

    def burst(self, progress: float, target: float) -> float:
        """Search for a moment; see `Improver`."""
        del target
        return self.run(max(2, 20_000 // max(1, len(self._sequence))), progress)

    def run(self, steps: int, progress: float = 1.0) -> float:
        """Make changes.

        Args:
            steps: How many.
            progress: How much of the whole search is over, from 0 (hot) to 1 (cold).

        Returns:
            The smallest value so far.
        """
        if len(self._sequence) == 0:
            return self.best
        if self._values is None:
            value = decode(self._sequence, self._choice, *self._numbers, self._places)
            if self._objective == "makespan" and value < math.inf:
                value = longest(self._places)
            self._values = np.array([value, value, 0.0, 0.0])
        values = self._values
        mean_rise = values[2] / values[3] if values[3] else 0.0
        hot = HOT * mean_rise * COLD ** min(1.0, progress) if progress < 1 else 0.0
        anneal(
            steps,
            hot,
            self._objective == "makespan",
            self._numbers,
            self._later,
            self._later_at,
            self._choices_at,
            self._sequence,
            self._position,
            self._choice,
            self._places,
            self._best_sequence,
            self._best_choice,
            values,
            self._random,
        )
        return self.best

    def tasks(self) -> list[Task]:
        """The tasks of the best schedule."""
        places = np.zeros_like(self._places)
        decode(self._best_sequence.copy(), self._best_choice.copy(), *self._numbers, places)
        found = list(self._fixed.tasks)
        for number in self._best_sequence:
            load = self._shop.loads[number]
            choice = load.choices[self._best_choice[number] - self._choices_at[number]]
            setup_start, start, end = (int(minute) for minute in places[number])
            machine = self._shop.machines[choice.machine].name
            found += [Task(name, machine, setup_start, start, end) for name in load.names]
        return found


def annealing_of(shop: Shop, start: Schedule, objective: Objective, seed: int) -> Annealing | None:
    """An annealing that begins at a schedule; None if the problem has operators, tools or material."""
    choices = [choice for load in shop.loads for choice in load.choices]
    if any(choice.skill or choice.tool for choice in choices) or any(load.materials for load in shop.loads):
        return None
    return Annealing(shop, start, objective, seed)


def _pick(shop: Shop, number: int, task: Task) -> int:
    """Which choice of a load a task is."""
    machine = shop.machine_index[task.machine]
    worked = shop.clocks[machine].worked
    minutes = worked(task.end_min) - worked(task.start_min)
    choices = shop.loads[number].choices
    return min(range(len(choices)), key=lambda at: (choices[at].machine != machine, choices[at].duration != minutes))


def _in_order(loads: Sequence[Any], shop: Shop) -> list[Any]:
    """Loads sorted by time, those that wait for each other surely in that order (loads of no length may tie)."""
    wanted, done, ordered = {load.index for load in loads}, set(), []
    for load in loads:
        stack = [load]
        while stack:
            now = stack[-1]
            missing = [number for number in now.after if number in wanted and number not in done]
            if missing:
                stack += [shop.loads[number] for number in missing]
                continue
            stack.pop()
            if now.index not in done:
                done.add(now.index)
                ordered.append(now)
    return ordered


def _rows(lists: Sequence[Sequence[int]]) -> tuple[Array, Array]:
    """Lists behind each other, and where each begins (one more at the end)."""
    flat = [number for one in lists for number in one]
    return np.array(flat, np.int64), np.array([0, *np.cumsum([len(one) for one in lists])], np.int64)


def _numbers(shop: Shop, fixed: Board) -> Numbers:
    choices = [choice for load in shop.loads for choice in load.choices]
    names = sorted({family for family in _families(shop) if family is not None})
    code: dict[str | None, int] = {None: 0}
    code |= {name: at for at, name in enumerate(names, start=1)}
    setups = np.zeros((len(shop.machines), len(code), len(code)), np.int64)
    for number, machine in enumerate(shop.machines):
        for (before, after), minutes in machine.setup_min.items():
            if before in code and after in code:
                setups[number, code[before], code[after]] = minutes
    known, old = np.zeros(len(shop.loads), np.int64), np.full(len(shop.loads), -1, np.int64)
    for number, end in fixed.end.items():
        known[number] = end
    for task in shop.problem.before:
        if task.name in shop.load_of and shop.load_of[task.name] not in fixed.end:
            old[shop.load_of[task.name]] = task.start_min
    spans = np.cumsum([0, *(len(clock.begins) for clock in shop.clocks)])
    at = [(-1, -1) if clock.always else (spans[m], spans[m + 1]) for m, clock in enumerate(shop.clocks)]
    stays = [(one.begin, one.end, code[one.family], one.setup_min) for own in fixed.taken for one in own]
    orders = shop.problem.orders
    earlier, earlier_at = _rows([load.after for load in shop.loads])
    of_orders, orders_at = _rows([load.orders for load in shop.loads])
    horizon = shop.problem.horizon_min
    return Numbers(
        np.array([choice.machine for choice in choices], np.int64),
        np.array([choice.duration for choice in choices], np.int64),
        earlier,
        earlier_at,
        np.array([load.release for load in shop.loads], np.int64),
        np.array([code[load.family] for load in shop.loads], np.int64),
        of_orders,
        orders_at,
        np.array([NEVER if order.due_min is None else order.due_min for order in orders], np.int64),
        np.array([order.late_cost_per_min for order in orders], np.float64),
        np.array([minute for clock in shop.clocks for minute in clock.begins], np.int64),
        np.array([minute for clock in shop.clocks for minute in clock.ends], np.int64),
        np.array([minute for clock in shop.clocks for minute in clock.sums[: len(clock.begins)]], np.int64),
        np.array(at, np.int64),
        np.array([clock.may_pause for clock in shop.clocks], np.bool_),
        setups,
        np.array([code[machine.first_family] for machine in shop.machines], np.int64),
        np.array([machine.cost_per_min for machine in shop.machines], np.float64),
        np.array(stays, np.int64).reshape(-1, 4),
        np.array([0, *np.cumsum([len(own) for own in fixed.taken])], np.int64),
        known,
        old,
        float(shop.problem.move_cost_per_min),
        NEVER if horizon is None else horizon,
    )


def _families(shop: Shop) -> set[str | None]:
    return {load.family for load in shop.loads} | {machine.first_family for machine in shop.machines}
