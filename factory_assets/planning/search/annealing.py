"""Simulated annealing over the sequence of loads, their machines, routings and maintenance, for any problem."""

# ruff: noqa: PLR0917 (compiled functions take arrays one by one, and no keywords)
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from factory_assets.planning.costs import Objective, schedule_of, value_of
from factory_assets.planning.problem import Schedule, Task
from factory_assets.planning.search.board import Board
from factory_assets.planning.search.compiled import compiled
from factory_assets.planning.search.critical_moves import draw
from factory_assets.planning.search.decoding import Plan, decode, floor_of, longest
from factory_assets.planning.search.dispatching import maintenance_minutes
from factory_assets.planning.search.loads import Shop
from factory_assets.planning.search.moves import blocked_load, bounds, late_load, passing, shift, sort_by_start
from factory_assets.planning.search.numbers import NEVER, numbers_of, rows

Array = Any
# First temperature, as a share of the mean rise. Tight sequences need the heat, loose ones with people and material
# lose their way in it; searches with even and odd seeds, side by side, have one each.
HEATS = (0.05, 0.015)
COLD = 0.03  # last temperature, as a share of the first
FOCUS = 60  # of 100 changes so many are of what makes an order late
JUMPS = 8  # one move in so many goes anywhere in the sequence
RARE = 12  # one change in so many is of a routing, and one of maintenance, if there are any


@compiled
def anneal(  # noqa: C901, PLR0912, PLR0915 (one loop, fast)
    steps: int,
    hot: float,
    makespan_only: bool,  # noqa: FBT001 (compiled functions take no keywords)
    numbers: Any,
    plan: Any,
    best: Any,
    kept: Array,
    ends: Array,
    floor: Any,
    position: Array,
    routes: Any,
    values: Array,
    random: Array,
) -> None:
    """Make changes; keep those that cost less, and of others the fewer, the more they cost and the colder it is.

    `values` holds the present and the best value, then the sum and the number of all rises; `kept` the places and
    `ends` the ends of the orders of the present plan.
    """
    choices_at, choices, loads = numbers.choices_at, numbers.choices, numbers.loads
    earlier, earlier_at, later, later_at = numbers.earlier, numbers.earlier_at, numbers.later, numbers.later_at
    due, rate, members, members_at = numbers.due, numbers.rate, numbers.members, numbers.members_at
    sequence, choice, active, wanted = plan.sequence, plan.choice, plan.active, plan.wanted
    n, known = len(sequence), position < 0
    for _ in range(steps):
        kind = draw(random, RARE)
        load, to, old, old_choice, order, old_route, visit, old_minute = -1, 0, 0, 0, -1, 0, -1, 0
        if kind == 0 and len(wanted) > 0:
            visit = draw(random, len(wanted))
            old_minute = wanted[visit]
            wanted[visit] = _minute(numbers, plan, routes, visit, random)
            if wanted[visit] == old_minute:
                continue
        elif kind == 1 and len(routes.orders) > 0:
            order = routes.orders[draw(random, len(routes.orders))]
            old_route = routes.chosen[order]
            _choose(plan, routes, order, draw(random, routes.routings_at[order + 1] - routes.routings_at[order]))
            if routes.chosen[order] == old_route:
                continue
        elif n > 0:
            focus = draw(random, 100) < FOCUS
            if focus:
                if makespan_only:
                    load = kept[:, 2].argmax()
                else:
                    load = late_load(ends, due, rate, members, members_at, kept, active, random)
                if load >= 0 and not known[load]:
                    load = blocked_load(load, loads, earlier, earlier_at, kept, known, random)
            if load < 0 or known[load]:
                focus = False
                load = sequence[draw(random, n)]
            if not active[load]:
                continue
            old_choice, old = choice[load], position[load]
            to = old
            n_choices = choices_at[load + 1] - choices_at[load]
            if n_choices > 1 and draw(random, 2) == 0:
                choice[load] = choices_at[load] + draw(random, n_choices)
            if choice[load] == old_choice or draw(random, 3) == 0:
                before = kept[load, 5]
                if focus and before >= 0 and draw(random, 4) == 0:
                    # What blocks it goes behind it.
                    load = before
                    choice[sequence[old]] = old_choice
                    old_choice, old = choice[load], position[load]
                    low, high = bounds(load, n, earlier, earlier_at, later, later_at, position)
                    machine, count = choices[kept[load, 3], 0], 1 + draw(random, 3)
                    to = passing(
                        load, 1, count, low, high, machine, 0, loads, choices, sequence, position, active, kept
                    )
                else:
                    low, high = bounds(load, n, earlier, earlier_at, later, later_at, position)
                    pick = choice[load] if choice[load] >= 0 else kept[load, 3]
                    way = draw(random, JUMPS)
                    if way == 0:
                        to = low + draw(random, high - low + 1)
                    else:
                        step = -1 if focus or draw(random, 2) == 0 else 1
                        family = loads[load, 1] if way == 1 else 0
                        machine, count = choices[pick, 0], 1 + draw(random, 4)
                        to = passing(
                            load, step, count, low, high, machine, family, loads, choices, sequence, position, active,
                            kept,
                        )  # fmt: skip
            if to == old and choice[load] == old_choice:
                continue
            shift(sequence, position, old, to)
        value = decode(numbers, plan, floor)
        if makespan_only and value < np.inf:
            value = longest(plan.places)
        rise = value - values[0] if value < np.inf or values[0] < np.inf else 0.0
        if 0 < rise < np.inf:
            values[2] += rise
            values[3] += 1
        if rise <= 0 or (hot > 0 and rise < np.inf and draw(random, 1 << 20) < math.exp(-rise / hot) * (1 << 20)):
            values[0] = value
            kept[:], ends[:] = plan.places, floor.completed
            if value < values[1]:
                values[1] = value
                best.sequence[:], best.choice[:], best.active[:] = sequence, choice, active
                best.wanted[:] = wanted
        elif visit >= 0:
            wanted[visit] = old_minute
        elif order >= 0:
            _choose(plan, routes, order, old_route)
        else:
            shift(sequence, position, to, old)
            choice[load] = old_choice
    if n > 0 and len(floor.n_busy) == 0 and values[0] < np.inf:
        sort_by_start(sequence, position, active, kept, earlier, earlier_at)


