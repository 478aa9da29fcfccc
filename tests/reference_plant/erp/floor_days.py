"""Days of the reference plant: its ERP, quickly planned each morning."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from sqlalchemy import NullPool, create_engine, insert, select

from factory_assets.foundation.erp_tables import INCOMING, OUTGOING, maintenance_work_order
from factory_assets.planning.erp.database import open_erp
from factory_assets.planning.erp.dispatch import dispatch_of
from factory_assets.planning.erp.reading import ErpReading, read_problem
from factory_assets.planning.erp.writing import write_dispatch
from factory_assets.planning.problem import Problem, Schedule
from factory_assets.planning.rescheduling import changed_problem
from factory_assets.planning.search.dispatching import best_dispatch
from factory_assets.planning.search.loads import Shop
from factory_assets.reference_plant.erp.memory import floor_job
from factory_assets.reference_plant.erp.order_book import local

MONDAY = dt.date(2026, 10, 5)
MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)
HORIZON = 14 * 1440


def at(day: dt.date, hour: int, minute: int = 0) -> dt.datetime:
    """A time at the plant."""
    return local(day, dt.time(hour, minute))


def read(path: Path, start: dt.datetime) -> ErpReading:
    return read_problem(open_erp(str(path)), start, HORIZON)


def planned(path: Path, start: dt.datetime) -> tuple[Problem, Schedule]:
    """Plan from a moment on, and put it in force."""
    reading = read(path, start)
    problem = changed_problem(reading.problem, (), 0, breakdowns=reading.stops)
    schedule = best_dispatch(Shop(problem), "cost", rules=("ATC",))
    write_dispatch(open_erp(str(path)), dispatch_of(problem, schedule), start)
    return problem, schedule


def rows(path: Path, *tables: str) -> dict[str, list[dict[str, Any]]]:
    """The rows of these tables, all that change if none is named, ordered by key."""
    known = {**INCOMING.tables, **OUTGOING.tables, floor_job.name: floor_job}
    wanted = tables or (*INCOMING.tables, floor_job.name)
    with create_engine(f"sqlite:///{path}", poolclass=NullPool).connect() as connection:
        return {
            name: [
                dict(row)
                for row in connection.execute(select(known[name]).order_by(*known[name].primary_key)).mappings()
            ]
            for name in wanted
        }


def ask_for_maintenance(path: Path, name: str, machine: str, begin: dt.datetime, end: dt.datetime) -> None:
    """Write a planned work order, as the platform does."""
    row = {"work_order_id": name, "machine_id": machine, "start_utc": begin, "end_utc": end, "state": "planned"}
    with create_engine(f"sqlite:///{path}", poolclass=NullPool).begin() as connection:
        OUTGOING.create_all(connection)
        connection.execute(insert(maintenance_work_order).values(**row))
