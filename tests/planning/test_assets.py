"""The room's assets, from the ERP's tables to its dispatch list."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from sqlalchemy import NullPool, create_engine, select

from factory_assets.foundation.erp_tables import dispatch_list, schedule_in_force
from factory_assets.foundation.lake import Partition
from factory_assets.planning import assets as planning
from factory_assets.planning import day_tables, schema
from factory_assets.planning.planner import plan
from tests.planning.erp import erp_made
from tests.planning.planned_plant import erp_file, lake_of, materialise, planned_site, today
from tests.plants import make_site


@pytest.fixture(autouse=True)
def _plans_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a process of its own, which `test_apart` looks at."""
    monkeypatch.setattr(day_tables, "plan_apart", plan)


@pytest.fixture
def instance() -> dg.DagsterInstance:
    return dg.DagsterInstance.ephemeral()


def held(path: Path) -> tuple[str | None, list[tuple[object, ...]]]:
    """The schedule in force, and the dispatch list."""
    with create_engine(f"sqlite:///{path}", poolclass=NullPool).connect() as connection:
        rows = [tuple(row) for row in connection.execute(select(dispatch_list))]
        return connection.execute(select(schedule_in_force.c.schedule_id)).scalar(), rows


def failure(result: dg.ExecuteInProcessResult) -> str:
    return "\n".join(
        str(event.event_specific_data.error.message) + str(event.event_specific_data.error.cause)  # type: ignore[union-attr]
        for event in result.all_events
        if event.is_step_failure
    )


def test_a_plant_without_planning_has_none_of_them(tmp_path: Path) -> None:
    assert planning.assets(make_site(tmp_path)) == []


def test_orders_become_a_schedule_that_the_erp_holds(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    site = planned_site(tmp_path)
    result = materialise(site, instance)
    assert result.success
    assert {check.check_name for check in result.get_asset_check_evaluations() if check.passed} >= {
        "keeps_to_everything", "few_tasks_moved", "erp_holds_the_schedule", "orders_can_be_planned",
    }  # fmt: skip
    lake, part = lake_of(site), Partition(day=today(site))
    schedule = lake.read("daily_schedule", part)
    assert dict(schedule.schema) == schema.DAILY_SCHEDULE
    assert set(schedule["task_id"]) == {"A/10", "A/20", "B/10", "B/20"}
    assert dict(lake.read("schedule_summary", part).schema) == schema.SCHEDULE_SUMMARY
    schedule_id, rows = held(erp_file(site))
    assert schedule_id == schedule["schedule_id"][0]
    assert len(rows) == 4
    folder = site.home.schedules / today(site)
    assert {file.name for file in folder.iterdir()} == {"dispatch.csv", "schedule.b2mml.xml", "gantt.html"}


def test_the_same_again_moves_nothing(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    site = planned_site(tmp_path)
    materialise(site, instance)
    before = held(erp_file(site))
    assert materialise(site, instance, "daily_schedule", "dispatch_list").success
    assert held(erp_file(site)) == before
    summary = lake_of(site).read("schedule_summary", Partition(day=today(site)))
    assert summary.select("kind", "moved").row(0) == ("change", 0)


def test_anew_is_as_in_the_morning(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    site = planned_site(tmp_path)
    materialise(site, instance)
    assert materialise(site, instance, "daily_schedule", anew=True).success
    assert lake_of(site).read("schedule_summary", Partition(day=today(site)))["kind"][0] == "morning"


def test_orders_that_nobody_can_do_fail_with_the_reason_and_the_last_schedule_stays(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    site = planned_site(tmp_path)
    materialise(site, instance)
    before = held(erp_file(site))
    erp_made.remove(erp_file(site), "operator_skill", operator_id="ann")
    result = materialise(site, instance)
    assert not result.success
    assert "pressing" in failure(result)
    assert "stays in force" in failure(result)
    assert held(erp_file(site)) == before
    assert lake_of(site).days("daily_schedule") == [today(site)]


def test_an_erp_that_is_down_fails_with_its_name(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    site = planned_site(tmp_path)
    erp_file(site).unlink()
    result = materialise(site, instance, "order_book")
    assert not result.success
    assert "erp.db is not there" in failure(result)


def test_rows_that_cannot_be_planned_are_refused_or_left_out(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    site = planned_site(tmp_path)
    erp_made.change(erp_file(site), "production_order", {"pieces": 0}, order_id="A")
    assert "order A" in failure(materialise(site, instance, "order_book"))
    lenient = planned_site(tmp_path / "lenient", faulty_rows="leave_out")
    erp_made.change(erp_file(lenient), "production_order", {"pieces": 0}, order_id="A")
    result = materialise(lenient, instance)
    assert result.success
    (check,) = [c for c in result.get_asset_check_evaluations() if c.check_name == "orders_can_be_planned"]
    assert not check.passed
    book = lake_of(lenient).read("order_book", Partition(day=today(lenient)))
    assert book.filter(pl.col("left_out").is_not_null())["order_id"].to_list() == ["order A"]


def test_an_older_day_does_not_take_a_newer_ones_place(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    site = planned_site(tmp_path)
    materialise(site, instance)
    before = held(erp_file(site))
    assert materialise(site, instance, day="2026-11-01").success
    assert held(erp_file(site)) == before
