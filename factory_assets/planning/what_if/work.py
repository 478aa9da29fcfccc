"""A problem on its way to a changed one, and what is looked up in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from factory_assets.planning.problem import Interval, Machine, Maintenance, Operator, Order, Problem, Task
from factory_assets.planning.rescheduling import Breakdown
from factory_assets.planning.what_if.clock import PlantClock
from factory_assets.planning.what_if.errors import WhatIfError, unknown


@dataclass
class Work:
    """A problem on its way.

    Attributes:
        problem: As far as it is changed.
        tasks: The schedule in force by name, without what cannot stay.
        now: The minute from which things can be changed.
        frozen_until: Tasks that begin before stay where they can.
        clock: For messages.
        stops: Machines that do not work.
        notes: What a planner should know.
    """

    problem: Problem
    tasks: dict[str, Task]
    now: int
    frozen_until: int
    clock: PlantClock
    stops: list[Breakdown] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def not_begun(self, task: Task) -> bool:
        """Whether a task can still be moved."""
        return task.setup_start_min >= self.now

    def let_go(self, names: Iterable[str]) -> None:
        """Take tasks that have not begun out of the schedule in force."""
        for name in names:
            if name in self.tasks and self.not_begun(self.tasks[name]):
                del self.tasks[name]


def interval(work: Work, begin: int, end: int) -> Interval:
    """From now on, within what is planned."""
    horizon, clock = work.problem.horizon_min, work.clock
    if end <= work.now:
        msg = f"{clock.words(begin)} to {clock.words(end)} is over: it is {clock.words(work.now)}"
        raise WhatIfError(msg)
    if horizon is not None and begin >= horizon:
        msg = f"{clock.words(begin)} is after the end of what is planned, {clock.words(horizon)}"
        raise WhatIfError(msg)
    return max(begin, 0), end


def order_of(work: Work, name: str) -> Order:
    """An order by its name."""
    found = next((order for order in work.problem.orders if order.name == name), None)
    if found is None:
        raise unknown("order", name, [order.name for order in work.problem.orders])
    return found


def operator_of(work: Work, name: str) -> Operator:
    """An operator by name; machines were looked at before."""
    found = next((operator for operator in work.problem.operators if operator.name == name), None)
    if found is None:
        raise unknown(
            "machine or operator", name, [*work.problem.machine, *(one.name for one in work.problem.operators)]
        )
    return found


def maintenance_of(work: Work, machine: str) -> Maintenance:
    """The maintenance of a machine that can still be moved."""
    if machine not in work.problem.machine:
        raise unknown("machine", machine, work.problem.machine)
    own = [one for one in work.problem.maintenance if one.machine == machine]
    free = [one for one in own if one.name not in work.tasks or work.not_begun(work.tasks[one.name])]
    if not own:
        machines = ", ".join(sorted({one.machine for one in work.problem.maintenance})) or "no machine"
        msg = f"no maintenance of {machine} is asked for in this schedule; it is of: {machines}"
        raise WhatIfError(msg)
    if not free:
        msg = f"maintenance of {machine} has begun by {work.clock.words(work.now)}: ask of an earlier time by --at"
        raise WhatIfError(msg)
    return free[0]


def know_material(work: Work, name: str) -> None:
    """Refuse a material that nothing takes and nothing brings."""
    known = {one.material for one in work.problem.supplies}
    known |= {material for one in work.problem.operations.values() for material in one.materials}
    if name not in known:
        raise unknown("material", name, known)


def put_machine(work: Work, machine: Machine) -> None:
    """Put a machine in the place of the one of its name."""
    machines = tuple(machine if one.name == machine.name else one for one in work.problem.machines)
    work.problem = replace(work.problem, machines=machines)


def put_operator(work: Work, operator: Operator) -> None:
    """Put an operator in the place of the one of that name."""
    operators = tuple(operator if one.name == operator.name else one for one in work.problem.operators)
    work.problem = replace(work.problem, operators=operators)


def put_maintenance(work: Work, task: Maintenance) -> None:
    """Put a maintenance task in the place of the one of its name."""
    tasks = tuple(task if one.name == task.name else one for one in work.problem.maintenance)
    work.problem = replace(work.problem, maintenance=tasks)
