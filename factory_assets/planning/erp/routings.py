"""Routings of products, from the ERP's rows: operations, ways to do them, and what waits for what."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from factory_assets.planning.erp.errors import (
    NegativeTimeError,
    OrderWithoutRoutingError,
    PrecedenceCycleError,
    UnknownMachineError,
    UnknownNameError,
)
from factory_assets.planning.erp.faults import Faults
from factory_assets.planning.erp.rows import ErpRows
from factory_assets.planning.problem import Mode

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """An operation of a routing.

    Attributes:
        number: Unique in its routing.
        family: What the machine must be set up for.
        is_batched: Whether orders of one batch do it together.
        ways: Rows of routing_mode whose machines can be used.
        after: Numbers of the operations before it.
        materials: How much of each material a piece takes.
    """

    number: int
    family: str | None
    is_batched: bool
    ways: tuple[Row, ...]
    after: tuple[int, ...]
    materials: Mapping[str, float]

    def modes(self, pieces: int) -> tuple[Mode, ...]:
        """The ways to do it for so many pieces."""
        return tuple(
            Mode(
                way["machine_id"],
                math.ceil(round(way["fixed_min"] + pieces * way["min_per_piece"], 6)),
                way["skill"],
                way["tool_id"],
            )
            for way in self.ways
        )


@dataclass(frozen=True)
class Routing:
    """One way to make a product."""

    name: str
    steps: tuple[Step, ...]


def routings_of(rows: ErpRows, machines: frozenset[str], faults: Faults) -> dict[str, list[Routing]]:
    """The routings of each product that can be used; what is wrong with the others is added to the faults.

    Args:
        rows: All rows.
        machines: Machines that work.
        faults: To add to.
    """
    known_machines = {row["machine_id"] for row in rows["machine"]}
    reader = _Reader(rows, machines, known_machines, faults)
    found: dict[str, list[Routing]] = defaultdict(list)
    for row in rows["routing"]:
        routing = reader.routing(row["routing_id"])
        if routing is not None:
            found[row["product_id"]].append(routing)
    return dict(found)


class _Reader:
    def __init__(self, rows: ErpRows, machines: frozenset[str], known: set[str], faults: Faults) -> None:
        self.machines, self.known, self.faults = machines, known, faults
        self.tools = {row["tool_id"] for row in rows["tool"]}
        self.operations = _by(rows["routing_operation"], "routing_id")
        self.ways = _by(rows["routing_mode"], "routing_id", "operation_no")
        self.after = _by(rows["routing_precedence"], "routing_id")
        self.materials = _by(rows["routing_material"], "routing_id", "operation_no")

    def routing(self, name: str) -> Routing | None:
        """The routing, or None and a fault."""
        count, row = len(self.faults.found), f"routing {name}"
        operations = self.operations.get((name,), [])
        if not operations:
            self.faults.add(OrderWithoutRoutingError, row, "it has no operation: add rows to routing_operation")
            return None
        after = self._after(name, [operation["operation_no"] for operation in operations])
        steps = tuple(self._step(name, operation, after) for operation in operations)
        if len(self.faults.found) > count:
            return None
        circle = circle_of({step.number: step.after for step in steps})
        if circle:
            words = (
                f"operations {' -> '.join(map(str, circle))} wait for each other: take a row of routing_precedence out"
            )
            self.faults.add(PrecedenceCycleError, row, words)
            return None
        return Routing(name, steps)

    def _after(self, name: str, numbers: Sequence[int]) -> Mapping[int, tuple[int, ...]]:
        rows = self.after.get((name,), [])
        if not rows:
            return {number: (before,) for before, number in pairwise(numbers)}
        found: dict[int, tuple[int, ...]] = {}
        for row in rows:
            for number in (row["operation_no"], row["after_no"]):
                if number not in numbers:
                    words = f"routing_precedence names operation {number}, which is not in routing_operation"
                    self.faults.add(UnknownNameError, f"routing {name}", words)
            found[row["operation_no"]] = (*found.get(row["operation_no"], ()), row["after_no"])
        return found

    def _step(self, name: str, operation: Row, after: Mapping[int, tuple[int, ...]]) -> Step:
        number = operation["operation_no"]
        row = f"routing {name} operation {number}"
        ways = self.ways.get((name, number), [])
        if not ways:
            self.faults.add(OrderWithoutRoutingError, row, "it names no machine: add a row to routing_mode")
        for way in ways:
            self._examine(row, way)
        usable = tuple(way for way in ways if way["machine_id"] in self.machines)
        if ways and not usable and all(way["machine_id"] in self.known for way in ways):
            words = "none of its machines works in the time that is planned"
            self.faults.add(OrderWithoutRoutingError, row, words)
        materials = {one["material_id"]: one["per_piece"] for one in self.materials.get((name, number), [])}
        if any(not amount >= 0 for amount in materials.values()):
            self.faults.add(NegativeTimeError, row, "it takes less than nothing of a material: mend routing_material")
        return Step(number, operation["family"], operation["is_batched"], usable, after.get(number, ()), materials)

    def _examine(self, row: str, way: Row) -> None:
        machine = way["machine_id"]
        if machine not in self.known:
            words = f"machine {machine} is not in the machine table: add it there, or mend routing_mode"
            self.faults.add(UnknownMachineError, row, words)
        if not (way["fixed_min"] >= 0 and way["min_per_piece"] >= 0):
            words = f"its time on {machine} is negative ({way['fixed_min']:g} + {way['min_per_piece']:g} a piece)"
            self.faults.add(NegativeTimeError, row, words + ": mend routing_mode")
        if way["tool_id"] is not None and way["tool_id"] not in self.tools:
            words = f"tool {way['tool_id']} is not in the tool table: add it there, or mend routing_mode"
            self.faults.add(UnknownNameError, row, words)


def circle_of(after: Mapping[int, Sequence[int]]) -> list[int]:
    """Operations that wait for each other, the first one again at the end; empty if there are none."""
    done: set[int] = set()
    for first in after:
        path: list[int] = []
        ways = [iter((first,))]
        while ways:
            number = next(ways[-1], None)
            if number is None:
                ways.pop()
                if path:
                    done.add(path.pop())
            elif number in path:
                return [*path[path.index(number) :], number]
            elif number not in done:
                path.append(number)
                ways.append(iter(after.get(number, ())))
    return []


def _by(rows: Iterable[Row], *keys: str) -> dict[tuple[Any, ...], list[Row]]:
    found: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        found[tuple(row[key] for key in keys)].append(row)
    return found
