"""The reference plant's ERP database, as it stands at a moment.

The floor works from the last export to the new one: by the dispatch list that the platform has written into the same
database, or, before there is any, by whose order is due first. What it has done is in `operation_report`,
`production_order.state`, `material_stock`, `machine_stop` and the state of maintenance work orders.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, NullPool, create_engine, delete, insert, inspect, update

from factory_assets.foundation.erp_tables import INCOMING, OUTGOING
from factory_assets.reference_plant.erp.floor import ZONE, floor_rows, machine_rows
from factory_assets.reference_plant.erp.floor_work import Floor
from factory_assets.reference_plant.erp.hours import DAY_MIN, minute_of, moment_of
from factory_assets.reference_plant.erp.memory import (
    PLANT,
    Memory,
    floor_job,
    floor_maintenance,
    job_rows,
    maintenance_rows,
    remembered,
)
from factory_assets.reference_plant.erp.order_book import (
    book_days,
    deliveries_of,
    local,
    opening_stock,
    orders_of,
    workdays,
)
from factory_assets.reference_plant.erp.presence import Crews, Machines
from factory_assets.reference_plant.erp.reports import report_rows, tidy

MORNING = dt.time(4, 1)
# Without a past the plant begins so many workdays before; after so long without an export it begins anew.
PAST_WORKDAYS, MOST_DAYS = 3, 31
# Around the time that passes: the longest that work can have begun before, or may end after.
DAYS_BEFORE, DAYS_AFTER = 7, 21


def write_erp_file(path: Path, now: dt.datetime | dt.date, *, seed: int = 0) -> dt.datetime:
    """Write, or bring up to date, a SQLite database; what the platform wrote back stays in it.

    The same moment again changes nothing. A moment before the one at which the database stands changes nothing either:
    no floor works backwards. The same database, moment and seed give the same rows; looking in between does not change
    what happens.

    Args:
        path: The file.
        now: The moment, aware; of a day its morning, 4:01 at the plant.
        seed: Gives other orders and other mishaps; must not change in the life of a database.

    Returns:
        The moment at which the database stands, in UTC, in whole minutes: later than `now` if it was later already.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_erp(create_engine(f"sqlite:///{path}", poolclass=NullPool), now, seed=seed)


def write_erp(engine: Engine, now: dt.datetime | dt.date, *, seed: int = 0) -> dt.datetime:
    """The same in any database, in one transaction."""
    moment = minute_of(now if isinstance(now, dt.datetime) else local(now, MORNING))
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        memory = remembered(connection)
        if memory is None or memory.now < moment:
            memory = _later(memory, moment, seed)
            _write(connection, memory, seed)
        connection.commit()
    return moment_of(memory.now)


def _later(memory: Memory | None, moment: int, seed: int) -> Memory:
    """The plant at a later moment."""
    if memory is None or memory.now < moment - MOST_DAYS * DAY_MIN:
        begun = _begun(_day(moment), seed)
        if memory is not None:
            begun.listed, begun.listed_from, begun.work_orders = memory.listed, memory.listed_from, memory.work_orders
        memory = begun
    else:
        _order(memory, moment, seed)
    machines, crews = _hours(memory, moment, seed)
    Floor(memory, seed, machines, crews).work_until(moment)
    return memory


def _begun(day: dt.date, seed: int) -> Memory:
    """The plant some workdays before a day, when its first book is opened."""
    first = workdays(day, 1, back=PAST_WORKDAYS)[0]
    covered = book_days(first)
    memory = Memory(
        minute_of(local(first, MORNING)),
        {},
        {},
        opening_stock(covered, seed),
        {row["delivery_id"]: row for row in deliveries_of(covered[2:], seed)},
        {row["machine_id"]: row["first_family"] for row in machine_rows()},
    )
    days = [one for one in workdays(covered[0], 20) if one <= book_days(day)[-1]]
    memory.orders = {row["order_id"]: row for row in orders_of(days, seed)}
    more = deliveries_of((one for one in days if one > covered[-1]), seed)
    memory.deliveries |= {row["delivery_id"]: row for row in more}
    return memory


def _order(memory: Memory, moment: int, seed: int) -> None:
    """Open the book of a later day."""
    known, last = book_days(_day(memory.now))[-1], book_days(_day(moment))[-1]
    if last == known:
        return
    days = [day for day in workdays(known, 2 * MOST_DAYS) if known < day <= last]
    memory.orders |= {row["order_id"]: row for row in orders_of(days, seed)}
    memory.deliveries |= {row["delivery_id"]: row for row in deliveries_of(days, seed)}


def _hours(memory: Memory, moment: int, seed: int) -> tuple[Machines, Crews]:
    first = _day(memory.now) - dt.timedelta(days=DAYS_BEFORE)
    last = _day(moment) + dt.timedelta(days=DAYS_AFTER)
    return Machines(seed, first, last), Crews(seed, first, last)


def _write(connection: Connection, memory: Memory, seed: int) -> None:
    tidy(memory)
    machines, _ = _hours(memory, memory.now, seed)
    rows = {**floor_rows(), **report_rows(memory, machines, seed)}
    rows["export_log"] = [
        {
            "export_id": memory.now,
            "began_utc": moment_of(memory.now),
            "ended_utc": moment_of(memory.now),
            "order_rows": len(rows["production_order"]),
            "routing_operation_rows": len(rows["routing_operation"]),
        }
    ]
    INCOMING.create_all(connection)
    PLANT.create_all(connection)
    for name, table in INCOMING.tables.items():
        connection.execute(delete(table))
        if rows.get(name):
            connection.execute(insert(table), rows[name])
    for table, own in ((floor_job, job_rows(memory)), (floor_maintenance, maintenance_rows(memory))):
        connection.execute(delete(table))
        if own:
            connection.execute(insert(table), own)
    if set(inspect(connection).get_table_names()).issuperset(OUTGOING.tables):
        _write_work_orders(connection, memory)


def _write_work_orders(connection: Connection, memory: Memory) -> None:
    table = OUTGOING.tables["maintenance_work_order"]
    for order in memory.work_orders:
        if order.state in ("begun", "done"):
            connection.execute(
                update(table)
                .where(table.c.work_order_id == order.name)
                .values(state=order.state, start_utc=moment_of(order.begin), end_utc=moment_of(order.end))
            )


def _day(minute: int) -> dt.date:
    return moment_of(minute).astimezone(ZoneInfo(ZONE)).date()
