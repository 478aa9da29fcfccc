"""The schedule in force as the lake holds it: read, never written."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.lake import Lake, Partition
from factory_assets.planning.problem import Cost, Problem, Schedule
from factory_assets.planning.problem_json import from_json
from factory_assets.planning.stored import tasks_of
from factory_assets.planning.what_if.clock import PlantClock

SHOWN = 5


class NoScheduleYetError(FactoryError, LookupError):
    """There is no schedule in the lake, or none of the day that was asked for."""


class ScheduleBeingWrittenError(FactoryError, RuntimeError):
    """The tables of a day are of two schedules: one is being written."""


class ScheduleOverError(FactoryError, ValueError):
    """It is asked of a time at which the newest schedule has not begun, or is over."""


@dataclass(frozen=True)
class Base:
    """A day's schedule and what it keeps to.

    Attributes:
        day: Which day.
        problem: What the schedule keeps to.
        schedule: The schedule, with cost and bound as they were found.
        clock: Of the problem, in the plant's zone.
        summary: Its row of `schedule_summary`.
        partly_done: Orders of which operations are done.
    """

    day: str
    problem: Problem
    schedule: Schedule
    clock: PlantClock
    summary: dict[str, Any] = field(default_factory=dict)
    partly_done: frozenset[str] = frozenset()


def read_base(lake: Lake, time_zone: str, day: str | None = None) -> Base:
    """The newest schedule, or that of a day.

    Args:
        lake: The plant's lake.
        time_zone: IANA name of the plant's zone.
        day: Which day; the newest if None.

    Raises:
        NoScheduleYetError: There is none.
        ScheduleBeingWrittenError: One is being written just now.
    """
    days = lake.days("daily_schedule")
    if not days:
        msg = "there is no schedule yet: materialise daily_schedule first (factory materialize --room planning)"
        raise NoScheduleYetError(msg)
    if day is not None and day not in days:
        msg = f"there is no schedule of {day}; the newest are of: {', '.join(days[-SHOWN:])}"
        raise NoScheduleYetError(msg)
    part = Partition(day=day or days[-1])
    summary = lake.read("schedule_summary", part).row(0, named=True)
    problem = from_json(lake.read("scheduling_problem", part)["problem"][0])
    rows = lake.read("daily_schedule", part)
    if set(rows["schedule_id"]) - {summary["schedule_id"]}:
        msg = f"the schedule of {part} is being written: ask again in a moment; if this stays, materialise it anew"
        raise ScheduleBeingWrittenError(msg)
    cost = Cost(*(summary[f"cost_{name}"] for name in ("lateness", "setup", "work", "risk", "moves")))
    schedule = Schedule(
        tasks_of(rows, problem.start_utc), cost, round(summary["makespan_h"] * 60), summary["lower_bound"],
        summary["solver"],
    )  # fmt: skip
    clock = PlantClock(problem.start_utc, time_zone)
    return Base(str(part.day), problem, schedule, clock, summary, _partly_done(lake, part))


def minute_asked(base: Base, at: str | None, now_utc: dt.datetime) -> int:
    """The minute from which on things can change.

    Args:
        base: The schedule.
        at: A written time; now if None, but not before the schedule begins.
        now_utc: What time it is.

    Raises:
        ScheduleOverError: The schedule has not begun then, or is over.
        WhatIfError: It is no time.
    """
    clock = base.clock
    minute = max(0, clock.minute_of(now_utc)) if at is None else clock.minute(at)
    ends = max((task.end_min for task in base.schedule.tasks), default=0)
    if 0 <= minute <= ends:
        return minute
    span = f"the newest schedule, of {base.day}, lasts from {clock.words(0)} to {clock.words(ends)} ({clock.time_zone})"
    if at is not None:
        msg = f"--at {at}: {span}; ask of a time within it"
    else:
        msg = f"{span}, and it is {clock.words(minute)}: materialise daily_schedule, or ask of a time within it by --at"
    raise ScheduleOverError(msg)


def _partly_done(lake: Lake, part: Partition) -> frozenset[str]:
    if not lake.has("operation_report", part):
        return frozenset()
    done = lake.read("operation_report", part, columns=["order_id"], where=pl.col("ended_utc").is_not_null())
    return frozenset(done["order_id"])
