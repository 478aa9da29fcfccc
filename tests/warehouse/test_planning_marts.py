"""What was planned against what happened, over schedules and reports as the lake holds them, and over none."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from factory_assets.foundation.lake import Lake, Partition
from factory_assets.foundation.resources import LakeResource
from factory_assets.foundation.settings import Home
from factory_assets.planning.schema import DAILY_SCHEDULE, OPERATION_REPORT, SCHEDULING_PROBLEM
from factory_assets.warehouse.assets import planning_calendar, planning_marts
from factory_assets.warehouse.plant_tables import PLANNING_CALENDAR
from factory_assets.warehouse.resources import dbt_resource
from tests.plants import make_site

MARTS = ("schedule_adherence", "schedule_adherence_day")
DAYS = dg.DailyPartitionsDefinition("2026-10-01")
MONDAY, TUESDAY = "2026-10-05", "2026-10-06"
BEGINS = dt.datetime(2026, 10, 5, 4, tzinfo=dt.UTC)  # 6 o'clock at the plant
MINUTE = dt.timedelta(minutes=1)
Row = tuple[Any, ...]


def at(minute: float | None) -> dt.datetime | None:
    """A time in minutes since Monday's day began."""
    return None if minute is None else BEGINS + minute * MINUTE


def plan(lake: Lake, day: str, planned_from: int, rows: list[Row]) -> None:
    """A day's schedule: (operation, machine, start, end, due) in minutes since Monday's day began."""
    told = [
        {
            "plant": "small",
            "day": day,
            "schedule_id": f"plan of {day}",
            "task_id": task,
            "kind": "operation" if "/" in task else "maintenance",
            "order_id": task.split("/")[0] if "/" in task else None,
            "machine_id": machine,
            "setup_start_utc": at(start),
            "start_utc": at(start),
            "end_utc": at(end),
            "due_utc": at(due),
            "is_pinned": False,
            "is_moved": False,
        }
        for task, machine, start, end, due in rows
    ]
    lake.write("daily_schedule", pl.DataFrame(told, schema=DAILY_SCHEDULE), Partition(day=day))
    made = {"plant": "small", "day": day, "read_utc": at(planned_from), "problem": "{}"}
    lake.write("scheduling_problem", pl.DataFrame([made], schema=SCHEDULING_PROBLEM), Partition(day=day))


def report(lake: Lake, day: str, rows: list[Row]) -> None:
    """What the floor says on a day: (operation, machine, began, ended)."""
    told = [
        {
            "plant": "small",
            "day": day,
            "order_id": task.split("/")[0],
            "routing_id": "R",
            "operation_no": int(task.split("/")[1]),
            "task_id": task,
            "machine_id": machine,
            "began_utc": at(began),
            "ended_utc": at(ended),
        }
        for task, machine, began, ended in rows
    ]
    lake.write("operation_report", pl.DataFrame(told, schema=OPERATION_REPORT), Partition(day=day))


def calendar(lake: Lake) -> None:
    rows = [("small", "Europe/Berlin", dt.time(6))]
    lake.write("planning_calendar", pl.DataFrame(rows, schema=PLANNING_CALENDAR, orient="row"))


def build(home: Home) -> dg.ExecuteInProcessResult:
    upstream = [dg.AssetSpec(name, partitions_def=DAYS) for name in ("daily_schedule", "operation_report")]
    return dg.materialize(
        [planning_marts(), *upstream, dg.AssetSpec("planning_calendar")],
        resources={"lake": LakeResource(root=str(home.lake)), "dbt": dbt_resource(home)},
        instance=dg.DagsterInstance.ephemeral(),
        raise_on_error=False,
    )


@pytest.fixture(scope="module")
def built(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, dg.ExecuteInProcessResult]:
    """Monday was planned last at 8 o'clock, when A/10 was going on; on Tuesday the floor told what it had done."""
    home = Home(tmp_path_factory.mktemp("planning"))
    lake = Lake(home.lake)
    calendar(lake)
    plan(
        lake,
        MONDAY,
        120,
        [
            ("A/10", "press-1", 60, 180, 600),
            ("A/20", "press-2", 180, 300, 600),
            ("B/10", "press-1", 200, 400, 720),
            ("B/20", "press-2", 400, 500, 720),
            ("C/10", "press-3", 500, 600, None),
            ("D/10", "press-3", 1400, 1500, 2000),
            ("E/10", "press-1", 1600, 1700, 3000),
            ("overhaul", "press-1", 500, 600, None),
        ],
    )
    plan(lake, TUESDAY, 1440, [("D/10", "press-3", 1400, 1500, 2000), ("B/20", "press-2", 1500, 1600, 720)])
    report(lake, MONDAY, [("A/10", "press-1", 60, None), ("Z/10", "press-9", -300, -100)])
    report(
        lake,
        TUESDAY,
        [
            ("A/10", "press-1", 60, 210),
            ("A/20", "press-2", 215, 330),
            ("B/10", "press-4", 190, 395),
            ("D/10", "press-3", 1400, None),
            ("E/10", "press-1", 700, 800),
            ("X/10", "press-9", 300, 350),
            ("Y/10", "press-9", 30, 50),
        ],
    )
    return lake, build(home)


