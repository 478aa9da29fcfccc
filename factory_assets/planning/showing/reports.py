"""What a planner asks of a schedule: how busy machines are, and which orders are late and why."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

from factory_assets.planning.problem import Order, Problem, Schedule, Task
from factory_assets.planning.showing.waiting import Cause, Wait, Waiting
from factory_assets.planning.spans import common, joined, minutes, without

NAMED = 3


@dataclass(frozen=True)
class MachineLoad:
    """How a machine's time is used from minute 0 until the schedule's last task ends.

    Attributes:
        machine: Which.
        open_min: Minutes of its shifts.
        work_min: Of these, operations.
        setup_min: Set-ups.
        maintenance_min: Maintenance.
        operations: How many operations it does.
    """

    machine: str
    open_min: int
    work_min: int
    setup_min: int
    maintenance_min: int
    operations: int

    @property
    def load(self) -> float:
        """Share of the open time in which it works or is set up, 0 to 1."""
        return (self.work_min + self.setup_min) / self.open_min if self.open_min else 0.0


@dataclass(frozen=True)
class LateOrder:
    """An order that ends after it is due.

    Attributes:
        order: Which.
        due_min: When it should end.
        end_min: When it ends.
        cost: What the lateness costs.
        chain: The operations that decide when it ends, in order of time.
        work_min: Minutes in which these are worked on.
        pause_min: Minutes in which these are begun but their machine does not work.
        waits: What they waited for, longest first.
        reason: Why it is late, for a planner.
    """

    order: str
    due_min: int
    end_min: int
    cost: float
    chain: tuple[str, ...]
    work_min: int
    pause_min: int
    waits: tuple[Wait, ...]
    reason: str

    @property
    def words(self) -> str:
        """Order, lateness and reason as a sentence."""
        return f"{self.order} is {duration_words(self.late_min)} late: {self.reason}"

    @property
    def late_min(self) -> int:
        """How late it is."""
        return self.end_min - self.due_min


def machine_loads(problem: Problem, schedule: Schedule) -> list[MachineLoad]:
    """The load of every machine, the busiest first."""
    until = max((task.end_min for task in schedule.tasks), default=0)
    tasks: dict[str, list[Task]] = defaultdict(list)
    for task in schedule.tasks:
        tasks[task.machine].append(task)
    found = []
    for machine in problem.machines:
        span = [(0, until)] if until else []
        opened = span if machine.shifts is None else common(span, joined(machine.shifts))
        operations = [task for task in tasks[machine.name] if task.name in problem.operations]
        work = joined((task.start_min, task.end_min) for task in operations)
        setup = without(joined((task.setup_start_min, task.start_min) for task in operations), work)
        upkeep = [task for task in tasks[machine.name] if task.name not in problem.operations]
        found.append(
            MachineLoad(
                machine.name,
                minutes(opened),
                minutes(common(work, opened)),
                minutes(common(setup, opened)),
                minutes(common(joined((task.start_min, task.end_min) for task in upkeep), opened)),
                len(operations),
            )
        )
    return sorted(found, key=lambda load: (-load.load, load.machine))


def late_orders(problem: Problem, schedule: Schedule) -> list[LateOrder]:
    """Every late order with the reason why, the dearest first."""
    waiting = Waiting(problem, schedule)
    found = []
    for order in problem.orders:
        tasks = [schedule.task[one.name] for one in order.operations if one.name in schedule.task]
        last = max(tasks, key=lambda task: (task.end_min, task.name), default=None)
        if order.due_min is not None and last is not None and last.end_min > order.due_min:
            found.append(_late_order(order, last, waiting))
    return sorted(found, key=lambda late: (-late.cost, -late.late_min, late.order))


def duration_words(minutes_: int) -> str:
    """Minutes as a person says them: 45 min, 3 h 05, 2 d 4 h."""
    if minutes_ < 60:
        return f"{minutes_} min"
    hours, rest = divmod(minutes_, 60)
    if hours < 24:
        return f"{hours} h {rest:02d}" if rest else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def _late_order(order: Order, last: Task, waiting: Waiting) -> LateOrder:
    chain: list[Task] = []
    task: Task | None = last
    while task is not None and task not in chain:
        chain.append(task)
        task = waiting.last_before(task)
    chain.reverse()
    waits = sorted((wait for task in chain for wait in waiting.waits(task)), key=lambda wait: -wait.minutes)
    pause = sum(waiting.pause_min(task) for task in chain)
    work = sum(task.end_min - task.start_min for task in chain) - pause
    due = order.due_min or 0
    late = LateOrder(
        order.name,
        due,
        last.end_min,
        order.late_cost_per_min * (last.end_min - due),
        tuple(task.name for task in chain),
        work,
        pause,
        tuple(waits),
        "",
    )
    return replace(late, reason=_reason(order, late))


def _reason(order: Order, late: LateOrder) -> str:
    text = f"{duration_words(late.work_min)} of work"
    room = late.due_min - max(order.release_min, 0)
    if room < late.work_min:
        had = f"only {duration_words(room)}" if room > 0 else "no time"
        text += f", for which there was {had} between release and due date"
    by_cause: dict[Cause, int] = defaultdict(int)
    names: dict[Cause, list[str]] = defaultdict(list)
    for wait in late.waits:
        by_cause[wait.cause] += wait.minutes
        names[wait.cause] += [name for name in wait.by if name not in names[wait.cause]]
    if late.pause_min:
        by_cause["shift"] += late.pause_min
    parts = [
        f"{duration_words(total)} {_because(cause, names[cause])}"
        for cause, total in sorted(by_cause.items(), key=lambda item: -item[1])
    ]
    return f"{text}, {', '.join(parts)}" if parts else text


def _because(cause: Cause, names: list[str]) -> str:
    shown = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
    return {
        "shift": "outside shifts",
        "material": f"without {shown}",
        "machine": f"behind {shown}",
        "setup": "of set-up",
        "operator": f"without an operator for {shown}",
        "tool": f"without a free {shown}",
        "batch": f"for its batch ({shown})",
        "choice": "by choice of the schedule",
    }[cause]
