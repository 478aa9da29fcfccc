"""A small plant with every rule of cleaning on, and what cleaning says of series of its readings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

import polars as pl

from factory_assets.foundation.plant import Plant
from factory_assets.telemetry.cleaning import clean, empty_extract
from tests.plants import plant_dict, readings

DAY = dt.date(2026, 9, 2)
T0 = dt.datetime(2026, 9, 2, tzinfo=dt.UTC)
PERIOD = dt.timedelta(minutes=20)
UNIT = "north-1"

CHANNELS = [
    {
        "name": "oil_temp_degc", "tag": "OIL_TEMP", "aliases": ["OIL_TEMP_2"], "unit": "degC", "source_unit": "degF",
        "low": -10, "high": 150, "normal_low": 20, "normal_high": 120, "mistaken_units": ["degC"],
    },
    {
        "name": "speed_rpm", "tag": "SPEED", "unit": "rpm", "low": 0, "high": 20000, "max_rate_per_h": 6000,
        "spike_sigmas": 0,
        "follows": {"channel": "speed_setpoint_rpm", "above_pct": 5, "below_pct": 10, "settle": "PT30M"},
    },
    {"name": "speed_setpoint_rpm", "tag": "SPEED_SP", "unit": "rpm", "role": "setting", "low": 0, "high": 20000},
    {"name": "machine_state", "tag": "STATE", "role": "state", "low": 0, "high": 3, "aggregate": "max"},
]  # fmt: skip

PLANT = Plant.model_validate(
    plant_dict(
        machine_classes={"press": {"channels": CHANNELS}},
        cleaning={"spike_sigmas": 8, "stuck_after": "PT2H", "gap_periods": 3},
    )
)

Row = tuple[str, str, dt.datetime, float, int, str]


def at(step: float) -> dt.datetime:
    """The time so many sample periods after the day's beginning."""
    return T0 + step * PERIOD


def series(tag: str, values: Iterable[float], *, first: int = 0, unit: str = UNIT, segment: str = "a") -> list[Row]:
    """A reading each sample period."""
    return [(unit, tag, at(first + step), value, 192, segment) for step, value in enumerate(values)]


def verdicts(rows: Sequence[Row], *, before: Sequence[Row] = (), plant: Plant = PLANT) -> list[str]:
    """What cleaning made of each row, in the order given: `accepted`, `duplicate` or the reason of its quarantine."""
    previous = readings(list(before)) if before else empty_extract()
    result = clean(readings(list(rows)), previous, plant=plant, fleet="north", day=DAY.isoformat())
    quarantined = dict(result.quarantined.select("row", "reason").iter_rows())
    accepted = set(result.accepted.select("unit_id", "ts_utc", "channel").iter_rows())
    names = {tag: c.name for c in plant.channels("north") for tag in (c.source_tag, *c.aliases)}
    found = []
    for line, (unit, tag, when, *_rest) in enumerate(rows, start=1):
        is_accepted = (unit, when, names.get(tag)) in accepted
        found.append(quarantined.get(line) or ("accepted" if is_accepted else "duplicate"))
    return found


def flagged(rows: Sequence[Row], *, before: Sequence[Row] = (), plant: Plant = PLANT) -> list[tuple[str, dt.datetime]]:
    """(channel, time) of the readings that come after a gap."""
    previous = readings(list(before)) if before else empty_extract()
    result = clean(readings(list(rows)), previous, plant=plant, fleet="north", day=DAY.isoformat())
    return list(result.accepted.filter(pl.col("is_after_gap")).select("channel", "ts_utc").iter_rows())
