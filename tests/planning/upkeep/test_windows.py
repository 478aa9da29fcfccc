from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl
import pytest

from factory_assets.foundation.planning_settings import PlanningSettings
from factory_assets.planning.checking.checker import violations
from factory_assets.planning.costs import risk_at
from factory_assets.planning.problem import Machine, Mode, Operation, Operator, Order, Problem
from factory_assets.planning.schema import MAINTENANCE_WINDOW, MAINTENANCE_WINDOW_COLUMNS
from factory_assets.planning.solving import solve
from factory_assets.planning.upkeep.life_distribution import FleetLives
from factory_assets.planning.upkeep.windows import FleetLife, Windows, maintenance_windows, tasks_of
from tests.planning.upkeep.forecasts_made import AGEING, CAP, DAY, HEALTHY, SETTINGS, UPKEEP, WEEK, WORN, shop, tables

LIVES = FleetLives.of([400, 500, 600, 700, 800], [True] * 5)
FLEETS = {"press": FleetLife(cap_cycles=CAP, lives=LIVES)}


def windows_of(
    units: Mapping[str, Sequence[float] | str],
    problem: Problem,
    settings: PlanningSettings = SETTINGS,
    **options: object,
) -> Windows:
    return maintenance_windows(problem, *tables(units), FLEETS, settings, day="2026-10-05", **options)  # type: ignore[arg-type]


def at_cost(**values: object) -> PlanningSettings:
    return SETTINGS.model_copy(update={"maintenance": {"press": UPKEEP.model_copy(update=values)}})


def test_a_worn_machine_gets_a_task_and_a_healthy_one_a_reason() -> None:
    found = windows_of({"p1": WORN, "p2": HEALTHY}, shop("p1", "p2"))
    assert [task.name for task in found.tasks] == ["maintenance p1-1"]
    assert found.tasks[0].duration_min == 720
    assert found.tasks[0].latest_min is None
    assert [(one.unit_id, one.machine) for one in found.without] == [("p2", "p2")]
    assert "fails within the horizon with 0.0%" in found.without[0].reason


def test_the_table_tells_all_of_it() -> None:
    found = windows_of({"p1": WORN, "p2": HEALTHY, "p3": "no_readings: nothing was read"}, shop("p1", "p2", "p3"))
    rows = found.rows
    assert dict(rows.schema) == MAINTENANCE_WINDOW
    assert set(MAINTENANCE_WINDOW_COLUMNS) <= set(MAINTENANCE_WINDOW)
    of_task = rows.filter(pl.col("task_id") == "maintenance p1-1")
    assert of_task.height == len(found.tasks[0].risk_cost)
    assert of_task["failure_probability"].is_sorted()
    assert of_task["operating_h"].max() == 80
    assert of_task["left_out"].null_count() == of_task.height
    assert rows.filter(pl.col("unit_id") == "p3")["left_out"].to_list() == [
        "no forecast: no_readings: nothing was read"
    ]


def test_tasks_come_back_from_the_table() -> None:
    problem = shop("p1")
    found = windows_of({"p1": WORN}, problem)
    assert tasks_of(found.rows, problem, SETTINGS) == found.tasks


@pytest.mark.parametrize("passed", [1, 100, 1000])
def test_tasks_come_back_later_in_the_day(passed: int) -> None:
    problem = shop("p1")
    task = windows_of({"p1": WORN}, problem).tasks[0]
    later = replace(problem, start_utc=problem.start_utc + dt.timedelta(minutes=passed))
    back = tasks_of(windows_of({"p1": WORN}, problem).rows, later, SETTINGS)[0]
    for minute in (0, 5, 777, 5000):
        assert risk_at(back, minute) == pytest.approx(risk_at(task, minute + passed), abs=0.02)
    assert risk_at(back, None) == risk_at(task, None)


def test_why_there_is_no_task() -> None:
    settings = SETTINGS.model_copy(update={"machines": {"p4": "lathe"}})
    found = windows_of({"p1": WORN, "p2": WORN, "p4": WORN}, shop("p1", "p2"), settings, maintained=["p2"])
    reasons = {one.unit_id: one.reason for one in found.without}
    assert reasons == {
        "p1": "the ERP plans no maintenance of p1",
        "p4": "the ERP has no machine lathe that works: name it in `planning.machines`",
    }
    assert [task.machine for task in found.tasks] == ["p2"]
    none = windows_of({"p1": WORN}, shop("p1"), PlanningSettings())
    assert none.tasks == ()
    assert "planning.maintenance" in none.without[0].reason


def test_names_are_of_lives_and_unique() -> None:
    settings = SETTINGS.model_copy(update={"machines": {"pump": "p1", "motor": "p1"}})
    found = windows_of({"pump": WORN, "motor": WORN, "p2": WORN}, shop("p1", "p2"), settings)
    names = [task.name for task in found.tasks]
    assert sorted(names) == ["maintenance motor-1", "maintenance p2-1", "maintenance pump-1"]


