"""What a person wants to know of verdicts that came in: gaps, what was set aside, and how the newest day went."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from factory_assets.foundation.lake import Lake, Partition
from factory_assets.inspection.results.collecting import ACCEPTED, VERDICTS, days_of

DAYS_SHOWN = 2


def gaps(segments: pl.DataFrame) -> pl.DataFrame:
    """Numbers that no segment holds, by station: columns `station`, `first_missing`, `last_missing`."""
    taken = segments.filter(pl.col("status") == ACCEPTED).sort("station", "first")
    expected = (pl.col("last").shift(1).over("station") + 1).fill_null(1).alias("first_missing")
    return (
        taken.with_columns(expected)
        .filter(pl.col("first") > pl.col("first_missing"))
        .select("station", "first_missing", last_missing=pl.col("first") - 1)
    )


def unplaced(segments: pl.DataFrame) -> pl.DataFrame:
    """Segments whose verdicts are not all either accepted or quarantined."""
    placed = pl.col("accepted") + pl.col("quarantined")
    return segments.filter((pl.col("status") == ACCEPTED) & (placed != pl.col("last") - pl.col("first") + 1))


def misplaced(lake: Lake, segments: pl.DataFrame, partitions: Iterable[Partition]) -> dict[Partition, str]:
    """Days of a product that do not hold what their segments gave them, with words."""
    pieces = segments.explode("slices").unnest("slices").drop_nulls("product")
    promised = {(p, d): rows for p, d, rows in pieces.group_by("product", "day").agg(pl.sum("rows")).iter_rows()}
    found = {}
    for partition in partitions:
        frame = lake.read(VERDICTS, partition, columns=["trigger_id"])
        want = promised.get((partition.fleet, partition.day), 0)
        if frame.height != want:
            found[partition] = f"{partition.day}: {frame.height} of {want} verdicts"
        elif frame["trigger_id"].n_unique() != frame.height:
            found[partition] = f"{partition.day}: a trigger has two verdicts"
    return found


def newest(lake: Lake, product: str) -> pl.DataFrame:
    """Verdicts of a product's newest days."""
    days = days_of(lake, product)[-DAYS_SHOWN:]
    return pl.concat([lake.read(VERDICTS, day) for day in days or [Partition(product)]])


def fail_safe_share(verdicts: pl.DataFrame) -> float:
    """Share of the newest day's verdicts that were given without judging the part; 0 where there are none."""
    day = pl.col("concluded_ts_utc").dt.date()
    share = verdicts.filter(day == day.max())["failure"].is_not_null().mean()
    return float(str(share or 0.0))


def summary(verdicts: pl.DataFrame) -> pl.DataFrame:
    """Counts by day, station and verdict, newest first; a part that was not judged is told as its failure."""
    return (
        verdicts.group_by(
            day=pl.col("concluded_ts_utc").dt.date(),
            station="station",
            verdict=pl.coalesce("failure", "verdict"),
        )
        .len("verdicts")
        .sort("day", "station", "verdict", descending=[True, False, False])
    )
