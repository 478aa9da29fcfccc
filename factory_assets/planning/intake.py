"""The ERP as it stands now: what is to be scheduled, and what the floor has reported."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.planning_settings import PlanningSettings
from factory_assets.foundation.settings import Site
from factory_assets.planning.erp import writing
from factory_assets.planning.erp.database import ErpDatabase, open_erp
from factory_assets.planning.erp.dispatch import WorkOrderRow
from factory_assets.planning.erp.faults import Fault
from factory_assets.planning.erp.orders import minutes_after, operation_name
from factory_assets.planning.erp.reading import ErpReading, problem_of
from factory_assets.planning.erp.rows import ErpRows, read_rows
from factory_assets.planning.problem import Problem, Task
from factory_assets.planning.rescheduling import Breakdown
from factory_assets.planning.schema import OPERATION_REPORT, ORDER_BOOK
from factory_assets.planning.search.dispatching import best_dispatch
from factory_assets.planning.search.loads import BadProblemError, NoScheduleError, Shop
from factory_assets.planning.solving import objective_of

MINUTE = dt.timedelta(minutes=1)
HORIZONS = (1, 2, 4)


class NotPlannedError(FactoryError, LookupError):
    """A plant without a daily schedule was asked for one."""


class ErpAddressMissingError(FactoryError, ValueError):
    """The environment variable with the ERP's address is not set."""


@dataclass(frozen=True)
class Intake:
    """What an ERP handed over at one moment.

    Attributes:
        problem: What is to be scheduled, without maintenance; minute 0 is the moment from which is planned.
        stops: Machines that stand, in minutes of the problem.
        work_orders: Maintenance that somebody has begun, done or refused, with its state.
        left_out: Rows that cannot be planned; empty where the plant file refuses them.
        overdue_deliveries: Purchases that should have come: nobody counts on them.
        maintained_machines: Machines for which maintenance is planned.
        asked_version: Digest of all that is asked for and there is to do it with; not of what the floor reports.
        order_book: Table ORDER_BOOK.
        operation_report: Table OPERATION_REPORT.
    """

    problem: Problem
    stops: tuple[Breakdown, ...]
    work_orders: tuple[tuple[Task, str], ...]
    left_out: tuple[Fault, ...]
    overdue_deliveries: tuple[str, ...]
    maintained_machines: tuple[str, ...]
    asked_version: str
    order_book: pl.DataFrame
    operation_report: pl.DataFrame


def settings_of(site: Site) -> PlanningSettings:
    """What the plant file says of the daily schedule.

    Raises:
        NotPlannedError: It says nothing.
    """
    if site.plant.planning is None:
        msg = f"plant {site.plant.plant} has no section `planning` in {site.plant_file.name}: nothing is scheduled"
        raise NotPlannedError(msg)
    return site.plant.planning


def database_of(site: Site) -> ErpDatabase:
    """The plant's ERP.

    Raises:
        ErpDownError: Its SQLite file is not there.
        ErpAddressMissingError: The environment variable that should hold its address is not set.
    """
    settings = settings_of(site)
    address = settings.erp
    if settings.erp_variable is not None:
        address = os.environ.get(settings.erp_variable, "")
        if not address:
            msg = f"set {settings.erp_variable} to the ERP's address, such as postgresql://user:password@host/name"
            raise ErpAddressMissingError(msg)
    return open_erp(address.replace("{home}", str(site.home.root)))


def read(site: Site, day: dt.date, now: dt.datetime) -> Intake:
    """Read what a day's schedule needs; from the day's beginning, or from now on where that is over.

    A horizon within which not all orders find a place is doubled, up to four times, rather than giving no schedule.

    Raises:
        ErpError: The ERP is down, half-written, or holds rows that cannot be planned.
    """
    settings, database = settings_of(site), database_of(site)
    return intake_of(
        read_rows(database), site.plant.plant, settings, day, now, orders=writing.work_orders(database).values()
    )


def source_version(site: Site) -> str:
    """A digest of all that the ERP hands over now.

    Raises:
        ErpError: The ERP is down or half-written.
    """
    return rows_version(read_rows(database_of(site)))


