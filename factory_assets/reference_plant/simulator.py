"""Runs the machines of the reference plant: shifts, lives, failures, repairs, a historian's small blemishes.

Everything about a life follows from (seed, fleet, machine, life number), and blemishes from (seed, day), so
that simulating until a later day repeats the earlier days exactly.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from zlib import crc32

import numpy as np
import polars as pl

from factory_assets.reference_plant.fleets import (
    FAILED,
    FLEETS,
    OVERHAUL,
    RUNNING,
    STATE_CHANNEL,
    STOPPED,
    FleetModel,
    Floats,
)
from factory_assets.reference_plant.physics import (
    FAILURE_THRESHOLD,
    PHYSICS,
    STEP_H,
    MachinePhysics,
    Operation,
    wander,
)

STEP = dt.timedelta(minutes=20)
STEPS_PER_HOUR, STEPS_PER_DAY, STEPS_PER_SHIFT = 3, 72, 24
FIRST_SHIFT_STEP = 6 * STEPS_PER_HOUR
HORIZON_STEPS = 1200 * STEPS_PER_HOUR

NOMINAL_LIFE_H = (270.0, 520.0)
SLOWER_MODE_FACTOR = (1.6, 2.6)
OVERHAUL_SHARE = 0.15
MAX_INITIAL_AGE_H = 160.0
BLEMISH_RATES = {"duplicate": 0.001, "bad_quality": 0.001, "impossible_value": 0.0002}

UTC_TIME = pl.Datetime("us", "UTC")
LIVES_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "fleet": pl.String, "unit_id": pl.String, "life": pl.Int64, "start_ts": UTC_TIME, "end_ts": UTC_TIME,
    "ended_by": pl.String, "failure_mode": pl.String, "operating_hours": pl.Float64, "parameters": pl.String,
}  # fmt: skip


class Stream(IntEnum):
    """Independent random streams of one life; the last part of its seed."""

    PARAMETERS = 0
    PLAN = 1
    SEVERITY = 2
    SENSORS = 3
    END = 4


@dataclass(frozen=True)
class Simulation:
    """A simulated stretch of the plant, days `start` to `until` (exclusive).

    Attributes:
        readings: fleet, machine, channel, ts_utc, value (engineering units); sorted by time, machine, channel.
        lives: As LIVES_SCHEMA; lives that still run have no end.
        blemishes: day, machine, tag, timestamp, kind, value: what the historian gets wrong, in floor units.
    """

    start: dt.date
    until: dt.date
    seed: int
    readings: pl.DataFrame
    lives: pl.DataFrame
    blemishes: pl.DataFrame


@dataclass(frozen=True)
class LifeRun:
    """One life of one machine, from overhaul to the next start, in steps of 20 minutes.

    Attributes:
        first_step: Steps from the plant's start to the life's; negative for a life that began before.
        states: machine_state at each step, the downtime after the end included.
        channels: Settings and sensors at each step before the end.
        wear: Wear of each mode at each step before the end, and at the end.
        end: Steps from the life's start to its end.
        mode: What failed; None after a planned overhaul.
    """

    machine: str
    life: int
    first_step: int
    states: np.ndarray
    channels: Mapping[str, Floats]
    wear: Mapping[str, Floats]
    end: int
    mode: str | None
    parameters: Mapping[str, float]

    @property
    def next_step(self) -> int:
        """When the machine's next life starts, in steps from the plant's start."""
        return self.first_step + self.states.size


def simulate(start: dt.date, until: dt.date, seed: int) -> Simulation:
    """Simulate the plant.

    Args:
        start: First day (UTC).
        until: The day after the last one.
        seed: Any non-negative integer.

    Raises:
        ValueError: `until` is not after `start`, or the seed is negative.
    """
    if until <= start:
        msg = f"until {until} is not after start {start}: give the day after the last one wanted"
        raise ValueError(msg)
    if seed < 0:
        msg = f"seed {seed} is negative: give 0 or more"
        raise ValueError(msg)
    n_steps = (until - start).days * STEPS_PER_DAY
    readings, lives = [], []
    for fleet in FLEETS:
        runs = [run for number in range(fleet.n_machines) for run in machine_lives(fleet, number, n_steps, seed)]
        wide = pl.concat([_wide(fleet, run, n_steps) for run in runs])
        readings.append(_tall(fleet, wide, start))
        lives += [_life_row(fleet, run, start, n_steps) for run in runs]
    ordered = pl.concat(readings).sort("ts_utc", "machine", "channel")
    days = ordered.with_columns(day=pl.col("ts_utc").dt.date()).partition_by("day")
    return Simulation(
        start=start,
        until=until,
        seed=seed,
        readings=ordered,
        lives=pl.DataFrame(lives, schema=LIVES_SCHEMA, orient="row"),
        blemishes=pl.concat([_day_blemishes(day, seed) for day in days]),
    )


def machine_lives(fleet: FleetModel, number: int, n_steps: int, seed: int) -> Iterator[LifeRun]:
    """The lives of a fleet's machine (`number` from 0) that touch the first `n_steps` steps of the plant."""
    life, first_step = 1, -_initial_age_steps(fleet, number, seed)
    while first_step < n_steps:
        run = run_life(fleet, number, life, first_step, seed)
        if run.next_step > 0:
            yield run
        life, first_step = life + 1, run.next_step


