"""Sensor tables: clean readings of a fleet, one row a unit and cycle, one column a channel."""

from __future__ import annotations

import datetime as dt

import polars as pl

from factory_assets.foundation.plant import Channel, Plant
from factory_assets.telemetry.schema import sensor_table_schema


def sensor_table(readings: pl.DataFrame, *, plant: Plant, fleet: str) -> pl.DataFrame:
    """Align readings to cycles.

    A running plant's cycle number counts cycle lengths since the plant's first day, from 1; several readings of a
    channel within a cycle become one by the channel's `aggregate`. An archive's cycles are taken as they are; one that
    knows only time counts cycle lengths from each unit's first reading.

    Args:
        readings: Clean readings, as CLEAN_READING.
        plant: The plant file.
        fleet: Whose readings they are.

    Returns:
        Sorted by unit and cycle; channels without a reading in a cycle are null.
    """
    aligned = _aligned(readings, plant).sort("unit_id", "cycle", "ts_utc", maintain_order=True)
    columns = [_column(channel) for channel in plant.channels(fleet)]
    wide = aligned.group_by("unit_id", "cycle", maintain_order=True).agg(
        pl.col("cycle_ts_utc").first().alias("ts_utc"), *columns, n_readings=pl.len()
    )
    schema = sensor_table_schema(plant, fleet)
    keyed = wide.with_columns(plant=pl.lit(plant.plant), fleet=pl.lit(fleet))
    return keyed.select([pl.col(name).cast(dtype) for name, dtype in schema.items()])


def _aligned(readings: pl.DataFrame, plant: Plant) -> pl.DataFrame:
    if not plant.is_timed:
        return readings.with_columns(cycle_ts_utc=pl.col("ts_utc"))
    aligned = readings.with_columns(cycle_ts_utc=pl.col("ts_utc").dt.truncate(plant.cycle_length))
    if plant.start is not None:
        start = pl.lit(dt.datetime.combine(plant.start, dt.time(), dt.UTC))
    else:
        start = pl.col("cycle_ts_utc").min().over("unit_id")
    length_us = plant.cycle_length // dt.timedelta(microseconds=1)
    number = (pl.col("cycle_ts_utc") - start).dt.total_microseconds() // length_us + 1
    return aligned.with_columns(cycle=number if plant.running else pl.coalesce("cycle", number))


def _column(channel: Channel) -> pl.Expr:
    values = pl.col("value").filter(pl.col("channel") == channel.name)
    aggregate: pl.Expr = getattr(values, channel.aggregate)()
    return aggregate.alias(channel.name)
