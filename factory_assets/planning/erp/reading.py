"""An ERP's database as a problem to be scheduled."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from factory_assets.planning.erp.calendars import Calendar, ShiftTimes, shifts_of
from factory_assets.planning.erp.database import ErpDatabase
from factory_assets.planning.erp.errors import (
    CalendarError,
    MachineWithoutShiftError,
    NegativeTimeError,
    UnknownMachineError,
    UnknownNameError,
)
from factory_assets.planning.erp.faults import Fault, Faults
from factory_assets.planning.erp.orders import minutes_after, open_orders
from factory_assets.planning.erp.routings import routings_of
from factory_assets.planning.erp.rows import ErpRows, read_rows
from factory_assets.planning.erp.stops import machine_stops
from factory_assets.planning.problem import Interval, Machine, Operator, Problem, Supply
from factory_assets.planning.rescheduling import Breakdown


@dataclass(frozen=True)
class ErpReading:
    """What an ERP hands over.

    Attributes:
        problem: To be scheduled; without maintenance, which comes from forecasts.
        left_out: Rows that could not be used; empty if faults are errors.
        overdue_deliveries: Purchases that should have come before the ERP's export: nobody counts on them.
        maintained_machines: Machines for which maintenance is planned.
        stops: Machines that stand, in minutes of the problem.
    """

    problem: Problem
    left_out: tuple[Fault, ...]
    overdue_deliveries: tuple[str, ...]
    maintained_machines: tuple[str, ...]
    stops: tuple[Breakdown, ...] = ()


def read_problem(
    database: ErpDatabase, start_utc: dt.datetime, horizon_min: int, *, is_faulty_left_out: bool = False
) -> ErpReading:
    """Read all open orders and what they need.

    Args:
        database: From `open_erp`.
        start_utc: Minute 0, aware.
        horizon_min: How far calendars are read; no task ends after.
        is_faulty_left_out: Plan without the rows that are wrong, and say which, instead of raising.

    Raises:
        ErpDownError: The database does not answer.
        ErpHalfWrittenError: The ERP has not written its tables to their end.
        ErpInputError: Rows that no schedule can be made of; the kind of the first one.
    """
    return problem_of(read_rows(database), start_utc, horizon_min, is_faulty_left_out=is_faulty_left_out)


def problem_of(
    rows: ErpRows, start_utc: dt.datetime, horizon_min: int, *, is_faulty_left_out: bool = False
) -> ErpReading:
    """`read_problem` of rows that were read already."""
    faults = Faults()
    calendars = _calendars(rows)
    shifts = {name: shifts_of(one, start_utc, horizon_min) for name, one in calendars.items()}
    machines = _machines(rows, shifts, faults)
    routings = routings_of(rows, frozenset(machine.name for machine in machines), faults)
    orders = open_orders(rows, routings, start_utc, faults)
    supplies, overdue = _supplies(rows, start_utc, faults)
    operators, tools = _operators(rows, shifts, faults), _tools(rows, faults)
    stops = machine_stops(rows, start_utc, faults)
    if not is_faulty_left_out:
        faults.raise_if_any()
    working = {machine.name for machine in machines}
    problem = Problem(
        start_utc,
        machines,
        orders.orders,
        operators,
        tools,
        supplies,
        pinned=tuple(task for task in orders.begun if task.machine in working),
        horizon_min=horizon_min,
    )
    maintained = tuple(
        row["machine_id"] for row in rows["machine"] if row["is_maintained"] and row["machine_id"] in working
    )
    stops = tuple(stop for stop in stops if stop.machine in working)
    return ErpReading(problem, tuple(faults.found), overdue, maintained, stops)


def _calendars(rows: ErpRows) -> dict[str, Calendar]:
    week: dict[str, dict[int, list[ShiftTimes]]] = defaultdict(lambda: defaultdict(list))
    for row in rows["calendar_shift"]:
        if row["weekday"] not in range(1, 8):
            msg = f"calendar {row['calendar_id']} has a shift on weekday {row['weekday']}: give 1 (Monday) to 7"
            raise CalendarError(msg)
        week[row["calendar_id"]][row["weekday"]].append((row["begins_local"], row["ends_local"]))
    exceptions: dict[str, dict[dt.date, list[ShiftTimes]]] = defaultdict(lambda: defaultdict(list))
    for row in rows["calendar_exception"]:
        of_day = exceptions[row["calendar_id"]][row["day"]]
        if row["begins_local"] is not None and row["ends_local"] is not None:
            of_day.append((row["begins_local"], row["ends_local"]))
    return {
        row["calendar_id"]: Calendar(
            row["calendar_id"], row["time_zone"], week[row["calendar_id"]], exceptions[row["calendar_id"]]
        )
        for row in rows["calendar"]
    }


def _machines(rows: ErpRows, shifts: Mapping[str, tuple[Interval, ...]], faults: Faults) -> tuple[Machine, ...]:
    setups: dict[str, dict[tuple[str, str], int]] = defaultdict(dict)
    known = {row["machine_id"] for row in rows["machine"]}
    for row in rows["setup_time"]:
        name = f"setup_time {row['machine_id']} from {row['from_family']} to {row['to_family']}"
        if row["machine_id"] not in known:
            faults.add(UnknownMachineError, name, "the machine is not in the machine table: add it, or delete the row")
        elif row["setup_min"] < 0:
            faults.add(NegativeTimeError, name, f"{row['setup_min']} min: give 0 or more")
        else:
            setups[row["machine_id"]][row["from_family"], row["to_family"]] = row["setup_min"]
    found = []
    for row in rows["machine"]:
        name, calendar = row["machine_id"], row["calendar_id"]
        of_machine = _shifts(f"machine {name}", calendar, shifts, faults)
        if of_machine == ():
            if calendar in shifts:
                words = f"its calendar {calendar} has no shift in the time that is planned: add shifts, or remove it"
                faults.add(MachineWithoutShiftError, f"machine {name}", words)
            continue
        if not row["cost_per_h"] >= 0:
            faults.add(NegativeTimeError, f"machine {name}", f"cost_per_h is {row['cost_per_h']:g}: give 0 or more")
            continue
        rate = row["cost_per_h"] / 60
        found.append(Machine(name, of_machine, setups[name], row["first_family"], rate, row["may_pause"]))
    return tuple(found)


def _shifts(
    name: str, calendar: str | None, shifts: Mapping[str, tuple[Interval, ...]], faults: Faults
) -> tuple[Interval, ...] | None:
    if calendar is None:
        return None
    if calendar not in shifts:
        faults.add(CalendarError, name, f"calendar {calendar} is not in the calendar table: add it")
    return shifts.get(calendar, ())


def _operators(rows: ErpRows, shifts: Mapping[str, tuple[Interval, ...]], faults: Faults) -> tuple[Operator, ...]:
    skills: dict[str, set[str]] = defaultdict(set)
    known = {row["operator_id"] for row in rows["operator"]}
    for row in rows["operator_skill"]:
        skills[row["operator_id"]].add(row["skill"])
        if row["operator_id"] not in known:
            words = f"operator {row['operator_id']} is not in the operator table: add it, or delete the row"
            faults.add(UnknownNameError, f"operator_skill {row['skill']}", words)
    found = []
    for row in rows["operator"]:
        name = row["operator_id"]
        if row["headcount"] < 0:
            faults.add(NegativeTimeError, f"operator {name}", f"headcount is {row['headcount']}: give 0 or more")
            continue
        present = _shifts(f"operator {name}", row["calendar_id"], shifts, faults)
        found.append(Operator(name, frozenset(skills[name]), present, row["headcount"]))
    return tuple(found)


def _tools(rows: ErpRows, faults: Faults) -> dict[str, int]:
    for row in rows["tool"]:
        if row["pieces"] < 0:
            faults.add(NegativeTimeError, f"tool {row['tool_id']}", f"there are {row['pieces']}: give 0 or more")
    return {row["tool_id"]: max(0, row["pieces"]) for row in rows["tool"]}


def _supplies(rows: ErpRows, start_utc: dt.datetime, faults: Faults) -> tuple[tuple[Supply, ...], tuple[str, ...]]:
    """Stock and deliveries; what should have come between the ERP's export and the start counts as there."""
    found, overdue = [], []
    known_utc = min([start_utc, *(row["ended_utc"] for row in rows["export_log"][-1:] if row["ended_utc"])])
    for row in rows["material_stock"]:
        if not row["quantity"] >= 0:
            words = f"the stock is {row['quantity']:g}: count it, and book it as 0 or more"
            faults.add(NegativeTimeError, f"material_stock {row['material_id']}", words)
        elif row["quantity"] > 0:
            found.append(Supply(row["material_id"], 0, row["quantity"]))
    for row in rows["purchase_delivery"]:
        name = f"purchase_delivery {row['delivery_id']}"
        if not row["quantity"] >= 0:
            faults.add(NegativeTimeError, name, f"the quantity is {row['quantity']:g}: give 0 or more")
        elif row["due_utc"] < known_utc:
            overdue.append(row["delivery_id"])
        else:
            at_min = max(0, minutes_after(start_utc, row["due_utc"], is_rounded_up=True))
            found.append(Supply(row["material_id"], at_min, row["quantity"]))
    return tuple(found), tuple(overdue)
