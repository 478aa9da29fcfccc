"""Runs the whole reference plant: the true readings and lives, and what its historian makes of them.

Everything follows from the seed, the plant's start and the day, so that simulating until a later day repeats the
earlier days exactly.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass

import numpy as np
import polars as pl

from factory_assets.reference_plant.episodes import Episode, draw_episodes, timeline, whole_weeks
from factory_assets.reference_plant.fleets import FLEETS, RUNNING, STATE_CHANNEL, FleetModel
from factory_assets.reference_plant.lives import STEP, STEPS_PER_DAY, LifeRun, machine_lives
from factory_assets.reference_plant.mess import make_mess
from factory_assets.reference_plant.names import NAME_TYPES, UTC_TIME
from factory_assets.reference_plant.physics import STEP_H

LIVES_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "fleet": pl.String, "unit_id": pl.String, "life": pl.Int64, "start_ts": UTC_TIME, "end_ts": UTC_TIME,
    "ended_by": pl.String, "failure_mode": pl.String, "operating_hours": pl.Float64, "parameters": pl.String,
}  # fmt: skip
READING_COLUMNS = ("fleet", "machine", "channel", "ts_utc", "value")


@dataclass(frozen=True)
class Simulation:
    """A simulated stretch of the plant, days `start` to `until` (exclusive).

    Attributes:
        readings: The truth, as READING_COLUMNS (engineering units); sorted by time, machine, channel.
        lives: As LIVES_SCHEMA; lives that still run have no end.
        lines: What the historian tells, as `mess.LINE_COLUMNS`, in the order of its files.
        missing: What it never tells, as `mess.MISSING_COLUMNS`.
    """

    start: dt.date
    until: dt.date
    seed: int
    readings: pl.DataFrame
    lives: pl.DataFrame
    lines: pl.DataFrame
    missing: pl.DataFrame


def simulate(start: dt.date, until: dt.date, seed: int, *, fault_rate: float = 1.0) -> Simulation:
    """Simulate the plant.

    Args:
        start: First day (UTC).
        until: The day after the last one.
        seed: Any non-negative integer.
        fault_rate: Multiplies how often the historian fails; 0 leaves only what belongs to the plant (local time, a
            renamed tag, sensors that come later).

    Raises:
        ValueError: `until` is not after `start`, or the seed or the rate is negative.
    """
    _check(start, until, seed, fault_rate)
    n_steps = (until - start).days * STEPS_PER_DAY
    n_week_steps = whole_weeks(n_steps)
    readings: list[pl.DataFrame] = []
    lives: list[tuple[object, ...]] = []
    episodes: list[Episode] = []
    for fleet in FLEETS:
        wide = []
        for number in range(fleet.n_machines):
            runs = list(machine_lives(fleet, number, n_week_steps, seed))
            states = timeline(runs, n_week_steps)
            episodes += draw_episodes(fleet, number, states, start, seed, rate=fault_rate)
            begun = [run for run in runs if run.first_step < n_steps]
            wide += [_wide(fleet, run, n_steps) for run in begun]
            lives += [_life_row(fleet, run, start, n_steps) for run in begun]
        readings.append(_tall(fleet, pl.concat(wide), start))
    ordered = pl.concat(readings).sort("step", "machine", "channel")
    mess = make_mess(ordered, episodes, start=start, seed=seed, rate=fault_rate)
    return Simulation(
        start=start,
        until=until,
        seed=seed,
        readings=ordered.select(READING_COLUMNS).with_columns(pl.col(list(NAME_TYPES)).cast(pl.String)),
        lives=pl.DataFrame(lives, schema=LIVES_SCHEMA, orient="row"),
        lines=mess.lines,
        missing=mess.missing,
    )


def _check(start: dt.date, until: dt.date, seed: int, fault_rate: float) -> None:
    if until <= start:
        msg = f"until {until} is not after start {start}: give the day after the last one wanted"
        raise ValueError(msg)
    if seed < 0:
        msg = f"seed {seed} is negative: give 0 or more"
        raise ValueError(msg)
    if fault_rate < 0:
        msg = f"fault_rate {fault_rate} is negative: give 0 or more"
        raise ValueError(msg)


def _wide(fleet: FleetModel, run: LifeRun, n_steps: int) -> pl.DataFrame:
    """The part of a life that lies within the plant's steps; settings and sensors are null unless running."""
    n = run.states.size
    step = run.first_step + np.arange(n)
    columns: dict[str, np.ndarray | pl.Expr] = {STATE_CHANNEL: run.states.astype(np.float64)}
    for channel in fleet.channels:
        if channel.name != STATE_CHANNEL:
            values = np.full(n, np.nan)
            values[: run.end] = run.channels[channel.name]
            columns[channel.name] = np.where(run.states == RUNNING, values, np.nan)
    frame = pl.DataFrame({"step": step, **columns}).fill_nan(None)
    within = frame.filter(pl.col("step").is_between(0, n_steps, closed="left"))
    return within.select(pl.lit(run.machine).alias("machine"), "step", *(c.name for c in fleet.channels))


def _tall(fleet: FleetModel, wide: pl.DataFrame, start: dt.date) -> pl.DataFrame:
    tall = wide.unpivot(index=["machine", "step"], variable_name="channel", value_name="value").drop_nulls("value")
    ts_utc = (pl.lit(_midnight(start), UTC_TIME) + pl.col("step") * STEP).cast(UTC_TIME)
    named = tall.select(
        pl.lit(fleet.name).alias("fleet"), "machine", "channel", "step", ts_utc.alias("ts_utc"), "value"
    )
    return named.with_columns(pl.col(name).cast(dtype) for name, dtype in NAME_TYPES.items())


def _life_row(fleet: FleetModel, run: LifeRun, start: dt.date, n_steps: int) -> tuple[object, ...]:
    has_ended = run.first_step + run.end < n_steps
    mode = run.mode if has_ended else None
    known = run.states[: min(run.end, n_steps - run.first_step)]
    return (
        fleet.name,
        run.machine,
        run.life,
        _midnight(start) + run.first_step * STEP,
        _midnight(start) + (run.first_step + run.end) * STEP if has_ended else None,
        ("failure" if mode else "overhaul") if has_ended else "running",
        mode,
        round(float((known == RUNNING).sum()) * STEP_H, 3),
        json.dumps(dict(run.parameters), sort_keys=True),
    )


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)
