"""Tables of the daily schedule: their columns and what fills them. One partition a day; times in UTC."""

from __future__ import annotations

import polars as pl

TIME = pl.Datetime("us", "UTC")

ORDER_BOOK: dict[str, pl.DataType] = {
    "plant": pl.String(),
    "day": pl.String(),
    "order_id": pl.String(),
    "operations": pl.Int64(),
    "begun_operations": pl.Int64(),
    "release_utc": TIME,
    "due_utc": TIME,
    "late_cost_per_h": pl.Float64(),
    "left_out": pl.String(),
}

ORDER_BOOK_COLUMNS = {
    "operations": "that are not done; in all routings, where one of several is chosen",
    "begun_operations": "of these, that are going on",
    "release_utc": "not begun before",
    "due_utc": "when it should have ended; null if nobody waits",
    "late_cost_per_h": "what an hour after that costs",
    "left_out": "why it is not planned; null where it is",
}

# What the ERP handed over, whole, so that a rerun plans what was known then: the problem as a JSON document
# (`problem_json`), machines that stand as a JSON list of [machine, begin_min, end_min], and maintenance work orders
# that somebody has begun, done or refused as one of a task's values and its state.
ERP_PROBLEM: dict[str, pl.DataType] = {
    "plant": pl.String(),
    "day": pl.String(),
    "read_utc": TIME,
    "problem": pl.String(),
    "stops": pl.String(),
    "work_orders": pl.String(),
    "maintained_machines": pl.List(pl.String()),
}

# What the schedule keeps to, as a JSON document: with maintenance, begun and frozen tasks, and shifts cut by stops.
SCHEDULING_PROBLEM: dict[str, pl.DataType] = {
    "plant": pl.String(),
    "day": pl.String(),
    "read_utc": TIME,
    "problem": pl.String(),
}

OPERATION_REPORT: dict[str, pl.DataType] = {
    "plant": pl.String(),
    "day": pl.String(),
    "order_id": pl.String(),
    "routing_id": pl.String(),
    "operation_no": pl.Int64(),
    "task_id": pl.String(),
    "machine_id": pl.String(),
    "operator_id": pl.String(),
    "began_utc": TIME,
    "ended_utc": TIME,
}

OPERATION_REPORT_COLUMNS = {
    "day": "the day on whose morning, or later, it was read",
    "task_id": "the operation's name in schedules",
    "began_utc": "when the floor began it",
    "ended_utc": "when it was done; null while it is going on",
}

MAINTENANCE_WINDOW: dict[str, pl.DataType] = {
    "plant": pl.String(),
    "day": pl.String(),
    "fleet": pl.String(),
    "unit_id": pl.String(),
    "machine_id": pl.String(),
    "task_id": pl.String(),
    "start_utc": TIME,
    "operating_h": pl.Float64(),
    "failure_probability": pl.Float64(),
    "risk_cost": pl.Float64(),
    "left_out": pl.String(),
}

MAINTENANCE_WINDOW_COLUMNS = {
    "task_id": "the maintenance task that a schedule may place; null for a unit without",
    "start_utc": "if it begins then",
    "operating_h": "hours that the machine has run by then, by its shifts",
    "failure_probability": "that it has failed by then",
    "risk_cost": "expected cost of a failure by then, of the maintenance and of the life that is given away; the last "
    "of a task: to wait past the horizon; in the plant's currency",
    "left_out": "why the unit gets no task; null where it gets one",
}

DAILY_SCHEDULE: dict[str, pl.DataType] = {
    "plant": pl.String(),
    "day": pl.String(),
    "schedule_id": pl.String(),
    "task_id": pl.String(),
    "kind": pl.String(),
    "order_id": pl.String(),
    "machine_id": pl.String(),
    "setup_start_utc": TIME,
    "start_utc": TIME,
    "end_utc": TIME,
    "operator_id": pl.String(),
    "due_utc": TIME,
    "is_pinned": pl.Boolean(),
    "is_moved": pl.Boolean(),
}

DAILY_SCHEDULE_COLUMNS = {
    "schedule_id": "digest of all rows: equal for equal schedules",
    "task_id": "order and operation, or maintenance task",
    "kind": "operation or maintenance",
    "setup_start_utc": "when its set-up begins; equal to start_utc without one",
    "due_utc": "when the order should have ended",
    "is_pinned": "it had begun, or lay within the frozen time",
    "is_moved": "the schedule in force before had it at another time or on another machine",
}

SCHEDULE_SUMMARY: dict[str, pl.DataType] = {
    "plant": pl.String(),
    "day": pl.String(),
    "schedule_id": pl.String(),
    "made_utc": TIME,
    "kind": pl.String(),
    "solver": pl.String(),
    "operations": pl.Int64(),
    "maintenance": pl.Int64(),
    "late_orders": pl.Int64(),
    "cost": pl.Float64(),
    "cost_lateness": pl.Float64(),
    "cost_setup": pl.Float64(),
    "cost_work": pl.Float64(),
    "cost_risk": pl.Float64(),
    "cost_moves": pl.Float64(),
    "lower_bound": pl.Float64(),
    "gap": pl.Float64(),
    "makespan_h": pl.Float64(),
    "moved": pl.Int64(),
    "movable": pl.Int64(),
}

SCHEDULE_SUMMARY_COLUMNS = {
    "kind": "morning: made for the day; change: made anew because the floor had changed",
    "lower_bound": "no schedule costs less, proven; null where nothing is proven",
    "gap": "how far the cost is above it, as a share of it; null where nothing is proven",
    "moved": "tasks of the schedule in force before that lie elsewhere now",
    "movable": "tasks of the schedule in force before that were neither begun nor frozen",
}

# Of the tasks that could be moved, when a schedule is made anew during the day.
SHARE_MOVED = 0.2