def test_planned_against_happened(built: tuple[Lake, dg.ExecuteInProcessResult]) -> None:
    lake, result = built
    assert result.success
    found = lake.read("schedule_adherence").filter(pl.col("plan_day") == dt.date(2026, 10, 5)).sort("task_id")
    assert found.select(
        "task_id", "was_begun", "start_deviation_min", "end_deviation_min", "is_on_machine", "is_done",
        "is_begun_on_time", "is_late",
    ).rows() == [
        ("A/10", True, None, 30.0, True, True, None, False),
        ("A/20", False, 35.0, 30.0, True, True, False, False),
        ("B/10", False, -10.0, -5.0, False, True, True, False),
        ("B/20", False, None, None, None, False, False, True),
        ("C/10", False, None, None, None, False, False, True),
    ]  # fmt: skip
    assert found["is_over"].all()
    assert found["planned_start_utc"][0] == at(60)


def test_figures_of_a_day(built: tuple[Lake, dg.ExecuteInProcessResult]) -> None:
    monday, tuesday = built[0].read("schedule_adherence_day").sort("plan_day").rows(named=True)
    assert (monday["n_planned"], monday["n_done"], monday["done_share"]) == (5, 3, 0.6)
    assert (monday["n_to_begin"], monday["n_begun_on_time"], monday["begun_on_time_share"]) == (4, 1, 0.25)
    assert monday["on_machine_share"] == pytest.approx(2 / 3)
    assert (monday["mean_abs_start_deviation_min"], monday["median_abs_start_deviation_min"]) == (22.5, 22.5)
    # A was done by minute 330, B has not been done.
    assert (monday["n_orders_due"], monday["n_orders_on_time"], monday["orders_on_time_share"]) == (2, 1, 0.5)
    # E was planned for the next day and X not at all; Y was done before the schedule was made last.
    assert monday["n_unplanned"] == 2
    assert (monday["is_over"], monday["planned_from_utc"], monday["schedule_id"]) == (
        True,
        at(120),
        f"plan of {MONDAY}",
    )
    assert (tuesday["is_over"], tuesday["n_planned"], tuesday["n_done"]) == (False, 2, 0)
    assert (tuesday["n_to_begin"], tuesday["mean_abs_start_deviation_min"]) == (1, None)


def test_a_day_that_goes_on_judges_nothing_that_has_not_happened(built: tuple[Lake, dg.ExecuteInProcessResult]) -> None:
    found = built[0].read("schedule_adherence").filter(pl.col("plan_day") == dt.date(2026, 10, 6))
    assert found.select("is_late", "is_begun_on_time", "is_over").unique().rows() == [(None, None, False)]


def test_every_test_of_the_marts_is_a_check_and_passes(built: tuple[Lake, dg.ExecuteInProcessResult]) -> None:
    checks = {found.check_name: found.passed for found in built[1].get_asset_check_evaluations()}
    assert set(checks) == {spec.name for spec in planning_marts().check_specs}
    assert all(checks.values())
    assert {"every_planned_operation_is_judged_once", "days_add_up_their_operations"} <= set(checks)


def test_marts_need_schedules_reports_and_the_calendar(manifest: Path) -> None:
    marts = planning_marts()
    assert {key.to_user_string() for key in marts.keys} == set(MARTS)
    needed = {dep.asset_key.to_user_string() for spec in marts.specs for dep in spec.deps}
    assert needed - set(MARTS) == {"daily_schedule", "operation_report", "planning_calendar"}


def test_a_plant_without_a_single_schedule_has_empty_marts(manifest: Path, tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.lake.mkdir()
    assert build(home).success
    assert all(Lake(home.lake).read(mart).is_empty() for mart in MARTS)


def test_a_day_with_nothing_to_do_is_a_day(manifest: Path, tmp_path: Path) -> None:
    home = Home(tmp_path)
    lake = Lake(home.lake)
    calendar(lake)
    plan(lake, MONDAY, 0, [])
    assert build(home).success
    row = lake.read("schedule_adherence_day").row(0, named=True)
    assert (row["n_planned"], row["done_share"], row["n_orders_due"], row["n_unplanned"]) == (0, None, 0, 0)


def test_an_operation_that_ends_before_it_begins_is_told(manifest: Path, tmp_path: Path) -> None:
    home = Home(tmp_path)
    lake = Lake(home.lake)
    calendar(lake)
    plan(lake, MONDAY, 0, [("A/10", "press-1", 60, 180, 600)])
    report(lake, TUESDAY, [("A/10", "press-1", 60, 10)])
    result = build(home)
    checks = {found.check_name: found.passed for found in result.get_asset_check_evaluations()}
    assert result.success
    assert checks["operations_end_after_they_begin"] is False


def test_the_calendar_is_that_of_the_plant_file(tmp_path: Path) -> None:
    site = make_site(tmp_path, planning={"timezone": "Asia/Tokyo", "day_begins": "05:30"})
    lake = Lake(site.home.lake)
    assert dg.materialize([planning_calendar(site)], resources={"lake": LakeResource(root=str(lake.root))}).success
    assert lake.read("planning_calendar").rows() == [(site.plant.plant, "Asia/Tokyo", dt.time(5, 30))]
