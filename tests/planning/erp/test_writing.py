"""A schedule is put in force whole, once, and never half: in SQLite and, where it is installed, in PostgreSQL."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update

from factory_assets.foundation.erp_tables import OUTGOING, dispatch_list, maintenance_work_order, schedule_in_force
from factory_assets.planning.erp import writing
from factory_assets.planning.erp.database import ErpDatabase, open_erp
from factory_assets.planning.erp.dispatch import Dispatch, dispatch_csv, dispatch_of
from factory_assets.planning.erp.errors import ErpDownError
from factory_assets.planning.erp.reading import read_problem
from factory_assets.planning.erp.writing import schedule_in_force_id, work_orders, write_dispatch
from tests.planning.erp.erp_made import DAYS, MORNING, fill, made
from tests.planning.shop_made import START, changed, schedule, shop
from tests.postgres_server import needs_postgres, running_server

NOW = dt.datetime(2026, 10, 5, 3, 30, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(hours=1)


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with running_server() as address:
        fill(open_erp(address).engine)
        yield address


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=needs_postgres)])
def erp(request: pytest.FixtureRequest, tmp_path: Path) -> ErpDatabase:
    if request.param == "sqlite":
        return open_erp(str(made(tmp_path)))
    # The name of the old driver is taken to the new one.
    database = open_erp(request.getfixturevalue("postgres").replace("postgresql://", "postgresql+psycopg2://"))
    OUTGOING.drop_all(database.engine)
    return database


def plan() -> Dispatch:
    return dispatch_of(shop(), schedule())


def contents(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    with engine.connect() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for table in (schedule_in_force, dispatch_list, maintenance_work_order)
        }


def test_the_same_orders_come_from_both_databases(erp: ErpDatabase) -> None:
    problem = read_problem(erp, MORNING, DAYS).problem
    assert [order.name for order in problem.orders] == ["A", "B"]
    assert problem.machine["press-1"].shifts == ((0, 480), (1440, 1920), (2880, 3360))
    assert problem.orders[1].release_min == 120


def test_a_schedule_is_written(erp: ErpDatabase) -> None:
    assert schedule_in_force_id(erp) is None
    written = write_dispatch(erp, plan(), NOW)
    assert (written.was_in_force, written.operations, written.new_work_orders) == (False, 5, ("M1",))
    rows = {row[0]: row for row in contents(erp.engine)["dispatch_list"]}
    minute = dt.timedelta(minutes=1)
    times = (START + 150 * minute, START + 180 * minute, START + 280 * minute)
    assert rows["B10"] == ("B10", "B", "press", 2, *times, "tom")
    assert [rows[name][3] for name in ("A10", "A30", "B30")] == [1, 1, 1]  # a batch is one place in the sequence
    assert schedule_in_force_id(erp) == written.schedule_id == plan().schedule_id


def test_the_same_schedule_again_changes_nothing(erp: ErpDatabase) -> None:
    write_dispatch(erp, plan(), NOW)
    before = contents(erp.engine)
    other_order = dispatch_of(shop(), replace(schedule(), tasks=schedule().tasks[::-1], solver="another"))
    assert write_dispatch(erp, other_order, LATER).was_in_force
    assert contents(erp.engine) == before


def test_rows_that_somebody_changed_are_put_right(erp: ErpDatabase) -> None:
    write_dispatch(erp, plan(), NOW)
    before = contents(erp.engine)
    with erp.engine.begin() as connection:
        connection.execute(update(dispatch_list).where(dispatch_list.c.task_id == "A10").values(machine_id="mill"))
    assert not write_dispatch(erp, plan(), NOW).was_in_force
    assert contents(erp.engine) == before


def test_a_new_schedule_takes_the_place_of_the_old_one(erp: ErpDatabase) -> None:
    write_dispatch(erp, plan(), NOW)
    moved = dispatch_of(shop(), changed("M1", setup_start_min=500, start_min=500, end_min=620))
    written = write_dispatch(erp, moved, LATER)
    assert (written.moved_work_orders, written.new_work_orders) == (("M1",), ())
    after = contents(erp.engine)
    assert after["maintenance_work_order"][0][2] == START + dt.timedelta(minutes=500)
    assert [row[1:3] for row in after["schedule_in_force"]] == [(moved.schedule_id, LATER)]
    without = replace(schedule(), tasks=tuple(task for task in schedule().tasks if task.name != "M1"))
    assert write_dispatch(erp, dispatch_of(shop(), without), LATER).called_off_work_orders == ("M1",)
    assert contents(erp.engine)["maintenance_work_order"][0][-1] == "called off"
    assert write_dispatch(erp, plan(), LATER).new_work_orders == ("M1",)
    assert work_orders(erp)["M1"][1] == "planned"
    assert work_orders(erp)["M1"][0] in plan().work_orders


def test_maintenance_that_has_begun_stays_as_it_is(erp: ErpDatabase) -> None:
    write_dispatch(erp, plan(), NOW)
    with erp.engine.begin() as connection:
        connection.execute(update(maintenance_work_order).values(state="begun"))
    before = contents(erp.engine)["maintenance_work_order"]
    moved = dispatch_of(shop(), changed("M1", setup_start_min=500, start_min=500, end_min=620))
    assert write_dispatch(erp, moved, LATER).kept_work_orders == ("M1",)
    assert contents(erp.engine)["maintenance_work_order"] == before
    assert write_dispatch(erp, moved, LATER).was_in_force


def test_when_writing_breaks_off_the_last_good_schedule_stays_whole(
    erp: ErpDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dispatch(erp, plan(), NOW)
    before = contents(erp.engine)

    def broken(*_: object) -> None:
        msg = "the network is gone"
        raise ConnectionResetError(msg)

    moved = dispatch_of(shop(), changed("A10", end_min=101))
    with monkeypatch.context() as patched:
        patched.setattr(writing, "_write_work_orders", broken)
        with pytest.raises(ErpDownError, match="the network is gone; the last good schedule stays"):
            write_dispatch(erp, moved, LATER)
    assert contents(erp.engine) == before
    assert not write_dispatch(erp, moved, LATER).was_in_force


def test_a_locked_database_is_said_to_be_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("factory_assets.planning.erp.database.PATIENCE_S", 0.05)
    path = made(tmp_path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(ErpDownError, match="database is locked"):
        write_dispatch(open_erp(str(path)), plan(), NOW)
    other.close()


@needs_postgres
def test_a_server_that_is_not_there_is_said_to_be_down(tmp_path: Path) -> None:
    address = f"postgresql://planner:secret@/erp?host={tmp_path}"
    with pytest.raises(ErpDownError, match="does not do what is asked") as caught:
        read_problem(open_erp(address), MORNING, DAYS)
    assert "secret" not in str(caught.value)


def test_what_is_read_cannot_be_written(tmp_path: Path) -> None:
    database = open_erp(str(made(tmp_path)))
    with pytest.raises(ErpDownError, match="readonly"), database.reading() as connection:
        connection.exec_driver_sql("DELETE FROM machine")


def test_csv_holds_operations_and_maintenance_by_machine_and_time() -> None:
    lines = dispatch_csv(plan()).splitlines()
    assert lines[0] == "kind,task_id,order_id,machine_id,sequence,setup_start_utc,start_utc,end_utc,operator_id"
    assert [line.split(",")[1] for line in lines[1:]] == ["A20", "A30", "B30", "A10", "B10", "M1"]
    assert lines[5] == "operation,B10,B,press,2,2026-10-05T06:30:00Z,2026-10-05T07:00:00Z,2026-10-05T08:40:00Z,tom"
    assert lines[6].startswith("maintenance,M1,,press,,2026-10-05T12:00:00Z")


def test_csv_runs_nothing_in_a_spreadsheet() -> None:
    row = replace(plan().operations[0], operator_id="=cmd()")
    assert ",'=cmd()" in dispatch_csv(replace(plan(), operations=(row,)))
