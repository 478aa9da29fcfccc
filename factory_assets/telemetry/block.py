"""A block: the readings that judge one partition, its own and those of the last hours before it, in series.

A series is one channel of one unit. Rows are sorted by series and time (cycle, in archives without time); rows that
share both stay in the order in which they came in.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from factory_assets.foundation.plant import Channel, Plant
from factory_assets.foundation.units import linear_conversion
from factory_assets.telemetry.schema import REASON

KEPT = {
    "unit_id": "unit_id", "channel": "tag", "ts_utc": "ts_utc", "cycle": "cycle", "value": "raw", "quality": "quality",
    "segment_id": "segment_id", "row": "row",
}  # fmt: skip
LOOKBACK = dt.timedelta(hours=6)
MICROSECOND = dt.timedelta(microseconds=1)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
HOUR_US = dt.timedelta(hours=1) // MICROSECOND


@dataclass(frozen=True)
class Block:
    """Readings of known channels.

    Attributes:
        rows: The extract's columns but `channel` and `value`, and: `tag` and `raw` (as they came), `channel_no` (place
            in `channels`), `value` (engineering unit), `series` (from 0), `at` (microseconds, or cycles), `is_before`
            (of the day before: judges, is not judged), `reason` (null while nothing speaks against a row).
        channels: In order of their names.
        begins: The first `at` that the block could hold; None in archives and on a plant's first day.
    """

    rows: pl.DataFrame
    channels: tuple[Channel, ...]
    plant: Plant
    fleet: str
    begins: int | None

    @cached_property
    def is_timed(self) -> bool:
        """Whether rows are placed by time (else by cycle)."""
        return self.plant.is_timed

    @cached_property
    def period(self) -> int | None:
        """Sample period in units of `at`; None if the plant file does not tell it."""
        if not self.is_timed:
            return 1
        return None if self.plant.sample_period is None else self.plant.sample_period // MICROSECOND

    @cached_property
    def longest_step(self) -> int | None:
        """The longest step between two readings that is not a gap."""
        return None if self.period is None else self.period * self.plant.cleaning.gap_periods

    def number(self, name: str) -> int | None:
        """The `channel_no` of a channel; None if the fleet has none of that name."""
        return next((no for no, channel in enumerate(self.channels) if channel.name == name), None)

    def of_channel(self, setting: Callable[[Channel], float | None]) -> pl.Expr:
        """A setting of each row's channel, null where the channel has none."""
        values = pl.Series([setting(channel) for channel in self.channels], dtype=pl.Float64)
        return pl.lit(values).gather(pl.col("channel_no"))

    def with_reason(self, reason: str, broken: pl.Series | None) -> Block:
        """The block with a reason for the broken rows that have none yet; `broken` is a mask over all rows, or None."""
        if broken is None or not broken.any():
            return self
        given = pl.when(pl.col("reason").is_null() & pl.lit(broken)).then(pl.lit(reason, REASON)).otherwise("reason")
        return self.with_rows(self.rows.with_columns(reason=given))

    def with_rows(self, rows: pl.DataFrame) -> Block:
        """The same block with other rows."""
        return Block(rows, self.channels, self.plant, self.fleet, self.begins)

    def sound(self) -> Block:
        """Without the rows that something speaks against."""
        return self.with_rows(self.rows.filter(pl.col("reason").is_null()))

    def with_steps(self) -> Block:
        """With `step`, the difference of `value` to the row before it; null where a series begins, and after a gap."""
        is_near = pl.col("series") == pl.col("series").shift(1)
        if self.longest_step is not None:
            is_near &= pl.col("at") - pl.col("at").shift(1) <= self.longest_step
        step = pl.when(is_near).then(pl.col("value") - pl.col("value").shift(1))
        return self.with_rows(self.rows.with_columns(step=step))


def assemble(
    extract: pl.DataFrame, previous: pl.DataFrame, *, plant: Plant, fleet: str, day: str | None
) -> tuple[Block, pl.DataFrame]:
    """The block of a partition, and the rows of the extract whose tag no channel has (with `tag` and `raw`)."""
    channels = tuple(sorted(plant.channels(fleet), key=lambda channel: channel.name))
    numbers = {tag: no for no, channel in enumerate(channels) for tag in (channel.source_tag, *channel.aliases)}
    begin = None if day is None else _midnight(day) - lookback(plant)
    columns = [pl.col(name).alias(KEPT[name]) for name in KEPT]
    parts = [extract.select(*columns, is_before=pl.lit(value=False))]
    if begin is not None and previous.height:
        recent = previous.filter(pl.col("ts_utc") >= begin)
        parts.insert(0, recent.select(*columns, is_before=pl.lit(value=True)))
    named = pl.concat(parts)
    (units, _), (tags, tag_names), (segments, _) = (_coded(named[name]) for name in ("unit_id", "tag", "segment_id"))
    number = pl.Series([numbers.get(tag) for tag in tag_names], dtype=pl.Int32)
    numbered = named.with_columns(units, tags, segments, channel_no=number.gather(tags.to_physical()))
    unknown = numbered.filter(pl.col("channel_no").is_null() & ~pl.col("is_before"))
    known = (
        numbered if numbered["channel_no"].null_count() == 0 else numbered.filter(pl.col("channel_no").is_not_null())
    )
    begins = None if begin is None or day == str(plant.start) else (begin - EPOCH) // MICROSECOND
    return Block(_in_series(known, channels, is_timed=plant.is_timed), channels, plant, fleet, begins), unknown


def lookback(plant: Plant) -> dt.timedelta:
    """How much of the day before is needed to judge a day: LOOKBACK, or as long as a sensor may be stuck."""
    channels = (channel for fleet in plant.fleet_names for channel in plant.channels(fleet))
    own = [channel.stuck_after for channel in channels if channel.stuck_after]
    return max(LOOKBACK, plant.cleaning.stuck_after or LOOKBACK, *own)


def _coded(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Texts as an enumeration in their order, and its categories.

    They are few and repeated a million times: as numbers they are sorted, filtered and copied several times faster. And
    they come in long runs, so that only one of each run has to be looked up.
    """
    of_runs = texts.rle().struct.field("value")
    categories = of_runs.unique().sort()
    return of_runs.cast(pl.Enum(categories)).gather(texts.rle_id()).alias(texts.name), categories


def _in_series(known: pl.DataFrame, channels: tuple[Channel, ...], *, is_timed: bool) -> pl.DataFrame:
    place = pl.col("ts_utc").dt.epoch("us") if is_timed else pl.col("cycle")
    ordered = known.with_columns(
        code=pl.col("unit_id").to_physical().cast(pl.Int32) * len(channels) + pl.col("channel_no"),
        at=place.cast(pl.Int64),
    ).sort("code", "at", maintain_order=True)
    conversions = [linear_conversion(channel.source_unit, channel.unit) for channel in channels]
    scale, offset = (pl.lit(pl.Series(column, dtype=pl.Float64)) for column in zip(*conversions, strict=True))
    number = pl.col("channel_no")
    return ordered.with_columns(
        series=pl.col("code").rle_id(),
        value=pl.col("raw") * scale.gather(number) + offset.gather(number),
        reason=pl.lit(None, REASON),
    )


def _midnight(day: str) -> dt.datetime:
    return dt.datetime.combine(dt.date.fromisoformat(day), dt.time(), dt.UTC)
