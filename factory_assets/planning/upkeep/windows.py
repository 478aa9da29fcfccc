"""Maintenance tasks for the schedule, from the forecasts of all units: when to begin costs how much."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from factory_assets.foundation.planning_settings import MaintenanceSettings, PlanningSettings
from factory_assets.planning.problem import Maintenance, Problem
from factory_assets.planning.schema import MAINTENANCE_WINDOW
from factory_assets.planning.upkeep.life_distribution import FleetLives, LifeDistribution, of_forecasts
from factory_assets.planning.upkeep.open_time import MINUTES, OpenTime
from factory_assets.planning.upkeep.risk import Risk, points, risk

MINUTE = dt.timedelta(minutes=1)
# A task that saves less than this share of a planned overhaul against waiting past the horizon only slows the search.
WORTH_A_TASK = 0.01
UNKNOWN_FLEET = "the plant file has no `planning.maintenance` for its fleet"


@dataclass(frozen=True)
class FleetLife:
    """What is known of a fleet beside its forecasts.

    Attributes:
        cap_cycles: Cap of the model that made the forecasts.
        cycle_h: Operating hours of a cycle.
        lives: How long its machines live; None if nothing has failed yet: then each unit counts with its age and its
            predicted life.
        utilisation: Share of their open time that machines run; 1 expects failures soonest.
    """

    cap_cycles: float
    cycle_h: float = 1.0
    lives: FleetLives | None = None
    utilisation: float = 1.0


@dataclass(frozen=True)
class Without:
    """A unit that gets no maintenance task, and why."""

    fleet: str
    unit_id: str
    machine: str
    reason: str


@dataclass(frozen=True)
class Windows:
    """What the schedule is to weigh.

    Attributes:
        tasks: One for each machine whose maintenance may pay within the horizon; each may be left out.
        rows: MAINTENANCE_WINDOW: a row for each point of a task's risk, and one for each unit without a task.
        without: Units that were not weighed, or for which nothing pays; without a task, unless it is kept.
    """

    tasks: tuple[Maintenance, ...]
    rows: pl.DataFrame
    without: tuple[Without, ...]


def maintenance_windows(
    problem: Problem,
    forecasts: pl.DataFrame,
    probabilities: pl.DataFrame,
    fleets: Mapping[str, FleetLife],
    settings: PlanningSettings,
    *,
    day: str,
    maintained: Collection[str] | None = None,
    kept: Collection[str] = (),
    run_h: Mapping[str, float] | None = None,
) -> Windows:
    """Weigh the maintenance of every unit that has a forecast.

    Args:
        problem: Machines with their shifts, minute 0, and the horizon.
        forecasts: RUL_FORECAST of all fleets.
        probabilities: RUL_FAILURE_PROBABILITY of the same.
        fleets: By fleet; needed for fleets with maintenance in the plant file.
        settings: What maintenance and failures cost, and which machine a unit is.
        day: Of the table's rows.
        maintained: Machines for which maintenance is planned; all if None.
        kept: Machines whose maintenance has begun or is frozen: they get a task in any case, without a risk where the
            unit cannot be weighed.
        run_h: Operating hours that a unit has run since its forecast, by unit id; 0 where not given.
    """
    asked = _Asked(problem, settings, day, _task_names(forecasts), frozenset(kept))
    found: list[_Found] = []
    for (fleet,), frame in forecasts.sort("fleet", "unit_id").group_by("fleet", maintain_order=True):
        known, upkeep = fleets.get(str(fleet)), settings.maintenance.get(str(fleet))
        if known is None or upkeep is None:
            found += [asked.left_out(row, UNKNOWN_FLEET, None) for row in frame.iter_rows(named=True)]
            continue
        reasons = [_refusal(row, problem, settings, maintained) for row in frame.iter_rows(named=True)]
        for row, reason in zip(frame.iter_rows(named=True), reasons, strict=True):
            if reason is not None:
                found.append(asked.left_out(row, reason, upkeep))
        told = frame.filter(pl.Series([reason is None for reason in reasons], dtype=pl.Boolean))
        if not told.is_empty():
            found += [asked.weighed(unit, known, upkeep) for unit in _units(told, probabilities, known, run_h or {})]
    return Windows(
        tuple(one.task for one in found if one.task is not None),
        pl.DataFrame([row for one in found for row in one.rows], schema=MAINTENANCE_WINDOW),
        tuple(one.without for one in found if one.without is not None),
    )


def tasks_of(rows: pl.DataFrame, problem: Problem, settings: PlanningSettings) -> tuple[Maintenance, ...]:
    """The tasks that MAINTENANCE_WINDOW tells of, in minutes of a problem; it may begin later than the table's."""
    found = []
    for (name,), frame in rows.filter(pl.col("task_id").is_not_null()).group_by("task_id", maintain_order=True):
        first = frame.row(0, named=True)
        upkeep = settings.maintenance.get(first["fleet"])
        if upkeep is None or first["machine_id"] not in problem.machine:
            continue
        told = frame.filter(pl.col("start_utc").is_not_null())
        minutes = [round((at - problem.start_utc) / MINUTE) for at in told["start_utc"]]
        costs = told["risk_cost"].to_list()
        points_left = [(minute, cost) for minute, cost in zip(minutes, costs, strict=True) if minute > 0]
        if minutes:
            points_left.insert(0, (0, round(float(np.interp(0, minutes, costs)), 2)))
        found.append(_maintenance(str(name), first["machine_id"], tuple(points_left), upkeep))
    return tuple(found)


@dataclass(frozen=True)
class _Unit:
    """A unit with a forecast: its row, what it has left now, and the operating hours of its life so far."""

    row: dict[str, Any]
    life: LifeDistribution
    age_h: float


