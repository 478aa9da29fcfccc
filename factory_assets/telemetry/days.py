"""Cleaning one partition of the lake: reads its extract and the day before, writes the three tables that come of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from factory_assets.foundation.lake import Lake, Partition, Written
from factory_assets.foundation.plant import Plant
from factory_assets.telemetry import cleaning
from factory_assets.telemetry.block import KEPT, lookback


@dataclass(frozen=True)
class CleanedPartition:
    """What cleaning one partition wrote and counted."""

    accepted: Written
    quarantined: Written
    ledger_part: Written
    ledger: pl.DataFrame
    reasons: pl.DataFrame
    unaccounted: pl.DataFrame


def clean_partition(lake: Lake, partition: Partition, plant: Plant) -> CleanedPartition:
    """Clean one partition and write its readings, its quarantine and its ledger.

    The laws are checked on what was written, not on what was meant to be written.
    """
    fleet = str(partition.fleet)
    extract = lake.read("historian_extract", partition)
    cleaned = cleaning.clean(extract, _day_before(lake, partition, plant), plant=plant, fleet=fleet, day=partition.day)
    parts = [
        lake.write("clean_reading", cleaned.accepted, partition),
        lake.write("quarantined_reading", cleaned.quarantined, partition),
        lake.write("cleaning_ledger", cleaned.ledger, partition),
    ]
    in_lake = cleaning.Cleaned(
        accepted=lake.read("clean_reading", partition, columns=["segment_id"]),
        quarantined=lake.read("quarantined_reading", partition),
        ledger=lake.read("cleaning_ledger", partition),
    )
    return CleanedPartition(
        accepted=parts[0],
        quarantined=parts[1],
        ledger_part=parts[2],
        ledger=in_lake.ledger,
        reasons=in_lake.quarantined.group_by("channel", "reason").agg(readings=pl.len()),
        unaccounted=cleaning.unaccounted(extract, in_lake),
    )


def _day_before(lake: Lake, partition: Partition, plant: Plant) -> pl.DataFrame:
    """As much of the day before as cleaning looks back to."""
    if partition.day is None:
        return cleaning.empty_extract()
    day = dt.date.fromisoformat(partition.day)
    yesterday = Partition(partition.fleet, (day - dt.timedelta(days=1)).isoformat())
    if not lake.has("historian_extract", yesterday):
        return cleaning.empty_extract()
    since = dt.datetime.combine(day, dt.time(), dt.UTC) - lookback(plant)
    return lake.read("historian_extract", yesterday, list(KEPT), pl.col("ts_utc") >= since)
