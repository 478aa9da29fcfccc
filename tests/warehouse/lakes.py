"""Writes small lakes from short rows, and lets dbt build marts over them through Dagster."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg
import polars as pl

from factory_assets.foundation.lake import Lake, Partition
from factory_assets.foundation.resources import LakeResource
from factory_assets.foundation.settings import Home
from factory_assets.historian.schema import CHANNEL_CATALOGUE, EXTRACT, GOOD_QUALITY, UTC_TIME
from factory_assets.telemetry.schema import CLEAN_READING, CLEANING_LEDGER, QUARANTINED_READING, UNIT_LIFE
from factory_assets.warehouse.assets import telemetry_marts
from factory_assets.warehouse.plant_tables import CHANNEL_TAG, FLEET_CATALOGUE
from factory_assets.warehouse.resources import dbt_resource

READING = ("unit_id", "channel", "ts_utc", "cycle", "value", "is_after_gap")
QUARANTINED = ("unit_id", "channel", "ts_utc", "cycle", "reason")
LIFE = ("unit_id", "life", "first_cycle", "last_cycle", "n_cycles", "ended_by")
EXTRACTED = ("unit_id", "channel", "ts_utc", "cycle", "row")
CHANNEL = ("channel", "tag", "unit", "role", "low", "high")
MARTS = ("machine_health_day", "channel_coverage", "failure_history", "downtime", "training_set_candidates")
FLEET_DAYS = dg.MultiPartitionsDefinition(
    {
        "day": dg.DailyPartitionsDefinition("2026-09-01"),
        "fleet": dg.StaticPartitionsDefinition(["north", "south"]),
    }
)
FLEETS = dg.StaticPartitionsDefinition(["FD001"])


def at(day: int, hour: int) -> dt.datetime:
    return dt.datetime(2026, 9, day, hour, tzinfo=dt.UTC)


@dataclass(frozen=True)
class FleetFiles:
    """Writes one fleet's tables from short rows."""

    lake: Lake
    fleet: str
    tags: dict[object, object] = field(default_factory=dict)

    def catalogue(
        self,
        channels: Sequence[tuple[object, ...]],
        *,
        aliases: Mapping[str, str] | None = None,
        state_channel: str | None = None,
        sample_period_s: float | None = None,
    ) -> None:
        """The tables that come from the plant file; running is 4, failed 2, overhaul 3."""
        self.lake.write("channel_catalogue", self._frame(channels, CHANNEL, CHANNEL_CATALOGUE))
        self.tags.update({channel: tag for channel, tag, *_ in channels})
        tags = [(tag, channel) for channel, tag in self.tags.items()] + list((aliases or {}).items())
        self.lake.write("channel_tag", self._frame(tags, ("tag", "channel"), CHANNEL_TAG))
        values = {"running_value": 4, "failed_value": 2, "overhaul_value": 3, "cycle_length_s": 3600.0}
        told = {"state_channel": state_channel, "sample_period_s": sample_period_s, **values}
        fleet = self._frame([tuple(told.values())], tuple(told), FLEET_CATALOGUE)
        self.lake.write("fleet_catalogue", fleet)

    def lives(self, lives: Sequence[tuple[object, ...]], *, timed: bool = False) -> None:
        frame = self._frame(lives, LIFE, UNIT_LIFE)
        names = pl.format("{}#{}", "unit_id", pl.col("life").cast(pl.String).str.zfill(2))
        start = pl.lit(at(1, 0) if timed else None, UTC_TIME)
        frame = frame.with_columns(
            life_id=names,
            is_start_known=pl.lit(value=True),
            first_ts_utc=start + pl.duration(hours=pl.col("first_cycle")),
            last_ts_utc=start + pl.duration(hours=pl.col("last_cycle")),
        )
        self.lake.write("unit_life", frame.cast(dict(UNIT_LIFE)), Partition(self.fleet))

    def readings(
        self,
        day: str | None,
        accepted: Sequence[tuple[object, ...]],
        quarantined: Sequence[tuple[object, ...]],
    ) -> None:
        part = Partition(self.fleet, day)
        self.lake.write("clean_reading", self._frame(accepted, READING, CLEAN_READING), part)
        self.lake.write("quarantined_reading", self._frame(quarantined, QUARANTINED, QUARANTINED_READING), part)
        told = [(unit, self.tags[channel], at, cycle) for unit, channel, at, cycle, *_ in accepted]
        told += [(unit, tag, at, cycle) for unit, tag, at, cycle, *_ in quarantined]
        numbered = [(*row, line) for line, row in enumerate(told, start=1)]
        extract = self._frame(numbered, EXTRACTED, EXTRACT).with_columns(quality=pl.lit(GOOD_QUALITY, pl.Int32))
        self.lake.write("historian_extract", extract, part)
        self.ledger(day, len(accepted), len(quarantined))

    def ledger(self, day: str | None, accepted: int, quarantined: int) -> None:
        row = (
            dt.date.fromisoformat(day) if day else None,
            "s1",
            accepted + quarantined + 1,
            accepted,
            quarantined,
            1,
        )
        columns = ("day", "segment_id", "extracted", "accepted", "quarantined", "duplicates")
        self.lake.write("cleaning_ledger", self._frame([row], columns, CLEANING_LEDGER), Partition(self.fleet, day))

    def _frame(
        self, rows: Sequence[tuple[object, ...]], columns: Sequence[str], schema: Mapping[str, pl.DataType]
    ) -> pl.DataFrame:
        keyed = [{"plant": "small", "fleet": self.fleet, **dict(zip(columns, row, strict=True))} for row in rows]
        return pl.DataFrame(keyed, schema=dict(schema))


@dataclass(frozen=True)
class Built:
    """A plant's home after a run of the marts."""

    home: Home
    instance: dg.DagsterInstance
    result: dg.ExecuteInProcessResult
    run: Callable[..., dg.ExecuteInProcessResult]

    @property
    def lake(self) -> Lake:
        return Lake(self.home.lake)

    def checks(self) -> dict[str, bool]:
        return {found.check_name: found.passed for found in self.result.get_asset_check_evaluations()}


def build(home: Home, upstream: dg.PartitionsDefinition) -> Built:
    """Build all marts over the lake in `home`; their inputs are assets that other rooms have made."""
    instance = dg.DagsterInstance.ephemeral()
    run = runner(home, upstream, instance)
    return Built(home=home, instance=instance, result=run(), run=run)


def runner(
    home: Home, upstream: dg.PartitionsDefinition, instance: dg.DagsterInstance
) -> Callable[..., dg.ExecuteInProcessResult]:
    """A function that runs a selection of the marts and their checks over the lake in `home`."""
    partitioned = ("historian_extract", "clean_reading", "quarantined_reading", "cleaning_ledger", "unit_life")
    whole = ("channel_catalogue", "channel_tag", "fleet_catalogue")
    made_before = [dg.AssetSpec(name, partitions_def=upstream) for name in partitioned]
    resources = {"lake": LakeResource(root=str(home.lake)), "dbt": dbt_resource(home)}

    def run(selection: dg.AssetSelection | None = None) -> dg.ExecuteInProcessResult:
        return dg.materialize(
            [telemetry_marts(), *made_before, *(dg.AssetSpec(name) for name in whole)],
            selection=selection,
            resources=resources,
            instance=instance,
            raise_on_error=False,
        )

    return run
