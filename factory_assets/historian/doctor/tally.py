"""Counts over the rows that the doctor reads: small whatever the size of the source."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl

from factory_assets.foundation.plant import Plant
from factory_assets.foundation.units import UnitError, linear_conversion
from factory_assets.historian.schema import GOOD_QUALITY, UTC_TIME

SERIES = ("fleet", "unit_id", "channel")
VALUES_A_BATCH, VALUES_A_CHANNEL = 2_000, 20_000
COMPACT_AT = 40


class Tally:
    """What the rows say, added up batch by batch."""

    def __init__(self, plant: Plant, *, is_whole: bool) -> None:
        """Nothing is counted yet; `is_whole` says whether all of the source will be."""
        self.plant = plant
        self.is_whole = is_whole
        self.cut_off = False
        self.files = 0
        self.rows_read = 0
        self.refused: list[str] = []
        self._table = _channel_table(plant)
        self._series: list[pl.DataFrame] = []
        self._qualities: list[pl.DataFrame] = []
        self._states: list[pl.DataFrame] = []
        self._aside: list[pl.DataFrame] = []
        self._steps: list[pl.DataFrame] = []
        self._values: dict[tuple[str, str], list[pl.Series]] = {}

    def add(self, rows: pl.DataFrame, quarantined: pl.DataFrame, rows_read: int) -> None:
        """Count a batch.

        Args:
            rows: As `reading.ROWS`.
            quarantined: As `reading.QUARANTINE`.
            rows_read: Rows that the batch was made of.
        """
        self.rows_read += rows_read
        if quarantined.height:
            self._aside.append(_aside(quarantined))
        if not rows.height:
            return
        known = rows.join(
            self._table, left_on=["fleet", "channel"], right_on=["fleet", "tag"], how="left"
        ).with_columns(number=pl.col("value") * pl.col("scale") + pl.col("offset"))
        good = (pl.col("quality") == GOOD_QUALITY) & pl.col("value").is_finite()
        outside = good & ~pl.col("number").is_between(pl.col("low"), pl.col("high"))
        self._series.append(
            known.group_by(*SERIES, "name").agg(
                rows=pl.len(), good=good.sum(), outside=outside.fill_null(value=False).sum(),
                first=pl.col("ts_utc").min(), last=pl.col("ts_utc").max(),
                first_cycle=pl.col("cycle").min(), last_cycle=pl.col("cycle").max(),
            )
        )  # fmt: skip
        self._qualities.append(rows.group_by("quality").agg(rows=pl.len()))
        states = known.filter((pl.col("role") == "state") & good)
        self._states.append(
            states.group_by("fleet", "name", "unit_id", state=pl.col("number").round()).agg(rows=pl.len())
        )
        self._add_steps(rows)
        self._add_values(known.filter(good & pl.col("name").is_not_null()))
        if len(self._series) >= COMPACT_AT:
            self._series = [self.series()]
            self._qualities = [self.qualities()]
            self._states = [self.states()]
            self._aside = [self.aside()]

    def refuse(self, message: str) -> None:
        """Note a file that could not be read; its message says how to mend it."""
        self.refused.append(message)

    def series(self) -> pl.DataFrame:
        """By fleet, unit and tag: name (null for an unknown tag), rows, good, outside, first, last, cycles."""
        empty = pl.DataFrame(
            schema={
                "fleet": pl.String, "unit_id": pl.String, "channel": pl.String, "name": pl.String, "rows": pl.UInt32,
                "good": pl.UInt32, "outside": pl.UInt32, "first": UTC_TIME, "last": UTC_TIME, "first_cycle": pl.Int64,
                "last_cycle": pl.Int64,
            }
        )  # fmt: skip
        everything = pl.concat([empty, *self._series], how="vertical_relaxed")
        counted = everything.group_by(*SERIES, "name").agg(
            pl.col("rows", "good", "outside").sum(),
            pl.col("first", "first_cycle").min(),
            pl.col("last", "last_cycle").max(),
        )
        return counted.select(empty.columns).sort(*SERIES)

    def qualities(self) -> pl.DataFrame:
        """Rows by quality code, the most frequent first."""
        empty = pl.DataFrame(schema={"quality": pl.Int32, "rows": pl.UInt32})
        counted = (
            pl.concat([empty, *self._qualities], how="vertical_relaxed").group_by("quality").agg(pl.col("rows").sum())
        )
        return counted.sort("rows", "quality", descending=[True, False])

    def states(self) -> pl.DataFrame:
        """Rows by fleet, state channel, unit and state."""
        keys: dict[str, Any] = {"fleet": pl.String, "name": pl.String, "unit_id": pl.String, "state": pl.Float64}
        empty = pl.DataFrame(schema={**keys, "rows": pl.UInt32})
        states = pl.concat([empty, *self._states], how="vertical_relaxed")
        return states.group_by(*keys).agg(pl.col("rows").sum()).sort(*keys)

    def aside(self) -> pl.DataFrame:
        """Rows that were set aside, by reason, unit and tag, with an example."""
        empty = pl.DataFrame(
            schema={
                "reason": pl.String, "unit_id": pl.String, "channel": pl.String, "rows": pl.UInt32, "time": pl.String,
                "value": pl.String,
            }
        )  # fmt: skip
        everything = pl.concat([empty, *self._aside], how="vertical_relaxed")
        keys = ("reason", "unit_id", "channel")
        return (
            everything.group_by(*keys)
            .agg(pl.col("rows").sum(), pl.col("time", "value").first())
            .sort("rows", *keys, descending=[True, False, False, False])
        )

    def values(self, fleet: str, name: str) -> pl.Series:
        """A sample of a channel's readings of good quality, as the historian wrote them."""
        held = self._values.get((fleet, name), [])
        return pl.concat(held) if held else pl.Series("value", [], pl.Float64)

    def step(self) -> dt.timedelta | None:
        """The usual step between readings of a unit's channel; None where there is no time."""
        if not self._steps:
            return None
        steps = pl.concat(self._steps).get_column("step").median()
        return dt.timedelta(microseconds=float(steps)) if isinstance(steps, int | float) else None

    def _add_steps(self, rows: pl.DataFrame) -> None:
        timed = rows.filter(pl.col("ts_utc").is_not_null()).sort(*SERIES, "ts_utc")
        steps = timed.select(step=pl.col("ts_utc").diff().over(*SERIES).dt.total_microseconds())
        self._steps.append(steps.filter(pl.col("step") > 0).select(pl.col("step").median()).drop_nulls())

    def _add_values(self, known: pl.DataFrame) -> None:
        for (fleet, name), part in (
            known.select("fleet", "name", "value").partition_by("fleet", "name", as_dict=True).items()
        ):
            held = self._values.setdefault((fleet, name), [])
            if sum(series.len() for series in held) < VALUES_A_CHANNEL:
                every = max(1, part.height // VALUES_A_BATCH)
                held.append(part.get_column("value").gather_every(every))


def _aside(quarantined: pl.DataFrame) -> pl.DataFrame:
    return quarantined.group_by("reason", "unit_id", "channel").agg(
        rows=pl.len(), time=pl.first("time"), value=pl.first("value")
    )


def _channel_table(plant: Plant) -> pl.DataFrame:
    rows = []
    for fleet in plant.fleet_names:
        for channel in plant.channels(fleet):
            try:
                scale, offset = linear_conversion(channel.source_unit, channel.unit)
            except UnitError:
                scale, offset = 1.0, 0.0
            limits = (
                float("-inf") if channel.low is None else channel.low,
                float("inf") if channel.high is None else channel.high,
            )
            rows += [
                (fleet, tag, channel.name, channel.role, scale, offset, *limits)
                for tag in (channel.source_tag, *channel.aliases)
            ]
    schema = {
        "fleet": pl.String, "tag": pl.String, "name": pl.String, "role": pl.String, "scale": pl.Float64,
        "offset": pl.Float64, "low": pl.Float64, "high": pl.Float64,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")
