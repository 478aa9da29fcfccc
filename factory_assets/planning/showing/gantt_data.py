"""What a Gantt chart shows of a schedule: rows, bars, closed times, orders and figures, as plain values."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from factory_assets.planning.problem import Interval, Machine, Order, Problem, Schedule, Task
from factory_assets.planning.showing.reports import LateOrder, duration_words, late_orders, machine_loads
from factory_assets.planning.spans import Spans, joined, within, without

MARGIN = 0.02
LEAST_MIN = 60


@dataclass(frozen=True)
class Window:
    """What is shown, in minutes since the problem's start."""

    low: int
    high: int

    def closed(self, machine: Machine) -> list[Interval]:
        """When the machine does not work."""
        return [] if machine.shifts is None else without([(self.low, self.high)], joined(machine.shifts))


def window_of(schedule: Schedule) -> Window:
    """All tasks, and a little room."""
    low = min([0, *(task.setup_start_min for task in schedule.tasks)])
    high = max([low + LEAST_MIN, *(task.end_min for task in schedule.tasks)])
    return Window(low, high + max(10, round((high - low) * MARGIN)))


def chart_data(problem: Problem, schedule: Schedule, *, time_zone: str, now_utc: dt.datetime | None) -> dict[str, Any]:
    """Everything for the page, ready to be written as JSON."""
    window = window_of(schedule)
    rows = {machine.name: row for row, machine in enumerate(problem.machines)}
    late = {one.order: one for one in late_orders(problem, schedule)}
    opened = {machine.name: None if machine.shifts is None else joined(machine.shifts) for machine in problem.machines}
    pinned = {task.name for task in problem.pinned}
    loads = {load.machine: load for load in machine_loads(problem, schedule)}
    families = sorted({operation.family for operation in problem.operations.values() if operation.family is not None})
    return {
        "start_utc": problem.start_utc.astimezone(dt.UTC).isoformat(),
        "time_zone": time_zone,
        "now_min": None if now_utc is None else (now_utc - problem.start_utc) // dt.timedelta(minutes=1),
        "low": window.low,
        "high": window.high,
        "days": days_of(problem, window, time_zone),
        "families": families,
        "figures": figures(problem, schedule, late),
        "machines": [
            {
                "name": machine.name,
                "closed": window.closed(machine),
                "load": round(loads[machine.name].load, 4),
                "setup_min": loads[machine.name].setup_min,
            }
            for machine in problem.machines
        ],
        "orders": [one for one in (_order(schedule, order, late) for order in problem.orders) if one],
        "tasks": [
            _task(problem, task, opened[task.machine], row=rows[task.machine], is_pinned=task.name in pinned)
            for task in sorted(schedule.tasks, key=lambda task: (task.machine, task.start_min, task.name))
        ],
    }


def days_of(problem: Problem, window: Window, time_zone: str) -> list[dict[str, Any]]:
    """The local midnights of what is shown, from the one before it."""
    zone, minute = ZoneInfo(time_zone), dt.timedelta(minutes=1)
    day = (problem.start_utc + window.low * minute).astimezone(zone).date()
    found: list[dict[str, Any]] = []
    while True:
        midnight = dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC)
        at_min = (midnight - problem.start_utc) // minute
        if at_min > window.high:
            return found
        found.append({"at": at_min, "short": f"{day:%a}", "long": f"{day:%a} {day.day} {day:%b}"})
        day += dt.timedelta(days=1)


def figures(problem: Problem, schedule: Schedule, late: dict[str, LateOrder]) -> list[tuple[str, str, str]]:
    """Name, value and whether it is bad (`late`), for the head of the page."""
    cost = schedule.cost
    total_late = sum(one.late_min for one in late.values())
    operations = sum(task.name in problem.operations for task in schedule.tasks)
    made = [
        ("Orders, operations", f"{len(problem.orders)}, {operations}", ""),
        ("Ends after", duration_words(max(0, schedule.makespan_min)), ""),
        ("Late orders", f"{len(late)}" + (f", {duration_words(total_late)}" if late else ""), "late" if late else ""),
    ]
    if cost.total:
        parts = {"Lateness": cost.lateness, "Set-ups": cost.setup, "Work": cost.work}
        parts |= {"Risk": cost.risk, "Moves": cost.moves}
        made.append(("Costs", f"{cost.total:,.0f}", ""))
        made += [(name, f"{value:,.0f}", "") for name, value in parts.items() if value]
    reached = cost.total or schedule.makespan_min
    if schedule.lower_bound is None or schedule.lower_bound <= 0:
        made.append(("Proven", "nothing", ""))
    else:
        gap = max(0.0, reached - schedule.lower_bound) / schedule.lower_bound
        made.append(("Proven", "best" if gap < 5e-5 else f"gap at most {gap:.1%}", ""))
    made.append(("Found by", schedule.solver or "-", ""))
    return made


def _order(schedule: Schedule, order: Order, late: dict[str, LateOrder]) -> dict[str, Any] | None:
    name = order.name
    ends = [schedule.task[one.name].end_min for one in order.operations if one.name in schedule.task]
    if not ends:
        return None
    return {
        "name": name,
        "release": order.release_min,
        "due": order.due_min,
        "end": max(ends),
        "late_min": late[name].late_min if name in late else 0,
        "cost": round(late[name].cost, 2) if name in late else 0,
        "why": late[name].reason if name in late else "",
    }


def _task(problem: Problem, task: Task, opened: Spans | None, *, row: int, is_pinned: bool) -> dict[str, Any]:
    operation = problem.operations.get(task.name)
    order = problem.order_of[task.name].name if operation is not None else None

    def worked(begin: int, end: int) -> Spans:
        return within([(begin, end)] if opened is None else opened, begin, end)

    return {
        "name": task.name,
        "label": task.name.removeprefix(f"{order}/") if order is not None else task.name,
        "order": order,
        "family": operation.family if operation is not None else None,
        "batch": operation.batch if operation is not None else None,
        "row": row,
        "setup": task.setup_start_min,
        "start": task.start_min,
        "end": task.end_min,
        "parts": worked(task.start_min, task.end_min),
        "setup_parts": worked(task.setup_start_min, task.start_min),
        "operator": task.operator,
        "pinned": is_pinned,
    }
