"""The schedule in force for a terminal and as plain values."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from factory_assets.planning.costs import risk_at
from factory_assets.planning.showing.reports import duration_words, late_orders, machine_loads
from factory_assets.planning.solving import gap_of
from factory_assets.planning.what_if.base import Base
from factory_assets.planning.what_if.tables import PART_NAMES, cost_parts, money, new_table

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text


def heading(base: Base) -> str:
    """Which schedule it is, from when to when, and how it came to be."""
    clock, summary = base.clock, base.summary
    made = summary["made_utc"].astimezone(dt.UTC).astimezone(ZoneInfo(clock.time_zone))
    why = "for the morning" if summary["kind"] == "morning" else "because the floor had changed"
    moved = f", {summary['moved']} of {summary['movable']} tasks moved" if summary["kind"] != "morning" else ""
    return (
        f"Schedule of {base.day}: {clock.words(0)} to {clock.words(base.schedule.makespan_min)} ({clock.time_zone}), "
        f"{summary['operations']} operations of {len(base.problem.orders)} orders.\n"
        f"Made {made:%Y-%m-%d %H:%M} {why}{moved}; found by {base.schedule.solver}."
    )


def tables(base: Base, currency: str) -> Iterator[Table | Text]:
    """Cost, late orders, maintenance, machines."""
    yield _costs(base, currency)
    yield _late(base, currency)
    if base.problem.maintenance:
        yield _maintenance(base, currency)
    yield _loads(base)


def document(base: Base, currency: str) -> dict[str, Any]:
    """The same as plain values; times in the plant's zone."""
    clock, schedule = base.clock, base.schedule

    def at(minute: int) -> str:
        return clock.moment(minute).isoformat()

    return {
        "day": base.day,
        "schedule_id": base.summary["schedule_id"],
        "made": base.summary["made_utc"].isoformat(),
        "kind": base.summary["kind"],
        "solver": schedule.solver,
        "currency": currency,
        "cost": cost_parts(schedule.cost),
        "lower_bound": schedule.lower_bound,
        "gap": gap_of(schedule, "cost"),
        "begins": at(0),
        "ends": at(schedule.makespan_min),
        "late_orders": [
            {
                "order": one.order, "due": at(one.due_min), "ends": at(one.end_min), "late_min": one.late_min,
                "cost": one.cost, "reason": one.reason,
            }
            for one in late_orders(base.problem, schedule)
        ],
        "machines": [
            {
                "machine": one.machine, "load": one.load, "open_min": one.open_min, "work_min": one.work_min,
                "setup_min": one.setup_min, "maintenance_min": one.maintenance_min, "operations": one.operations,
            }
            for one in machine_loads(base.problem, schedule)
        ],
        "maintenance": [
            {
                "task": one.name, "machine": one.machine,
                "begins": at(schedule.task[one.name].start_min) if one.name in schedule.task else None,
                "ends": at(schedule.task[one.name].end_min) if one.name in schedule.task else None,
            }
            for one in base.problem.maintenance
        ],
    }  # fmt: skip


def _costs(base: Base, currency: str) -> Table:
    table = new_table(f"Cost ({currency})", "part", "cost", right=("cost",))
    for part, value in cost_parts(base.schedule.cost).items():
        if part == "total":
            table.add_section()
        table.add_row(PART_NAMES.get(part, part), money(value))
    bound, gap = base.schedule.lower_bound, gap_of(base.schedule, "cost")
    table.add_row("proven: no schedule costs less than", "nothing proven" if bound is None else money(bound))
    table.add_row("gap", "nothing proven" if gap is None else f"{gap:.1%}")
    return table


def _late(base: Base, currency: str) -> Table | Text:
    from rich.text import Text

    late = late_orders(base.problem, base.schedule)
    if not late:
        return Text(f"None of {len(base.problem.orders)} orders is late", style="bold")
    title = f"Late orders, {len(late)} of {len(base.problem.orders)}, the dearest first"
    table = new_table(title, "order", "due", "ends", "late", f"cost ({currency})", "why", right=(f"cost ({currency})",))
    for one in late:
        times = (base.clock.words(one.due_min), base.clock.words(one.end_min))
        table.add_row(one.order, *times, duration_words(one.late_min), money(one.cost), one.reason)
    return table


def _maintenance(base: Base, currency: str) -> Table:
    risk = f"risk ({currency})"
    table = new_table("Maintenance", "life", "machine", "begins", "ends", "by", risk, right=(risk,))
    for one in base.problem.maintenance:
        task, life = base.schedule.task.get(one.name), one.name.removeprefix("maintenance ")
        if task is None:
            table.add_row(life, one.machine, "left out", "-", "-", money(risk_at(one, None)))
            continue
        times = (base.clock.words(task.start_min), base.clock.words(task.end_min))
        table.add_row(life, one.machine, *times, task.operator or "-", money(risk_at(one, task.start_min)))
    return table


def _loads(base: Base) -> Table:
    numbers = ("load", "open", "work", "set-up", "maintenance", "operations")
    table = new_table("Machines, the busiest first", "machine", *numbers, right=numbers)
    for one in machine_loads(base.problem, base.schedule):
        spans = (one.open_min, one.work_min, one.setup_min, one.maintenance_min)
        table.add_row(one.machine, f"{one.load:.0%}", *(f"{span / 60:,.1f} h" for span in spans), str(one.operations))
    return table
