"""Production orders from the ERP's rows, with what the floor has already begun and done of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from factory_assets.foundation.erp_tables import OPEN_STATES
from factory_assets.planning.erp.errors import (
    DueBeforeReleaseError,
    ErpInputError,
    NegativeTimeError,
    OrderWithoutRoutingError,
)
from factory_assets.planning.erp.faults import Faults
from factory_assets.planning.erp.routings import Routing, Row, Step
from factory_assets.planning.erp.rows import ErpRows
from factory_assets.planning.problem import Operation, Order, Task

MINUTE = dt.timedelta(minutes=1)
Reports = Mapping[tuple[str, str, int], Row]


@dataclass(frozen=True)
class OpenOrders:
    """What is left to do.

    Attributes:
        orders: Orders with their operations that are not done.
        begun: Operations that are going on, where they are.
    """

    orders: tuple[Order, ...]
    begun: tuple[Task, ...]


def open_orders(
    rows: ErpRows, routings: Mapping[str, Sequence[Routing]], start_utc: dt.datetime, faults: Faults
) -> OpenOrders:
    """Orders that can be planned; what is wrong with the others is added to the faults."""
    reports = {(row["order_id"], row["routing_id"], row["operation_no"]): row for row in rows["operation_report"]}
    orders, begun = [], []
    for row in rows["production_order"]:
        if row["state"] not in OPEN_STATES:
            continue
        count = len(faults.found)
        _examine(row, faults)
        known = routings.get(row["product_id"], ())
        ways = _begun_or_all(row["order_id"], known, reports)
        if not ways:
            words = f"product {row['product_id']} has no routing that can be used: add one, or close the order"
            faults.add(OrderWithoutRoutingError, f"order {row['order_id']}", words)
        if len(ways) > 1 and any(step.is_batched for way in ways for step in way.steps):
            words = "it has batched operations in one of several routings: leave it one routing, or do not batch it"
            faults.add(ErpInputError, f"order {row['order_id']}", words)
        if len(faults.found) > count:
            continue
        order, going_on = _order(row, ways, reports, start_utc, is_alternative=len(known) > 1)
        if order.operations:
            orders.append(order)
            begun += going_on
    return OpenOrders(tuple(orders), tuple(begun))


def minutes_after(start_utc: dt.datetime, moment: dt.datetime, *, is_rounded_up: bool = False) -> int:
    """Whole minutes from the problem's start, negative before it."""
    return -((start_utc - moment) // MINUTE) if is_rounded_up else (moment - start_utc) // MINUTE


def operation_name(order_id: str, routing_id: str, number: int, *, is_alternative: bool) -> str:
    """Order and operation number, with the routing where the product has several, whether it has begun or not."""
    return f"{order_id}/{routing_id}/{number}" if is_alternative else f"{order_id}/{number}"


def _examine(row: Row, faults: Faults) -> None:
    name = f"order {row['order_id']}"
    if row["pieces"] <= 0:
        faults.add(NegativeTimeError, name, f"it is for {row['pieces']} pieces: give 1 or more, or close it")
    if not row["late_cost_per_h"] >= 0:
        faults.add(NegativeTimeError, name, f"late_cost_per_h is {row['late_cost_per_h']:g}: give 0 or more")
    if row["due_utc"] is not None and row["due_utc"] < row["release_utc"]:
        words = f"it is due at {row['due_utc']:%Y-%m-%d %H:%M} UTC, before its release at "
        words += f"{row['release_utc']:%Y-%m-%d %H:%M} UTC: mend one of them"
        faults.add(DueBeforeReleaseError, name, words)


def _begun_or_all(order_id: str, routings: Sequence[Routing], reports: Reports) -> Sequence[Routing]:
    """The routing on which the floor has begun, or all to choose from."""
    begun = [one for one in routings if any((order_id, one.name, step.number) in reports for step in one.steps)]
    return begun[:1] or routings


def _order(
    row: Row, ways: Sequence[Routing], reports: Reports, start_utc: dt.datetime, *, is_alternative: bool
) -> tuple[Order, list[Task]]:
    groups, begun = [], []
    operations: list[Operation] = []
    for way in ways:
        names = {
            step.number: operation_name(row["order_id"], way.name, step.number, is_alternative=is_alternative)
            for step in way.steps
            if not _is_done(reports.get((row["order_id"], way.name, step.number)))
        }
        group = [
            _operation(row, step, names, is_begun=(row["order_id"], way.name, step.number) in reports)
            for step in way.steps
            if step.number in names
        ]
        for step in way.steps:
            report = reports.get((row["order_id"], way.name, step.number))
            if report is not None and step.number in names:
                begun.append(_begun(names[step.number], step, row["pieces"], report, start_utc))
        groups.append(tuple(operation.name for operation in group))
        operations += group
    due = None if row["due_utc"] is None else minutes_after(start_utc, row["due_utc"])
    release = max(0, minutes_after(start_utc, row["release_utc"], is_rounded_up=True))
    routings = tuple(groups) if len(groups) > 1 else ()
    return Order(row["order_id"], tuple(operations), release, due, row["late_cost_per_h"] / 60, routings), begun


def _is_done(report: Row | None) -> bool:
    return report is not None and report["ended_utc"] is not None


def _operation(row: Row, step: Step, names: Mapping[int, str], *, is_begun: bool) -> Operation:
    """What is to be done; what has begun has had its material, which is no longer in stock."""
    batch = f"{row['batch_id']}/{step.number}" if step.is_batched and row["batch_id"] else None
    return Operation(
        names[step.number],
        step.modes(row["pieces"]),
        tuple(names[number] for number in step.after if number in names),
        step.family,
        {} if is_begun else {material: amount * row["pieces"] for material, amount in step.materials.items()},
        batch,
    )


def _begun(name: str, step: Step, pieces: int, report: Row, start_utc: dt.datetime) -> Task:
    """Where it is; what should have ended before the start ends at once."""
    begin = minutes_after(start_utc, report["began_utc"])
    usual = [mode.duration_min for mode in step.modes(pieces) if mode.machine == report["machine_id"]]
    end = begin + max(usual, default=0)
    if report["expected_end_utc"] is not None:
        end = minutes_after(start_utc, report["expected_end_utc"], is_rounded_up=True)
    return Task(name, report["machine_id"], begin, begin, max(end, begin, 0), report["operator_id"])
