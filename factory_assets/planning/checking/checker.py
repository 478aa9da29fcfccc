"""Whether a schedule keeps to everything that its problem asks: written anew, with nothing of what makes schedules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from factory_assets.planning.checking.machines import machine_violations
from factory_assets.planning.checking.money import is_in_money, money_violations
from factory_assets.planning.checking.placement import Placement, placement
from factory_assets.planning.checking.resources import resource_violations
from factory_assets.planning.checking.violation import Violation
from factory_assets.planning.problem import Problem, Schedule


def violations(
    problem: Problem, schedule: Schedule, *, objective: Literal["cost", "makespan"] | None = None
) -> list[Violation]:
    """Everything in which a schedule breaks its problem's rules; empty if it can be run as it is.

    Costs and makespan are reckoned anew from the tasks. Cost parts may differ by a hundredth and a millionth part.

    Args:
        problem: What must be kept to.
        schedule: What is checked.
        objective: What the lower bound is a bound of; the cost where anything costs anything if not given, else the
            makespan.
    """
    placed, found = placement(problem, schedule)
    found += _order_violations(problem, placed)
    found += machine_violations(problem, placed)
    found += resource_violations(problem, placed)
    found += _pinned_violations(problem, schedule)
    wanted = objective or ("cost" if is_in_money(problem) else "makespan")
    found += money_violations(problem, schedule, placed, is_makespan=wanted == "makespan")
    return found


def _order_violations(problem: Problem, placed: Placement) -> Iterator[Violation]:
    of = placed.of
    for one in placed.operations:
        task, name = one.task, (one.task.name,)
        if one.is_pinned and task.start_min < 0:
            continue
        if task.start_min < one.order.release_min and not one.is_pinned:
            words = f"{task.name} begins at minute {task.start_min}, before {one.order.name} is released"
            yield Violation("release", name, f"{words} at minute {one.order.release_min}")
        for before in one.operation.after:
            if before in of and of[before].task.end_min > task.start_min:
                words = f"{task.name} begins at minute {task.start_min}, before {before} ends"
                yield Violation("precedence", (before, *name), f"{words} at minute {of[before].task.end_min}")
    tasks = [one.task for one in placed.operations] + [task for task, _ in placed.maintenance]
    for task in tasks:
        if task.name in placed.pinned:
            continue
        if task.setup_start_min < 0:
            yield Violation("begin", (task.name,), f"{task.name} begins before minute 0")
        if problem.horizon_min is not None and task.end_min > problem.horizon_min:
            words = f"{task.name} ends at minute {task.end_min}, after the horizon at {problem.horizon_min}"
            yield Violation("horizon", (task.name,), words)


def _pinned_violations(problem: Problem, schedule: Schedule) -> Iterator[Violation]:
    for pinned in problem.pinned:
        if schedule.task.get(pinned.name) != pinned:
            yield Violation("pinned", (pinned.name,), f"{pinned.name} is pinned, but is not where it was")