@compiled
def _minute(numbers: Any, plan: Any, routes: Any, visit: int, random: Array) -> int:
    """Another minute for maintenance: one at which it may pay, one near, or not at all."""
    kind = draw(random, 3)
    if kind == 0 and numbers.visits[visit, 5]:
        return -1
    if kind == 1 and plan.wanted[visit] >= 0:
        return int(max(numbers.visits[visit, 2], plan.visited[visit, 0] + draw(random, 481) - 240))
    low, high = routes.minutes_at[visit], routes.minutes_at[visit + 1]
    return int(routes.minutes[low + draw(random, high - low)])


@compiled
def _choose(plan: Any, routes: Any, order: int, routing: int) -> None:
    """Take another routing of an order."""
    first = routes.routings_at[order]
    for at in range(routes.loads_at[first], routes.loads_at[routes.routings_at[order + 1]]):
        plan.active[routes.loads[at]] = False
    for at in range(routes.loads_at[first + routing], routes.loads_at[first + routing + 1]):
        plan.active[routes.loads[at]] = True
    routes.chosen[order] = routing


class Routes(NamedTuple):
    """What can be changed beside sequence and machines.

    Attributes:
        orders: Orders with more than one routing to choose from.
        chosen: The routing of each order.
        routings_at: Where the routings of each order begin in `loads_at`.
        loads: The loads of each routing.
        loads_at: Of each routing, in `loads`.
        minutes: Minutes at which maintenance may pay.
        minutes_at: Of each maintenance task, in `minutes`.
    """

    orders: Array
    chosen: Array
    routings_at: Array
    loads: Array
    loads_at: Array
    minutes: Array
    minutes_at: Array


