"""What is different between two schedules of the same days: money, dates, tasks, maintenance, machines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from factory_assets.planning.problem import Machine, Problem, Schedule, Task
from factory_assets.planning.spans import common, joined, minutes, without


@dataclass(frozen=True)
class OrderDifference:
    """An order that ends at another time, or costs something else.

    Attributes:
        order: Which.
        end_before_min: None if it is new.
        end_after_min: None if it is gone.
        due_min: As it is now; None if nobody waits.
        late_before_min: How late it was.
        late_after_min: How late it is.
        cost_before: What that cost.
        cost_after: What that costs.
    """

    order: str
    end_before_min: int | None
    end_after_min: int | None
    due_min: int | None
    late_before_min: int
    late_after_min: int
    cost_before: float
    cost_after: float


@dataclass(frozen=True)
class TaskDifference:
    """A task that is elsewhere, or begins at another time.

    Attributes:
        name: Which.
        before: Where it was; None if it is new.
        after: Where it is; None if it is gone.
    """

    name: str
    before: Task | None
    after: Task | None


@dataclass(frozen=True)
class LoadDifference:
    """A machine that does more or less, or is open longer or shorter, until the later schedule ends.

    Attributes:
        machine: Which.
        busy_before_min: Minutes of its shifts with operations and set-ups.
        busy_after_min: The same now.
        open_before_min: Minutes of its shifts.
        open_after_min: The same now.
    """

    machine: str
    busy_before_min: int
    busy_after_min: int
    open_before_min: int
    open_after_min: int

    @property
    def load_before(self) -> float:
        """Share of the open time, 0 to 1."""
        return self.busy_before_min / self.open_before_min if self.open_before_min else 0.0

    @property
    def load_after(self) -> float:
        """The same now."""
        return self.busy_after_min / self.open_after_min if self.open_after_min else 0.0


@dataclass(frozen=True)
class Difference:
    """Two schedules compared.

    Attributes:
        orders: Those that end at another time or cost something else, the dearest change first.
        moved: Operations, in both schedules, that begin at another time or on another machine.
        movable: How many operations and maintenance tasks of the one before could be moved, and are still asked for.
        longer: Operations that stay where they are but end at another time, for their machine stands or works more.
        maintenance: Maintenance that is moved, new or left out now.
        loads: Machines that do more or less.
    """

    orders: tuple[OrderDifference, ...]
    moved: tuple[TaskDifference, ...]
    movable: int
    longer: tuple[str, ...]
    maintenance: tuple[TaskDifference, ...]
    loads: tuple[LoadDifference, ...]

    @property
    def moved_count(self) -> int:
        """Operations and maintenance tasks that are elsewhere, without those that are new."""
        return len(self.moved) + sum(one.before is not None for one in self.maintenance)

    @property
    def share_moved(self) -> float:
        """Of the tasks that could be moved, 0 to 1."""
        return self.moved_count / self.movable if self.movable else 0.0


def difference(
    problem: Problem, before: Schedule, changed: Problem, after: Schedule, *, called_off: Collection[str] = ()
) -> Difference:
    """Compare two schedules with the same minute 0.

    Args:
        problem: What the schedule before keeps to.
        before: The schedule before.
        changed: What the schedule after keeps to; its pinned tasks could not be moved.
        after: The schedule after.
        called_off: Orders that end no more, though what has begun of them may.
    """
    pinned = {task.name for task in changed.pinned}
    asked = set(changed.operations) | {task.name for task in changed.maintenance}
    upkeep = sorted({task.name for problem_ in (problem, changed) for task in problem_.maintenance})
    both = [task for task in before.tasks if task.name in after.task and task.name in changed.operations]
    return Difference(
        tuple(_orders(problem, before, changed, after, called_off)),
        tuple(
            TaskDifference(task.name, task, after.task[task.name])
            for task in sorted(both, key=lambda task: (task.start_min, task.name))
            if _place(task) != _place(after.task[task.name])
        ),
        sum(task.name in asked - pinned for task in before.tasks),
        tuple(
            task.name
            for task in both
            if _place(task) == _place(after.task[task.name]) and task.end_min != after.task[task.name].end_min
        ),
        tuple(
            TaskDifference(name, before.task.get(name), after.task.get(name))
            for name in upkeep
            if _place(before.task.get(name)) != _place(after.task.get(name))
        ),
        tuple(_loads(problem, before, changed, after)),
    )


def _place(task: Task | None) -> tuple[str, int] | None:
    return None if task is None else (task.machine, task.start_min)


def _orders(
    problem: Problem, before: Schedule, changed: Problem, after: Schedule, called_off: Collection[str]
) -> list[OrderDifference]:
    ends, new_ends = _ends(problem, before), _ends(changed, after)
    orders = {order.name: order for order in problem.orders}
    new_orders = {order.name: order for order in changed.orders if order.name not in called_off}
    found = []
    for name in {**orders, **new_orders}:
        old, new = orders.get(name), new_orders.get(name)
        end, new_end = ends.get(name), None if new is None else new_ends.get(name)
        late = _late(end, None if old is None else old.due_min)
        new_late = _late(new_end, None if new is None else new.due_min)
        one = OrderDifference(
            name,
            end,
            new_end,
            new.due_min if new is not None else None,
            late,
            new_late,
            late * (old.late_cost_per_min if old is not None else 0.0),
            new_late * (new.late_cost_per_min if new is not None else 0.0),
        )
        if end != new_end or late != new_late or one.cost_before != one.cost_after:
            found.append(one)
    return sorted(found, key=lambda one: (-abs(one.cost_after - one.cost_before), one.order))


def _ends(problem: Problem, schedule: Schedule) -> dict[str, int]:
    ends: dict[str, int] = {}
    for task in schedule.tasks:
        if task.name in problem.order_of:
            order = problem.order_of[task.name].name
            ends[order] = max(ends.get(order, task.end_min), task.end_min)
    return ends


def _late(end: int | None, due: int | None) -> int:
    return 0 if end is None or due is None else max(0, end - due)


def _loads(problem: Problem, before: Schedule, changed: Problem, after: Schedule) -> list[LoadDifference]:
    until = max((task.end_min for schedule in (before, after) for task in schedule.tasks), default=0)
    tasks, new_tasks = _by_machine(before), _by_machine(after)
    found = []
    for machine in problem.machines:
        new = changed.machine[machine.name]
        opened, busy = _use(problem, machine, tasks[machine.name], until)
        new_opened, new_busy = _use(changed, new, new_tasks[machine.name], until)
        if (opened, busy) != (new_opened, new_busy):
            found.append(LoadDifference(machine.name, busy, new_busy, opened, new_opened))
    return sorted(found, key=lambda one: (-abs(one.busy_after_min - one.busy_before_min), one.machine))


def _by_machine(schedule: Schedule) -> Mapping[str, list[Task]]:
    found: dict[str, list[Task]] = defaultdict(list)
    for task in schedule.tasks:
        found[task.machine].append(task)
    return found


def _use(problem: Problem, machine: Machine, tasks: list[Task], until: int) -> tuple[int, int]:
    """Open minutes from 0 on, and how many of them go into operations and set-ups."""
    span = [(0, until)] if until else []
    opened = span if machine.shifts is None else common(span, joined(machine.shifts))
    operations = [task for task in tasks if task.name in problem.operations]
    work = joined((task.start_min, task.end_min) for task in operations)
    setup = without(joined((task.setup_start_min, task.start_min) for task in operations), work)
    return minutes(opened), minutes(common(work, opened)) + minutes(common(setup, opened))
