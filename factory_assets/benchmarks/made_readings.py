"""Readings by the million for the cleaning benchmark: a plant of one fleet, and its days as historian extracts."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import polars as pl

from factory_assets.foundation.lake import Lake, Partition, Written
from factory_assets.foundation.plant import Plant
from factory_assets.historian.schema import EXTRACT, GOOD_QUALITY

FLEET = "line"
START = dt.date(2026, 1, 1)
UNITS = 24
SAMPLE_PERIOD = dt.timedelta(minutes=1)
DAY = dt.timedelta(days=1)
SAMPLES = DAY // SAMPLE_PERIOD

# Per thousand readings: about five in all.
LOST, REPEATED, BAD, IMPOSSIBLE, SPIKES = 1.0, 1.5, 1.0, 0.5, 0.5
STUCK_SERIES, STUCK_SAMPLES = 2, 240
SPIKE_SIGMAS = 60.0


@dataclass(frozen=True)
class Series:
    """How a channel behaves, in the historian's unit: a daily wave with noise, or steps between levels."""

    tag: str
    level: float
    wave: float
    noise: float
    digits: int
    steps: tuple[float, ...] = ()


SERIES = (
    *(Series(f"TEMP_{n}", 140 + 5 * n, 8, 0.4, 1) for n in range(1, 4)),
    *(Series(f"PRESS_{n}", 2000 + 100 * n, 60, 4, 0) for n in range(1, 4)),
    *(Series(f"VIB_{n}", 3 + n, 0.4, 0.05, 3) for n in range(1, 4)),
    *(Series(f"CURR_{n}", 90 + 10 * n, 6, 0.5, 2) for n in range(1, 4)),
    Series("SPEED_SP", 0, 0, 0, 0, steps=(800, 1000, 1200)),
    Series("LOAD_SP", 0, 0, 0, 0, steps=(40, 60, 80, 100)),
    Series("STATE", 0, 0, 0, 0, steps=(1,)),
)
READINGS_A_DAY = UNITS * len(SERIES) * SAMPLES


def plant(days: int) -> Plant:
    """The plant file: all rules of cleaning are on, some units have to be converted."""
    return Plant.model_validate(
        {
            "plant": "benchmark",
            "running": True,
            "start": START.isoformat(),
            "sample_period": SAMPLE_PERIOD,
            "title": f"{UNITS} units, {len(SERIES)} channels, {days} days",
            "cleaning": {"spike_sigmas": 8, "stuck_after": "PT2H", "gap_periods": 3},
            "machine_classes": {"unit": {"channels": [_channel(series) for series in SERIES]}},
            "fleets": [
                {"name": FLEET, "machine_class": "unit", "units": ["unit-*"], "life": {"state_channel": "state"}}
            ],
            "source": {
                "kind": "export", "folder": "{home}/historian", "layout": "tall",
                "columns": {"unit_id": "unit", "channel": "tag", "value": "value", "ts_utc": "time"},
            },
        }
    )  # fmt: skip


def _channel(series: Series) -> dict[str, object]:
    name = series.tag.lower()
    if series.tag == "STATE":
        return {"name": name, "tag": series.tag, "role": "state", "low": 0, "high": 3, "aggregate": "max"}
    if series.steps:
        return {"name": name, "tag": series.tag, "role": "setting", "low": 0, "high": 5000}
    limits: dict[str, dict[str, object]] = {
        "TEMP": {"unit": "degC", "source_unit": "degF", "low": -10, "high": 150, "normal_low": 45, "normal_high": 90,
                 "mistaken_units": ["degC"]},
        "PRESS": {"unit": "bar", "source_unit": "psi", "low": 0, "high": 400, "max_rate_per_h": 4000},
        "VIB": {"unit": "mm/s", "low": 0, "high": 50},
        "CURR": {"unit": "A", "low": 0, "high": 400, "max_rate_per_h": 9000},
    }  # fmt: skip
    return {"name": name, "tag": series.tag, **limits[series.tag.split("_")[0]]}


