"""The reference plant's ERP: whole, the same for the same moment, and one that can be planned."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from sqlalchemy import select

from factory_assets.foundation.erp_tables import INCOMING
from factory_assets.planning.erp.database import open_erp
from factory_assets.planning.explaining.obstacles import obstacles
from factory_assets.reference_plant.erp.database import write_erp, write_erp_file
from factory_assets.reference_plant.erp.order_book import book_days, orders_of, workdays
from tests.postgres_server import needs_postgres, running_server
from tests.reference_plant.erp.floor_days import HOUR, MONDAY, at, planned, read, rows

START = at(MONDAY, 6)


@pytest.fixture(scope="module")
def erp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("erp") / "erp" / "erp.db"
    write_erp_file(path, MONDAY)
    return path


def test_it_can_be_planned(erp: Path) -> None:
    reading = read(erp, START)
    problem = reading.problem
    assert 50 <= len(problem.orders) <= 80
    assert len(problem.machines) == 31
    assert len(reading.maintained_machines) == 24
    assert {one.family for one in problem.operations.values()} == {None, "casting", "panel", "board", "cover"}
    assert all(operation.modes for operation in problem.operations.values())
    assert reading.overdue_deliveries == ()
    assert obstacles(problem) == []


def test_the_first_morning_has_a_past(erp: Path) -> None:
    found = rows(erp)
    assert {row["state"] for row in found["production_order"]} == {"done", "begun", "released"}
    began = [row["began_utc"] for row in found["operation_report"]]
    assert min(began) < START - 2 * 24 * HOUR
    assert max(began) < START


def test_people_have_local_shifts(erp: Path) -> None:
    problem = read(erp, START).problem
    early = next(one for one in problem.operators if one.name == "forming early")
    assert early.shifts is not None
    assert early.shifts[:2] == ((0, 480), (1440, 1920))
    moulding = problem.machine["moulding-01"]
    assert moulding.shifts is not None
    assert moulding.shifts[0] == (0, 5 * 1440)  # Monday 6 o'clock to Saturday 6 o'clock


def test_the_same_moment_gives_the_same_rows_and_another_seed_others(erp: Path, tmp_path: Path) -> None:
    again, other = tmp_path / "again.db", tmp_path / "other.db"
    write_erp_file(again, MONDAY)
    write_erp_file(other, MONDAY, seed=1)
    assert rows(again) == rows(erp)
    assert rows(other)["production_order"] != rows(erp)["production_order"]
    assert rows(other)["operation_report"] != rows(erp)["operation_report"]


def test_orders_of_a_date_are_the_same_in_all_books(tmp_path: Path) -> None:
    path = tmp_path / "erp.db"
    known: dict[str, dict[str, object]] = {}
    for number in range(4):
        write_erp_file(path, MONDAY + dt.timedelta(days=number))
        book = {row["order_id"]: {**row, "state": ""} for row in rows(path)["production_order"]}
        both = known.keys() & book.keys()
        assert number == 0 or len(both) > 48
        assert all(known[name] == book[name] for name in both)
        known = book
    assert {order["order_id"] for order in orders_of(book_days(MONDAY + dt.timedelta(days=3)), 0)} <= known.keys()


def test_nobody_works_on_holidays_and_weekends() -> None:
    assert workdays(dt.date(2026, 12, 24), 3) == [dt.date(2026, 12, day) for day in (24, 28, 29)]
    assert workdays(MONDAY, 2, back=1) == [dt.date(2026, 10, 2), MONDAY]


def test_a_new_morning_leaves_what_the_platform_wrote_back(tmp_path: Path) -> None:
    path = tmp_path / "erp.db"
    write_erp_file(path, MONDAY)
    planned(path, START)
    before = rows(path, "dispatch_list", "schedule_in_force")
    write_erp_file(path, MONDAY + dt.timedelta(days=1))
    assert rows(path, "dispatch_list", "schedule_in_force") == before
    assert len(rows(path)["export_log"]) == 1


def test_the_same_moment_again_and_an_earlier_one_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "erp.db"
    noon = at(MONDAY, 12)
    assert write_erp_file(path, noon) == noon
    before = path.read_bytes()
    assert write_erp_file(path, noon) == noon
    assert write_erp_file(path, MONDAY) == noon
    assert path.read_bytes() == before


def test_a_plant_that_nobody_has_looked_at_for_long_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "erp.db"
    write_erp_file(path, MONDAY)
    later = MONDAY + dt.timedelta(days=100)
    write_erp_file(path, later)
    assert len(read(path, at(later, 6)).problem.orders) < 80


@needs_postgres
def test_another_database_holds_the_same(erp: Path) -> None:
    with running_server() as address:
        engine = open_erp(address).engine
        write_erp(engine, at(MONDAY, 3))
        write_erp(engine, MONDAY)
        with engine.connect() as connection:
            for name in ("operation_report", "production_order", "material_stock", "machine_stop"):
                table = INCOMING.tables[name]
                found = connection.execute(select(table).order_by(*table.primary_key)).mappings()
                assert [dict(row) for row in found] == rows(erp, name)[name]
