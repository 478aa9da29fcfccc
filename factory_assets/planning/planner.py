"""The plan of a day: made anew each morning, kept as close as it can be to the one in force when the floor changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.planning_settings import PlanningSettings
from factory_assets.planning.explaining.clashes import clashes
from factory_assets.planning.incumbent import Progress
from factory_assets.planning.lacking import lacking
from factory_assets.planning.problem import Problem, Schedule, Task
from factory_assets.planning.rescheduling import Breakdown, changed_problem, moved_tasks, reschedule
from factory_assets.planning.search.loads import BadProblemError, NoScheduleError
from factory_assets.planning.solving import solve

Kind = Literal["morning", "change"]


class CannotBePlannedError(FactoryError, ValueError):
    """No schedule keeps to everything; the message says what clashes, and that the last schedule stays in force."""


@dataclass(frozen=True)
class Plan:
    """A schedule and what it was made from.

    Attributes:
        kind: `morning`, or `change` where the floor had changed.
        problem: What the schedule keeps to; shifts are cut by stops, begun and frozen tasks are pinned.
        schedule: The schedule.
        moved: Tasks of the schedule in force before that lie elsewhere now.
    """

    kind: Kind
    problem: Problem
    schedule: Schedule
    moved: tuple[str, ...]


def plan(
    problem: Problem,
    in_force: Sequence[Task],
    stops: Sequence[Breakdown],
    settings: PlanningSettings,
    *,
    kind: Kind,
    seed: int = 0,
    on_progress: Callable[[Progress], None] | None = None,
) -> Plan:
    """Make the schedule.

    Args:
        problem: What is to be done; minute 0 is now.
        in_force: The tasks of the schedule in force, in minutes of `problem`; empty if there is none.
        stops: Machines that stand.
        settings: Frozen time, cost of moving, time of the search.
        kind: In the morning tasks that are neither begun nor frozen are placed anew, and moving costs what the plant
            file says; at a change few are moved.
        seed: Of the random choices.
        on_progress: Told of each better schedule and bound.

    Raises:
        CannotBePlannedError: Nothing keeps to everything; says why.
    """
    try:
        if kind == "change":
            kept = _without_frozen_in_vain(problem, in_force, settings.frozen_min)
            found = reschedule(
                problem, kept, 0, frozen_min=settings.frozen_min, breakdowns=stops, seconds=settings.reschedule_seconds,
                workers=settings.workers, seed=seed, on_progress=on_progress,
            )  # fmt: skip
            return Plan(kind, found.problem, found.schedule, found.moved)
        changed = as_planned(problem, in_force, stops, settings)
        changed = replace(changed, move_cost_per_min=settings.move_cost_per_h / 60)
        made = solve(changed, seconds=settings.seconds, workers=settings.workers, seed=seed, on_progress=on_progress)
        return Plan(kind, changed, made, moved_tasks(changed, made))
    except (NoScheduleError, BadProblemError) as error:
        raise CannotBePlannedError(_why(as_planned(problem, in_force, stops, settings), settings, error)) from error


def as_planned(
    problem: Problem, in_force: Sequence[Task], stops: Sequence[Breakdown], settings: PlanningSettings
) -> Problem:
    """What a plan must keep to: shifts cut by stops, begun and frozen tasks pinned."""
    kept = _without_frozen_in_vain(problem, in_force, settings.frozen_min)
    return changed_problem(problem, kept, 0, frozen_min=settings.frozen_min, breakdowns=stops)


def _without_frozen_in_vain(problem: Problem, in_force: Sequence[Task], frozen_min: int) -> tuple[Task, ...]:
    """Tasks of the schedule in force, without frozen ones whose operator, tool or material is no longer there."""
    short = lacking(problem, in_force, {task.name for task in problem.pinned})
    return tuple(task for task in in_force if task.name not in short or task.setup_start_min >= frozen_min)


def _why(problem: Problem, settings: PlanningSettings, error: Exception) -> str:
    found = clashes(problem, settings.timezone) or (str(error),)
    return "\n  ".join(("no schedule keeps to everything; the last good one stays in force:", *found))
