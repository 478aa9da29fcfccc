"""What a solver works on: the problem with names turned into numbers, batches joined, and bad input refused.

A load is an operation, or all operations of a batch. Everything that a load needs is worked out once, here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from factory_assets.planning.problem import Machine, Mode, Operation, Order, Problem
from factory_assets.planning.search.timeline import Clock


class BadProblemError(ValueError):
    """The problem contradicts itself; the message says where, and how to mend it."""


class NoScheduleError(ValueError):
    """No schedule was found that keeps to everything; the message says which task could not be placed."""


@dataclass(frozen=True)
class Choice:
    """One way to do a load: machine by number, minutes, what it needs."""

    machine: int
    duration: int
    skill: str | None
    tool: str | None


@dataclass(frozen=True)
class Load:
    """An operation or a batch.

    Attributes:
        index: Its number.
        names: Its operations.
        choices: At least one.
        after: Loads, by number, that must have ended (if they are done at all).
        orders: The orders it belongs to, by number.
        release: Not begun before.
        family: What the machine must be set up for.
        materials: What it takes at its start.
    """

    index: int
    names: tuple[str, ...]
    choices: tuple[Choice, ...]
    after: tuple[int, ...]
    orders: tuple[int, ...]
    release: int
    family: str | None
    materials: Mapping[str, float]

    @property
    def shortest(self) -> int:
        """The fewest minutes it can take."""
        return min(choice.duration for choice in self.choices)


class Shop:
    """A problem, ready to be solved.

    Attributes:
        problem: The problem.
        loads: All loads.
        clocks: The working time of each machine.
        routings: For each order the loads of each of its routings; empty without alternatives.
    """

    def __init__(self, problem: Problem) -> None:
        _refuse(problem)
        self.problem = problem
        self.machines: tuple[Machine, ...] = problem.machines
        self.clocks = [Clock(machine) for machine in problem.machines]
        self.machine_index = {machine.name: number for number, machine in enumerate(problem.machines)}
        self.with_people = bool(problem.operators)
        groups = _groups(problem)
        self.load_of = {operation.name: number for number, group in enumerate(groups) for operation in group}
        order_index = {order.name: number for number, order in enumerate(problem.orders)}
        self.loads = [self._load(number, group, order_index) for number, group in enumerate(groups)]
        self.routings = [
            tuple(frozenset(self.load_of[name] for name in routing) for routing in order.routings)
            for order in problem.orders
        ]
        self.sorted = self._sorted()
        pinned = {task.name for task in problem.pinned}
        for load in self.loads:
            if 0 < len(pinned.intersection(load.names)) < len(load.names):
                raise BadProblemError(f"of batch {load.names} only a part is pinned; pin all of it or none")

    def _load(self, number: int, group: list[Operation], order_index: Mapping[str, int]) -> Load:
        orders = [self.problem.order_of[operation.name] for operation in group]
        materials: dict[str, float] = defaultdict(float)
        for operation in group:
            for material, quantity in operation.materials.items():
                materials[material] += quantity
        after = {self.load_of[name] for operation in group for name in operation.after} - {number}
        return Load(
            number,
            tuple(operation.name for operation in group),
            tuple(self._choice(mode) for mode in _modes(group)),
            tuple(sorted(after)),
            tuple(sorted({order_index[order.name] for order in orders})),
            max(order.release_min for order in orders),
            next((operation.family for operation in group if operation.family is not None), None),
            dict(materials),
        )

    def _choice(self, mode: Mode) -> Choice:
        skill = mode.skill if self.with_people else None
        return Choice(self.machine_index[mode.machine], mode.duration_min, skill, mode.tool)

    def _sorted(self) -> list[int]:
        """All loads, each after those that it waits for."""
        waiting = [len(load.after) for load in self.loads]
        ready = [load.index for load in self.loads if not load.after]
        for number in ready:
            for follower in self.followers[number]:
                waiting[follower] -= 1
                if not waiting[follower]:
                    ready.append(follower)
        if len(ready) < len(self.loads):
            stuck = [self.loads[number].names[0] for number, count in enumerate(waiting) if count]
            raise BadProblemError(
                f"operations wait for each other in a circle: {', '.join(stuck[:6])}; take one `after` away"
            )
        return ready

    @cached_property
    def followers(self) -> list[list[int]]:
        """The loads that wait for each load."""
        found: list[list[int]] = [[] for _ in self.loads]
        for load in self.loads:
            for number in load.after:
                found[number].append(load.index)
        return found

    def setup_min(self, machine: int, before: str | None, after: str | None) -> int:
        """Minutes of set-up from one family to another."""
        if before is None or after is None:
            return 0
        return self.machines[machine].setup_min.get((before, after), 0)

    def active(self, choice: Mapping[int, int] | None = None) -> frozenset[int]:
        """The loads that are done, given the routing of each order (the one with the least work if not given)."""
        chosen = choice or {}
        left_out: set[int] = set()
        for order, routings in enumerate(self.routings):
            if routings:
                kept = routings[chosen[order]] if order in chosen else self._least_work(order)
                left_out |= frozenset().union(*routings) - kept
        return frozenset(range(len(self.loads))) - left_out

    def _least_work(self, order: int) -> frozenset[int]:
        """The routing with pinned operations, or else with the least work."""
        pinned = {self.load_of[task.name] for task in self.problem.pinned if task.name in self.load_of}
        return min(
            self.routings[order],
            key=lambda loads: (-len(loads & pinned), sum(self.loads[number].shortest for number in loads)),
        )


def _groups(problem: Problem) -> list[list[Operation]]:
    """The operations of each load."""
    groups: list[list[Operation]] = []
    batches: dict[str, list[Operation]] = {}
    optional = {
        name
        for order in problem.orders
        for routing in order.routings
        for name in routing
        if not all(name in other for other in order.routings)
    }
    for operation in problem.operations.values():
        if operation.batch is None:
            groups.append([operation])
            continue
        if operation.name in optional:
            raise BadProblemError(
                f"{operation.name} is in batch {operation.batch} and in an alternative routing; take it out of one"
            )
        if operation.batch not in batches:
            batches[operation.batch] = []
            groups.append(batches[operation.batch])
        batches[operation.batch].append(operation)
    return groups


def _modes(group: list[Operation]) -> list[Mode]:
    """The ways to do all operations of a load together."""
    if len(group) == 1:
        return list(group[0].modes)
    if len({operation.family for operation in group if operation.family is not None}) > 1:
        raise BadProblemError(f"batch {group[0].batch} has operations of more than one set-up family")
    found = []
    by_machine = [{mode.machine: mode for mode in operation.modes} for operation in group]
    for machine, first in by_machine[0].items():
        if all(machine in modes for modes in by_machine):
            alike = [modes[machine] for modes in by_machine]
            found.append(
                Mode(
                    machine,
                    max(mode.duration_min for mode in alike),
                    next((mode.skill for mode in alike if mode.skill), first.skill),
                    next((mode.tool for mode in alike if mode.tool), first.tool),
                )
            )
    if not found:
        raise BadProblemError(f"batch {group[0].batch} has no machine that can do all of its operations")
    return found


def _refuse(problem: Problem) -> None:
    """Raise a named error for what no solver could make sense of."""
    names = [operation.name for order in problem.orders for operation in order.operations]
    names += [task.name for task in problem.maintenance]
    _refuse_doubles("operation or maintenance task", names)
    _refuse_doubles("machine", [machine.name for machine in problem.machines])
    _refuse_doubles("order", [order.name for order in problem.orders])
    for machine in problem.machines:
        _refuse_shifts(machine)
    for order in problem.orders:
        _refuse_order(problem, order)
    for task in problem.maintenance:
        if task.machine not in problem.machine:
            raise BadProblemError(f"maintenance {task.name} names unknown machine {task.machine}")
        if task.duration_min < 0 or task.earliest_min < 0:
            raise BadProblemError(f"maintenance {task.name} has a negative time")
    for pin in problem.pinned:
        if pin.name not in names:
            raise BadProblemError(f"pinned task {pin.name} is neither an operation nor a maintenance task")
        if pin.machine not in problem.machine:
            raise BadProblemError(f"pinned task {pin.name} names unknown machine {pin.machine}")


def _refuse_doubles(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise BadProblemError(f"{what} {name} is there twice; names must be unique")
        seen.add(name)


def _refuse_shifts(machine: Machine) -> None:
    last = -1
    for begin, end in machine.shifts or ():
        if begin >= end or begin < max(last, 0):
            raise BadProblemError(f"machine {machine.name}: shift [{begin}, {end}) is empty, early or out of order")
        last = end
    if any(minutes < 0 for minutes in machine.setup_min.values()):
        raise BadProblemError(f"machine {machine.name} has a negative set-up time")


def _refuse_order(problem: Problem, order: Order) -> None:
    own = {operation.name for operation in order.operations}
    if order.release_min < 0:
        raise BadProblemError(f"order {order.name} is released before minute 0")
    for routing in order.routings:
        for name in routing:
            if name not in own:
                raise BadProblemError(f"order {order.name}: its routing names {name}, which it does not have")
    for operation in order.operations:
        _refuse_operation(problem, operation)


def _refuse_operation(problem: Problem, operation: Operation) -> None:
    if not operation.modes:
        raise BadProblemError(f"operation {operation.name} has no mode: say on which machine it can be done")
    for mode in operation.modes:
        if mode.machine not in problem.machine:
            raise BadProblemError(f"operation {operation.name} names unknown machine {mode.machine}")
        if mode.duration_min < 0:
            raise BadProblemError(f"operation {operation.name} has a negative duration")
    for name in operation.after:
        if name not in problem.operations:
            raise BadProblemError(f"operation {operation.name} comes after unknown operation {name}")
