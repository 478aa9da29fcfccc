"""What the simulated plant keeps of itself between two exports, in the ERP's database beside the ERP's own tables."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, inspect, select

from factory_assets.foundation.erp_tables import INCOMING, OUTGOING, UtcTime
from factory_assets.reference_plant.erp.hours import minute_of, moment_of
from factory_assets.reference_plant.erp.steps import Key

# The plant's own: what no ERP knows, among it when work that is going on will end. No contract with the platform.
PLANT = MetaData()
floor_job = Table(
    "floor_job",
    PLANT,
    Column("order_id", String(80), primary_key=True),
    Column("routing_id", String(80), primary_key=True),
    Column("operation_no", Integer, primary_key=True, autoincrement=False),
    Column("machine_id", String(80), nullable=False),
    Column("operator_id", String(80)),
    Column("setup_began_utc", UtcTime, nullable=False),
    Column("begins_utc", UtcTime, nullable=False),
    Column("ends_utc", UtcTime, nullable=False),
)
floor_maintenance = Table(
    "floor_maintenance",
    PLANT,
    Column("work_order_id", String(255), primary_key=True),
    Column("ends_utc", UtcTime, nullable=False),
)


@dataclass(frozen=True)
class Job:
    """An operation that a machine does, has done, or is being set up for; those of a batch are alike.

    Attributes:
        setup_begin: When its set-up began, in minutes since 1970, as the other times.
        begin: When the work begins.
        end: When it ends: the truth, which nobody knows before.
    """

    machine: str
    operator: str | None
    setup_begin: int
    begin: int
    end: int


@dataclass
class WorkOrder:
    """Maintenance that the platform has placed, and what has become of it.

    Attributes:
        begin: As planned; when it began, if it has.
        end: When people think that it ends; when it ended, if it has.
        state: `planned`, `begun`, `done`, or what else the platform has written.
        ends: When it really ends, if it has begun.
    """

    name: str
    machine: str
    begin: int
    end: int
    state: str
    ends: int | None = None


@dataclass(frozen=True)
class Listed:
    """A line of the dispatch list."""

    task: str
    machine: str
    sequence: int
    setup_start: int
    operator: str | None


@dataclass
class Memory:
    """The plant at a moment.

    Attributes:
        now: The moment, in minutes since 1970.
        orders: Open ones, and those done lately, by name.
        jobs: What machines do and have done for these orders.
        stock: What lies in store.
        deliveries: Those that have not come, by name.
        families: What each machine was set up for before the first of the jobs.
        work_orders: Maintenance.
        listed: The dispatch list.
        listed_from: From when on it holds; None if there never was one.
    """

    now: int
    orders: dict[str, dict[str, Any]]
    jobs: dict[Key, Job]
    stock: dict[str, float]
    deliveries: dict[str, dict[str, Any]]
    families: dict[str, str | None]
    work_orders: list[WorkOrder] = field(default_factory=list)
    listed: list[Listed] = field(default_factory=list)
    listed_from: int | None = None


def remembered(connection: Connection) -> Memory | None:
    """The plant at its last export; None if it never wrote one."""
    there = set(inspect(connection).get_table_names())
    if not there.issuperset(PLANT.tables) or not there.issuperset(INCOMING.tables):
        return None
    last: list[dt.datetime | None] = list(
        connection.execute(select(INCOMING.tables["export_log"].c.ended_utc)).scalars()
    )
    if not last or last[-1] is None:
        return None
    jobs = {
        (row["order_id"], row["routing_id"], row["operation_no"]): Job(
            row["machine_id"],
            row["operator_id"],
            minute_of(row["setup_began_utc"]),
            minute_of(row["begins_utc"]),
            minute_of(row["ends_utc"]),
        )
        for row in _rows(connection, floor_job)
    }
    memory = Memory(
        minute_of(last[-1]),
        {row["order_id"]: row for row in _rows(connection, INCOMING.tables["production_order"])},
        jobs,
        {row["material_id"]: row["quantity"] for row in _rows(connection, INCOMING.tables["material_stock"])},
        {row["delivery_id"]: row for row in _rows(connection, INCOMING.tables["purchase_delivery"])},
        {row["machine_id"]: row["first_family"] for row in _rows(connection, INCOMING.tables["machine"])},
    )
    if there.issuperset(OUTGOING.tables):
        _read_outgoing(connection, memory)
    return memory


def job_rows(memory: Memory) -> list[dict[str, Any]]:
    """The rows of `floor_job`."""
    return [
        {
            "order_id": order,
            "routing_id": routing,
            "operation_no": number,
            "machine_id": job.machine,
            "operator_id": job.operator,
            "setup_began_utc": moment_of(job.setup_begin),
            "begins_utc": moment_of(job.begin),
            "ends_utc": moment_of(job.end),
        }
        for (order, routing, number), job in memory.jobs.items()
    ]


def maintenance_rows(memory: Memory) -> list[dict[str, Any]]:
    """The rows of `floor_maintenance`."""
    return [
        {"work_order_id": order.name, "ends_utc": moment_of(order.ends)}
        for order in memory.work_orders
        if order.ends is not None and order.state == "begun"
    ]


def _read_outgoing(connection: Connection, memory: Memory) -> None:
    start: dt.datetime | None = connection.execute(select(OUTGOING.tables["schedule_in_force"].c.start_utc)).scalar()
    memory.listed_from = None if start is None else minute_of(start)
    memory.listed = [
        Listed(
            row["task_id"], row["machine_id"], row["sequence"], minute_of(row["setup_start_utc"]), row["operator_id"]
        )
        for row in _rows(connection, OUTGOING.tables["dispatch_list"])
    ]
    ends = {row["work_order_id"]: minute_of(row["ends_utc"]) for row in _rows(connection, floor_maintenance)}
    memory.work_orders = [
        WorkOrder(
            row["work_order_id"],
            row["machine_id"],
            minute_of(row["start_utc"]),
            minute_of(row["end_utc"]),
            row["state"],
            ends.get(row["work_order_id"]),
        )
        for row in _rows(connection, OUTGOING.tables["maintenance_work_order"])
    ]


def _rows(connection: Connection, table: Table) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(select(table).order_by(*table.primary_key.columns)).mappings()]