def run_life(fleet: FleetModel, number: int, life: int, first_step: int, seed: int) -> LifeRun:
    """Run one life to its end, whenever that is."""

    def rng(stream: Stream) -> np.random.Generator:
        return _generator(seed, fleet, number, life, stream)

    physics = PHYSICS[fleet.name]
    parameters = _draw_parameters(physics, rng(Stream.PARAMETERS), _machine_generator(seed, fleet, number))
    operation = _operation(fleet, first_step, rng(Stream.PLAN), rng(Stream.SEVERITY))
    wear = physics.wear(parameters, operation)
    end, mode = _end(wear, operation.is_running, parameters["overhaul_due_h"])
    sensors = physics.sensors(parameters, operation, wear, rng(Stream.SENSORS))
    running = np.where(operation.is_running[:end], RUNNING, STOPPED)
    return LifeRun(
        machine=fleet.machines[number],
        life=life,
        first_step=first_step,
        states=np.concatenate((running, _downtime(rng(Stream.END), has_failed=mode is not None))),
        channels={name: values[:end] for name, values in {**operation.settings, **sensors}.items()},
        wear={name: values[: end + 1] for name, values in wear.items()},
        end=end,
        mode=mode,
        parameters=parameters,
    )


def _generator(seed: int, fleet: FleetModel, *key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(crc32(fleet.name.encode()), *key)))


def _machine_generator(seed: int, fleet: FleetModel, number: int) -> np.random.Generator:
    """Lives count from 1, so life 0 stands for the machine itself."""
    return _generator(seed, fleet, number, 0)


def _initial_age_steps(fleet: FleetModel, number: int, seed: int) -> int:
    """Machines are up to MAX_INITIAL_AGE_H old when the plant's history begins, spread over a fleet."""
    jitter = _generator(seed, fleet, number, 0, 1).uniform()
    return round(MAX_INITIAL_AGE_H * (number + jitter) / fleet.n_machines) * STEPS_PER_HOUR


def _draw_parameters(
    physics: MachinePhysics, rng: np.random.Generator, machine: np.random.Generator
) -> dict[str, float]:
    nominal_h = rng.uniform(*NOMINAL_LIFE_H)
    fastest = rng.integers(len(physics.modes))
    slower = rng.uniform(*SLOWER_MODE_FACTOR, size=len(physics.modes))
    lives = {
        f"{mode}_life_h": nominal_h * (1.0 if index == fastest else slower[index])
        for index, mode in enumerate(physics.modes)
    }
    is_planned = rng.uniform() < OVERHAUL_SHARE
    due_h = nominal_h * rng.uniform(0.4, 0.85) if is_planned else 2 * nominal_h
    bias = {"bias_temp_degc": machine.normal(0, 0.5), "gain": machine.lognormal(0, 0.008)}
    return {**lives, "overhaul_due_h": due_h, **bias, **physics.draw(rng)}


