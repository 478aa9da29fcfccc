"""Schedules as rows of the lake's tables, and back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

import polars as pl

from factory_assets.planning.erp.dispatch import dispatch_of
from factory_assets.planning.problem import Problem, Schedule, Task
from factory_assets.planning.schema import DAILY_SCHEDULE, SCHEDULE_SUMMARY
from factory_assets.planning.solving import gap_of

MINUTE = dt.timedelta(minutes=1)


def rows_of(plant: str, day: str, problem: Problem, schedule: Schedule, moved: Collection[str]) -> pl.DataFrame:
    """DAILY_SCHEDULE: a row for each task, by machine and time."""
    start = problem.start_utc.astimezone(dt.UTC)
    pinned, names = {task.name for task in problem.pinned}, set(moved)
    schedule_id = dispatch_of(problem, schedule).schedule_id
    rows = []
    for task in sorted(schedule.tasks, key=lambda task: (task.machine, task.start_min, task.name)):
        order = problem.order_of.get(task.name)
        due = None if order is None or order.due_min is None else start + order.due_min * MINUTE
        rows.append(
            {
                "plant": plant,
                "day": day,
                "schedule_id": schedule_id,
                "task_id": task.name,
                "kind": "maintenance" if order is None else "operation",
                "order_id": None if order is None else order.name,
                "machine_id": task.machine,
                "setup_start_utc": start + task.setup_start_min * MINUTE,
                "start_utc": start + task.start_min * MINUTE,
                "end_utc": start + task.end_min * MINUTE,
                "operator_id": task.operator,
                "due_utc": due,
                "is_pinned": task.name in pinned,
                "is_moved": task.name in names,
            }
        )
    return pl.DataFrame(rows, schema=DAILY_SCHEDULE)


def tasks_of(rows: pl.DataFrame, start_utc: dt.datetime) -> tuple[Task, ...]:
    """The tasks of DAILY_SCHEDULE, in minutes since a moment."""

    def minute(moment: dt.datetime) -> int:
        return round((moment - start_utc) / MINUTE)

    return tuple(
        Task(
            row["task_id"],
            row["machine_id"],
            minute(row["setup_start_utc"]),
            minute(row["start_utc"]),
            minute(row["end_utc"]),
            row["operator_id"],
        )
        for row in rows.iter_rows(named=True)
    )


def summary_of(
    plant: str,
    day: str,
    problem: Problem,
    schedule: Schedule,
    *,
    kind: str,
    moved: Collection[str],
    made_utc: dt.datetime,
) -> pl.DataFrame:
    """SCHEDULE_SUMMARY: one row."""
    ends: dict[str, int] = {}
    for task in schedule.tasks:
        if task.name in problem.order_of:
            order = problem.order_of[task.name].name
            ends[order] = max(ends.get(order, task.end_min), task.end_min)
    due = {order.name: order.due_min for order in problem.orders if order.due_min is not None}
    cost = schedule.cost
    row = {
        "plant": plant,
        "day": day,
        "schedule_id": dispatch_of(problem, schedule).schedule_id,
        "made_utc": made_utc,
        "kind": kind,
        "solver": schedule.solver,
        "operations": sum(task.name in problem.operations for task in schedule.tasks),
        "maintenance": sum(task.name not in problem.operations for task in schedule.tasks),
        "late_orders": sum(end > due[order] for order, end in ends.items() if order in due),
        "cost": cost.total,
        **{f"cost_{part}": getattr(cost, part) for part in ("lateness", "setup", "work", "risk", "moves")},
        "lower_bound": schedule.lower_bound,
        "gap": gap_of(schedule, "cost"),
        "makespan_h": schedule.makespan_min / 60,
        "moved": len(moved),
        "movable": len(problem.before),
    }
    return pl.DataFrame([row], schema=SCHEDULE_SUMMARY)
