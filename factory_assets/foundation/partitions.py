"""Partitions of a plant's tables, and how one room's partitions map to another's.

A running plant is partitioned by fleet and day (the last one is today), an archive by fleet alone; what is
learnt of a fleet (lives, models) by fleet; what the historian's days come from, by day.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import dagster as dg

from factory_assets.foundation.lake import Partition
from factory_assets.foundation.plant import Plant

DAY = "day"
FLEET = "fleet"
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"


def days(plant: Plant) -> dg.DailyPartitionsDefinition:
    """The days of a running plant, today included: today's readings are a partition that still grows."""
    if plant.start is None:
        msg = f"plant {plant.plant} is an archive: it has no days"
        raise ValueError(msg)
    return dg.DailyPartitionsDefinition(start_date=plant.start.isoformat(), end_offset=1)


def planned_days(plant: Plant) -> dg.DailyPartitionsDefinition:
    """The days that are planned: tomorrow too, which has begun where the sun rises earlier, or is planned tonight."""
    if plant.start is None:
        msg = f"plant {plant.plant} is an archive: nothing is planned in it"
        raise ValueError(msg)
    return dg.DailyPartitionsDefinition(start_date=plant.start.isoformat(), end_offset=2)


def fleets(plant: Plant) -> dg.StaticPartitionsDefinition:
    """One partition a fleet."""
    return dg.StaticPartitionsDefinition(list(plant.fleet_names))


def modelled_fleets(plant: Plant) -> dg.StaticPartitionsDefinition:
    """One partition a fleet that has a model of remaining useful life."""
    return dg.StaticPartitionsDefinition(list(plant.modelled_fleets))


def products(plant: Plant) -> dg.StaticPartitionsDefinition:
    """One partition an inspected product."""
    return dg.StaticPartitionsDefinition(list(plant.product_names))


def readings(plant: Plant) -> dg.PartitionsDefinition:
    """How tables of readings are partitioned: fleet x day for running plants, fleet for archives."""
    if plant.running:
        return dg.MultiPartitionsDefinition({DAY: days(plant), FLEET: fleets(plant)})
    return fleets(plant)


def forecasts(plant: Plant) -> dg.PartitionsDefinition:
    """Day x fleet with a model for running plants, fleet with a model for archives."""
    if plant.running:
        return dg.MultiPartitionsDefinition({DAY: days(plant), FLEET: modelled_fleets(plant)})
    return modelled_fleets(plant)


def readings_of_forecast(plant: Plant) -> dg.PartitionMapping:
    """From forecasts to the readings of the same day and fleet."""
    same = dg.StaticPartitionMapping({fleet: fleet for fleet in plant.modelled_fleets})
    if not plant.running:
        return same
    return dg.MultiPartitionMapping(
        {
            DAY: dg.DimensionPartitionMapping(DAY, dg.TimeWindowPartitionMapping()),
            FLEET: dg.DimensionPartitionMapping(FLEET, same),
        }
    )


def fleet_of_forecast(plant: Plant) -> dg.PartitionMapping:
    """From forecasts to what is known of their fleet."""
    if not plant.running:
        return dg.StaticPartitionMapping({fleet: fleet for fleet in plant.modelled_fleets})
    return dg.MultiToSingleDimensionPartitionMapping(partition_dimension_name=FLEET)


def previous_day_too(plant: Plant) -> dg.PartitionMapping:
    """A day's cleaning reads the day before as well; archives have no days."""
    if not plant.running:
        return dg.IdentityPartitionMapping()
    two_days = dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=0, allow_nonexistent_upstream_partitions=True)
    return dg.MultiPartitionMapping(
        {
            DAY: dg.DimensionPartitionMapping(DAY, two_days),
            FLEET: dg.DimensionPartitionMapping(FLEET, dg.IdentityPartitionMapping()),
        }
    )


