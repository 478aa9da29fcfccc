"""The reference plant's ERP database, as it stands on the morning of a day."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from sqlalchemy import Engine, NullPool, create_engine, delete, insert

from factory_assets.foundation.erp_tables import INCOMING
from factory_assets.reference_plant.erp.floor import Rows, floor_rows
from factory_assets.reference_plant.erp.order_book import local, order_rows

EXPORT_BEGINS, EXPORT_ENDS = dt.time(4, 0), dt.time(4, 1)


def write_erp_file(path: Path, day: dt.date, *, seed: int = 0) -> None:
    """Write, or bring up to date, a SQLite database; what the platform wrote back stays in it.

    Args:
        path: The file.
        day: The order book is the one of this morning.
        seed: Gives other orders.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_erp(create_engine(f"sqlite:///{path}", poolclass=NullPool), day, seed=seed)


def write_erp(engine: Engine, day: dt.date, *, seed: int = 0) -> None:
    """The same in any database, in one transaction."""
    rows = erp_rows(day, seed=seed)
    with engine.begin() as connection:
        INCOMING.create_all(connection)
        for name, table in INCOMING.tables.items():
            connection.execute(delete(table))
            if rows.get(name):
                connection.execute(insert(table), rows[name])


def erp_rows(day: dt.date, *, seed: int = 0) -> dict[str, Rows]:
    """The rows of each table; those that are not named are empty."""
    rows = {**floor_rows(), **order_rows(day, seed)}
    export = {
        "export_id": day.toordinal(),
        "began_utc": local(day, EXPORT_BEGINS),
        "ended_utc": local(day, EXPORT_ENDS),
        "order_rows": len(rows["production_order"]),
        "routing_operation_rows": len(rows["routing_operation"]),
    }
    return {**rows, "export_log": [export]}
