"""A day's planning in the lake: what was read, what was made of it, and what is shown of both."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, replace

import polars as pl

from factory_assets.foundation.lake import Lake, Partition, Written
from factory_assets.foundation.settings import Site
from factory_assets.planning.apart import plan_apart
from factory_assets.planning.erp.dispatch import Dispatch, dispatch_of
from factory_assets.planning.erp.writing import BEGUN
from factory_assets.planning.incumbent import Progress
from factory_assets.planning.intake import Intake, settings_of
from factory_assets.planning.planner import Plan
from factory_assets.planning.problem import Cost, Maintenance, Problem, Schedule, Task
from factory_assets.planning.problem_json import from_json, to_json
from factory_assets.planning.rescheduling import Breakdown
from factory_assets.planning.schema import ERP_PROBLEM, SCHEDULING_PROBLEM
from factory_assets.planning.showing.reports import LateOrder, MachineLoad, duration_words
from factory_assets.planning.stored import rows_of, summary_of, tasks_of
from factory_assets.planning.upkeep.windows import tasks_of as tasks_of_windows


@dataclass(frozen=True)
class WrittenIntake:
    """What was written of an intake; the version is that of the problem and the machines that stand."""

    order_book: Written
    operation_report: Written
    problem_version: str


@dataclass(frozen=True)
class WrittenPlan:
    """What was written of a plan, and its line in the summaries."""

    schedule: Written
    summary: pl.DataFrame


@dataclass(frozen=True)
class ErpDay:
    """What the ERP handed over for a day, as it was stored."""

    problem: Problem
    stops: tuple[Breakdown, ...]
    work_orders: tuple[tuple[Task, str], ...]
    maintained_machines: tuple[str, ...]


def write_intake(lake: Lake, plant: str, day: str, taken: Intake) -> WrittenIntake:
    """Store what an ERP handed over."""
    part = Partition(day=day)
    row = {
        "plant": plant,
        "day": day,
        "read_utc": taken.problem.start_utc,
        "problem": to_json(taken.problem),
        "stops": json.dumps([[stop.machine, stop.begin_min, stop.end_min] for stop in taken.stops]),
        "work_orders": json.dumps([[*astuple(task), state] for task, state in taken.work_orders]),
        "maintained_machines": list(taken.maintained_machines),
    }
    problem = lake.write("erp_problem", pl.DataFrame([row], schema=ERP_PROBLEM), part)
    return WrittenIntake(
        lake.write("order_book", taken.order_book, part),
        lake.write("operation_report", taken.operation_report, part),
        problem.sha256,
    )


def erp_day(lake: Lake, day: str) -> ErpDay:
    """What was stored of a day."""
    row = lake.read("erp_problem", Partition(day=day)).row(0, named=True)
    stops = tuple(Breakdown(*stop) for stop in json.loads(row["stops"]))
    orders = tuple((Task(*values), state) for *values, state in json.loads(row["work_orders"]))
    return ErpDay(from_json(row["problem"]), stops, orders, tuple(row["maintained_machines"]))


def plan_of_day(
    lake: Lake,
    site: Site,
    day: str,
    *,
    anew: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> Plan:
    """Make a day's schedule from what is stored: in the morning for the day, later as a change of the one in force.

    Args:
        lake: The lake.
        site: The plant.
        day: Which day.
        anew: As in the morning, though the day has a schedule.
        on_progress: Told of each better schedule and bound.

    Raises:
        CannotBePlannedError: Nothing keeps to everything; says why.
    """
    asked = erp_day(lake, day)
    problem = with_maintenance(lake, site, day, asked)
    newest = lake.newest_day("daily_schedule", day)
    return plan_apart(
        problem,
        in_force(lake, newest, problem) if newest is not None else (),
        asked.stops,
        settings_of(site),
        kind="change" if newest == day and not anew else "morning",
        on_progress=on_progress,
    )


def with_maintenance(lake: Lake, site: Site, day: str, asked: ErpDay) -> Problem:
    """A day's problem with the maintenance of its windows, without what somebody has done or refused already.

    What somebody has begun stays where it is.
    """
    wanted = tasks_of_windows(lake.read("maintenance_window", Partition(day=day)), asked.problem, settings_of(site))
    states = {task.name: state for task, state in asked.work_orders}
    begun = [task for task, state in asked.work_orders if state == BEGUN and task.end_min > 0]
    fixed = tuple(Maintenance(task.name, task.machine, task.end_min - task.start_min) for task in begun)
    return replace(
        asked.problem,
        maintenance=(*(one for one in wanted if one.name not in states), *fixed),
        pinned=(*asked.problem.pinned, *begun),
    )


def in_force(lake: Lake, day: str, problem: Problem) -> tuple[Task, ...]:
    """The tasks of a stored schedule that may still be kept, in minutes of a problem that begins now.

    Left out is what cannot stay where it is: what should have begun and has not, as the floor reports, and what its
    machine or its operator can no longer do.
    """
    begun = {task.name for task in problem.pinned}
    tasks = tasks_of(lake.read("daily_schedule", Partition(day=day)), problem.start_utc)
    return tuple(
        task
        for task in tasks
        if task.name in begun or (task.setup_start_min >= 0 and _can_still_be_done(task, problem))
    )


def _can_still_be_done(task: Task, problem: Problem) -> bool:
    if task.name not in problem.operations:
        return task.machine in problem.machine
    skills = {operator.name: operator.skills for operator in problem.operators}
    return any(
        mode.machine == task.machine
        and (mode.skill is None or task.operator is None or mode.skill in skills.get(task.operator, ()))
        for mode in problem.operations[task.name].modes
    )


def write_plan(lake: Lake, plant: str, day: str, made: Plan, made_utc: dt.datetime) -> WrittenPlan:
    """Store a schedule, what it keeps to, and its line in the summaries."""
    part = Partition(day=day)
    summary = summary_of(plant, day, made.problem, made.schedule, kind=made.kind, moved=made.moved, made_utc=made_utc)
    document = {"plant": plant, "day": day, "read_utc": made.problem.start_utc, "problem": to_json(made.problem)}
    lake.write("scheduling_problem", pl.DataFrame([document], schema=SCHEDULING_PROBLEM), part)
    lake.write("schedule_summary", summary, part)
    rows = rows_of(plant, day, made.problem, made.schedule, made.moved)
    return WrittenPlan(lake.write("daily_schedule", rows, part), summary)


def dispatch_of_day(lake: Lake, day: str) -> Dispatch:
    """A stored schedule as the floor gets it."""
    problem = from_json(lake.read("scheduling_problem", Partition(day=day))["problem"][0])
    tasks = tasks_of(lake.read("daily_schedule", Partition(day=day)), problem.start_utc)
    return dispatch_of(problem, Schedule(tasks, Cost(), max((task.end_min for task in tasks), default=0)))


def summary_shown(summary: pl.DataFrame, currency: str) -> pl.DataFrame:
    """A schedule's line as a table of two columns, for a person."""
    row = summary.row(0, named=True)
    gap = "nothing is proven" if row["gap"] is None else f"{row['gap']:.1%} above what is proven to be possible"
    lines = [
        ("made for", "the morning" if row["kind"] == "morning" else "a change of the floor"),
        ("operations, maintenance", f"{row['operations']}, {row['maintenance']}"),
        ("orders late", str(row["late_orders"])),
        (f"cost ({currency})", f"{row['cost']:,.0f}"),
        *((f"  of {part}", f"{row[f'cost_{part}']:,.0f}") for part in ("lateness", "setup", "work", "risk", "moves")),
        ("gap", gap),
        ("ends after", duration_words(round(row["makespan_h"] * 60))),
        ("moved", f"{row['moved']} of {row['movable']} tasks that could be"),
        ("found by", row["solver"]),
    ]
    return pl.DataFrame(lines, schema={"what": pl.String, "value": pl.String}, orient="row")


def late_shown(late: Sequence[LateOrder]) -> pl.DataFrame:
    """Late orders with the reason why, the dearest first."""
    rows = [(order.order, duration_words(order.late_min), round(order.cost), order.reason) for order in late]
    schema = {"order": pl.String, "late by": pl.String, "cost": pl.Int64, "why": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def loads_shown(loads: Sequence[MachineLoad]) -> pl.DataFrame:
    """How busy machines are, the busiest first."""
    rows = [
        (load.machine, f"{load.load:.0%}", load.work_min, load.setup_min, load.maintenance_min, load.operations)
        for load in loads
    ]
    names = ("machine", "load", "work_min", "setup_min", "maintenance_min", "operations")
    schema = {name: pl.String if name in {"machine", "load"} else pl.Int64 for name in names}
    return pl.DataFrame(rows, schema=schema, orient="row")
