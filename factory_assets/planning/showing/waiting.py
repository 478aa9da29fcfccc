"""What an operation waited for: machine, set-up, shift, material, operator, tool, batch, or nothing that is known."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from factory_assets.planning.problem import Mode, Problem, Schedule, Task
from factory_assets.planning.spans import Spans, common, crowded, joined, minutes, within, without

Cause = Literal["shift", "material", "machine", "setup", "operator", "tool", "batch", "choice"]


@dataclass(frozen=True)
class Wait:
    """Minutes in which an operation could have begun but for one thing.

    Attributes:
        operation: Which waited.
        cause: For what; `choice` if nothing stood in its way, so that the schedule prefers it later.
        minutes: How long.
        by: What was in the way: tasks on the machine, the material, the skill, the tool; may be empty.
    """

    operation: str
    cause: Cause
    minutes: int
    by: tuple[str, ...] = ()


class Waiting:
    """Looks into a schedule for what its operations waited for."""

    def __init__(self, problem: Problem, schedule: Schedule) -> None:
        self.problem, self.schedule = problem, schedule
        self.opened = {one.name: joined(one.shifts) for one in problem.machines if one.shifts is not None}
        self.on_machine: dict[str, list[Task]] = defaultdict(list)
        self.of_operator: dict[str, list[Task]] = defaultdict(list)
        for task in sorted(schedule.tasks, key=lambda task: task.setup_start_min):
            self.on_machine[task.machine].append(task)
            if task.operator is not None:
                self.of_operator[task.operator].append(task)
        self.partners: dict[tuple[str, str], list[Task]] = defaultdict(list)
        for task in schedule.tasks:
            batch = self._batch(task)
            if batch is not None:
                self.partners[batch, task.machine].append(task)

    def ready_min(self, task: Task) -> int:
        """When the operation itself could have begun: released, and all before it ended."""
        operation = self.problem.operations[task.name]
        ends = [self.schedule.task[name].end_min for name in operation.after if name in self.schedule.task]
        return max([self.problem.order_of[task.name].release_min, 0, *ends])

    def last_before(self, task: Task) -> Task | None:
        """The operation that ended last of those it comes after; None if it waited for its release."""
        operation = self.problem.operations[task.name]
        tasks = [self.schedule.task[name] for name in operation.after if name in self.schedule.task]
        last = max(tasks, key=lambda one: (one.end_min, one.name), default=None)
        return last if last is not None and last.end_min >= self.ready_min(task) else None

    def waits(self, task: Task) -> list[Wait]:
        """What it waited for between being ready and beginning; every minute is counted for one thing."""
        left: Spans = joined([(self.ready_min(task), task.start_min)])
        found: list[Wait] = []
        for cause, by, spans in self._obstacles(task) if left else ():
            if not left:
                break
            taken = minutes(common(left, spans))
            if taken:
                found.append(Wait(task.name, cause, taken, by))
                left = without(left, spans)
        if left:
            found.append(Wait(task.name, "choice", minutes(left)))
        return _merged(found)

    def pause_min(self, task: Task) -> int:
        """Minutes of the operation in which its machine did not work."""
        return minutes(self._closed(task.machine, task.start_min, task.end_min))

    def _obstacles(self, task: Task) -> Iterator[tuple[Cause, tuple[str, ...], Spans]]:
        """What stood in its way, in the order in which it is blamed."""
        for material in self.problem.operations[task.name].materials:
            yield "material", (material,), self._missing(task, material)
        ready = self.ready_min(task)
        closed = self._closed(task.machine, ready, task.start_min)
        yield "shift", (task.machine,), joined([*closed, *self._too_short(task, ready)])
        yield "setup", (task.machine,), joined([(task.setup_start_min, task.start_min)])
        partners = self._partners(task)
        others = [other for other in self._on_machine(task, ready) if other.name not in partners]
        busy = joined((other.setup_start_min, other.end_min) for other in others)
        yield "machine", tuple(other.name for other in others), busy
        for name, partner in partners.items():
            if name != task.name:
                yield "batch", (name,), joined([(0, self.ready_min(partner))])
        mode = self._mode(task)
        if mode.skill is not None and self.problem.operators:
            yield "operator", (mode.skill,), self._nobody(mode.skill, task)
        if mode.tool is not None:
            using = [
                (other.start_min, other.end_min)
                for other in self.schedule.tasks
                if other.name not in partners
                and other.name in self.problem.operations
                and self._mode(other).tool == mode.tool
            ]
            yield "tool", (mode.tool,), crowded(using, max(1, self.problem.tools.get(mode.tool, 0)))

    def _on_machine(self, task: Task, ready: int) -> list[Task]:
        """What its machine did while it waited, the last first."""
        on_machine, found = self.on_machine[task.machine], []
        for place in range(bisect_left(on_machine, task.start_min, key=_begin) - 1, -1, -1):
            if on_machine[place].end_min <= ready:
                break
            found.append(on_machine[place])
        return found

    def _closed(self, machine: str, begin: int, end: int) -> Spans:
        opened = self.opened.get(machine)
        return [] if opened is None or begin >= end else without([(begin, end)], within(opened, begin, end))

    def _too_short(self, task: Task, begin: int) -> Spans:
        """Minutes too late in a shift for all of the operation, on a machine that may not pause."""
        opened = self.opened.get(task.machine)
        if opened is None or self.problem.machine[task.machine].may_pause:
            return []
        length = task.end_min - task.start_min
        first = max(0, bisect_right(opened, (begin, begin)) - 1)
        last = bisect_right(opened, (task.start_min, task.start_min))
        return joined((max(opens, closes - length + 1), closes) for opens, closes in opened[first:last])

    def _missing(self, task: Task, material: str) -> Spans:
        """Minutes at which, had it begun, the material would not have sufficed for it and the others."""
        wanted = self.problem.operations[task.name].materials[material]
        changes = [(one.at_min, one.quantity) for one in self.problem.supplies if one.material == material]
        for other in self.schedule.tasks:
            if other.name in self.problem.operations and other.name != task.name and other.start_min >= 0:
                quantity = self.problem.operations[other.name].materials.get(material, 0)
                changes.append((other.start_min, -quantity))
        begin, stock = 0, 0.0
        last_short = 0
        for minute, quantity in sorted(changes, key=lambda change: (change[0], -change[1])):
            if minute > begin and stock < wanted - 1e-9:
                last_short = minute
            begin, stock = max(begin, minute), stock + quantity
        return joined([(0, min(last_short, task.start_min))])

    def _nobody(self, skill: str, task: Task) -> Spans:
        """Minutes at which everybody who can do it is away or busy."""
        until = task.start_min
        nobody: Spans = [(0, until)] if until > 0 else []
        partners = self._partners(task)
        for operator in self.problem.operators:
            if skill not in operator.skills or operator.count < 1:
                continue
            away = without(nobody, joined(operator.shifts)) if operator.shifts is not None else []
            tasks = [other for other in self.of_operator[operator.name] if other.name not in partners]
            busy = crowded([(other.start_min, other.end_min) for other in self._one_of_batch(tasks)], operator.count)
            nobody = common(nobody, joined([*away, *busy]))
        return nobody

    def _mode(self, task: Task) -> Mode:
        modes = [mode for mode in self.problem.operations[task.name].modes if mode.machine == task.machine]
        length = task.end_min - task.start_min
        return min(modes, key=lambda mode: abs(mode.duration_min - length), default=Mode(task.machine, length))

    def _batch(self, task: Task) -> str | None:
        operation = self.problem.operations.get(task.name)
        return operation.batch if operation is not None else None

    def _one_of_batch(self, tasks: Iterable[Task]) -> Iterator[Task]:
        seen = set()
        for task in tasks:
            key = min(self._partners(task))
            if key not in seen:
                seen.add(key)
                yield task

    def _partners(self, task: Task) -> dict[str, Task]:
        batch = self._batch(task)
        tasks = [task] if batch is None else self.partners[batch, task.machine]
        return {one.name: one for one in tasks}


def _begin(task: Task) -> int:
    return task.setup_start_min


def _merged(waits: list[Wait]) -> list[Wait]:
    """One for each cause, with everything that was in the way."""
    found: dict[Cause, Wait] = {}
    for wait in waits:
        before = found.get(wait.cause)
        by = (*before.by, *wait.by) if before else wait.by
        found[wait.cause] = Wait(wait.operation, wait.cause, wait.minutes + (before.minutes if before else 0), by)
    return list(found.values())