class Annealing:
    """An annealing that can be asked for more, again and again.

    Attributes:
        best: The smallest value so far, in money or in minutes.
    """

    def __init__(self, shop: Shop, start: Schedule, objective: Objective, seed: int) -> None:
        self._shop, self._objective = shop, objective
        self._pins = Board(shop, {task.name: None for task in shop.problem.maintenance})
        self._free = [task for task in shop.problem.maintenance if task.name not in self._pinned]
        self._numbers = numbers_of(shop, self._pins)
        self._floor = floor_of(self._numbers)
        self._routes = self._routes_of(start)
        self._plan = self._plan_of(start)
        self._best = Plan(*(part.copy() for part in self._plan))
        self._position = np.full(len(shop.loads), -1, np.int64)
        self._position[self._plan.sequence] = np.arange(len(self._plan.sequence))
        self._random = np.array([(seed * 2654435761 + 777) & 0x7FFFFFFF], np.int64)
        self._values: Array | None = None
        is_loose = bool(shop.problem.operators or shop.problem.supplies)
        self._heat = HEATS[(seed + is_loose) % 2]
        self._beside = 0.0  # what pinned tasks cost

    @property
    def _pinned(self) -> set[str]:
        return {task.name for task in self._shop.problem.pinned}

    def _routes_of(self, start: Schedule) -> Routes:
        shop, pinned = self._shop, set(self._pins.end)
        placed = {shop.load_of[task.name] for task in start.tasks if task.name in shop.load_of}
        chosen = [next((at for at, loads in enumerate(routings) if loads <= placed), 0) for routings in shop.routings]
        loads, loads_at = rows(sorted(one - pinned) for routings in shop.routings for one in routings)
        minutes, minutes_at = rows(maintenance_minutes(shop, task) for task in self._free)
        changeable = [
            order
            for order, routings in enumerate(shop.routings)
            if len(routings) > 1 and not any(pinned & loads for loads in routings)
        ]
        return Routes(
            np.array(changeable, np.int64),
            np.array(chosen, np.int64),
            np.array([0, *np.cumsum([len(routings) for routings in shop.routings])], np.int64),
            loads,
            loads_at,
            minutes,
            minutes_at,
        )

    def _plan_of(self, start: Schedule) -> Plan:
        shop, known, placed = self._shop, self._pins.end, start.task
        rank = {number: at for at, number in enumerate(shop.sorted)}
        begins = {load.index: placed[load.names[0]].setup_start_min for load in shop.loads if load.names[0] in placed}
        first: dict[int, int] = {}
        for load in shop.loads:
            for order in load.orders:
                first[order] = min(first.get(order, NEVER), begins.get(load.index, NEVER))
        for number in shop.sorted:  # what is left out goes where it could be done
            load = shop.loads[number]
            if number not in begins:
                begins[number] = max([first[load.orders[0]] % NEVER, *(begins[before] for before in load.after)])
        free = sorted(
            (load for load in shop.loads if load.index not in known),
            key=lambda one: (begins[one.index], rank[one.index]),
        )
        active = np.array([load.names[0] in placed and load.index not in known for load in shop.loads], np.bool_)
        choice = self._numbers.choices_at[:-1].copy()
        for load in free:
            if load.names[0] in placed:
                choice[load.index] += _pick(shop, load.index, placed[load.names[0]])
        wanted = [placed[task.name].start_min if task.name in placed else -1 for task in self._free]
        return Plan(
            np.array([load.index for load in _in_order(free, shop)], np.int64),
            choice,
            active,
            np.array(wanted, np.int64),
            np.zeros((len(shop.loads), 6), np.int64),
            np.zeros((len(self._free), 2), np.int64),
        )

    @property
    def best(self) -> float:
        """The smallest value so far."""
        return float(self._values[1]) + self._beside if self._values is not None else math.inf

    def burst(self, progress: float, target: float) -> float:
        """Search for a moment; see `Improver`."""
        del target
        return self.run(max(2, 20_000 // max(1, len(self._plan.sequence))), progress)

    def run(self, steps: int, progress: float = 1.0) -> float:
        """Make changes.

        Args:
            steps: How many.
            progress: How much of the whole search is over, from 0 (hot) to 1 (cold).

        Returns:
            The smallest value so far.
        """
        values = self._values if self._values is not None else self._begin()
        hot = self._temperature(progress)
        anneal(
            steps,
            hot,
            self._objective == "makespan",
            self._numbers,
            self._plan,
            self._best,
            self._kept,
            self._ends,
            self._floor,
            self._position,
            self._routes,
            values,
            self._random,
        )
        return self.best

    def _temperature(self, progress: float) -> float:
        assert self._values is not None  # noqa: S101 (said to the type checker)
        rises, count = self._values[2:]
        return self._heat * rises / count * COLD**progress if progress < 1 and count else 0.0

    def _begin(self) -> Array:
        """Value the schedule that the search begins at."""
        value = decode(self._numbers, self._plan, self._floor)
        if self._objective == "makespan" and value < math.inf:
            value = longest(self._plan.places)
        self._values = np.array([value, value, 0.0, 0.0])
        self._kept, self._ends = self._plan.places.copy(), self._floor.completed.copy()
        if value < math.inf and self._objective == "cost":
            self._beside = value_of(schedule_of(self._shop, self.tasks(), ""), self._objective) - value
        return self._values

    def tasks(self) -> list[Task]:
        """The tasks of the best schedule."""
        shop, best = self._shop, self._best
        decode(self._numbers, best, self._floor)
        people = [lane.name for lane in self._pins.people]
        found = list(self._pins.tasks)
        for task, (begin, person) in zip(self._free, best.visited.tolist(), strict=True):
            if begin >= 0:
                who = people[person] if person >= 0 else None
                found.append(Task(task.name, task.machine, begin, begin, begin + task.duration_min, who))
        for number in best.sequence.tolist():
            if best.active[number]:
                load = shop.loads[number]
                setup_start, start, end, pick, person, _ = best.places[number].tolist()
                machine = shop.machines[load.choices[pick - self._numbers.choices_at[number]].machine].name
                who = people[person] if person >= 0 else None
                found += [Task(name, machine, setup_start, start, end, who) for name in load.names]
        return found


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
