"""B2MML operations schedules (ISA-95 part 2) as orders: requests, their segments, and what those require.

Read are `OperationsSchedule` (V6 and later) and `ProductionSchedule` (before), of any namespace version. The segments
of a request are done in the order in which they stand; one within another is done after it.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from xml.etree.ElementTree import Element

from factory_assets.planning.erp.errors import (
    B2mmlError,
    DueBeforeReleaseError,
    NegativeTimeError,
    OrderWithoutRoutingError,
    UnknownMachineError,
)
from factory_assets.planning.erp.faults import Faults
from factory_assets.planning.erp.orders import minutes_after
from factory_assets.planning.erp.safe_xml import local_name, parse_xml
from factory_assets.planning.problem import Mode, Operation, Order

ROOTS = {"OperationsSchedule": "OperationsRequest", "ProductionSchedule": "ProductionRequest"}
DURATION = re.compile(r"(-)?P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")


def orders_of_b2mml(
    text: bytes,
    start_utc: dt.datetime,
    machines_of_class: Mapping[str, Sequence[str]],
    *,
    late_cost_per_h: float = 0.0,
) -> tuple[Order, ...]:
    """Read the orders of a schedule.

    A segment's `EquipmentRequirement` names a machine (`EquipmentID`) or a class of which any will do
    (`EquipmentClassID`); one whose `EquipmentUse` is `Tool` names a tool. `PersonnelRequirement` gives the skill
    (`PersonnelClassID`), `MaterialRequirement` with use `Consumed` what is taken from stock, `Duration` how long it
    takes.

    Args:
        text: The XML.
        start_utc: Minute 0, aware.
        machines_of_class: Machines of each class; all known machines are in one of them.
        late_cost_per_h: What an hour of lateness costs, times the request's `Priority` (1 without).

    Raises:
        UnsafeXmlError: A document type, or too large.
        B2mmlError: No schedule, or times or numbers that cannot be read.
        ErpInputError: Requests that no schedule can be made of, all of them in the message.
    """
    root = parse_xml(text)
    if local_name(root) not in ROOTS:
        msg = f"the XML is {local_name(root)}; send an OperationsSchedule or a ProductionSchedule"
        raise B2mmlError(msg)
    faults = Faults()
    reader = _Reader(start_utc, machines_of_class, late_cost_per_h, faults)
    orders = tuple(reader.order(request) for request in _children(root, ROOTS[local_name(root)]))
    faults.raise_if_any()
    return orders


class _Reader:
    def __init__(
        self, start_utc: dt.datetime, classes: Mapping[str, Sequence[str]], late_cost_per_h: float, faults: Faults
    ) -> None:
        self.start_utc, self.classes, self.faults = start_utc, classes, faults
        self.late_cost_per_h = late_cost_per_h
        self.machines = {machine for of_class in classes.values() for machine in of_class}

    def order(self, request: Element) -> Order:
        """An order, as far as it can be read; what is wrong is added to the faults."""
        name = _needed(request, "ID", "a request")
        release, due = self._time(request, "StartTime", name), self._time(request, "EndTime", name)
        row = f"request {name}"
        if release is not None and due is not None and due < release:
            words = f"it ends at {due.isoformat()}, before it starts at {release.isoformat()}: mend one of them"
            self.faults.add(DueBeforeReleaseError, row, words)
        operations: list[Operation] = []
        for segment in _segments(request):
            after = (operations[-1].name,) if operations else ()
            operations.append(self._operation(name, segment, after))
        if not operations:
            words = "it has no SegmentRequirement: send the segments with it"
            self.faults.add(OrderWithoutRoutingError, row, words)
        priority = _number(_text(request, "Priority") or "1", f"the Priority of {row}")
        return Order(
            name,
            tuple(operations),
            0 if release is None else max(0, minutes_after(self.start_utc, release, is_rounded_up=True)),
            None if due is None else minutes_after(self.start_utc, due),
            max(0.0, priority) * self.late_cost_per_h / 60,
        )

    def _operation(self, order: str, segment: Element, after: tuple[str, ...]) -> Operation:
        number = _needed(segment, "ID", f"a segment of {order}")
        name = f"{order}/{number}"
        minutes = self._duration(segment, name)
        skill, tool, machines = None, None, []
        for requirement in _children(segment, "PersonnelRequirement"):
            skill = _text(requirement, "PersonnelClassID") or skill
        for requirement in _children(segment, "EquipmentRequirement"):
            if (_text(requirement, "EquipmentUse") or "").lower() == "tool":
                tool = _text(requirement, "EquipmentID") or _text(requirement, "EquipmentClassID")
            else:
                machines.append(self._machines(requirement, name))
        if len(machines) != 1:
            words = f"it requires {len(machines)} machines: require one machine, or one class of which any will do"
            self.faults.add(OrderWithoutRoutingError, f"segment {name}", words)
        modes = tuple(Mode(machine, minutes, skill, tool) for machine in (machines[0] if machines else ()))
        return Operation(name, modes, after, materials=dict(_consumed(segment, name)))

    def _machines(self, requirement: Element, segment: str) -> Sequence[str]:
        names = [child.text.strip() for child in _children(requirement, "EquipmentID") if child.text]
        for child in _children(requirement, "EquipmentClassID"):
            of_class = (child.text or "").strip()
            if not names and of_class in self.classes:
                return self.classes[of_class]
            if not names:
                words = f"nothing is known of machine class {of_class}: add machines of it, or mend the segment"
                self.faults.add(UnknownMachineError, f"segment {segment}", words)
        for name in names:
            if name not in self.machines:
                words = f"machine {name} is not known: add it, or mend the segment"
                self.faults.add(UnknownMachineError, f"segment {segment}", words)
        return names

    def _duration(self, segment: Element, name: str) -> int:
        text = _needed(segment, "Duration", f"segment {name}")
        found = DURATION.fullmatch(text)
        if found is None or text in ("P", "-P") or text.endswith("T"):
            msg = f"segment {name}: {text!r} is no duration in days, hours and minutes; write it like PT1H30M"
            raise B2mmlError(msg)
        days, hours, minutes = (int(part or 0) for part in found.group(2, 3, 4))
        if found.group(1):
            self.faults.add(NegativeTimeError, f"segment {name}", f"its Duration {text} is negative: mend it")
        seconds = float(found.group(5) or 0)
        return (days * 24 + hours) * 60 + minutes + -int(-seconds // 60)

    def _time(self, request: Element, tag: str, name: str) -> dt.datetime | None:
        text = _text(request, tag)
        if text is None:
            return None
        try:
            found = dt.datetime.fromisoformat(text)
        except ValueError as error:
            msg = f"request {name}: {tag} {text!r} is no time; write it like 2026-10-05T06:00:00Z"
            raise B2mmlError(msg) from error
        if found.tzinfo is None:
            msg = f"request {name}: {tag} {text} names no time zone; add Z or an offset like +02:00"
            raise B2mmlError(msg)
        return found


def _segments(element: Element) -> Iterator[Element]:
    for segment in _children(element, "SegmentRequirement"):
        yield segment
        yield from _segments(segment)


def _consumed(segment: Element, name: str) -> Iterator[tuple[str, float]]:
    for requirement in _children(segment, "MaterialRequirement"):
        if (_text(requirement, "MaterialUse") or "Consumed").lower() != "consumed":
            continue
        material = _needed(requirement, "MaterialDefinitionID", f"a material of {name}")
        for quantity in _children(requirement, "Quantity"):
            text = _text(quantity, "QuantityString") or "0"
            yield material, _number(text, f"the quantity of {material} of {name}")


def _number(text: str, what: str) -> float:
    try:
        found = float(text)
    except ValueError as error:
        msg = f"{what} is {text!r}, which is no number"
        raise B2mmlError(msg) from error
    if not 0 <= found < float("inf"):
        msg = f"{what} is {text}: give 0 or more"
        raise NegativeTimeError(msg)
    return found


def _children(element: Element, tag: str) -> Iterator[Element]:
    return (child for child in element if local_name(child) == tag)


def _text(element: Element, tag: str) -> str | None:
    child = next(_children(element, tag), None)
    return (child.text or "").strip() or None if child is not None else None


def _needed(element: Element, tag: str, what: str) -> str:
    text = _text(element, tag)
    if text is None:
        msg = f"{what} has no {tag}: add it"
        raise B2mmlError(msg)
    return text