def all_days_of_fleet(plant: Plant) -> dg.PartitionMapping:
    """From fleet partitions to all days of that fleet."""
    if not plant.running:
        return dg.IdentityPartitionMapping()
    return dg.MultiToSingleDimensionPartitionMapping(partition_dimension_name=FLEET)


def all_fleets_of_day() -> dg.PartitionMapping:
    """From fleet x day partitions to the day that they share."""
    return dg.MultiToSingleDimensionPartitionMapping(partition_dimension_name=DAY)


def to_key(partition: Partition) -> str:
    """Dagster's key of a lake partition."""
    if partition.day is None or partition.fleet is None:
        return partition.fleet or partition.day or ""
    return dg.MultiPartitionKey({DAY: partition.day, FLEET: partition.fleet})


def from_key(key: str) -> Partition:
    """The lake partition of a key of a table of readings, or of a fleet."""
    if isinstance(key, dg.MultiPartitionKey):
        by_dimension = key.keys_by_dimension
        return Partition(fleet=by_dimension[FLEET], day=by_dimension[DAY])
    day, separator, fleet = key.partition("|")
    return Partition(fleet=fleet, day=day) if separator else Partition(fleet=key)


def of_run(context: dg.AssetExecutionContext) -> list[Partition]:
    """The lake partitions that a run was asked for, in order."""
    return [from_key(key) for key in context.partition_keys]


def range_tags(first: str, last: str) -> dict[str, str]:
    """The run tags that ask for all partitions from one key to another (a rectangle of fleets and days)."""
    return {RANGE_START_TAG: first, RANGE_END_TAG: last}


def rectangles(plant: Plant, partitions: Iterable[Partition]) -> list[tuple[str, str]]:
    """Cover partitions exactly by few ranges of keys: runs of days that ask for the same, adjoining, fleets.

    Returns:
        (first key, last key) pairs; each is one run.
    """
    order = {name: index for index, name in enumerate(plant.fleet_names)}
    by_day: dict[str | None, set[str]] = {}
    for partition in partitions:
        if partition.fleet is not None:
            by_day.setdefault(partition.day, set()).add(partition.fleet)
    open_blocks: dict[tuple[str, str], tuple[str | None, str | None]] = {}
    found: list[tuple[Partition, Partition]] = []

    def close(fleets_block: tuple[str, str]) -> None:
        first_day, last_day = open_blocks.pop(fleets_block)
        found.append((Partition(fleets_block[0], first_day), Partition(fleets_block[1], last_day)))

    for day in sorted(by_day, key=lambda value: value or ""):
        blocks = _adjoining(sorted(by_day[day], key=order.__getitem__), order)
        for block in [b for b in open_blocks if b not in blocks or not _is_next(open_blocks[b][1], day)]:
            close(block)
        for block in blocks:
            first_day = open_blocks[block][0] if block in open_blocks else day
            open_blocks[block] = (first_day, day)
    for block in list(open_blocks):
        close(block)
    return [(to_key(first), to_key(last)) for first, last in found]


def _adjoining(names: list[str], order: dict[str, int]) -> list[tuple[str, str]]:
    blocks: list[tuple[str, str]] = []
    for name in names:
        if blocks and order[name] == order[blocks[-1][1]] + 1:
            blocks[-1] = (blocks[-1][0], name)
        else:
            blocks.append((name, name))
    return blocks


def _is_next(day: str | None, other: str | None) -> bool:
    if day is None or other is None:
        return False
    return dt.date.fromisoformat(day) + dt.timedelta(days=1) == dt.date.fromisoformat(other)


def day_ranges(keys: Iterable[str]) -> list[tuple[str, str]]:
    """Cover days (`YYYY-MM-DD`) exactly by ranges of consecutive ones."""
    ranges: list[tuple[str, str]] = []
    for key in sorted(keys):
        if ranges and _is_next(ranges[-1][1], key):
            ranges[-1] = (ranges[-1][0], key)
        else:
            ranges.append((key, key))
    return ranges
