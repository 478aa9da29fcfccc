"""Putting a schedule in force in the ERP's database: whole, once, and never half."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from factory_assets.foundation.erp_tables import (
    OUTGOING,
    dispatch_list,
    maintenance_work_order,
    schedule_in_force,
)
from factory_assets.planning.erp.database import ErpDatabase, missing_tables
from factory_assets.planning.erp.dispatch import Dispatch, WorkOrderRow

# States that the schedule sets. Whoever begins, ends or refuses maintenance writes another one, which stays.
PLANNED, CALLED_OFF = "planned", "called off"
BEGUN, OVER = "begun", ("done", "refused")


@dataclass(frozen=True)
class Written:
    """What writing has done.

    Attributes:
        schedule_id: The schedule that is in force now.
        was_in_force: Whether it was in force already: then nothing was changed.
        operations: Rows of the dispatch list.
        new_work_orders: Maintenance that was not known before, or had been called off.
        moved_work_orders: Maintenance that was planned for another time, machine or person.
        called_off_work_orders: Planned maintenance that is no longer in the schedule.
        kept_work_orders: Maintenance that somebody has begun, done or refused: left as it is.
    """

    schedule_id: str
    was_in_force: bool
    operations: int
    new_work_orders: tuple[str, ...] = ()
    moved_work_orders: tuple[str, ...] = ()
    called_off_work_orders: tuple[str, ...] = ()
    kept_work_orders: tuple[str, ...] = ()


def write_dispatch(database: ErpDatabase, dispatch: Dispatch, now_utc: dt.datetime) -> Written:
    """Put a schedule in force: dispatch list and maintenance work orders, in one transaction.

    The same schedule written again changes nothing, not even the time at which it was written. Whatever fails, the
    schedule that was in force stays whole. Tables that are missing are made.

    Raises:
        ErpDownError: The database does not answer.
    """
    with database.writing() as connection:
        OUTGOING.create_all(connection)
        in_force = connection.execute(select(schedule_in_force)).mappings().first()
        if in_force is not None and _is_whole(connection, dict(in_force), dispatch):
            return Written(dispatch.schedule_id, was_in_force=True, operations=len(dispatch.operations))
        connection.execute(delete(dispatch_list))
        if dispatch.operations:
            connection.execute(insert(dispatch_list), [asdict(row) for row in dispatch.operations])
        written = _write_work_orders(connection, dispatch)
        connection.execute(delete(schedule_in_force))
        connection.execute(
            insert(schedule_in_force).values(
                place=1,
                schedule_id=dispatch.schedule_id,
                written_utc=now_utc,
                start_utc=dispatch.start_utc,
                task_rows=len(dispatch.operations),
            )
        )
    return written


def work_orders(database: ErpDatabase) -> dict[str, tuple[WorkOrderRow, str]]:
    """All maintenance work orders with their states, by name; none if no schedule was ever written."""
    with database.reading() as connection:
        if missing_tables(connection, [maintenance_work_order.name]):
            return {}
        rows = _known_work_orders(connection)
    return {
        name: (WorkOrderRow(**{key: value for key, value in row.items() if key != "state"}), row["state"])
        for name, row in rows.items()
    }


def schedule_in_force_id(database: ErpDatabase) -> str | None:
    """Which schedule the shop follows; None if none was ever written."""
    with database.reading() as connection:
        if missing_tables(connection, [schedule_in_force.name]):
            return None
        return connection.execute(select(schedule_in_force.c.schedule_id)).scalar()


def _is_whole(connection: Connection, in_force: Mapping[str, Any], dispatch: Dispatch) -> bool:
    """Whether it is this schedule, and nobody has changed its rows since."""
    if in_force["schedule_id"] != dispatch.schedule_id:
        return False
    rows = connection.execute(select(dispatch_list)).mappings().all()
    by_name = {row["task_id"]: dict(row) for row in rows}
    known = _known_work_orders(connection)
    wanted = {row.work_order_id for row in dispatch.work_orders}
    return (
        by_name == {row.task_id: asdict(row) for row in dispatch.operations}
        and all(_is_as_planned(known.get(row.work_order_id), row) for row in dispatch.work_orders)
        and not any(name not in wanted and row["state"] == PLANNED for name, row in known.items())
    )


def _known_work_orders(connection: Connection) -> dict[str, dict[str, Any]]:
    rows = connection.execute(select(maintenance_work_order)).mappings()
    return {row["work_order_id"]: dict(row) for row in rows}


def _is_as_planned(known: Mapping[str, Any] | None, wanted: WorkOrderRow) -> bool:
    if known is None or known["state"] == CALLED_OFF:
        return False
    return known["state"] != PLANNED or dict(known) == {**asdict(wanted), "state": PLANNED}


def _write_work_orders(connection: Connection, dispatch: Dispatch) -> Written:
    table = maintenance_work_order
    known = _known_work_orders(connection)
    new, moved, kept = [], [], []
    for row in dispatch.work_orders:
        name = row.work_order_id
        if name not in known:
            connection.execute(insert(table).values(**asdict(row), state=PLANNED))
            new.append(name)
        elif known[name]["state"] == CALLED_OFF:
            values = {**asdict(row), "state": PLANNED}
            connection.execute(update(table).where(table.c.work_order_id == name).values(**values))
            new.append(name)
        elif known[name]["state"] != PLANNED:
            kept.append(name)
        elif not _is_as_planned(known[name], row):
            connection.execute(update(table).where(table.c.work_order_id == name).values(**asdict(row)))
            moved.append(name)
    wanted = {row.work_order_id for row in dispatch.work_orders}
    gone = [name for name, row in known.items() if name not in wanted and row["state"] == PLANNED]
    for name in gone:
        connection.execute(update(table).where(table.c.work_order_id == name).values(state=CALLED_OFF))
    return Written(
        dispatch.schedule_id,
        was_in_force=False,
        operations=len(dispatch.operations),
        new_work_orders=tuple(new),
        moved_work_orders=tuple(moved),
        called_off_work_orders=tuple(gone),
        kept_work_orders=tuple(kept),
    )