def write_day(lake: Lake, number: int) -> tuple[Partition, Written]:
    """Make a day's extract, the same for the same number, and write it into the lake."""
    partition = Partition(FLEET, (START + number * DAY).isoformat())
    return partition, lake.write("historian_extract", day_extract(number), partition)


def day_extract(number: int) -> pl.DataFrame:
    """A day's extract as the historian room writes it: sorted by unit, channel and time."""
    rng = np.random.default_rng([2026, number])
    count = UNITS * len(SERIES)
    at = np.arange(SAMPLES)
    values = np.empty((UNITS, len(SERIES), SAMPLES))
    for index, series in enumerate(SERIES):
        values[:, index] = _values(series, at, rng)
    by_series = values.reshape(count, SAMPLES)
    _spoil(by_series, rng)
    flat = by_series.reshape(-1)
    quality = np.where(rng.random(flat.size) < BAD / 1000, 8, GOOD_QUALITY)
    frame = pl.DataFrame(
        {
            "series": np.repeat(np.arange(count), SAMPLES),
            "sample": np.tile(at, count),
            "value": flat,
            "quality": quality,
        }
    )
    told = rng.random(flat.size)
    twice = frame.filter(told < REPEATED / 1000)
    frame = pl.concat([frame.filter(told <= 1 - LOST / 1000), twice])
    return _as_extract(frame, number)


def _values(series: Series, at: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if series.steps:
        of_hour = rng.choice(series.steps, size=(UNITS, 24))
        return np.repeat(of_hour, SAMPLES // 24, axis=1)
    phase = rng.uniform(0, 2 * np.pi, size=(UNITS, 1))
    wave = series.wave * np.sin(2 * np.pi * at / SAMPLES + phase)
    return np.round(series.level + wave + rng.normal(0, series.noise, (UNITS, SAMPLES)), series.digits)


def _spoil(flat: np.ndarray, rng: np.random.Generator) -> None:
    """Impossible values, spikes and stuck stretches, in place; steps are left alone."""
    of_series = np.tile(np.array([series.noise for series in SERIES]), UNITS)[:, None]
    measured = np.broadcast_to(of_series > 0, flat.shape)
    drawn = rng.random(flat.shape)
    flat[measured & (drawn < IMPOSSIBLE / 1000)] = 99_999.0
    is_spike = measured & (drawn > 1 - SPIKES / 1000)
    flat[is_spike] += (SPIKE_SIGMAS * np.broadcast_to(of_series, flat.shape))[is_spike]
    sensors = np.flatnonzero(of_series[:, 0] > 0)
    for index in rng.choice(sensors, STUCK_SERIES, replace=False):
        begin = int(rng.integers(0, SAMPLES - STUCK_SAMPLES))
        flat[index, begin : begin + STUCK_SAMPLES] = flat[index, begin]


def _as_extract(frame: pl.DataFrame, number: int) -> pl.DataFrame:
    day = START + number * DAY
    midnight = dt.datetime.combine(day, dt.time(), dt.UTC)
    names = pl.DataFrame(
        {
            "series": range(UNITS * len(SERIES)),
            "unit_id": [f"unit-{unit:02d}" for unit in range(1, UNITS + 1) for _ in SERIES],
            "channel": [series.tag for _ in range(UNITS) for series in SERIES],
        }
    )
    ours = frame.sort("sample", "series", maintain_order=True).with_row_index("row", offset=1)
    tall = ours.join(names.with_columns(pl.col("series").cast(pl.Int64)), on="series", maintain_order="left")
    tall = tall.with_columns(
        plant=pl.lit("benchmark"),
        fleet=pl.lit(FLEET),
        ts_utc=pl.lit(midnight) + pl.col("sample") * SAMPLE_PERIOD,
        cycle=pl.lit(None, pl.Int64),
        segment_id=pl.lit(f"day-{day.isoformat()}"),
    )
    shaped = tall.select([pl.col(name).cast(dtype) for name, dtype in EXTRACT.items()])
    return shaped.sort("unit_id", "channel", "ts_utc", "cycle", maintain_order=True)
