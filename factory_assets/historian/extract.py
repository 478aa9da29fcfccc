"""Extracts: the readings of one partition, put together from the segments that touch it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.lake import Partition
from factory_assets.foundation.plant import Plant
from factory_assets.historian.schema import CHANNEL_CATALOGUE, EXTRACT, SegmentManifest
from factory_assets.historian.segments import slice_path


class SegmentDamagedError(FactoryError, RuntimeError):
    """A segment does not hold the rows that its manifest says."""


def extract(segments: Path, partition: Partition, of_partition: Sequence[SegmentManifest]) -> pl.DataFrame:
    """All rows that came in for a partition, sorted by unit, channel and time.

    Rows of the same unit, channel and time stand in the order in which they came in (segment after segment, and line
    after line within one), so that cleaning can let the later one win.

    Raises:
        SegmentDamagedError: A slice is missing or has lost rows.
    """
    parts = [
        _slice(segments, partition, manifest).with_columns(__segment=pl.lit(number, pl.Int32))
        for number, manifest in enumerate(of_partition)
    ]
    if not parts:
        return pl.DataFrame(schema=EXTRACT)
    key = ("unit_id", "channel", "ts_utc", "cycle", "__segment", "row")
    return pl.concat(parts).sort(*key, maintain_order=True).drop("__segment")


def _slice(segments: Path, partition: Partition, manifest: SegmentManifest) -> pl.DataFrame:
    path = slice_path(segments, manifest.segment_id, partition)
    expected = rows_of_slices(partition, [manifest])
    try:
        frame = pl.read_parquet(path, glob=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        folder = segments / manifest.segment_id
        msg = f"segment {manifest.segment_id} lost its slice {partition} ({error}): remove {folder}"
        raise SegmentDamagedError(f"{msg} and collect {manifest.source} again") from error
    if frame.height != expected:
        msg = f"segment {manifest.segment_id}, slice {partition}: {frame.height} rows, the manifest says {expected}"
        raise SegmentDamagedError(msg)
    return frame


def rows_of_slices(partition: Partition, of_partition: Sequence[SegmentManifest]) -> int:
    """How many rows the manifests promise for a partition."""
    return sum(s.rows for m in of_partition for s in m.slices if (s.fleet, s.day) == (partition.fleet, partition.day))


def rows_in_file(path: Path) -> int:
    """Rows of a Parquet file, counted in the file itself."""
    return int(pl.scan_parquet(path, glob=False).select(pl.len()).collect().item())


def unplaced_rows(manifest: SegmentManifest) -> int:
    """Rows of a segment that are neither in a slice nor in its quarantine; 0 unless a row was lost."""
    placed = sum(piece.rows for piece in manifest.slices)
    return manifest.rows_read - placed - sum(manifest.rows_quarantined.values())


def channel_catalogue(plant: Plant) -> pl.DataFrame:
    """What the plant file says of each fleet's channels, as a table for SQL."""
    rows = [
        {
            "plant": plant.plant,
            "fleet": fleet,
            "channel": channel.name,
            "tag": channel.source_tag,
            "unit": channel.unit,
            "role": channel.role,
            "low": channel.low,
            "high": channel.high,
        }
        for fleet in plant.fleet_names
        for channel in plant.channels(fleet)
    ]
    return pl.DataFrame(rows, schema=CHANNEL_CATALOGUE)
