"""Asset checks of the telemetry room; each is evaluated in the run that writes the asset, and blocks what follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dagster as dg
import polars as pl

from factory_assets.foundation.contracts import Breach
from factory_assets.foundation.metadata import table
from factory_assets.foundation.settling import failed_partitions

CLEAN = "clean_reading"
SENSOR_TABLE = "sensor_table"
UNIT_LIFE = "unit_life"

CLEANING_CHECKS = [
    dg.AssetCheckSpec(
        "contract",
        asset=CLEAN,
        blocking=True,
        description="Known channels, good quality, finite, inside limits, unique.",
    ),
    dg.AssetCheckSpec(
        "readings_are_conserved",
        asset=CLEAN,
        blocking=True,
        description="extracted = accepted + quarantined + duplicates, for every segment of every partition.",
    ),
]
SENSOR_TABLE_CHECKS = [
    dg.AssetCheckSpec(
        "contract", asset=SENSOR_TABLE, blocking=True, description="One row a unit and cycle, inside limits."
    )
]
UNIT_LIFE_CHECKS = [
    dg.AssetCheckSpec(
        "contract", asset=UNIT_LIFE, blocking=True, description="One row a life, in known kinds of ending."
    )
]


def contract(asset: str, breaches: Sequence[Breach]) -> dg.AssetCheckResult:
    """Whether all partitions of the run keep the contract of their table."""
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name="contract",
        passed=not breaches,
        metadata={
            "breaches": dg.MetadataValue.md("\n".join(map(str, breaches)) or "none"),
            **failed_partitions({breach.where: breach.what for breach in breaches}),
        },
    )


def readings_are_conserved(unaccounted: Mapping[str, pl.DataFrame], extracted: int) -> dg.AssetCheckResult:
    """Whether every reading of the run is in exactly one place; `unaccounted` names segments that do not add up."""
    failed = {
        partition: f"readings of {', '.join(segments['segment_id'])} do not add up"
        for partition, segments in unaccounted.items()
        if segments.height
    }
    return dg.AssetCheckResult(
        asset_key=CLEAN,
        check_name="readings_are_conserved",
        passed=not failed,
        metadata={
            "readings": extracted,
            "segments_that_do_not_add_up": table(pl.concat(list(unaccounted.values()))),
            **failed_partitions(failed),
        },
    )
