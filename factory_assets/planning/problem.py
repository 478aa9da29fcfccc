"""What is to be scheduled: values only, in whole minutes since the problem's start.

Everything that finds, checks or shows schedules speaks of these. Where they come from (ERP database, B2MML, benchmark
instances) and how minutes become clock times is said elsewhere.

The rules that the values stand for:

* Set-up and work are one piece: the set-up takes the working minutes of its machine directly before `start_min`. On a
  machine that may not pause, set-up and work lie in one shift; on one that may, both wait for the next shift.
* A machine keeps its family through operations without one and through maintenance.
* Maintenance takes clock minutes and may lie outside the shifts of its machine; nothing else is on the machine then.
* One operator and one tool are taken from the start to the end of an operation (not for its set-up). The operator is
  there in all minutes of it that are in shifts of the machine; for maintenance, in all minutes of it.
* The operations of a batch run once, on one machine, for the longest of their durations, with one set-up, one operator
  and one tool; they come after all that any of them comes after.
* Material must have come by the start of the operation that takes it.
* Lateness counts from the end of the last operation of an order. Set-up and work cost the machine's rate for each
  minute of them, without waiting. Moves cost for each minute between the old and the new start.
* The risk of maintenance between two points lies on the line between them, outside all points on the nearest one; left
  out, it costs the last one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

Interval = tuple[int, int]


@dataclass(frozen=True)
class Mode:
    """One way to do an operation.

    Attributes:
        machine: On which machine.
        duration_min: How long, without set-up, while the machine works.
        skill: What the operator must be able to do, from begin to end while the machine works (not for the set-up);
            None if nobody is needed.
        tool: Which kind of tool is needed from begin to end, in pauses too; None if none.
    """

    machine: str
    duration_min: int
    skill: str | None = None
    tool: str | None = None


@dataclass(frozen=True)
class Operation:
    """One step of an order.

    Attributes:
        name: Unique in the problem.
        modes: At least one; one is chosen.
        after: Operations that must have ended before this one begins, by name; those of a routing that is not done do
            not count.
        family: What the machine must be set up for; None if it needs no set-up and leaves the machine set up as it was.
        materials: How much of each material is taken from stock when it begins.
        batch: Operations with the same batch on one machine run together, begin and end together, as long as the
            longest takes, as one occupation of machine, operator and tool, and are paid for once; None for none.
    """

    name: str
    modes: tuple[Mode, ...]
    after: tuple[str, ...] = ()
    family: str | None = None
    materials: Mapping[str, float] = field(default_factory=dict)
    batch: str | None = None


@dataclass(frozen=True)
class Order:
    """A production order.

    Attributes:
        name: Unique in the problem.
        operations: Of one routing, or of all routings of which one is chosen (`routings`).
        release_min: Not begun before.
        due_min: When it should have ended; None if nobody waits.
        late_cost_per_min: What each minute after that costs.
        routings: Alternatives: groups of operation names, exactly one of which is done, with the operations that are
            in no group; empty if there is one routing.
    """

    name: str
    operations: tuple[Operation, ...]
    release_min: int = 0
    due_min: int | None = None
    late_cost_per_min: float = 0.0
    routings: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Machine:
    """A machine.

    Attributes:
        name: Unique in the problem.
        shifts: When it works: intervals [begin, end) in order, not touching; None if always. Work and set-up lie in
            them, maintenance need not.
        setup_min: Minutes from one family to another: (before, after); a pair that is missing needs none.
        first_family: What it is set up for at the start; None if for nothing, then the first set-up needs none.
        cost_per_min: What a minute of work (`duration_min`) or of needed set-up (`setup_min`) costs.
        may_pause: Whether an operation or a set-up that is going on may wait for the next shift.
    """

    name: str
    shifts: tuple[Interval, ...] | None = None
    setup_min: Mapping[tuple[str, str], int] = field(default_factory=dict)
    first_family: str | None = None
    cost_per_min: float = 0.0
    may_pause: bool = False


@dataclass(frozen=True)
class Operator:
    """A person, or several alike.

    Attributes:
        name: Unique in the problem.
        skills: What they can do.
        shifts: When they are there; None if always.
        count: How many there are.
    """

    name: str
    skills: frozenset[str]
    shifts: tuple[Interval, ...] | None = None
    count: int = 1


@dataclass(frozen=True)
class Supply:
    """Material that comes.

    Attributes:
        material: Which.
        at_min: When; 0 for what is in stock.
        quantity: How much.
    """

    material: str
    at_min: int
    quantity: float


@dataclass(frozen=True)
class Maintenance:
    """A maintenance task of a machine.

    Attributes:
        name: Unique in the problem.
        machine: Which.
        duration_min: How long it takes.
        earliest_min: Not begun before.
        latest_min: Begun by then; None if it may be left out of this schedule.
        skill: What the technician must be able to do; None if nobody is needed.
        risk_cost: What it costs to begin it then: (minute, money) points, straight lines between them, level before
            and after. It is the expected cost of a failure before. To leave it out costs what the last point costs.
            Empty if it does not matter.
    """

    name: str
    machine: str
    duration_min: int
    earliest_min: int = 0
    latest_min: int | None = None
    skill: str | None = None
    risk_cost: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True)
class Task:
    """An operation or a maintenance task in its place.

    Attributes:
        name: Of the operation or maintenance task.
        machine: Where.
        setup_start_min: When its set-up begins; equal to `start_min` without one.
        start_min: When it begins.
        end_min: When it ends.
        operator: Who does it; None if nobody is needed.
    """

    name: str
    machine: str
    setup_start_min: int
    start_min: int
    end_min: int
    operator: str | None = None


@dataclass(frozen=True)
class Problem:
    """Everything that a schedule must keep to.

    Attributes:
        start_utc: What minute 0 is.
        machines: All machines.
        orders: All orders.
        operators: All operators; without any, skills are not looked at.
        tools: How many there are of each kind of tool.
        supplies: Stock and what comes.
        maintenance: Tasks to be placed.
        pinned: Tasks that stay exactly as they are: begun already, within the frozen horizon, or pinned by a person.
            They alone may begin before minute 0, and need not keep to release, shifts or windows; what begins before
            minute 0 has had its materials, and does not wait for what comes before it.
        before: The schedule in force, from which as little as possible shall change.
        move_cost_per_min: What a minute costs by which a task of `before` begins earlier or later.
        horizon_min: No task ends after; None if open.
    """

    start_utc: dt.datetime
    machines: tuple[Machine, ...]
    orders: tuple[Order, ...]
    operators: tuple[Operator, ...] = ()
    tools: Mapping[str, int] = field(default_factory=dict)
    supplies: tuple[Supply, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()
    pinned: tuple[Task, ...] = ()
    before: tuple[Task, ...] = ()
    move_cost_per_min: float = 0.0
    horizon_min: int | None = None

    @cached_property
    def operations(self) -> dict[str, Operation]:
        """All operations by name."""
        return {operation.name: operation for order in self.orders for operation in order.operations}

    @cached_property
    def order_of(self) -> dict[str, Order]:
        """The order of each operation, by the operation's name."""
        return {operation.name: order for order in self.orders for operation in order.operations}

    @cached_property
    def machine(self) -> dict[str, Machine]:
        """All machines by name."""
        return {machine.name: machine for machine in self.machines}


@dataclass(frozen=True)
class Cost:
    """What a schedule costs, in money of the plant file."""

    lateness: float = 0.0
    setup: float = 0.0
    work: float = 0.0
    risk: float = 0.0
    moves: float = 0.0

    @property
    def total(self) -> float:
        """The sum."""
        return self.lateness + self.setup + self.work + self.risk + self.moves


@dataclass(frozen=True)
class Schedule:
    """Tasks in their places, and what is known of how good they are.

    Attributes:
        tasks: One for each operation of the chosen routings, and for each maintenance task that was placed.
        cost: What it costs.
        makespan_min: When the last operation ends.
        lower_bound: Proven: no schedule costs less (or, for makespan, ends before); None if nothing is proven.
        solver: Who found it: `dispatching`, `local search` or `cp-sat`.
    """

    tasks: tuple[Task, ...]
    cost: Cost
    makespan_min: int
    lower_bound: float | None = None
    solver: str = ""

    @cached_property
    def task(self) -> dict[str, Task]:
        """All tasks by name."""
        return {task.name: task for task in self.tasks}