@dataclass(frozen=True)
class _Found:
    """What was found of one unit."""

    task: Maintenance | None
    without: Without | None
    rows: list[dict[str, Any]]


@dataclass(frozen=True)
class _Asked:
    """What is the same for all units."""

    problem: Problem
    settings: PlanningSettings
    day: str
    names: dict[str, str]
    kept: frozenset[str]

    def left_out(self, row: Mapping[str, Any], reason: str, upkeep: MaintenanceSettings | None) -> _Found:
        """A unit that is not weighed; if its maintenance goes on or is frozen, it has a task without a risk."""
        machine, name = self.settings.machine_of(row["unit_id"]), self.names[row["unit_id"]]
        is_kept = upkeep is not None and machine in self.kept and machine in self.problem.machine
        keys = {**_keys(row, self.day, machine), "task_id": name if is_kept else None, "left_out": reason}
        task = _maintenance(name, machine, (), upkeep) if is_kept and upkeep is not None else None
        return _Found(task, Without(row["fleet"], row["unit_id"], machine, reason), [keys])

    def weighed(self, unit: _Unit, known: FleetLife, upkeep: MaintenanceSettings) -> _Found:
        """A unit's task, or why none pays."""
        machine = self.problem.machine[self.settings.machine_of(unit.row["unit_id"])]
        horizon = self.problem.horizon_min or self.settings.horizon_min
        open_time = OpenTime(machine.shifts, horizon)
        found = _risk(unit, open_time, known, upkeep)
        why = None if machine.name in self.kept else _why_none(found, self.settings.currency)
        if why is not None:
            return self.left_out(unit.row, why, upkeep)
        task = _maintenance(self.names[unit.row["unit_id"]], machine.name, points(found, 0, horizon), upkeep)
        keys = {**_keys(unit.row, self.day, machine.name), "task_id": task.name}
        rows = [
            {**keys, "start_utc": self.problem.start_utc + minute * MINUTE, **values}
            for minute, values in _points(unit.life, open_time, known, task)
        ]
        return _Found(task, None, rows)


def _task_names(forecasts: pl.DataFrame) -> dict[str, str]:
    """A task's name by unit. It names the life, so that the next life's overhaul is another work order."""
    return {unit: f"maintenance {life}" for unit, life in forecasts.select("unit_id", "life_id").iter_rows()}


def _refusal(
    row: Mapping[str, Any], problem: Problem, settings: PlanningSettings, maintained: Collection[str] | None
) -> str | None:
    """Why a unit cannot be weighed."""
    machine = settings.machine_of(row["unit_id"])
    if row["refused"] is not None:
        return f"no forecast: {row['refused']}"
    if machine not in problem.machine:
        return f"the ERP has no machine {machine} that works: name it in `planning.machines`"
    if maintained is not None and machine not in maintained:
        return f"the ERP plans no maintenance of {machine}"
    return None


def _units(
    rows: pl.DataFrame, probabilities: pl.DataFrame, known: FleetLife, run_h: Mapping[str, float]
) -> list[_Unit]:
    """Units of one fleet as they are now."""
    since_h = np.array([run_h.get(unit, 0.0) for unit in rows["unit_id"]])
    whole = of_forecasts(rows, probabilities, cap_cycles=known.cap_cycles, cycle_h=known.cycle_h).after(since_h)
    places = np.arange(len(rows))
    return [
        _Unit(row, whole.chosen(places == place), (row["cycle"] or 0) * known.cycle_h + since_h[place])
        for place, row in enumerate(rows.iter_rows(named=True))
    ]


def _risk(unit: _Unit, open_time: OpenTime, known: FleetLife, upkeep: MaintenanceSettings) -> Risk:
    mean_h, further_h = unit.age_h + unit.row["rul_cycles"] * known.cycle_h, np.zeros(1)
    if known.lives is not None:
        mean_h, further_h = known.lives.mean_h, known.lives.left_h(unit.age_h + unit.life.known_h)
    return risk(unit.life, open_time, upkeep, mean_life_h=mean_h, further_h=further_h, utilisation=known.utilisation)


def _why_none(found: Risk, currency: str) -> str | None:
    """Why no start within the horizon is worth a task."""
    failed, saved = float(found.failure_probability[0, -1]), float(found.saved[0])
    if saved >= WORTH_A_TASK * found.planned_cost:
        return None
    more = f"{max(-saved, 0):,.0f} {currency}"
    return f"fails within the horizon with {failed:.1%}: no start in it costs less than a later one ({more} more)"


def _maintenance(
    name: str, machine: str, risk_cost: tuple[tuple[int, float], ...], upkeep: MaintenanceSettings
) -> Maintenance:
    minutes = int(np.ceil(upkeep.duration / MINUTE))
    return Maintenance(name, machine, minutes, skill=upkeep.skill, risk_cost=risk_cost)


def _keys(row: Mapping[str, Any], day: str, machine: str) -> dict[str, Any]:
    return {
        "plant": row["plant"], "day": day, "fleet": row["fleet"], "unit_id": row["unit_id"], "machine_id": machine,
    }  # fmt: skip


def _points(
    life: LifeDistribution, open_time: OpenTime, known: FleetLife, task: Maintenance
) -> list[tuple[int, dict[str, float]]]:
    """Minutes of a task's risk, with what MAINTENANCE_WINDOW tells of them."""
    minutes = [minute for minute, _ in task.risk_cost]
    hours = open_time.open_min(minutes) / MINUTES * known.utilisation
    failed = life.failed_by(hours)[0]
    return [
        (minute, {"operating_h": float(run), "failure_probability": float(probability), "risk_cost": cost})
        for (minute, cost), run, probability in zip(task.risk_cost, hours, failed, strict=True)
    ]
