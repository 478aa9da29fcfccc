"""Schedules as rows of the lake, and back."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from factory_assets.planning.erp.dispatch import dispatch_of
from factory_assets.planning.schema import DAILY_SCHEDULE, SCHEDULE_SUMMARY
from factory_assets.planning.stored import rows_of, summary_of, tasks_of
from tests.planning.shop_made import START, schedule, shop


def test_tasks_come_back_as_they_were() -> None:
    rows = rows_of("small", "2026-10-05", shop(), schedule(), ["B10"])
    assert dict(rows.schema) == DAILY_SCHEDULE
    assert sorted(tasks_of(rows, START), key=lambda task: task.name) == sorted(
        schedule().tasks, key=lambda task: task.name
    )
    later = tasks_of(rows, START + dt.timedelta(minutes=10))
    assert {task.start_min + 10 for task in later} == {task.start_min for task in schedule().tasks}


def test_rows_say_what_they_are() -> None:
    problem = replace(shop(), pinned=schedule().tasks[:1])
    rows = {row["task_id"]: row for row in rows_of("small", "2026-10-05", problem, schedule(), ["B10"]).to_dicts()}
    assert {name for name, row in rows.items() if row["is_pinned"]} == {"A10"}
    assert {name for name, row in rows.items() if row["is_moved"]} == {"B10"}
    assert (rows["M1"]["kind"], rows["M1"]["order_id"], rows["M1"]["due_utc"]) == ("maintenance", None, None)
    assert (rows["A20"]["kind"], rows["A20"]["order_id"]) == ("operation", "A")
    assert rows["A20"]["due_utc"] == START + dt.timedelta(minutes=1400)
    assert {row["schedule_id"] for row in rows.values()} == {dispatch_of(problem, schedule()).schedule_id}


def test_a_summary_counts_and_prices() -> None:
    summary = summary_of(
        "small", "2026-10-05", shop(), schedule(), kind="morning", moved=["A10"], made_utc=START
    )  # fmt: skip
    assert dict(summary.schema) == SCHEDULE_SUMMARY
    row = summary.row(0, named=True)
    assert (row["operations"], row["maintenance"], row["late_orders"]) == (5, 1, 2)
    assert row["cost"] == pytest.approx(schedule().cost.total)
    assert row["gap"] == pytest.approx(schedule().cost.total / 900 - 1)
    assert (row["moved"], row["movable"]) == (1, 1)
    nothing = replace(schedule(), lower_bound=None)
    unproven = summary_of("small", "d", shop(), nothing, kind="change", moved=(), made_utc=START).row(0, named=True)
    assert (unproven["lower_bound"], unproven["gap"]) == (None, None)
