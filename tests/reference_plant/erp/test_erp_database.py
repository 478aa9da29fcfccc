"""The reference plant's ERP: whole, the same for the same day, and one that can be planned."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, select

from factory_assets.foundation.erp_tables import INCOMING, dispatch_list
from factory_assets.planning.erp.database import open_erp
from factory_assets.planning.erp.dispatch import dispatch_of
from factory_assets.planning.erp.reading import read_problem
from factory_assets.planning.erp.writing import write_dispatch
from factory_assets.planning.explaining.obstacles import obstacles
from factory_assets.planning.problem import Cost, Schedule, Task
from factory_assets.reference_plant.erp.database import erp_rows, write_erp_file
from factory_assets.reference_plant.erp.order_book import local, workdays

MONDAY = dt.date(2026, 10, 5)
START = local(MONDAY, dt.time(6))
DAYS = 14 * 1440


@pytest.fixture(scope="module")
def erp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("erp") / "erp" / "erp.db"
    write_erp_file(path, MONDAY)
    return path


def test_it_can_be_planned(erp: Path) -> None:
    reading = read_problem(open_erp(str(erp)), START, DAYS)
    problem = reading.problem
    assert len(problem.orders) == 60
    assert len(problem.machines) == 31
    assert len(reading.maintained_machines) == 24
    assert {one.family for one in problem.operations.values()} == {None, "casting", "panel", "board", "cover"}
    assert all(operation.modes for operation in problem.operations.values())
    assert reading.overdue_deliveries == ()
    assert obstacles(problem) == []


def test_people_have_local_shifts(erp: Path) -> None:
    problem = read_problem(open_erp(str(erp)), START, DAYS).problem
    early = next(one for one in problem.operators if one.name == "forming early")
    assert early.shifts is not None
    assert early.shifts[:2] == ((0, 480), (1440, 1920))
    moulding = problem.machine["moulding-01"]
    assert moulding.shifts is not None
    assert moulding.shifts[0] == (0, 5 * 1440)  # Monday 6 o'clock to Saturday 6 o'clock


def test_the_same_day_gives_the_same_rows_and_another_seed_others() -> None:
    assert erp_rows(MONDAY) == erp_rows(MONDAY)
    assert erp_rows(MONDAY, seed=1)["production_order"] != erp_rows(MONDAY)["production_order"]


def test_books_of_following_days_overlap() -> None:
    monday = {row["order_id"]: row for row in erp_rows(MONDAY)["production_order"]}
    tuesday = {row["order_id"]: row for row in erp_rows(MONDAY + dt.timedelta(days=1))["production_order"]}
    both = monday.keys() & tuesday.keys()
    assert len(both) == 48
    assert all(monday[name] == tuesday[name] for name in both)


def test_nobody_works_on_holidays_and_weekends() -> None:
    assert workdays(dt.date(2026, 12, 24), 3) == [dt.date(2026, 12, day) for day in (24, 28, 29)]
    assert workdays(MONDAY, 2, back=1) == [dt.date(2026, 10, 2), MONDAY]


def test_a_new_morning_leaves_what_the_platform_wrote_back(tmp_path: Path) -> None:
    path = tmp_path / "erp.db"
    write_erp_file(path, MONDAY)
    database = open_erp(str(path))
    problem = read_problem(database, START, DAYS).problem
    name = problem.orders[0].operations[0].name
    task = Task(name, problem.operations[name].modes[0].machine, 0, 0, 60)
    write_dispatch(database, dispatch_of(problem, Schedule((task,), Cost(), 60)), START)
    write_erp_file(path, MONDAY + dt.timedelta(days=1))
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with engine.connect() as connection:
        assert len(connection.execute(select(dispatch_list)).all()) == 1
        assert len(connection.execute(select(INCOMING.tables["export_log"])).all()) == 1
