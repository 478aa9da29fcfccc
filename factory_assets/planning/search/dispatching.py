"""Dispatching rules: a schedule at once, by always starting what can start first.

Among the loads that can begin at the same minute a rule decides. Every rule keeps to everything in the problem.
Source of ATC (apparent tardiness cost) and its set-up factor: Pinedo, Scheduling, chapter 14.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Mapping, Sequence

from factory_assets.planning.costs import Objective, risk_at, schedule_of, value_of
from factory_assets.planning.problem import Maintenance, Schedule
from factory_assets.planning.search.board import Board, Place
from factory_assets.planning.search.loads import Load, NoScheduleError, Shop

Rule = Callable[["Outlook", Load, Place, int], float]


class Outlook:
    """What the rules look at: work that follows, due dates, means."""

    def __init__(self, shop: Shop, active: frozenset[int]) -> None:
        self.shop, self.active = shop, active
        self.tail = [0] * len(shop.loads)
        for number in reversed(shop.sorted):
            if number in active:
                after = max(
                    (self.tail[follower] for follower in shop.followers[number] if follower in active), default=0
                )
                self.tail[number] = after + shop.loads[number].shortest
        orders = shop.problem.orders
        self.due = [
            min((orders[o].due_min for o in load.orders if orders[o].due_min is not None), default=None)  # type: ignore[type-var]
            for load in shop.loads
        ]
        self.weight = [sum(orders[o].late_cost_per_min for o in load.orders) for load in shop.loads]
        durations = [shop.loads[number].shortest for number in active]
        self.mean_min = max(1.0, sum(durations) / max(1, len(durations)))
        setups = [minutes for machine in shop.machines for minutes in machine.setup_min.values()]
        self.mean_setup_min = max(1.0, sum(setups) / max(1, len(setups)))


def _atc(look: Outlook, load: Load, place: Place, _ready: int) -> float:
    due, minutes = look.due[load.index], max(1, place.choice.duration)
    if due is None or look.weight[load.index] == 0:
        return -1.0 / look.tail[load.index] if look.tail[load.index] else -1.0
    slack = max(0.0, due - place.block.start - look.tail[load.index])
    setup = math.exp(-place.setup_min / look.mean_setup_min)
    return look.weight[load.index] / minutes * math.exp(-slack / (2.0 * look.mean_min)) * setup


def _edd(look: Outlook, load: Load, _place: Place, _ready: int) -> float:
    due = look.due[load.index]
    return -math.inf if due is None else -float(due)


def _spt(_look: Outlook, _load: Load, place: Place, _ready: int) -> float:
    return -float(place.choice.duration + place.setup_min)


def _mwkr(look: Outlook, load: Load, _place: Place, _ready: int) -> float:
    return float(look.tail[load.index])


def _fifo(_look: Outlook, _load: Load, _place: Place, ready: int) -> float:
    return -float(ready)


RULES: Mapping[str, Rule] = {"ATC": _atc, "EDD": _edd, "SPT": _spt, "MWKR": _mwkr, "FIFO": _fifo}


def dispatch(
    shop: Shop,
    rule: str,
    *,
    routing: Mapping[int, int] | None = None,
    maintenance: Mapping[str, int | None] | None = None,
) -> Schedule:
    """Make a schedule with one rule.

    Args:
        shop: The problem.
        rule: One of `RULES`.
        routing: The routing of each order, by number; the one with the least work if not given.
        maintenance: When to do each maintenance task (None: not at all); the cheapest minute if not given.

    Raises:
        NoScheduleError: A task found no place.
    """
    active = shop.active(routing)
    board = Board(shop, maintenance if maintenance is not None else cheapest_maintenance(shop))
    look, priority = Outlook(shop, active), RULES[rule]
    waiting = {
        number: sum(1 for before in shop.loads[number].after if before in active and before not in board.end)
        for number in active
        if number not in board.end
    }
    heap: list[tuple[int, float, int]] = []

    def estimate(number: int) -> tuple[Place, tuple[int, float, int]]:
        load = shop.loads[number]
        ready = board.ready(load, active)
        place = board.best(load, ready)
        if place is None:
            raise NoScheduleError(
                f"operation {load.names[0]} has no place from minute {ready} on: look at the shifts of its machines, "
                "the operators with its skill, its tool, its material and the horizon"
            )
        return place, (place.block.setup_start, -priority(look, load, place, ready), number)

    for number, count in waiting.items():
        if count == 0:
            heapq.heappush(heap, estimate(number)[1])
    while heap:
        number = heap[0][2]
        place, key = estimate(number)
        if key > heap[0]:
            heapq.heapreplace(heap, key)
            continue
        heapq.heappop(heap)
        board.put(shop.loads[number], place)
        for follower in shop.followers[number]:
            if follower in waiting:
                waiting[follower] -= 1
                if waiting[follower] == 0:
                    heapq.heappush(heap, estimate(follower)[1])
    return schedule_of(shop, board.tasks, "dispatching")


def best_dispatch(
    shop: Shop,
    objective: Objective,
    *,
    rules: Sequence[str] | None = None,
    enough: Callable[[], bool] = lambda: False,
) -> Schedule:
    """The best schedule of several rules.

    Args:
        shop: The problem.
        objective: What is to be made small.
        rules: Which rules; all if not given.
        enough: Asked after each schedule; true ends the search.

    Raises:
        NoScheduleError: No rule finds a place for every task.
    """
    best: Schedule | None = None
    reason: NoScheduleError | None = None
    for rule in rules or (("MWKR", "FIFO", "SPT") if objective == "makespan" else tuple(RULES)):
        try:
            found = dispatch(shop, rule)
        except NoScheduleError as error:
            reason = reason or error
            continue
        if best is None or value_of(found, objective) < value_of(best, objective):
            best = found
        if enough():
            break
    if best is None:
        raise reason or NoScheduleError("no rule was given")
    return best


def cheapest_maintenance(shop: Shop) -> dict[str, int | None]:
    """For each maintenance task the minute at which its risk and the working time it takes cost least."""
    return {task.name: _cheapest(shop, task) for task in shop.problem.maintenance}


def maintenance_minutes(shop: Shop, task: Maintenance) -> list[int]:
    """Minutes at which maintenance may pay: corners of its risk, edges of shifts, ends of its window."""
    clock = shop.clocks[shop.machine_index[task.machine]]
    corners = [minute for minute, _ in task.risk_cost]
    last = task.latest_min
    if last is None:
        last = max([task.earliest_min, *corners, *clock.ends[-1:]])
    minutes = {task.earliest_min, last, *corners, *clock.ends, *(begin - task.duration_min for begin in clock.begins)}
    return sorted(minute for minute in minutes if task.earliest_min <= minute <= last)


def _cheapest(shop: Shop, task: Maintenance) -> int | None:
    clock, machine = shop.clocks[shop.machine_index[task.machine]], shop.problem.machine[task.machine]

    def cost(minute: int) -> tuple[float, int, int]:
        lost = clock.worked(minute + task.duration_min) - clock.worked(minute)
        return risk_at(task, minute) + lost * machine.cost_per_min, lost, minute

    best = min(maintenance_minutes(shop, task), key=cost)
    if task.latest_min is None and cost(best)[0] >= risk_at(task, None):
        return None
    return best
