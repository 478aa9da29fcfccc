"""A small ERP database that tests change for the worse."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, NullPool, create_engine, delete, insert, update

from factory_assets.foundation.erp_tables import INCOMING

MORNING = dt.datetime(2026, 10, 5, 4, tzinfo=dt.UTC)  # 6 o'clock in Berlin
DAYS = 3 * 1440

ROWS: dict[str, list[dict[str, Any]]] = {
    "export_log": [
        {"export_id": 1, "began_utc": MORNING, "ended_utc": MORNING, "order_rows": 2, "routing_operation_rows": 2}
    ],
    "calendar": [{"calendar_id": "early", "time_zone": "Europe/Berlin"}],
    "calendar_shift": [
        {"calendar_id": "early", "weekday": day, "begins_local": dt.time(6), "ends_local": dt.time(14)}
        for day in range(1, 6)
    ],
    "machine": [
        {
            "machine_id": name, "title": name, "machine_class": name[:-2], "line": "forming", "calendar_id": "early",
            "cost_per_h": 60.0, "first_family": "casting", "may_pause": True, "is_maintained": name == "press-1",
        }
        for name in ("press-1", "press-2")
    ],
    "setup_time": [{"machine_id": "press-1", "from_family": "casting", "to_family": "panel", "setup_min": 30}],
    "operator": [{"operator_id": "ann", "calendar_id": "early", "headcount": 2}],
    "operator_skill": [{"operator_id": "ann", "skill": "pressing"}],
    "tool": [{"tool_id": "die", "pieces": 1}],
    "material_stock": [{"material_id": "steel", "quantity": 100.0}],
    "purchase_delivery": [
        {"delivery_id": "D1", "material_id": "steel", "due_utc": MORNING + dt.timedelta(hours=8), "quantity": 50.0},
        {"delivery_id": "D0", "material_id": "steel", "due_utc": MORNING - dt.timedelta(hours=8), "quantity": 50.0},
    ],
    "production_order": [
        {
            "order_id": name, "product_id": "panel", "pieces": pieces,
            "release_utc": MORNING + dt.timedelta(hours=hours), "due_utc": MORNING + dt.timedelta(days=1),
            "late_cost_per_h": 30.0, "state": "released", "batch_id": None,
        }
        for name, pieces, hours in (("A", 10, -5), ("B", 21, 2))
    ],
    "routing": [{"routing_id": "R", "product_id": "panel"}],
    "routing_operation": [
        {"routing_id": "R", "operation_no": number, "family": "panel", "is_batched": False} for number in (10, 20)
    ],
    "routing_mode": [
        {
            "routing_id": "R", "operation_no": number, "machine_id": machine, "fixed_min": 10.0, "min_per_piece": 1.5,
            "skill": "pressing", "tool_id": "die",
        }
        for number, machine in ((10, "press-1"), (10, "press-2"), (20, "press-2"))
    ],
    "routing_material": [{"routing_id": "R", "operation_no": 10, "material_id": "steel", "per_piece": 2.0}],
}  # fmt: skip


def fill(engine: Engine, rows: Mapping[str, list[dict[str, Any]]] = ROWS) -> None:
    """Make the tables, with these rows."""
    with engine.begin() as connection:
        INCOMING.create_all(connection)
        for name, of_table in rows.items():
            connection.execute(insert(INCOMING.tables[name]), of_table)


def made(folder: Path) -> Path:
    """The database as a SQLite file."""
    path = folder / "erp.db"
    fill(create_engine(f"sqlite:///{path}", poolclass=NullPool))
    return path


def change(path: Path, table: str, values: Mapping[str, Any], **where: Any) -> None:
    """Change the rows of a table that are so."""
    statement = update(INCOMING.tables[table]).values(**values)
    for name, value in where.items():
        statement = statement.where(INCOMING.tables[table].c[name] == value)
    with create_engine(f"sqlite:///{path}", poolclass=NullPool).begin() as connection:
        connection.execute(statement)


def remove(path: Path, table: str, **where: Any) -> None:
    """Delete the rows of a table that are so."""
    statement = delete(INCOMING.tables[table])
    for name, value in where.items():
        statement = statement.where(INCOMING.tables[table].c[name] == value)
    with create_engine(f"sqlite:///{path}", poolclass=NullPool).begin() as connection:
        connection.execute(statement)


def add(path: Path, table: str, *rows: dict[str, Any]) -> None:
    """Add rows."""
    with create_engine(f"sqlite:///{path}", poolclass=NullPool).begin() as connection:
        connection.execute(insert(INCOMING.tables[table]), list(rows))
