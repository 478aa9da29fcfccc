"""Collecting: each new file becomes a segment, kept for good and never changed.

A segment is a folder in the exchange: `manifest.json` (when it came in, where each row went), one Parquet slice
for each fleet and day that it touches, and `quarantine.parquet` for rows that belong nowhere. Its name holds the
digest of the file, so collecting the same file twice makes one segment, whoever does it.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from factory_assets.foundation.lake import Partition, combined_digest, replacing
from factory_assets.foundation.settings import Site
from factory_assets.historian.cmapss import CmapssArchive
from factory_assets.historian.export import TEXT_COLUMNS, ExportFolder
from factory_assets.historian.reading import Candidate, Parsed, SegmentRefusedError, Source
from factory_assets.historian.schema import EXTRACT, SegmentManifest, Slice

INDEX = "index.json"
CLOCK_TOLERANCE = dt.timedelta(hours=1)


@dataclass(frozen=True)
class Collection:
    """What one look at the source found.

    Attributes:
        new: Segments that were made now.
        refused: (file, reason) of files that could not be read.
        waiting: Files beyond the limit that was asked for; the next look takes them.
    """

    new: list[SegmentManifest] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    waiting: int = 0


def source_of(site: Site) -> Source:
    """The historian that the plant file names."""
    source = site.plant.source
    folder = site.folder(source.folder)
    if source.kind == "cmapss":
        return CmapssArchive(folder=folder, plant=site.plant)
    return ExportFolder(folder=folder, source=source, plant=site.plant)


def collect(
    site: Site, *, now: dt.datetime, fleets: Sequence[str] | None = None, limit: int | None = None
) -> Collection:
    """Make a segment of every file in the source folder that is new or has changed.

    Args:
        site: The plant and its places.
        now: Recorded as the time of receipt; rows that claim to be later are set aside.
        fleets: Leave files alone that are known to hold other fleets only.
        limit: Read at most this many files.
    """
    segments = site.home.segments
    source = source_of(site)
    index = _read_index(segments)
    found = Collection()
    waiting = 0
    for candidate in source.candidates():
        others = fleets is not None and candidate.fleets is not None and not set(fleets) & set(candidate.fleets)
        if others or index.get(candidate.name, {}).get("stamp") == candidate.stamp:
            continue
        if limit is not None and len(found.new) + len(found.refused) >= limit:
            waiting += 1
            continue
        try:
            manifest, is_new = _make_segment(site, candidate, source.read(candidate), now)
        except SegmentRefusedError as error:
            found.refused.append((candidate.name, str(error)))
            continue
        if is_new:
            found.new.append(manifest)
        index[candidate.name] = {"stamp": candidate.stamp, "segment_id": manifest.segment_id}
    if found.new or index != _read_index(segments):
        _write_json(segments / INDEX, index)
    return Collection(found.new, found.refused, waiting)


def manifests(segments: Path) -> list[SegmentManifest]:
    """All segments, in the order in which they came in."""
    found = [
        SegmentManifest.model_validate_json(path.read_text(encoding="utf-8"))
        for path in segments.glob("[!.]*/manifest.json")
    ]
    return sorted(found, key=lambda manifest: (manifest.received_ts_utc, manifest.segment_id))


def contents(segments: Path) -> dict[Partition, list[SegmentManifest]]:
    """Which segments each partition of readings is made of, in the order in which they came in."""
    parts: dict[Partition, list[SegmentManifest]] = {}
    for manifest in manifests(segments):
        for piece in manifest.slices:
            parts.setdefault(Partition(piece.fleet, piece.day), []).append(manifest)
    return parts


def source_version(of_partition: Iterable[SegmentManifest]) -> str:
    """The data version of what the historian holds for a partition."""
    return combined_digest(manifest.segment_id for manifest in of_partition)


def slice_path(segments: Path, segment_id: str, partition: Partition) -> Path:
    """Where a segment keeps its rows of a partition."""
    return segments / segment_id / partition.file


def _make_segment(site: Site, candidate: Candidate, parsed: Parsed, now: dt.datetime) -> tuple[SegmentManifest, bool]:
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", candidate.name.rsplit(".", 1)[0])
    segment_id = f"{stem}-{parsed.sha256[:12]}"
    folder = site.home.segments / segment_id
    if (folder / "manifest.json").is_file():
        return SegmentManifest.model_validate_json((folder / "manifest.json").read_text(encoding="utf-8")), False
    rows, quarantined = _set_aside_impossible_times(site, parsed, now)
    site.home.segments.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=".making-", dir=site.home.segments))
    try:
        slices = _write_slices(building, site, segment_id, rows)
        if quarantined.height:
            quarantined.write_parquet(building / "quarantine.parquet")
        manifest = SegmentManifest(
            segment_id=segment_id,
            source=candidate.name,
            sha256=parsed.sha256,
            received_ts_utc=now,
            rows_read=parsed.rows.height + parsed.quarantined.height,
            rows_quarantined=_counts(quarantined),
            slices=tuple(slices),
        )
        (building / "manifest.json").write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
        _publish(building, folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return manifest, True


def _publish(building: Path, folder: Path) -> None:
    """Rename into place; if somebody else made the very same segment meanwhile, theirs stands."""
    try:
        building.rename(folder)
    except OSError:
        if not (folder / "manifest.json").is_file():
            raise


def _set_aside_impossible_times(site: Site, parsed: Parsed, now: dt.datetime) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows from before the plant's first day, or from after the moment of receipt, cannot be placed in a day."""
    plant = site.plant
    if not plant.running or plant.start is None:
        return parsed.rows, parsed.quarantined
    first = dt.datetime.combine(plant.start, dt.time(), dt.UTC)
    possible = pl.col("ts_utc").is_between(first, now + CLOCK_TOLERANCE).fill_null(value=False)
    impossible = parsed.rows.filter(~possible).select(
        "unit_id",
        "channel",
        time=pl.col("ts_utc").cast(pl.String),
        cycle=pl.col("cycle").cast(pl.String),
        value=pl.col("value").cast(pl.String),
        quality=pl.col("quality").cast(pl.String),
        reason=pl.lit("impossible_time"),
    )
    parts = [part for part in (parsed.quarantined, impossible) if part.height]
    empty = pl.DataFrame(schema=dict.fromkeys((*TEXT_COLUMNS, "reason"), pl.String))
    return parsed.rows.filter(possible), pl.concat([empty, *parts])


