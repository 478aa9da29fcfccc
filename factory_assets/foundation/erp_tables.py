"""The tables in which an MES or ERP hands orders over, and takes the schedule back: the contract with it.

A plant whose ERP keeps other tables puts views of these names over them. What comes is read, never written. Times are
stored in UTC; calendars alone are in local time, as people keep them.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    Time,
    TypeDecorator,
)
from sqlalchemy.engine import Dialect

INCOMING, OUTGOING = MetaData(), MetaData()
OPEN_STATES = ("released", "begun")


class UtcTime(TypeDecorator[dt.datetime]):
    """Aware times; where the database keeps no zone (SQLite), they are stored in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """A time on its way into the database; one without a zone is refused."""
        if value is None:
            return None
        if value.tzinfo is None:
            msg = f"{value} names no time zone: the ERP tables keep UTC"
            raise ValueError(msg)
        utc = value.astimezone(dt.UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: Any, dialect: Dialect) -> dt.datetime | None:
        """A time on its way out."""
        if value is None:
            return None
        stored: dt.datetime = value
        return stored.replace(tzinfo=dt.UTC) if stored.tzinfo is None else stored.astimezone(dt.UTC)


def _key(name: str, length: int = 80) -> Column[str]:
    return Column(name, String(length), primary_key=True)


