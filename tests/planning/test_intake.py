"""What an ERP hands over becomes a problem that begins now, and tables for people."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from factory_assets.foundation.planning_settings import PlanningSettings
from factory_assets.planning import intake
from factory_assets.planning.erp.database import open_erp
from factory_assets.planning.erp.dispatch import WorkOrderRow
from factory_assets.planning.erp.rows import ErpRows, read_rows
from factory_assets.planning.schema import OPERATION_REPORT, ORDER_BOOK
from tests.planning.erp import erp_made
from tests.planning.erp.erp_made import MORNING
from tests.planning.planned_plant import planned_site
from tests.plants import make_site

SETTINGS = PlanningSettings(timezone="Europe/Berlin", horizon=dt.timedelta(days=3))
DAY = dt.date(2026, 10, 5)
BEGUN = {
    "order_id": "A", "routing_id": "R", "operation_no": 10, "machine_id": "press-2", "operator_id": "ann",
    "began_utc": MORNING + dt.timedelta(minutes=5), "expected_end_utc": None, "ended_utc": None,
}  # fmt: skip


@pytest.fixture
def rows(tmp_path: Path) -> ErpRows:
    return read_rows(open_erp(str(erp_made.made(tmp_path))))


def taken(rows: ErpRows, now: dt.datetime = MORNING - dt.timedelta(hours=1), **changes: object) -> intake.Intake:
    return intake.intake_of(rows, "small", SETTINGS.model_copy(update=changes), DAY, now)


def with_rows(rows: ErpRows, table: str, *more: dict[str, object]) -> ErpRows:
    return ErpRows({**rows.tables, table: [*rows[table], *more]})


def test_a_day_that_is_to_come_is_planned_from_its_beginning(rows: ErpRows) -> None:
    found = taken(rows)
    assert found.problem.start_utc == MORNING
    assert dict(found.order_book.schema) == ORDER_BOOK
    assert found.order_book["order_id"].to_list() == ["A", "B"]
    assert found.order_book["due_utc"][0] == MORNING + dt.timedelta(days=1)
    assert found.overdue_deliveries == ("D0",)


def test_a_day_that_goes_on_is_planned_from_the_next_whole_minute(rows: ErpRows) -> None:
    found = taken(rows, MORNING + dt.timedelta(minutes=90, seconds=1))
    assert found.problem.start_utc == MORNING + dt.timedelta(minutes=91)
    assert found.order_book["due_utc"][0] == MORNING + dt.timedelta(days=1)


def test_what_the_floor_has_begun_is_told_under_the_name_that_schedules_use(rows: ErpRows) -> None:
    now = MORNING + dt.timedelta(minutes=15)
    found = taken(with_rows(rows, "operation_report", BEGUN), now)
    (task,) = found.problem.pinned
    assert (task.name, task.start_min) == ("A/10", -10)
    assert dict(found.operation_report.schema) == OPERATION_REPORT
    assert found.operation_report.select("task_id", "began_utc").row(0) == ("A/10", BEGUN["began_utc"])
    assert found.order_book["begun_operations"].to_list() == [1, 0]


def test_the_name_of_an_operation_is_the_same_before_and_after_it_began(rows: ErpRows) -> None:
    two = with_rows(rows, "routing", {"routing_id": "S", "product_id": "panel"})
    for table in ("routing_operation", "routing_mode", "routing_material"):
        two = with_rows(two, table, *({**row, "routing_id": "S"} for row in rows[table]))
    before = {name for name in taken(two).problem.operations if name.startswith("A/R/")}
    begun = taken(with_rows(two, "operation_report", BEGUN), MORNING + dt.timedelta(minutes=15))
    assert before == {"A/R/10", "A/R/20"}
    assert {name for name in begun.problem.operations if name.startswith("A/")} == before
    assert begun.operation_report["task_id"].to_list() == ["A/R/10"]


def test_a_horizon_that_is_too_short_is_doubled(rows: ErpRows) -> None:
    long = ErpRows(
        {**rows.tables, "production_order": [{**row, "pieces": 250} for row in rows["production_order"]],
         "material_stock": [{"material_id": "steel", "quantity": 1e6}]}
    )  # fmt: skip
    horizon = taken(long, horizon=dt.timedelta(days=1)).problem.horizon_min
    assert horizon == 4 * 1440
    assert taken(rows, horizon=dt.timedelta(days=3)).problem.horizon_min == 3 * 1440


def test_work_orders_of_the_schedule_are_no_news_others_are(rows: ErpRows) -> None:
    def order(name: str) -> WorkOrderRow:
        return WorkOrderRow(name, "press-1", MORNING, MORNING + dt.timedelta(hours=2), None)

    orders = [(order("a"), "planned"), (order("b"), "begun"), (order("c"), "done"), (order("d"), "called off")]
    found = intake.intake_of(rows, "small", SETTINGS, DAY, MORNING, orders=orders)
    assert [(task.name, task.end_min, state) for task, state in found.work_orders] == [
        ("b", 120, "begun"), ("c", 120, "done"),
    ]  # fmt: skip


def test_the_version_is_that_of_what_is_handed_over(rows: ErpRows) -> None:
    version = intake.rows_version(rows)
    again = ErpRows({**rows.tables, "export_log": [{**rows["export_log"][0], "export_id": 2}]})
    assert intake.rows_version(again) == version
    assert intake.rows_version(with_rows(rows, "operation_report", BEGUN)) != version


def test_the_address_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = planned_site(tmp_path, erp_variable="PLANT_ERP")
    with pytest.raises(intake.ErpAddressMissingError, match="PLANT_ERP"):
        intake.database_of(site)
    monkeypatch.setenv("PLANT_ERP", "sqlite:///{home}/erp.db")
    assert intake.source_version(site) == intake.source_version(planned_site(tmp_path / "other"))


def test_a_plant_without_planning_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(intake.NotPlannedError, match="no section `planning`"):
        intake.settings_of(make_site(tmp_path))
