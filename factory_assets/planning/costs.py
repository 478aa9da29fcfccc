"""What a schedule costs, and how long it lasts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from factory_assets.planning.problem import Cost, Maintenance, Schedule, Task
from factory_assets.planning.search.loads import Shop

Objective = Literal["cost", "makespan"]


def risk_at(task: Maintenance, start_min: int | None) -> float:
    """What it costs to begin a maintenance task at a minute, or (None) to leave it out."""
    points = task.risk_cost
    if not points:
        return 0.0
    if start_min is None or start_min >= points[-1][0]:
        return points[-1][1]
    if start_min <= points[0][0]:
        return points[0][1]
    for (left, low), (right, high) in pairwise(points):
        if start_min <= right:
            return low + (high - low) * (start_min - left) / (right - left)
    return points[-1][1]


def cost_of(shop: Shop, tasks: Sequence[Task]) -> Cost:
    """The cost of tasks in their places, in money of the plant file.

    Set-ups are counted by the families that follow each other, not by the time left for them.
    """
    problem, placed = shop.problem, {task.name: task for task in tasks}
    late = 0.0
    for order in problem.orders:
        ends = [placed[operation.name].end_min for operation in order.operations if operation.name in placed]
        if order.due_min is not None and ends:
            late += order.late_cost_per_min * max(0, max(ends) - order.due_min)
    setup, work = _machine_costs(shop, tasks)
    risk = sum(
        risk_at(task, placed[task.name].start_min if task.name in placed else None) for task in problem.maintenance
    )
    moves = sum(
        abs(placed[task.name].start_min - task.start_min) * problem.move_cost_per_min
        for task in problem.before
        if task.name in placed
    )
    return Cost(late, setup, work, risk, moves)


def _machine_costs(shop: Shop, tasks: Sequence[Task]) -> tuple[float, float]:
    """Money for set-ups and for work."""
    setup = work = 0.0
    family = [machine.first_family for machine in shop.machines]
    done: set[int] = set()
    for task in sorted(tasks, key=lambda task: (task.start_min, task.end_min)):
        number = shop.load_of.get(task.name)
        if number is None or number in done:
            continue
        done.add(number)
        load, machine = shop.loads[number], shop.machine_index[task.machine]
        rate = shop.machines[machine].cost_per_min
        setup += rate * shop.setup_min(machine, family[machine], load.family)
        family[machine] = load.family or family[machine]
        durations = [choice.duration for choice in load.choices if choice.machine == machine]
        worked = shop.clocks[machine].worked(task.end_min) - shop.clocks[machine].worked(task.start_min)
        work += rate * (worked if worked in durations else min(durations))
    return setup, work


def schedule_of(shop: Shop, tasks: Sequence[Task], solver: str) -> Schedule:
    """Tasks as a schedule, with its cost and its length."""
    ordered = tuple(sorted(tasks, key=lambda task: (task.start_min, task.machine, task.name)))
    ends = [task.end_min for task in ordered if task.name in shop.load_of]
    return Schedule(ordered, cost_of(shop, ordered), max(ends, default=0), None, solver)


def value_of(schedule: Schedule, objective: Objective) -> float:
    """What is to be made small."""
    return schedule.cost.total if objective == "cost" else float(schedule.makespan_min)