def test_maintenance_that_has_begun_keeps_its_task() -> None:
    assert windows_of({"p1": HEALTHY}, shop("p1")).tasks == ()
    assert [task.name for task in windows_of({"p1": HEALTHY}, shop("p1"), kept=["p1"]).tasks] == ["maintenance p1-1"]


def test_maintenance_that_has_begun_keeps_its_task_without_a_forecast() -> None:
    problem = shop("p1")
    found = windows_of({"p1": "no_readings: its sensors are off"}, problem, kept=["p1"])
    assert [(task.name, task.risk_cost) for task in found.tasks] == [("maintenance p1-1", ())]
    assert tasks_of(found.rows, problem, SETTINGS) == found.tasks


def test_an_older_forecast_is_more_urgent() -> None:
    fresh = windows_of({"p1": AGEING}, shop("p1"))
    old = windows_of({"p1": AGEING}, shop("p1"), run_h={"p1": 40.0})

    def chance(found: Windows) -> float:
        value = found.rows["failure_probability"].max()
        assert isinstance(value, float)
        return value

    assert chance(old) > chance(fresh)


def test_without_any_failure_so_far_there_is_an_answer() -> None:
    fleets = {"press": FleetLife(cap_cycles=CAP)}
    found = maintenance_windows(shop("p1"), *tables({"p1": WORN}), fleets, SETTINGS, day="2026-10-05")
    assert len(found.tasks) == 1


def solved(problem: Problem, found: Windows) -> dict[str, int]:
    """Where maintenance was placed, by task."""
    whole = replace(problem, maintenance=found.tasks)
    schedule = solve(whole, seconds=2, workers=1)
    assert violations(whole, schedule) == []
    return {task.name: schedule.task[task.name].start_min for task in found.tasks if task.name in schedule.task}


def busy(name: str, machine: str, minutes: int, due_min: int) -> Order:
    return Order(name, (Operation(f"{name}-10", (Mode(machine, minutes),)),), 0, due_min, 5.0)


def test_a_near_certain_failure_is_scheduled_at_once() -> None:
    dying = (0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 3.0)
    assert solved(shop("p1"), windows_of({"p1": dying}, shop("p1"))) == {"maintenance p1-1": 0}


def test_a_healthy_machine_is_left_alone() -> None:
    assert solved(shop("p1"), windows_of({"p1": HEALTHY}, shop("p1"))) == {}


def test_the_idle_weekend_is_chosen_over_a_busy_shift() -> None:
    """Little risk by Friday night, certain failure on Monday: Saturday costs no open hour."""
    ageing = (82.0, 83.0, 84.0, 85.0, 86.0, 87.0, 88.0)
    found = windows_of({"p1": ageing}, shop("p1"), at_cost(failure_cost=2500))
    placed = solved(shop("p1"), found)["maintenance p1-1"]
    assert 4 * DAY + 960 <= placed <= WEEK - 720


def test_a_gap_between_shifts_is_chosen_over_the_shift() -> None:
    settings = at_cost(duration=UPKEEP.duration / 2)
    placed = solved(shop("p1"), windows_of({"p1": AGEING}, shop("p1"), settings))["maintenance p1-1"]
    assert placed < 4 * DAY
    assert 960 <= placed % DAY <= 1440 - 360


def test_the_dearer_a_failure_the_earlier_it_is_placed() -> None:
    always = shop("p1", shifts=None)
    starts = [
        solved(always, windows_of({"p1": AGEING}, always, at_cost(failure_cost=cost, lost_per_h=0)))["maintenance p1-1"]
        for cost in (2500, 20_000)
    ]
    assert 0 <= starts[1] < starts[0]


def test_orders_and_the_technician_are_weighed_too() -> None:
    """The technician comes on the second day; an order that is due soon goes first."""
    settings = at_cost(duration=UPKEEP.duration / 2, skill="overhaul")
    problem = replace(
        shop("p1"),
        machines=(Machine("p1", ((0, 960), (DAY, DAY + 960)), may_pause=False),),
        orders=(busy("A", "p1", 600, DAY + 620),),
        operators=(Operator("tom", frozenset({"overhaul"}), ((DAY, DAY + 1000),)),),
        horizon_min=2 * DAY,
    )
    found = windows_of({"p1": WORN}, problem, settings)
    placed = solved(problem, found)
    assert placed["maintenance p1-1"] >= DAY
    assert found.tasks[0].skill == "overhaul"


@pytest.mark.parametrize("horizon_days", [1, 7, 28])
def test_few_points_whatever_the_horizon(horizon_days: int) -> None:
    problem = shop("p1", horizon_min=horizon_days * DAY)
    task = windows_of({"p1": WORN}, problem).tasks[0]
    assert len(task.risk_cost) < 40
    assert task.risk_cost[-1][0] == horizon_days * DAY
