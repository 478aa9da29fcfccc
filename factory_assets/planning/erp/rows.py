"""All rows of an ERP's tables at one moment, read whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, select

from factory_assets.foundation import erp_tables
from factory_assets.planning.erp.database import ErpDatabase, missing_tables
from factory_assets.planning.erp.errors import ErpHalfWrittenError


@dataclass(frozen=True)
class ErpRows:
    """The rows of each table by the table's name, ordered by key; none of an optional table that is not there."""

    tables: Mapping[str, Sequence[Mapping[str, Any]]]

    def __getitem__(self, table: str) -> Sequence[Mapping[str, Any]]:
        return self.tables[table]


def read_rows(database: ErpDatabase) -> ErpRows:
    """Read all that the ERP hands over, as it is at one moment.

    Raises:
        ErpDownError: The database does not answer.
        ErpHalfWrittenError: Tables are missing, or the ERP has not written them to their end.
    """
    with database.reading() as connection:
        absent = set(missing_tables(connection, list(erp_tables.INCOMING.tables)))
        needed = [name for name in erp_tables.INCOMING.tables if name in absent - erp_tables.OPTIONAL]
        if needed:
            msg = f"the ERP database {database.shown} lacks {', '.join(needed)}: let the ERP write its export again"
            raise ErpHalfWrittenError(msg)
        rows = ErpRows(
            {
                name: [] if name in absent else _rows_of(connection, table)
                for name, table in erp_tables.INCOMING.tables.items()
            }
        )
    _whole(rows, database.shown)
    return rows


def _rows_of(connection: Connection, table: Table) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(select(table).order_by(*table.primary_key.columns)).mappings()]


def _whole(rows: ErpRows, shown: str) -> None:
    if not rows["export_log"]:
        msg = f"{shown} tells of no finished export (export_log is empty): let the ERP write its export"
        raise ErpHalfWrittenError(msg)
    last = rows["export_log"][-1]
    if last["ended_utc"] is None:
        msg = f"export {last['export_id']} in {shown} began at {last['began_utc']} and has not ended: try again later"
        raise ErpHalfWrittenError(msg)
    for column, table in (("order_rows", "production_order"), ("routing_operation_rows", "routing_operation")):
        if last[column] is not None and last[column] != len(rows[table]):
            msg = f"export {last['export_id']} in {shown} says {last[column]} rows of {table}, but there are "
            raise ErpHalfWrittenError(msg + f"{len(rows[table])}: let the ERP write its export again")
