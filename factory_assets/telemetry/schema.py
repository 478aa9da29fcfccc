"""Contracts of the telemetry room: clean and quarantined readings, the ledger, sensor tables and unit lives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from factory_assets.foundation.plant import Plant
from factory_assets.historian.schema import EXTRACT, EXTRACT_COLUMNS, GOOD_QUALITY, UTC_TIME

if TYPE_CHECKING:
    import pandera.polars as pa

ENDED_BY = ("failure", "overhaul", "open", "cut")

CLEAN_READING: dict[str, pl.DataType] = {
    "plant": pl.String(),
    "fleet": pl.String(),
    "unit_id": pl.String(),
    "channel": pl.String(),
    "ts_utc": UTC_TIME,
    "cycle": pl.Int64(),
    "value": pl.Float64(),
    "quality": pl.Int32(),
    "is_after_gap": pl.Boolean(),
    "segment_id": pl.String(),
}

CLEAN_READING_COLUMNS = {
    "channel": "the plant file's name",
    "value": "in the channel's engineering unit",
    "is_after_gap": "readings of this channel are missing before this one, though the machine was not known to stand",
}

QUARANTINED_READING: dict[str, pl.DataType] = {**EXTRACT, "reason": pl.String()}

QUARANTINED_READING_COLUMNS = {**EXTRACT_COLUMNS, "reason": "what spoke against it"}

DUPLICATE = "duplicate"
REASONS = {
    "unknown_channel": "no channel of the fleet has this tag, nor lists it as an alias",
    "bad_quality": "the historian itself says so",
    "not_finite": "empty, NaN or infinite",
    "clock_jump": "told while the logger's clock was wrong, or told again after it was set back",
    "mistaken_unit": "written in another unit than the plant file says",
    "out_of_range": "outside the instrument's range (low, high)",
    "superseded": "a later file corrected it",
    "stuck": "the sensor shows one value for too long",
    "spike": "stands apart from the readings before and after it",
    "too_fast": "changes faster than max_rate_per_h",
    "off_reference": "disagrees with the channel that it follows",
}

REASON = pl.Enum([DUPLICATE, *REASONS])

CLEANING_LEDGER: dict[str, pl.DataType] = {
    "plant": pl.String(),
    "fleet": pl.String(),
    "day": pl.Date(),
    "segment_id": pl.String(),
    "extracted": pl.Int64(),
    "accepted": pl.Int64(),
    "quarantined": pl.Int64(),
    "duplicates": pl.Int64(),
}

UNIT_LIFE: dict[str, pl.DataType] = {
    "plant": pl.String(),
    "fleet": pl.String(),
    "unit_id": pl.String(),
    "life": pl.Int64(),
    "life_id": pl.String(),
    "first_cycle": pl.Int64(),
    "last_cycle": pl.Int64(),
    "first_ts_utc": UTC_TIME,
    "last_ts_utc": UTC_TIME,
    "n_cycles": pl.Int64(),
    "is_start_known": pl.Boolean(),
    "ended_by": pl.String(),
}

UNIT_LIFE_COLUMNS = {
    "life_id": "one run of a unit from new (or overhaul) to its end",
    "n_cycles": "operating cycles in this life",
    "is_start_known": "false for a life that was under way when the record begins: its age is unknown",
    "ended_by": "failure, overhaul (before failure), open (still running) or cut (the record stops)",
}


def sensor_table_schema(plant: Plant, fleet: str) -> dict[str, pl.DataType]:
    """The columns of a fleet's sensor table: keys, one column a channel, and the number of readings in a row."""
    return {
        "plant": pl.String(),
        "fleet": pl.String(),
        "unit_id": pl.String(),
        "cycle": pl.Int64(),
        "ts_utc": UTC_TIME,
        **{channel.name: pl.Float64() for channel in plant.channels(fleet)},
        "n_readings": pl.Int64(),
    }


def clean_reading_contract(plant: Plant, fleet: str) -> pa.DataFrameSchema:
    """Clean readings: known channels, good quality, finite values inside the channel's limits."""
    import pandera.polars as pa

    channels = [channel.name for channel in plant.channels(fleet)]
    return pa.DataFrameSchema(
        {
            **_columns(CLEAN_READING),
            "unit_id": pa.Column(pl.String, nullable=False),
            "channel": pa.Column(pl.String, pa.Check.isin(channels), nullable=False),
            "value": pa.Column(pl.Float64, _finite(), nullable=False),
            "quality": pa.Column(pl.Int32, pa.Check.equal_to(GOOD_QUALITY), nullable=False),
            "is_after_gap": pa.Column(pl.Boolean, nullable=False),
        },
        unique=["unit_id", "channel", "ts_utc", "cycle"],
        strict=True,
        ordered=True,
    )


def sensor_table_contract(plant: Plant, fleet: str) -> pa.DataFrameSchema:
    """Sensor tables: one row a unit and cycle; every channel inside the limits of the plant file."""
    import pandera.polars as pa

    columns = _columns(sensor_table_schema(plant, fleet))
    for channel in plant.channels(fleet):
        checks = [_finite()]
        if channel.low is not None:
            checks.append(pa.Check.ge(channel.low))
        if channel.high is not None:
            checks.append(pa.Check.le(channel.high))
        columns[channel.name] = pa.Column(pl.Float64, checks, nullable=True)
    columns["unit_id"] = pa.Column(pl.String, nullable=False)
    columns["cycle"] = pa.Column(pl.Int64, pa.Check.ge(0), nullable=False)
    columns["n_readings"] = pa.Column(pl.Int64, pa.Check.ge(1), nullable=False)
    return pa.DataFrameSchema(columns, unique=["unit_id", "cycle"], strict=True, ordered=True)


def unit_life_contract() -> pa.DataFrameSchema:
    """Unit lives: one row a life, in known kinds of ending."""
    import pandera.polars as pa

    return pa.DataFrameSchema(
        {
            **_columns(UNIT_LIFE),
            "life_id": pa.Column(pl.String, nullable=False, unique=True),
            "n_cycles": pa.Column(pl.Int64, pa.Check.ge(1), nullable=False),
            "ended_by": pa.Column(pl.String, pa.Check.isin(ENDED_BY), nullable=False),
        },
        strict=True,
        ordered=True,
    )


def _columns(schema: dict[str, pl.DataType]) -> dict[str, pa.Column]:
    import pandera.polars as pa

    return {name: pa.Column(dtype, nullable=True) for name, dtype in schema.items()}


def _finite() -> pa.Check:
    import pandera.polars as pa

    return pa.Check(lambda data: data.lazyframe.select(pl.col(data.key).is_finite()), name="finite", ignore_na=True)