def rows_version(rows: ErpRows, *, without: str = "export_log") -> str:
    """A digest of rows; that they were written again does not change it."""
    held = {name: found for name, found in rows.tables.items() if name not in {"export_log", without}}
    return hashlib.sha256(json.dumps(held, default=str, sort_keys=True).encode()).hexdigest()


def moment_of(site: Site, day: dt.date, now: dt.datetime) -> dt.datetime:
    """From when a day is planned: from now on; a past day of a simulated plant as it was on its morning."""
    settings = settings_of(site)
    is_past = site.plant.simulator is not None and day < settings.day_of(now)
    return settings.start_of(day) if is_past else now


def intake_of(
    rows: ErpRows,
    plant: str,
    settings: PlanningSettings,
    day: dt.date,
    now: dt.datetime,
    *,
    orders: Iterable[tuple[WorkOrderRow, str]] = (),
) -> Intake:
    """The same of rows that were read already."""
    start = max(settings.start_of(day), _whole_minute(now))
    reading = _first_that_has_room(rows, start, settings)
    keys = {"plant": plant, "day": day.isoformat()}
    return Intake(
        reading.problem,
        reading.stops,
        tuple((_task(row, start), state) for row, state in orders if state in {writing.BEGUN, *writing.OVER}),
        reading.left_out,
        reading.overdue_deliveries,
        reading.maintained_machines,
        rows_version(rows, without="operation_report"),
        _order_book(reading, keys),
        _operation_report(rows, keys),
    )


def _task(row: WorkOrderRow, start: dt.datetime) -> Task:
    begin, end = minutes_after(start, row.start_utc), minutes_after(start, row.end_utc, is_rounded_up=True)
    return Task(row.work_order_id, row.machine_id, begin, begin, max(end, 0), row.technician_id)


def _whole_minute(moment: dt.datetime) -> dt.datetime:
    utc = moment.astimezone(dt.UTC)
    return utc.replace(second=0, microsecond=0) + (MINUTE if utc.second or utc.microsecond else dt.timedelta(0))


def _first_that_has_room(rows: ErpRows, start: dt.datetime, settings: PlanningSettings) -> ErpReading:
    leave_out = settings.faulty_rows == "leave_out"
    for times in HORIZONS:
        reading = problem_of(rows, start, times * settings.horizon_min, is_faulty_left_out=leave_out)
        if _has_room(reading.problem):
            break
    return reading


def _has_room(problem: Problem) -> bool:
    try:
        best_dispatch(Shop(problem), objective_of(problem), rules=("EDD", "FIFO"), enough=lambda: True)
    except (NoScheduleError, BadProblemError):
        return False
    return True


def _order_book(reading: ErpReading, keys: dict[str, str]) -> pl.DataFrame:
    problem = reading.problem
    begun = {task.name for task in problem.pinned}

    def at(minute: int) -> dt.datetime:
        return problem.start_utc + minute * MINUTE

    planned = [
        {
            **keys,
            "order_id": order.name,
            "operations": len(order.operations),
            "begun_operations": sum(operation.name in begun for operation in order.operations),
            "release_utc": at(order.release_min),
            "due_utc": None if order.due_min is None else at(order.due_min),
            "late_cost_per_h": order.late_cost_per_min * 60,
            "left_out": None,
        }
        for order in problem.orders
    ]
    reasons: dict[str, list[str]] = defaultdict(list)
    for fault in reading.left_out:
        reasons[fault.row].append(fault.words)
    refused = [{**keys, "order_id": where, "left_out": "; ".join(words)} for where, words in reasons.items()]
    return pl.DataFrame([*planned, *refused], schema=ORDER_BOOK).sort("order_id")


def _operation_report(rows: ErpRows, keys: dict[str, str]) -> pl.DataFrame:
    ways: dict[str, int] = defaultdict(int)
    for row in rows["routing"]:
        ways[row["product_id"]] += 1
    product_of = {row["order_id"]: row["product_id"] for row in rows["production_order"]}
    found = [
        {
            **keys,
            **{name: row[name] for name in OPERATION_REPORT if name in row},
            "task_id": operation_name(
                row["order_id"],
                row["routing_id"],
                row["operation_no"],
                is_alternative=ways[product_of.get(row["order_id"], "")] > 1,
            ),
        }
        for row in rows["operation_report"]
    ]
    return pl.DataFrame(found, schema=OPERATION_REPORT).sort("task_id", "routing_id")
