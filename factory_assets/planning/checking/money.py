"""What a schedule costs, reckoned anew, and whether what it says of itself is true."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from factory_assets.planning.checking.machines import by_machine, setups
from factory_assets.planning.checking.placement import Placement
from factory_assets.planning.checking.violation import Violation
from factory_assets.planning.problem import Cost, Maintenance, Problem, Schedule

COST_TOLERANCE, RELATIVE_TOLERANCE = 0.01, 1e-6


def money_violations(
    problem: Problem, schedule: Schedule, placement: Placement, *, is_makespan: bool
) -> Iterator[Violation]:
    """Whether costs, makespan and lower bound are what they are said to be."""
    makespan = max((placed.task.end_min for placed in placement.operations), default=0)
    if schedule.makespan_min != makespan:
        words = f"the makespan is {makespan} min, not {schedule.makespan_min}"
        yield Violation("makespan", (), words)
    cost = recomputed(problem, placement)
    for name in ("lateness", "setup", "work", "risk", "moves"):
        said, found = getattr(schedule.cost, name), getattr(cost, name)
        if abs(said - found) > COST_TOLERANCE + RELATIVE_TOLERANCE * abs(found):
            yield Violation("cost", (), f"{name} costs {found:.2f}, not {said:.2f}")
    if schedule.lower_bound is not None:
        reached = float(makespan) if is_makespan else cost.total
        if schedule.lower_bound > reached + COST_TOLERANCE + RELATIVE_TOLERANCE * abs(reached):
            words = f"no schedule is said to be below {schedule.lower_bound:g}, but this one is at {reached:g}"
            yield Violation("bound", (), words)


def recomputed(problem: Problem, placement: Placement) -> Cost:
    """What the schedule costs."""
    ends: dict[str, int] = {}
    for placed in placement.operations:
        ends[placed.order.name] = max(placed.task.end_min, ends.get(placed.order.name, placed.task.end_min))
    lateness = sum(
        order.late_cost_per_min * max(0, ends[order.name] - order.due_min)
        for order in problem.orders
        if order.due_min is not None and order.name in ends
    )
    setup = work = 0.0
    for name, occupations in by_machine(placement).items():
        machine = problem.machine[name]
        for occupation, _, needed in setups(machine, occupations):
            setup += needed * machine.cost_per_min
            work += (occupation.placed.duration_min if occupation.placed else 0) * machine.cost_per_min
    starts = {placed.task.name: placed.task.start_min for placed in placement.operations}
    starts |= {task.name: task.start_min for task, _ in placement.maintenance}
    risk = sum(_risk(maintenance, starts.get(maintenance.name)) for maintenance in problem.maintenance)
    moved = sum(abs(starts[task.name] - task.start_min) for task in problem.before if task.name in starts)
    return Cost(lateness, setup, work, risk, moved * problem.move_cost_per_min)


def is_in_money(problem: Problem) -> bool:
    """Whether anything costs anything; where nothing does, the makespan is what is made small."""
    return (
        any(order.due_min is not None and order.late_cost_per_min for order in problem.orders)
        or any(machine.cost_per_min for machine in problem.machines)
        or any(cost for maintenance in problem.maintenance for _, cost in maintenance.risk_cost)
        or bool(problem.before and problem.move_cost_per_min)
    )


def _risk(maintenance: Maintenance, start_min: int | None) -> float:
    points = maintenance.risk_cost
    if not points:
        return 0.0
    if start_min is None or start_min >= points[-1][0]:
        return points[-1][1]
    if start_min <= points[0][0]:
        return points[0][1]
    for (begin, low), (end, high) in pairwise(points):
        if begin <= start_min < end:
            return low + (high - low) * (start_min - begin) / (end - begin)
    return points[-1][1]
