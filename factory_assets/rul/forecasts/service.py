"""Which units are in service, up to when their readings count, and what their forecasts are explained by."""

from __future__ import annotations

import datetime as dt

import polars as pl

from factory_assets.rul.forecasts.explanation import healthy_readings
from factory_assets.rul.forecasts.forecast import Memory
from factory_assets.rul.forecasts.past_failures import past_lives
from factory_assets.rul.schema import CENSORED, ModelCard


def end_of(day: dt.date) -> dt.datetime:
    """The instant in which a day ends, in UTC."""
    return dt.datetime.combine(day, dt.time(), dt.UTC) + dt.timedelta(days=1)


def lives_in_service(lives: pl.DataFrame, day: dt.date | None) -> pl.DataFrame:
    """The lives that are going on at the end of a day; of an archive (None) those that had not failed when it ended."""
    if day is None:
        return lives.filter(pl.col("ended_by").is_in(["open", "cut"]))
    goes_on = (pl.col("ended_by") == "open") | (pl.col("last_ts_utc") >= end_of(day))
    return lives.filter(pl.col("first_ts_utc") < end_of(day), goes_on)


def until(sensor_table: pl.DataFrame, day: dt.date | None) -> pl.DataFrame:
    """The rows up to the end of a day; all of an archive."""
    return sensor_table if day is None else sensor_table.filter(pl.col("ts_utc") < end_of(day))


def memory(training_rows: pl.DataFrame, card: ModelCard) -> Memory:
    """What a model's forecasts are explained by: healthy readings, and lives that ended in failure.

    Args:
        training_rows: Train rows of the training set.
        card: Of the model.
    """
    channels = [channel.name for channel in card.inputs]
    failed = training_rows.filter(~pl.col(CENSORED))
    return Memory(
        healthy=healthy_readings(training_rows, channels, card.regimes),
        past=past_lives(failed, channels, card.regimes, window_cycles=card.window_cycles),
        seed=card.seed,
    )


def by_horizon(probabilities: pl.DataFrame) -> pl.DataFrame:
    """RUL_FAILURE_PROBABILITY with a row a unit and a column a horizon, the likeliest to fail first."""
    named = probabilities.with_columns(within=pl.format("within_{}_cycles", "horizon_cycles"))
    wide = named.pivot("within", index="unit_id", values="failure_probability")
    horizons = [name for name in wide.columns if name != "unit_id"]
    return wide.sort(horizons, descending=True, nulls_last=True) if horizons else wide
