"""What a refresh runs of assets that are a record of a day, and what it tells of checks that failed."""

from __future__ import annotations

import dagster as dg

from factory_assets.foundation import partitions as parts
from factory_assets.foundation.lake import Partition
from factory_assets.foundation.plant import Plant
from factory_assets.foundation.runs import NEWEST_ONLY, Scope, failed_checks, refresh
from tests.plants import plant_dict

PLANT = Plant.model_validate(plant_dict())
READINGS = [
    Partition("north", "2026-09-01"), Partition("north", "2026-09-02"), Partition("south", "2026-09-01"),
    Partition("north", "2026-09-03"),
]  # fmt: skip


def defs(version: str) -> dg.Definitions:
    def asset(name: str, **given: object) -> dg.AssetsDefinition:
        @dg.asset(
            name=name, partitions_def=parts.readings(PLANT), backfill_policy=dg.BackfillPolicy.single_run(),
            code_version=version, **given,
        )  # fmt: skip
        def _made() -> dg.MaterializeResult:
            return dg.MaterializeResult(data_version=dg.DataVersion("1"))

        return _made

    return dg.Definitions([asset("sensor_table"), asset("rul_forecast", tags={NEWEST_ONLY: ""})])


def run(instance: dg.DagsterInstance, version: str, readings: list[Partition]) -> dict[str, int]:
    """How many partitions of each asset were run."""
    counted: dict[str, int] = {}
    for done in refresh(defs(version), instance, PLANT, lambda: Scope(readings)).executed:
        counted[done.assets[0]] = counted.get(done.assets[0], 0) + done.partitions
    return counted


def made(instance: dg.DagsterInstance, asset: str) -> set[str]:
    return {str(key) for key in instance.get_materialized_partitions(dg.AssetKey(asset))}


def test_of_a_record_of_the_day_only_the_newest_day_of_each_fleet_is_made() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert run(instance, "1", READINGS) == {"sensor_table": 4, "rul_forecast": 2}
        newest = {"2026-09-03|north", "2026-09-01|south"}
        assert made(instance, "rul_forecast") == newest
        assert run(instance, "1", READINGS) == {}
        # A day later what was said of the days before stands, even if it would be said otherwise today.
        later = [*READINGS, Partition("south", "2026-09-02")]
        assert run(instance, "2", later) == {"sensor_table": 5, "rul_forecast": 2}
        assert made(instance, "rul_forecast") == {*newest, "2026-09-02|south"}


def test_checks_that_failed_for_the_same_partitions_are_one_line() -> None:
    failed = [
        ("image", "readable", "casting"), ("image", "unique", "casting"), ("image", "readable", "cover"),
        ("image", "unique", "cover"), ("image", "blank", "cover"), ("mart", "fresh", None),
    ]  # fmt: skip
    assert failed_checks(failed) == [
        "image (casting, cover): checks readable, unique failed",
        "image (cover): check blank failed",
        "mart: check fresh failed",
    ]
    assert failed_checks([]) == []
