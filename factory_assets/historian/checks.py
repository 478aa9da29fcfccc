"""Asset checks of the historian room; each is evaluated in the run that writes the asset, and blocks what follows."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from factory_assets.foundation.contracts import Breach
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
]


def contract(breaches: Sequence[Breach]) -> dg.AssetCheckResult:
    """Whether all extracts of the run keep the contract."""
    return dg.AssetCheckResult(
        asset_key=EXTRACT,
        check_name="contract",
        passed=not breaches,
        metadata={"breaches": dg.MetadataValue.md("\n".join(map(str, breaches)) or "none")},
    )


def segments_lose_no_reading(segments: Sequence[SegmentManifest]) -> dg.AssetCheckResult:
    """Whether every segment has a place for each of its rows."""
    lost = {segment.segment_id: unplaced_rows(segment) for segment in segments}
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
        },
    )
