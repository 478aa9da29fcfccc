"""Forecasts of a few units, as the tables hold them, and a shop of one or two machines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from factory_assets.foundation.planning_settings import MaintenanceSettings, PlanningSettings
from factory_assets.planning.problem import Interval, Machine, Problem
from factory_assets.rul.forecasts.schema import RUL_FAILURE_PROBABILITY, RUL_FORECAST
from factory_assets.rul.intervals import LEVELS, failure_probability

# A Monday, 06:00.
START = dt.datetime(2026, 10, 5, 6, tzinfo=dt.UTC)
DAY, WEEK = 1440, 10080
CAP = 125
TWO_SHIFTS = tuple((day * DAY, day * DAY + 960) for day in range(5))
UPKEEP = MaintenanceSettings(
    duration=dt.timedelta(hours=12), cost=1000, repair=dt.timedelta(hours=24), failure_cost=10_000, lost_per_h=25
)
SETTINGS = PlanningSettings(maintenance={"press": UPKEEP})
# Remaining cycles at LEVELS.
WORN = (4.0, 6.0, 10.0, 15.0, 20.0, 28.0, 34.0)
AGEING = (50.0, 58.0, 70.0, 85.0, 100.0, 115.0, 121.0)
HEALTHY = (125.0,) * 7


def tables(units: Mapping[str, Sequence[float] | str], *, age: int = 500) -> tuple[pl.DataFrame, pl.DataFrame]:
    """RUL_FORECAST and RUL_FAILURE_PROBABILITY of units with quantiles at LEVELS, or with the reason of a refusal."""
    rows, chances = [], []
    for unit, quantiles in units.items():
        keys = {"plant": "made", "fleet": "press", "unit_id": unit, "life_id": f"{unit}-1", "cycle": age}
        if isinstance(quantiles, str):
            rows.append({**keys, "refused": quantiles})
            continue
        of_level = dict(zip(LEVELS, quantiles, strict=True))
        rows.append(
            {
                **keys,
                "rul_cycles": of_level[0.5],
                "rul_low_80_cycles": of_level[0.1],
                "rul_high_80_cycles": of_level[0.9],
                "rul_low_90_cycles": of_level[0.05],
                "rul_high_90_cycles": of_level[0.95],
                "is_at_cap": of_level[0.5] >= CAP,
            }
        )
        for horizon in (10, 31, 62, 125):
            chance = float(failure_probability(np.array([quantiles]), LEVELS, horizon, CAP)[0])
            told = None if np.isnan(chance) else chance
            chances.append({**keys, "horizon_cycles": horizon, "failure_probability": told})
    return pl.DataFrame(rows, schema=RUL_FORECAST), pl.DataFrame(chances, schema=RUL_FAILURE_PROBABILITY)


def shop(*machines: str, shifts: tuple[Interval, ...] | None = TWO_SHIFTS, horizon_min: int = WEEK) -> Problem:
    """Machines with the same shifts and nothing to do."""
    return Problem(START, tuple(Machine(name, shifts) for name in machines), (), horizon_min=horizon_min)
