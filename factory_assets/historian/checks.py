"""Asset checks of the historian room; each is evaluated in the run that writes the asset, and blocks what follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dagster as dg

from factory_assets.foundation.contracts import Breach
from factory_assets.foundation.lake import Partition
from factory_assets.foundation.settling import failed_partitions
from factory_assets.historian.extract import unplaced_rows
from factory_assets.historian.schema import SegmentManifest

EXTRACT = "historian_extract"
EXTRACT_CHECKS = [
    dg.AssetCheckSpec(
        "contract", asset=EXTRACT, blocking=True, description="Columns, types and keys of every extract."
    ),
    dg.AssetCheckSpec(
        "segments_lose_no_reading",
        asset=EXTRACT,
        blocking=True,
        description="Rows read from a file = rows in its slices + rows in its quarantine, for every segment.",
    ),
    dg.AssetCheckSpec(
        "extracts_hold_their_segments",
        asset=EXTRACT,
        blocking=True,
        description="Rows of an extract = rows of the slices that it is made of, for every partition.",
    ),
]


def contract(breaches: Sequence[Breach]) -> dg.AssetCheckResult:
    """Whether all extracts of the run keep the contract."""
    return dg.AssetCheckResult(
        asset_key=EXTRACT,
        check_name="contract",
        passed=not breaches,
        metadata={
            "breaches": dg.MetadataValue.md("\n".join(map(str, breaches)) or "none"),
            **failed_partitions({breach.where: breach.what for breach in breaches}),
        },
    )


def segments_lose_no_reading(segments: Sequence[SegmentManifest]) -> dg.AssetCheckResult:
    """Whether every segment has a place for each of its rows."""
    lost = {segment.segment_id: unplaced_rows(segment) for segment in segments}
    failed = {
        str(Partition(piece.fleet, piece.day)): f"segment {segment.segment_id} lost {lost[segment.segment_id]} rows"
        for segment in segments
        if lost[segment.segment_id]
        for piece in segment.slices
    }
    quarantined: dict[str, int] = {}
    for segment in segments:
        for reason, rows in segment.rows_quarantined.items():
            quarantined[reason] = quarantined.get(reason, 0) + rows
    return dg.AssetCheckResult(
        asset_key=EXTRACT,
        check_name="segments_lose_no_reading",
        passed=not any(lost.values()),
        metadata={
            "segments": len(segments),
            "rows_read": sum(segment.rows_read for segment in segments),
            "rows_lost": sum(lost.values()),
            "rows_quarantined_by_segment": quarantined,
            **failed_partitions(failed),
        },
    )


def extracts_hold_their_segments(rows: Mapping[Partition, tuple[int, int]]) -> dg.AssetCheckResult:
    """Whether every extract holds the rows of its slices: (rows in the lake, rows of the slices) by partition."""
    wrong = {
        str(partition): f"{have} of {promised} rows" for partition, (have, promised) in rows.items() if have != promised
    }
    return dg.AssetCheckResult(
        asset_key=EXTRACT,
        check_name="extracts_hold_their_segments",
        passed=not wrong,
        metadata={
            "rows": sum(have for have, _ in rows.values()),
            **failed_partitions(wrong),
        },
    )
