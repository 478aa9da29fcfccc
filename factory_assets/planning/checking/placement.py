"""Which task of a schedule does what: tasks, operations, routings and modes brought together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from factory_assets.planning.checking.presence import Presence
from factory_assets.planning.checking.violation import Violation
from factory_assets.planning.problem import Maintenance, Mode, Operation, Order, Problem, Schedule, Task


@dataclass(frozen=True)
class Placed:
    """An operation in its place.

    Attributes:
        task: Its place.
        order: Its order.
        operation: What is done.
        mode: How, as far as the task tells: of several modes on one machine, one that fits its length and operator, or
            else the shortest.
        duration_min: How long the machine works on it: the longest of its batch.
        is_pinned: Whether it stays exactly as it is.
    """

    task: Task
    order: Order
    operation: Operation
    mode: Mode
    duration_min: int
    is_pinned: bool


@dataclass(frozen=True)
class Placement:
    """A schedule, with what its tasks do."""

    operations: tuple[Placed, ...]
    maintenance: tuple[tuple[Task, Maintenance], ...]
    presences: dict[str, Presence]
    pinned: frozenset[str]

    @property
    def of(self) -> dict[str, Placed]:
        """By the operation's name."""
        return {placed.task.name: placed for placed in self.operations}


def placement(problem: Problem, schedule: Schedule) -> tuple[Placement, list[Violation]]:
    """Tasks with what they do, as far as they can be understood, and what is wrong with those that cannot."""
    found: list[Violation] = []
    found += [
        Violation("task", (name,), f"{name} is in the schedule {count} times")
        for name, count in Counter(task.name for task in schedule.tasks).items()
        if count > 1
    ]
    presences = {machine.name: Presence(machine.shifts) for machine in problem.machines}
    of_name = {maintenance.name: maintenance for maintenance in problem.maintenance}
    pinned = frozenset(task.name for task in problem.pinned)
    operations, maintenance = [], []
    for task in schedule.tasks:
        if task.machine not in presences:
            found.append(Violation("mode", (task.name,), f"{task.name} is on {task.machine}, which is no machine"))
        elif task.name in problem.operations:
            mode = _mode(problem, task, presences[task.machine])
            if mode is None and task.name not in pinned:
                found.append(Violation("mode", (task.name,), f"{task.name} cannot be done on {task.machine}"))
            else:
                operations.append((task, mode or Mode(task.machine, task.end_min - task.start_min)))
        elif task.name in of_name:
            maintenance.append((task, of_name[task.name]))
        else:
            found.append(Violation("task", (task.name,), f"{task.name} is neither an operation nor maintenance"))
    found += _routing_violations(problem, {task.name for task in schedule.tasks})
    placed = tuple(_placed(problem, operations, pinned))
    return Placement(placed, tuple(maintenance), presences, pinned), found


def _mode(problem: Problem, task: Task, presence: Presence) -> Mode | None:
    modes = [mode for mode in problem.operations[task.name].modes if mode.machine == task.machine]
    skills = {operator.name: operator.skills for operator in problem.operators}
    minutes = presence.minutes(task.start_min, task.end_min)

    def unfitness(mode: Mode) -> tuple[bool, int, bool]:
        is_other = minutes != mode.duration_min
        can = mode.skill is None if task.operator is None else mode.skill in skills.get(task.operator, frozenset())
        return is_other, mode.duration_min if is_other else 0, not can

    return min(modes, key=unfitness, default=None)


def _placed(problem: Problem, operations: list[tuple[Task, Mode]], pinned: frozenset[str]) -> Iterator[Placed]:
    longest: dict[tuple[str, str], int] = {}
    for task, mode in operations:
        batch = problem.operations[task.name].batch
        if batch is not None:
            longest[batch, task.machine] = max(longest.get((batch, task.machine), 0), mode.duration_min)
    for task, mode in operations:
        operation = problem.operations[task.name]
        duration = mode.duration_min if operation.batch is None else longest[operation.batch, task.machine]
        yield Placed(task, problem.order_of[task.name], operation, mode, duration, task.name in pinned)


def _routing_violations(problem: Problem, scheduled: set[str]) -> Iterator[Violation]:
    for order in problem.orders:
        done = [operation.name for operation in order.operations if operation.name in scheduled]
        if any(set(done) == wanted for wanted in _wanted(order)):
            continue
        if order.routings:
            words = f"{order.name} is done by {', '.join(done) or 'nothing'}, which is none of its routings"
            yield Violation("routing", tuple(done), words)
        else:
            missing = [operation.name for operation in order.operations if operation.name not in scheduled]
            yield Violation("routing", tuple(missing), f"{order.name} lacks {', '.join(missing)}")


def _wanted(order: Order) -> list[set[str]]:
    names = {operation.name for operation in order.operations}
    in_groups = {name for group in order.routings for name in group}
    return [set(group) | names - in_groups for group in order.routings or (tuple(names),)]