def _write_slices(folder: Path, site: Site, segment_id: str, rows: pl.DataFrame) -> list[Slice]:
    plant = site.plant
    day = pl.col("ts_utc").dt.date().cast(pl.String) if plant.running else pl.lit(None, pl.String)
    tall = rows.with_columns(plant=pl.lit(plant.plant), segment_id=pl.lit(segment_id), day=day)
    slices = []
    for (fleet, on_day), part in sorted(
        tall.partition_by("fleet", "day", as_dict=True, maintain_order=True).items(),
        key=lambda item: str(item[0]),
    ):
        path = folder / Partition(fleet, on_day).file
        path.parent.mkdir(parents=True, exist_ok=True)
        part.select([pl.col(name).cast(dtype) for name, dtype in EXTRACT.items()]).write_parquet(path)
        slices.append(Slice(fleet=fleet, day=on_day, rows=part.height))
    return slices


def _counts(quarantined: pl.DataFrame) -> dict[str, int]:
    if not quarantined.height:
        return {}
    counted = quarantined.group_by("reason").len().sort("reason")
    return dict(counted.iter_rows())


def _read_index(segments: Path) -> dict[str, dict[str, str]]:
    """Which file, as it was, became which segment: saves reading files again, and may be lost without harm."""
    path = segments / INDEX
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _write_json(path: Path, value: object) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1, sort_keys=True), encoding="utf-8")
