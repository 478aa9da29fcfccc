"""Forecasts of remaining life as the schedule weighs them: the newest before a day, and what is known of the fleet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from factory_assets.foundation.lake import Lake, Partition
from factory_assets.foundation.plant import Plant
from factory_assets.foundation.settings import Site
from factory_assets.planning.intake import settings_of
from factory_assets.planning.problem import Machine, Problem
from factory_assets.planning.upkeep.life_distribution import FleetLives
from factory_assets.planning.upkeep.windows import FleetLife, Windows, maintenance_windows
from factory_assets.rul.forecasts.schema import RUL_FAILURE_PROBABILITY, RUL_FORECAST

HOUR = dt.timedelta(hours=1)
OLDEST_DAYS = 7


@dataclass(frozen=True)
class Forecasts:
    """What was forecast of a fleet.

    Attributes:
        day: At the end of which day.
        units: RUL_FORECAST.
        probabilities: RUL_FAILURE_PROBABILITY.
    """

    day: str
    units: pl.DataFrame
    probabilities: pl.DataFrame


@dataclass(frozen=True)
class Weighed:
    """Maintenance windows of a day, and which forecasts they were made from.

    Attributes:
        windows: What the schedule is to weigh.
        from_days: Day of the forecasts by fleet; None where there are none that are new enough.
    """

    windows: Windows
    from_days: dict[str, str | None]


def forecasts_before(lake: Lake, fleet: str, day: str) -> Forecasts | None:
    """The newest forecasts of the days before one; None if there are none, or they are older than a week."""
    oldest = (dt.date.fromisoformat(day) - dt.timedelta(days=OLDEST_DAYS)).isoformat()
    days = [one.day for one in lake.partitions("rul_forecast", fleet) if one.day and oldest <= one.day < day]
    if not days:
        return None
    part = Partition(fleet, max(days))
    return Forecasts(str(part.day), lake.read("rul_forecast", part), lake.read("rul_failure_probability", part))


def weigh(lake: Lake, site: Site, day: str, problem: Problem, maintained: Sequence[str]) -> Weighed:
    """Maintenance windows of a day.

    Args:
        lake: With forecasts and unit lives.
        site: The plant.
        day: The day that is planned.
        problem: What the ERP hands over.
        maintained: Machines for which the ERP has maintenance planned.
    """
    plant, settings = site.plant, settings_of(site)
    found = {fleet: forecasts_before(lake, fleet, day) for fleet in settings.maintenance}
    made = {fleet: one for fleet, one in found.items() if one is not None}
    fleets, run_h = {}, {}
    for fleet, one in made.items():
        lives = lake.read("unit_life", Partition(fleet))
        rate = run_share(lives, plant.cycle_length)
        units = one.units["unit_id"].to_list()
        share = _open_share(problem, [settings.machine_of(unit) for unit in units])
        # The machines go on to run as much a week as they did, however that lies in their shifts.
        fleets[fleet] = _fleet_life(plant, fleet, lives, rate / share if share else 1.0)
        ended = dt.datetime.combine(dt.date.fromisoformat(one.day), dt.time(), dt.UTC) + 24 * HOUR
        run_h.update(dict.fromkeys(units, max(0.0, rate * ((problem.start_utc - ended) / HOUR))))
    windows = maintenance_windows(
        problem,
        _together([one.units for one in made.values()], RUL_FORECAST),
        _together([one.probabilities for one in made.values()], RUL_FAILURE_PROBABILITY),
        fleets,
        settings,
        day=day,
        maintained=maintained,
        kept=_with_maintenance(lake, day, problem),
        run_h=run_h,
    )
    return Weighed(windows, {fleet: one.day if one else None for fleet, one in found.items()})


def _with_maintenance(lake: Lake, day: str, problem: Problem) -> set[str]:
    """Machines whose maintenance in the schedule in force is still to come: it is weighed again in any case."""
    newest = lake.newest_day("daily_schedule", day)
    if newest is None:
        return set()
    rows = lake.read("daily_schedule", Partition(day=newest), columns=["kind", "machine_id", "end_utc"])
    return set(rows.filter(kind="maintenance").filter(pl.col("end_utc") > problem.start_utc)["machine_id"])


def run_share(lives: pl.DataFrame, cycle_length: dt.timedelta) -> float:
    """Operating time of a fleet as a share of clock time, over all of its lives; 1 where nothing is known."""
    spans = lives.select(
        clock=((pl.col("last_ts_utc") - pl.col("first_ts_utc")).dt.total_seconds() + cycle_length.total_seconds()),
        run=pl.col("n_cycles") * cycle_length.total_seconds(),
    ).sum()
    clock, run = spans.row(0)
    return min(1.0, run / clock) if clock else 1.0


def _fleet_life(plant: Plant, fleet: str, lives: pl.DataFrame, utilisation: float) -> FleetLife:
    cycle_h = plant.cycle_length / HOUR
    known = lives.filter(pl.col("is_start_known"))
    return FleetLife(
        cap_cycles=float(plant.rul_settings(fleet).cap_cycles),
        cycle_h=cycle_h,
        lives=FleetLives.of((known["n_cycles"] * cycle_h).to_numpy(), (known["ended_by"] == "failure").to_numpy()),
        utilisation=utilisation,
    )


def _open_share(problem: Problem, names: Sequence[str]) -> float:
    """Share of the planned time that lies in the shifts of some machines."""
    horizon = problem.horizon_min or 0
    machines = [problem.machine[name] for name in names if name in problem.machine]
    if not machines or not horizon:
        return 1.0
    return sum(_open_min(machine, horizon) for machine in machines) / (len(machines) * horizon)


def _open_min(machine: Machine, horizon: int) -> int:
    if machine.shifts is None:
        return horizon
    return sum(max(0, min(end, horizon) - max(begin, 0)) for begin, end in machine.shifts)


def _together(frames: Sequence[pl.DataFrame], schema: dict[str, pl.DataType]) -> pl.DataFrame:
    return pl.concat(frames) if frames else pl.DataFrame(schema=schema)
