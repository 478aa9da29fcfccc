"""Cleaning: judges every reading of a partition, and loses none.

extracted = accepted + quarantined + duplicates holds for every segment of every partition.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from factory_assets.foundation.plant import Channel, Plant
from factory_assets.historian.schema import EXTRACT, GOOD_QUALITY
from factory_assets.telemetry.schema import CLEAN_READING, CLEANING_LEDGER, QUARANTINED_READING
from factory_assets.telemetry.units import linear_conversion

KEY = ("unit_id", "channel", "ts_utc", "cycle")
GAP_PERIODS = 3


@dataclass(frozen=True)
class Cleaned:
    """A partition's readings, each in exactly one place.

    Attributes:
        accepted: In engineering units, as CLEAN_READING.
        quarantined: As they came, with a reason, as QUARANTINED_READING.
        ledger: Counts per segment, as CLEANING_LEDGER.
    """

    accepted: pl.DataFrame
    quarantined: pl.DataFrame
    ledger: pl.DataFrame


def clean(extract: pl.DataFrame, previous: pl.DataFrame, *, plant: Plant, fleet: str, day: str | None) -> Cleaned:
    """Clean one partition.

    Args:
        extract: The partition's extract; rows of the same key in the order in which they came in.
        previous: The extract of the day before (empty if there is none): the state that the day begins with.
        plant: The plant file.
        fleet: The partition's fleet.
        day: The partition's day, `YYYY-MM-DD`; None for archives.
    """
    judged = _judge(extract, plant.channels(fleet))
    before = _judge(previous, plant.channels(fleet)).filter(pl.col("verdict") == "accepted")
    accepted = _flag_gaps(judged.filter(pl.col("verdict") == "accepted"), before, plant)
    is_out = ~pl.col("verdict").is_in(["accepted", "duplicate"])
    quarantined = judged.filter(is_out).with_columns(
        reason=pl.col("verdict"), channel=pl.col("tag"), value=pl.col("raw")
    )
    return Cleaned(
        accepted=_shaped(accepted.sort(*KEY), CLEAN_READING),
        quarantined=_shaped(quarantined.sort(*KEY, "row"), QUARANTINED_READING),
        ledger=_ledger(judged, day),
    )


def _judge(extract: pl.DataFrame, channels: tuple[Channel, ...]) -> pl.DataFrame:
    """Each row with a verdict: accepted, duplicate, or a quarantine reason. `channel` and `value` become ours."""
    repeated = pl.struct(*KEY, "value", "quality").is_first_distinct().not_()
    known = (
        extract.with_row_index("row")
        .with_columns(is_repeated=repeated, tag=pl.col("channel"), raw=pl.col("value"))
        .drop("channel", "value")
        .join(_channel_table(channels), on="tag", how="left", maintain_order="left")
        .with_columns(value=pl.col("raw") * pl.col("scale") + pl.col("offset"))
    )
    in_range = pl.col("value").is_between(pl.col("low"), pl.col("high"))
    verdict = (
        pl.when(pl.col("is_repeated")).then(pl.lit("duplicate"))
        .when(pl.col("channel").is_null()).then(pl.lit("unknown_channel"))
        .when(pl.col("quality") != GOOD_QUALITY).then(pl.lit("bad_quality"))
        .when(pl.col("raw").is_null() | ~pl.col("raw").is_finite()).then(pl.lit("not_finite"))
        .when(~in_range).then(pl.lit("out_of_range"))
        .otherwise(pl.lit("accepted"))
    )  # fmt: skip
    judged = known.with_columns(verdict=verdict)
    last_good = pl.col("row").filter(pl.col("verdict") == "accepted").max().over(*KEY)
    is_older = (pl.col("verdict") == "accepted") & (pl.col("row") < last_good)
    return judged.with_columns(verdict=pl.when(is_older).then(pl.lit("superseded")).otherwise("verdict"))


def _channel_table(channels: tuple[Channel, ...]) -> pl.DataFrame:
    rows = []
    for channel in channels:
        scale, offset = linear_conversion(channel.source_unit, channel.unit)
        low = float("-inf") if channel.low is None else channel.low
        high = float("inf") if channel.high is None else channel.high
        rows.append((channel.source_tag, channel.name, scale, offset, low, high))
    schema = {
        "tag": pl.String, "channel": pl.String, "scale": pl.Float64, "offset": pl.Float64,
        "low": pl.Float64, "high": pl.Float64,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def _flag_gaps(accepted: pl.DataFrame, before: pl.DataFrame, plant: Plant) -> pl.DataFrame:
    """A reading comes after a gap if at least three sample periods (or cycles) passed since the last good one."""
    last = before.sort(*KEY).group_by("unit_id", "channel", maintain_order=True).last().select(accepted.columns)
    both = pl.concat([last.with_columns(is_before=True), accepted.with_columns(is_before=False)]).sort(*KEY)
    of_channel = ("unit_id", "channel")
    if plant.running:
        period = plant.sample_period or dt.timedelta.max
        is_gap = pl.col("ts_utc").diff().over(*of_channel) > _times(period, GAP_PERIODS)
    else:
        is_gap = pl.col("cycle").diff().over(*of_channel) > GAP_PERIODS
    return both.with_columns(is_after_gap=is_gap.fill_null(value=False)).filter(~pl.col("is_before"))


def _times(period: dt.timedelta, factor: int) -> dt.timedelta:
    """A period so many times, bounded by what a timedelta (in microseconds, signed 64 bit) holds."""
    bound = dt.timedelta(days=36_500)
    return bound if period >= bound / factor else period * factor


def _ledger(judged: pl.DataFrame, day: str | None) -> pl.DataFrame:
    verdict = pl.col("verdict")
    counted = judged.group_by("plant", "fleet", "segment_id").agg(
        extracted=pl.len(),
        accepted=(verdict == "accepted").sum(),
        quarantined=(~verdict.is_in(["accepted", "duplicate"])).sum(),
        duplicates=(verdict == "duplicate").sum(),
    )
    on_day = pl.lit(dt.date.fromisoformat(day) if day else None, pl.Date)
    return _shaped(counted.with_columns(day=on_day).sort("segment_id"), CLEANING_LEDGER)


def _shaped(frame: pl.DataFrame, schema: dict[str, pl.DataType]) -> pl.DataFrame:
    return frame.select([pl.col(name).cast(dtype) for name, dtype in schema.items()])


def empty_extract() -> pl.DataFrame:
    """An extract without a row: what lies before a plant's first day."""
    return pl.DataFrame(schema=EXTRACT)


def unaccounted(extract: pl.DataFrame, cleaned: Cleaned) -> pl.DataFrame:
    """The conservation law, recounted from the tables themselves: the segments for which it does not hold.

    Accepted and quarantined rows are counted in their own tables, so a ledger that merely agrees with itself is
    not enough.
    """
    counts = [
        extract.group_by("segment_id").agg(in_extract=pl.len()),
        cleaned.accepted.group_by("segment_id").agg(in_accepted=pl.len()),
        cleaned.quarantined.group_by("segment_id").agg(in_quarantine=pl.len()),
    ]
    table = cleaned.ledger
    for count in counts:
        table = table.join(count, on="segment_id", how="full", coalesce=True)
    table = table.fill_null(0)
    holds = (
        (pl.col("extracted") == pl.col("in_extract"))
        & (pl.col("accepted") == pl.col("in_accepted"))
        & (pl.col("quarantined") == pl.col("in_quarantine"))
        & (pl.col("extracted") == pl.col("accepted") + pl.col("quarantined") + pl.col("duplicates"))
    )
    return table.filter(~holds)
