"""What a problem demands, one demand at a time, and the problem with only some of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal
from zoneinfo import ZoneInfo

from factory_assets.planning.problem import Machine, Maintenance, Mode, Operation, Order, Problem, Supply, Task
from factory_assets.planning.spans import Spans, common, joined

Kind = Literal[
    "order", "release", "maintenance", "pinned", "shifts", "presence", "skill", "tool", "material", "horizon"
]
ENDLESS = 1e12
FAR = 10**9


@dataclass(frozen=True)
class Demand:
    """Something that a schedule must keep to and that a planner could give up.

    Attributes:
        kind: What kind of thing.
        name: Of the order, task, machine, operator, skill, tool or material; empty for the horizon.
    """

    kind: Kind
    name: str


@dataclass(frozen=True)
class Conflict:
    """Demands that cannot all be kept, though each of them could be without the others.

    Attributes:
        demands: They clash.
        words: Why, for a planner.
        is_irreducible: Whether it is known that without any one of them the others can be kept.
    """

    demands: tuple[Demand, ...]
    words: str
    is_irreducible: bool = True


def demands_of(problem: Problem) -> list[Demand]:
    """All demands: people and things first, orders last, so that explanations keep to few orders."""
    skills = {mode.skill for one in problem.operations.values() for mode in one.modes if mode.skill is not None}
    skills |= {one.skill for one in problem.maintenance if one.skill is not None}
    tools = {mode.tool for one in problem.operations.values() for mode in one.modes if mode.tool is not None}
    materials = {material for one in problem.operations.values() for material in one.materials}
    found = [Demand("horizon", "")] if problem.horizon_min is not None else []
    found += [Demand("shifts", one.name) for one in problem.machines if one.shifts is not None]
    if problem.operators:
        found += [Demand("skill", skill) for skill in sorted(skills)]
        found += [Demand("presence", one.name) for one in problem.operators if one.shifts is not None]
    found += [Demand("tool", tool) for tool in sorted(tools)]
    found += [Demand("material", material) for material in sorted(materials)]
    found += [Demand("release", order.name) for order in problem.orders if order.release_min > 0]
    found += [Demand("pinned", task.name) for task in problem.pinned]
    found += [Demand("maintenance", one.name) for one in problem.maintenance if one.latest_min is not None]
    return found + [Demand("order", order.name) for order in problem.orders]


def with_only(problem: Problem, kept: Collection[Demand]) -> Problem:
    """The problem with these demands and no others: everything that is not among them is given up.

    Of an order that is given up its pinned operations stay, for they are demands of their own.
    """
    keeps = frozenset(kept)
    all_demands = demands_of(problem)

    def dropped(kind: Kind) -> set[str]:
        return {one.name for one in all_demands if one.kind == kind and one not in keeps}

    pinned = {task.name for task in problem.pinned} - dropped("pinned")
    kept_orders = (_pinned_part(one, pinned) if one.name in dropped("order") else one for one in problem.orders)
    orders = tuple(order for order in kept_orders if order is not None)
    there = {operation.name for order in orders for operation in order.operations}
    maintenance = tuple(one for one in problem.maintenance if one.name not in dropped("maintenance"))
    tasks = there | {one.name for one in maintenance}
    no_skill, no_tool, no_release = dropped("skill"), dropped("tool"), dropped("release")
    always, present = dropped("shifts"), dropped("presence")
    return replace(
        problem,
        machines=tuple(replace(one, shifts=None) if one.name in always else one for one in problem.machines),
        orders=tuple(
            replace(
                order,
                release_min=0 if order.name in no_release else order.release_min,
                operations=tuple(_eased(one, there, no_skill, no_tool) for one in order.operations),
            )
            for order in orders
        ),
        operators=tuple(replace(one, shifts=None) if one.name in present else one for one in problem.operators),
        supplies=(*problem.supplies, *(Supply(material, 0, ENDLESS) for material in sorted(dropped("material")))),
        maintenance=tuple(replace(one, skill=None) if one.skill in no_skill else one for one in maintenance),
        pinned=tuple(one for one in problem.pinned if one.name in tasks & pinned),
        before=(),
        horizon_min=None if Demand("horizon", "") not in keeps else problem.horizon_min,
    )


def _pinned_part(order: Order, pinned: set[str]) -> Order | None:
    operations = tuple(one for one in order.operations if one.name in pinned)
    return replace(order, operations=operations, routings=()) if operations else None


def _eased(operation: Operation, there: set[str], no_skill: set[str], no_tool: set[str]) -> Operation:
    return replace(
        operation,
        after=tuple(name for name in operation.after if name in there),
        modes=tuple(
            Mode(
                mode.machine,
                mode.duration_min,
                None if mode.skill in no_skill else mode.skill,
                None if mode.tool in no_tool else mode.tool,
            )
            for mode in operation.modes
        ),
    )


@dataclass(frozen=True)
class Speaker:
    """Says what demands are, in clock times of the plant."""

    problem: Problem
    time_zone: str = "UTC"

    def at(self, minute: int) -> str:
        """A minute as a time."""
        moment = (self.problem.start_utc + dt.timedelta(minutes=minute)).astimezone(ZoneInfo(self.time_zone))
        return f"{moment:%a} {moment.day} {moment:%b %H:%M}"

    def demand(self, demand: Demand) -> str:
        """A demand in words."""
        name = demand.name
        ways = {
            "order": lambda: self._order(next(one for one in self.problem.orders if one.name == name)),
            "release": lambda: self._release(next(one for one in self.problem.orders if one.name == name)),
            "maintenance": lambda: self.maintenance(next(one for one in self.problem.maintenance if one.name == name)),
            "pinned": lambda: self.pinned(next(one for one in self.problem.pinned if one.name == name)),
            "shifts": lambda: f"machine {name} works only in its shifts",
            "presence": lambda: f"{name} is there only at certain times",
            "skill": lambda: f"{self._able(name)} can do {name}",
            "tool": lambda: f"there are {self.problem.tools.get(name, 0)} of {name}",
            "material": lambda: f"{name} is limited to what is in stock and what comes",
            "horizon": lambda: f"everything must end by {self.at(self.problem.horizon_min or 0)}",
        }
        return ways[demand.kind]()

    def maintenance(self, one: Maintenance) -> str:
        """A maintenance task with its window."""
        window = f"from {self.at(one.earliest_min)}"
        if one.latest_min == one.earliest_min:
            window = f"at {self.at(one.earliest_min)}"
        elif one.latest_min is not None:
            window = f"between {self.at(one.earliest_min)} and {self.at(one.latest_min)}"
        name = one.name if one.name.startswith("maintenance ") else f"maintenance {one.name}"
        return f"{name} of {one.machine} must begin {window} and takes {one.duration_min} min"

    def pinned(self, task: Task) -> str:
        """A pinned task with its place."""
        return f"{task.name} is pinned to {task.machine} from {self.at(task.start_min)} to {self.at(task.end_min)}"

    def _order(self, order: Order) -> str:
        return f"order {order.name} must be made"

    def _release(self, order: Order) -> str:
        return f"order {order.name} may not begin before {self.at(order.release_min)}"

    def _able(self, skill: str) -> str:
        able = [one for one in self.problem.operators if skill in one.skills]
        count = sum(one.count for one in able)
        return "nobody" if not count else f"only {', '.join(one.name for one in able)} ({count} people)"


def routings(order: Order) -> list[tuple[str, ...]]:
    """The operations of each way in which an order can be made."""
    in_groups = {name for group in order.routings for name in group}
    others = tuple(one.name for one in order.operations if one.name not in in_groups)
    return [(*group, *others) for group in order.routings] or [others]


def open_spans(machine: Machine, begin: int, until: int | None) -> Spans:
    """When a machine works."""
    span = [(begin, FAR if until is None else until)]
    return span if machine.shifts is None else common(span, joined(machine.shifts))


def horizon_of(problem: Problem) -> tuple[Demand, ...]:
    """The horizon as a demand, if there is one."""
    return () if problem.horizon_min is None else (Demand("horizon", ""),)
