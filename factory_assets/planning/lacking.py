"""Tasks that cannot stay where they are for want of an operator, a tool or material."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass, field

from factory_assets.planning.problem import Mode, Operation, Problem, Task
from factory_assets.planning.spans import Spans, common, joined, minutes

TINY = 1e-6  # of a quantity


@dataclass
class _Use:
    """Who or what is taken at a moment: until when, by which task, and whether that one stays in any case."""

    until: int
    key: Hashable
    name: str
    is_fixed: bool


@dataclass
class _Crowd:
    """Something of which there is a number: tasks that begin when all are taken go without."""

    count: int
    uses: list[_Use] = field(default_factory=list)

    def take(self, begin: int, use: _Use) -> str | None:
        """Take one; returns the task that must go without, if any: never one that stays in any case."""
        self.uses = [one for one in self.uses if one.until > begin]
        if any(one.key == use.key for one in self.uses):
            return None
        self.uses.append(use)
        if len(self.uses) <= self.count:
            return None
        loser = next((one for one in reversed(self.uses) if not one.is_fixed), None)
        if loser is None:
            return None
        self.uses.remove(loser)
        return loser.name


def lacking(problem: Problem, tasks: Iterable[Task], fixed: Collection[str]) -> set[str]:
    """Names of operations that lack their operator, tool or material where they are.

    Where there is too little for all, those that begin first have it.

    Args:
        problem: Who is there when, what there is, and what comes.
        tasks: Operations in their places; others are passed over.
        fixed: Names of those that stay in any case.
    """
    placed = [task for task in tasks if task.name in problem.operations]
    ordered = sorted(placed, key=lambda task: (task.start_min, task.name not in fixed, task.name))
    people = {one.name: _Crowd(one.count) for one in problem.operators}
    tools = {name: _Crowd(count) for name, count in problem.tools.items()}
    stock = _Stock(problem)
    found: set[str] = set()
    for task in ordered:
        operation, is_fixed = problem.operations[task.name], task.name in fixed
        mode = _mode(problem, operation, task)
        if mode is None or (not is_fixed and not (_is_able(problem, task, mode) and stock.has(operation, task))):
            found.add(task.name)
            continue
        key = task.name if operation.batch is None else (operation.batch, task.machine)
        use = _Use(task.end_min, key, task.name, is_fixed)
        crowds = []
        if mode.skill is not None and task.operator in people:
            crowds.append(people[task.operator])
        if mode.tool is not None:
            crowds.append(tools.setdefault(mode.tool, _Crowd(0)))
        losers = {crowd.take(task.start_min, use) for crowd in crowds} - {None}
        found |= {name for name in losers if name is not None}
        if task.name not in losers:
            stock.take(operation, task)
    return found - set(fixed)


class _Stock:
    """What has come and has not been taken."""

    def __init__(self, problem: Problem) -> None:
        self.supplies: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for one in problem.supplies:
            self.supplies[one.material].append((one.at_min, one.quantity))
        self.taken: dict[str, float] = defaultdict(float)

    def has(self, operation: Operation, task: Task) -> bool:
        """Whether there is enough for an operation when it begins."""
        return all(self._there(name, task.start_min) >= need - TINY for name, need in operation.materials.items())

    def take(self, operation: Operation, task: Task) -> None:
        """Take it; what begins before minute 0 has had its materials."""
        if task.start_min >= 0:
            for name, need in operation.materials.items():
                self.taken[name] += need

    def _there(self, material: str, minute: int) -> float:
        return sum(quantity for at, quantity in self.supplies[material] if at <= minute) - self.taken[material]


def _mode(problem: Problem, operation: Operation, task: Task) -> Mode | None:
    """How it is done: the way on its machine that its operator can do."""
    skills = {one.name: one.skills for one in problem.operators}.get(task.operator or "", frozenset())
    modes = [mode for mode in operation.modes if mode.machine == task.machine]
    return next((mode for mode in modes if mode.skill is None or mode.skill in skills), modes[0] if modes else None)


def _is_able(problem: Problem, task: Task, mode: Mode) -> bool:
    """Whether its operator can do it, and is there while the machine works on it."""
    if mode.skill is None or not problem.operators:
        return True
    operator = next((one for one in problem.operators if one.name == task.operator), None)
    if operator is None or mode.skill not in operator.skills:
        return False
    if operator.shifts is None:
        return True
    machine = problem.machine[task.machine]
    span: Spans = [(task.start_min, task.end_min)]
    pieces = span if machine.shifts is None or not machine.may_pause else common(span, joined(machine.shifts))
    return minutes(common(pieces, joined(operator.shifts))) == minutes(pieces)