# One line for each time that the ERP wrote its tables. Half-written ones have no end, or other counts than they say.
export_log = Table(
    "export_log",
    INCOMING,
    Column("export_id", Integer, primary_key=True, autoincrement=False),
    Column("began_utc", UtcTime, nullable=False),
    Column("ended_utc", UtcTime),
    Column("order_rows", Integer),
    Column("routing_operation_rows", Integer),
)
calendar = Table("calendar", INCOMING, _key("calendar_id"), Column("time_zone", String(60), nullable=False))
# Weekday 1 is Monday. A shift that ends at or before the time it begins ends on the next day.
calendar_shift = Table(
    "calendar_shift",
    INCOMING,
    _key("calendar_id"),
    Column("weekday", Integer, primary_key=True),
    Column("begins_local", Time, primary_key=True),
    Column("ends_local", Time, nullable=False),
)
# Instead of the week's shifts: a day without times is closed; one with times has these.
calendar_exception = Table(
    "calendar_exception",
    INCOMING,
    _key("calendar_id"),
    Column("day", Date, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("begins_local", Time),
    Column("ends_local", Time),
)
machine = Table(
    "machine",
    INCOMING,
    _key("machine_id"),
    Column("title", Text, nullable=False),
    Column("machine_class", String(80), nullable=False),
    Column("line", String(80)),
    Column("calendar_id", String(80)),
    Column("cost_per_h", Float, nullable=False),
    Column("first_family", String(80)),
    Column("may_pause", Boolean, nullable=False),
    Column("is_maintained", Boolean, nullable=False),
)
setup_time = Table(
    "setup_time",
    INCOMING,
    _key("machine_id"),
    _key("from_family"),
    _key("to_family"),
    Column("setup_min", Integer, nullable=False),
)
operator = Table(
    "operator",
    INCOMING,
    _key("operator_id"),
    Column("calendar_id", String(80)),
    Column("headcount", Integer, nullable=False),
)
operator_skill = Table("operator_skill", INCOMING, _key("operator_id"), _key("skill"))
tool = Table("tool", INCOMING, _key("tool_id"), Column("pieces", Integer, nullable=False))
material_stock = Table("material_stock", INCOMING, _key("material_id"), Column("quantity", Float, nullable=False))
purchase_delivery = Table(
    "purchase_delivery",
    INCOMING,
    _key("delivery_id"),
    Column("material_id", String(80), nullable=False),
    Column("due_utc", UtcTime, nullable=False),
    Column("quantity", Float, nullable=False),
)
production_order = Table(
    "production_order",
    INCOMING,
    _key("order_id"),
    Column("product_id", String(80), nullable=False),
    Column("pieces", Integer, nullable=False),
    Column("release_utc", UtcTime, nullable=False),
    Column("due_utc", UtcTime),
    Column("late_cost_per_h", Float, nullable=False),
    Column("state", String(20), nullable=False),
    Column("batch_id", String(80)),
)
# A product may have several: one is chosen for each order.
routing = Table("routing", INCOMING, _key("routing_id"), Column("product_id", String(80), nullable=False))
# Batched operations run together with the same ones of orders of the same batch_id, in an oven for instance.
routing_operation = Table(
    "routing_operation",
    INCOMING,
    _key("routing_id"),
    Column("operation_no", Integer, primary_key=True, autoincrement=False),
    Column("family", String(80)),
    Column("is_batched", Boolean, nullable=False),
)
# Machines, or ways, to choose from. The time is fixed_min + pieces * min_per_piece, rounded up.
routing_mode = Table(
    "routing_mode",
    INCOMING,
    _key("routing_id"),
    Column("operation_no", Integer, primary_key=True, autoincrement=False),
    _key("machine_id"),
    Column("fixed_min", Float, nullable=False),
    Column("min_per_piece", Float, nullable=False),
    Column("skill", String(80)),
    Column("tool_id", String(80)),
)
# A routing without a line here is done in the order of its numbers.
routing_precedence = Table(
    "routing_precedence",
    INCOMING,
    _key("routing_id"),
    Column("operation_no", Integer, primary_key=True, autoincrement=False),
    Column("after_no", Integer, primary_key=True, autoincrement=False),
)
routing_material = Table(
    "routing_material",
    INCOMING,
    _key("routing_id"),
    Column("operation_no", Integer, primary_key=True, autoincrement=False),
    _key("material_id"),
    Column("per_piece", Float, nullable=False),
)

# What the floor reports: operations that have begun and, with an end, are done.
operation_report = Table(
    "operation_report",
    INCOMING,
    _key("order_id"),
    _key("routing_id"),
    Column("operation_no", Integer, primary_key=True, autoincrement=False),
    Column("machine_id", String(80), nullable=False),
    Column("operator_id", String(80)),
    Column("began_utc", UtcTime, nullable=False),
    Column("expected_end_utc", UtcTime),
    Column("ended_utc", UtcTime),
)

# Machines that stand, for whatever reason, and when people think that they will work again; with an end, it is over.
# An ERP that does not know need not have the table.
machine_stop = Table(
    "machine_stop",
    INCOMING,
    _key("machine_id"),
    Column("began_utc", UtcTime, primary_key=True),
    Column("expected_end_utc", UtcTime),
    Column("ended_utc", UtcTime),
    Column("reason", Text),
)
OPTIONAL = frozenset({machine_stop.name})

# The one schedule in force. Whoever runs the shop reads dispatch_list.
schedule_in_force = Table(
    "schedule_in_force",
    OUTGOING,
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("schedule_id", String(64), nullable=False),
    Column("written_utc", UtcTime, nullable=False),
    Column("start_utc", UtcTime, nullable=False),
    Column("task_rows", Integer, nullable=False),
)
dispatch_list = Table(
    "dispatch_list",
    OUTGOING,
    _key("task_id", 255),  # of order, routing and number
    Column("order_id", String(80), nullable=False),
    Column("machine_id", String(80), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("setup_start_utc", UtcTime, nullable=False),
    Column("start_utc", UtcTime, nullable=False),
    Column("end_utc", UtcTime, nullable=False),
    Column("operator_id", String(80)),
)
# `planned` and `called off` are the schedule's states. What somebody has `begun`, `done` or `refused` stays as it is.
maintenance_work_order = Table(
    "maintenance_work_order",
    OUTGOING,
    _key("work_order_id", 255),
    Column("machine_id", String(80), nullable=False),
    Column("start_utc", UtcTime, nullable=False),
    Column("end_utc", UtcTime, nullable=False),
    Column("technician_id", String(80)),
    Column("state", String(20), nullable=False),
)
