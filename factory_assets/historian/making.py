"""Makes one segment of one file: whole, or not at all."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.plant import Plant
from factory_assets.historian.reading import QUARANTINE, Batch, Candidate, SegmentRefusedError, Source
from factory_assets.historian.schema import SegmentManifest
from factory_assets.historian.slices import SliceWriter

MANIFEST = "manifest.json"
MAKING = ".making-"
CLOCK_TOLERANCE = dt.timedelta(hours=1)
STEM_CHARACTERS = 100
ABANDONED_S = 24 * 3600.0


class SegmentNotWrittenError(FactoryError, OSError):
    """A segment could not be written: the disk is full, or the folder may not be written to."""


def make_segment(
    segments: Path, source: Source, candidate: Candidate, *, plant: Plant, now: dt.datetime
) -> tuple[SegmentManifest, bool]:
    """Make a segment of a file, unless there is one of this very content, read as the plant file says.

    One of this content that was read otherwise (in another time zone, say) is replaced.

    Args:
        segments: The folder of all segments.
        source: The historian that the candidate came from.
        candidate: The file.
        plant: The plant.
        now: The time of receipt.

    Returns:
        Its manifest, and whether it was made now.

    Raises:
        SegmentRefusedError: The file is not what the plant file says.
        SegmentNotWrittenError: There is no room; nothing half-made stays behind.
    """
    sha256 = source.sha256(candidate)
    content = f"{_stem(candidate.name)}-{sha256[:12]}"
    segment_id = f"{content}-{settings_of_reading(plant)[:6]}"
    folder = segments / segment_id
    if (folder / MANIFEST).is_file():
        return read_manifest(folder / MANIFEST), False
    with _building(segments, candidate) as building:
        manifest = _fill(building, source, candidate, segment_id=segment_id, sha256=sha256, plant=plant, now=now)
        if source.sha256(candidate) != sha256:
            msg = f"{candidate.name} changed while it was read: it is read again as soon as it rests"
            raise SegmentRefusedError(msg)
        _publish(building, folder)
    _remove_other_readings(segments, content, segment_id)
    return manifest, True


def settings_of_reading(plant: Plant) -> str:
    """Digest of what the plant file says of how files are read and where their rows belong."""
    says = plant.model_dump(mode="json", include={"plant", "running", "start", "source"})
    for of_place in ("folder", "pattern"):
        says["source"].pop(of_place, None)
    says["fleets"] = [(fleet.name, fleet.units) for fleet in plant.fleets]
    if plant.source.kind == "cmapss":
        says["tags"] = [(c.source_tag, c.role) for name in plant.fleet_names for c in plant.channels(name)]
    return hashlib.sha256(json.dumps(says, sort_keys=True).encode()).hexdigest()


def _remove_other_readings(segments: Path, content: str, segment_id: str) -> None:
    """Remove segments of the same content that were read by other settings; the file itself can be read again."""
    for other in segments.glob(f"{content}*"):
        if other.name != segment_id:
            gone = segments / f"{MAKING}{other.name}"
            with suppress(FileNotFoundError):  # another process was faster
                other.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)


def read_manifest(path: Path) -> SegmentManifest:
    """A segment's manifest."""
    return SegmentManifest.model_validate_json(path.read_text(encoding="utf-8"))


def remove_abandoned(segments: Path) -> None:
    """Remove what a process that was killed left half-made, a day later."""
    for folder in segments.glob(f"{MAKING}*"):
        if folder.stat().st_mtime < time.time() - ABANDONED_S:
            shutil.rmtree(folder, ignore_errors=True)


def _stem(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name.rsplit(".", 1)[0])[-STEM_CHARACTERS:].lstrip("-")


@contextmanager
def _building(segments: Path, candidate: Candidate) -> Iterator[Path]:
    """A folder that is gone when the block ends, unless it was renamed."""
    building = None
    try:
        segments.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=MAKING, dir=segments))
        yield building
    except (OSError, PolarsError) as error:
        msg = (
            f"the segment of {candidate.name} could not be written to {segments}: {error}. Nothing half-made was kept: "
            "make room on the disk (or see to the access rights) and run again."
        )
        raise SegmentNotWrittenError(msg) from error
    finally:
        if building is not None:
            shutil.rmtree(building, ignore_errors=True)


def _fill(
    building: Path,
    source: Source,
    candidate: Candidate,
    *,
    segment_id: str,
    sha256: str,
    plant: Plant,
    now: dt.datetime,
) -> SegmentManifest:
    writer = SliceWriter(building, has_days=plant.running, constants={"plant": plant.plant, "segment_id": segment_id})
    aside = []
    rows_read = 0
    for batch in source.batches(candidate):
        rows_read += batch.rows_read
        placed = _set_aside_impossible_times(batch, plant, now)
        writer.add(placed.rows)
        aside.append(placed.quarantined)
    slices = writer.finish()
    quarantined = pl.concat([pl.DataFrame(schema=QUARANTINE), *aside]).sort("row", maintain_order=True)
    if quarantined.height:
        quarantined.write_parquet(building / "quarantine.parquet")
    manifest = SegmentManifest(
        segment_id=segment_id,
        source=candidate.name,
        sha256=sha256,
        received_ts_utc=now,
        rows_read=rows_read,
        rows_quarantined=dict(quarantined.group_by("reason").len().sort("reason").iter_rows()),
        slices=tuple(slices),
    )
    (building / MANIFEST).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
    return manifest


def _publish(building: Path, folder: Path) -> None:
    """Rename into place; if somebody else made the very same segment meanwhile, theirs stands."""
    try:
        building.rename(folder)
    except OSError:
        if not (folder / MANIFEST).is_file():
            raise


def _set_aside_impossible_times(batch: Batch, plant: Plant, now: dt.datetime) -> Batch:
    """Rows from before the plant's first day, or from after the moment of receipt, cannot be placed in a day."""
    if not plant.running or plant.start is None:
        return batch
    first = dt.datetime.combine(plant.start, dt.time(), dt.UTC)
    possible = pl.col("ts_utc").is_between(first, now + CLOCK_TOLERANCE).fill_null(value=False)
    impossible = batch.rows.filter(~possible)
    if impossible.is_empty():
        return batch
    as_text = impossible.select(
        "unit_id",
        "channel",
        pl.col("ts_utc").cast(pl.String).alias("time"),
        *[pl.col(name).cast(pl.String) for name in ("cycle", "value", "quality")],
        pl.lit(None, pl.String).alias("line"),
        "row",
        pl.lit("impossible_time").alias("reason"),
    )
    return Batch(batch.rows_read, batch.rows.filter(possible), pl.concat([batch.quarantined, as_text]))