def _operation(
    fleet: FleetModel, first_step: int, plan: np.random.Generator, severity: np.random.Generator
) -> Operation:
    """Shifts of eight hours from 06:00, each with one product; a change of product stops the machine."""
    step = first_step + np.arange(HORIZON_STEPS)
    shift = (step - FIRST_SHIFT_STEP) // STEPS_PER_SHIFT
    of_shift = shift - shift[0]
    shares = [product.share for product in fleet.products]
    products = plan.choice(len(shares), p=shares, size=of_shift[-1] + 1)
    setup_steps = plan.integers(1, 4, size=products.size)
    is_change = np.concatenate(([False], products[1:] != products[:-1]))
    into_shift = (step - FIRST_SHIFT_STEP) % STEPS_PER_SHIFT
    is_setup = is_change[of_shift] & (into_shift < setup_steps[of_shift])
    names = fleet.products[0].settings
    table = {name: np.array([float(p.settings[name]) for p in fleet.products]) for name in names}
    hour = step * STEP_H
    return Operation(
        is_running=~is_setup,
        settings={name: values[products[of_shift]] for name, values in table.items()},
        ambient_degc=22 + 3 * np.sin(2 * np.pi * (hour - 9) / 24) + wander(severity, step.size, 1.5),
        severity=np.exp(wander(severity, step.size, 0.12)),
    )


def _end(wear: Mapping[str, Floats], is_running: np.ndarray, overhaul_due_h: float) -> tuple[int, str | None]:
    """(step of the end, mode that failed or None): the first threshold passed, or an earlier overhaul."""
    passed = {mode: int(np.searchsorted(values, FAILURE_THRESHOLD)) for mode, values in wear.items()}
    mode = min(passed, key=passed.__getitem__)
    operated_h = np.cumsum(is_running) * STEP_H
    overhaul = int(np.searchsorted(operated_h, overhaul_due_h)) + 1
    return (overhaul, None) if overhaul < passed[mode] else (passed[mode], mode)


def _downtime(rng: np.random.Generator, *, has_failed: bool) -> np.ndarray:
    """States from the end to the next start: 8 to 24 h after a failure, 6 to 12 h for an overhaul.

    The end itself is shown for one to two hours, then the machine stands.
    """
    low_h, high_h = (8, 24) if has_failed else (6, 12)
    states = np.full(rng.integers(low_h * STEPS_PER_HOUR, high_h * STEPS_PER_HOUR, endpoint=True), STOPPED)
    states[: rng.integers(STEPS_PER_HOUR, 2 * STEPS_PER_HOUR, endpoint=True)] = FAILED if has_failed else OVERHAUL
    return states


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
    return tall.select(pl.lit(fleet.name).alias("fleet"), "machine", "channel", ts_utc.alias("ts_utc"), "value")


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


def tag_expression() -> pl.Expr:
    """The plant floor's `tag` of the columns `fleet` and `channel`."""
    tags = {f"{fleet.name}/{c.name}": c.tag for fleet in FLEETS for c in fleet.channels}
    return pl.concat_str("fleet", "channel", separator="/").replace_strict(tags).alias("tag")


def _day_blemishes(day: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Draw what the historian gets wrong on one day (all rows of `day` lie on it), at BLEMISH_RATES."""
    date = day.item(0, "day")
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(date.toordinal(),)))
    drawn = rng.uniform(size=day.height)
    bounds = np.cumsum(list(BLEMISH_RATES.values()))
    chosen = np.flatnonzero(drawn < bounds[-1])
    kinds = np.array(list(BLEMISH_RATES))[np.searchsorted(bounds, drawn[chosen], side="right")]
    # A dead driver's filler and a 16-bit counter's end are what historians show of broken sensors.
    impossible = rng.choice([-9999.0, 32767.0], size=chosen.size)
    arbitrary = np.round(rng.uniform(-100, 1000, size=chosen.size), 2)
    value = np.where(kinds == "impossible_value", impossible, arbitrary)
    return day[chosen].select(
        "day",
        "machine",
        tag_expression(),
        pl.col("ts_utc").alias("timestamp"),
        pl.Series("kind", kinds, dtype=pl.String),
        pl.Series("value", np.where(kinds == "duplicate", np.nan, value)).fill_nan(None),
    )
