"""Collecting: each new file becomes a segment, kept for good and never changed.

A segment is a folder in the exchange: `manifest.json` (when it came in, where each row went), one Parquet slice
for each fleet and day that it touches, and `quarantine.parquet` for rows that belong nowhere. Its name holds the
digests of the file and of the settings that it was read by, so collecting the same file twice makes one segment,
whoever does it, and one that was read by settings which have changed since is read again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.lake import Partition, combined_digest
from factory_assets.foundation.plant import Plant
from factory_assets.foundation.settings import Site
from factory_assets.foundation.versions import code_version
from factory_assets.historian import clock, cmapss, export, folder, lines, making, owner, suspicion
from factory_assets.historian.cmapss import CmapssArchive
from factory_assets.historian.export import ExportFolder
from factory_assets.historian.index import Index
from factory_assets.historian.reading import SegmentRefusedError, Source
from factory_assets.historian.schema import SegmentManifest

READER = (clock, cmapss, export, folder, lines, making, suspicion)


@dataclass(frozen=True)
class Collection:
    """What one look at the source found.

    Attributes:
        new: Segments that were made now.
        refused: (file, reason) of files that cannot be read as they are, now or at an earlier look.
        newly_refused: Those of them that nobody has been told of yet.
        waiting: Files beyond the limit that was asked for; the next look takes them.
    """

    new: list[SegmentManifest] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    newly_refused: list[tuple[str, str]] = field(default_factory=list)
    waiting: int = 0


class NoHistorianError(FactoryError, ValueError):
    """Readings were asked for of a plant that only inspects parts."""


def source_of(site: Site) -> Source:
    """The historian that the plant file names."""
    source = site.plant.source
    place = site.folder(source.folder)
    if source.kind == "cmapss":
        return CmapssArchive(folder=place, plant=site.plant)
    if source.kind == "none":
        msg = f"plant {site.plant.plant} has no historian: its plant file names no source"
        raise NoHistorianError(msg)
    return ExportFolder(folder=place, source=source, plant=site.plant)


def collect(
    site: Site, *, now: dt.datetime, fleets: Sequence[str] | None = None, limit: int | None = None
) -> Collection:
    """Make a segment of every file in the source folder that is new or has changed.

    A file is read again when it changes, or when the plant file says otherwise how to read it. Files of one look come
    in one after the other, a microsecond apart.

    Args:
        site: The plant and its places.
        now: Recorded as the time of receipt; rows that claim to be later are set aside.
        fleets: Leave files alone that are known to hold other fleets only.
        limit: Read at most this many files.

    Raises:
        SegmentNotWrittenError: There is no room for a segment; those made before it stand.
        HomeTakenError: The home holds another plant of the same name.
    """
    segments = site.home.segments
    owner.claim(site)
    making.remove_abandoned(segments)
    source = source_of(site)
    settings = making.settings_of_reading(site.plant)
    index = Index.load(segments, reading=reading_version(site.plant), settings=settings)
    found = Collection()
    waiting = 0
    try:
        for candidate in index.in_order_of_receipt(source.candidates()):
            others = fleets is not None and candidate.fleets is not None and not set(fleets) & set(candidate.fleets)
            if others or index.is_collected(candidate):
                continue
            if known := index.refusal(candidate):
                found.refused.append((candidate.name, known))
                continue
            if limit is not None and len(found.new) + len(found.newly_refused) >= limit:
                waiting += 1
                continue
            try:
                received = now + len(found.new) * dt.timedelta(microseconds=1)
                manifest, is_new = making.make_segment(segments, source, candidate, plant=site.plant, now=received)
            except SegmentRefusedError as error:
                found.refused.append((candidate.name, str(error)))
                found.newly_refused.append((candidate.name, str(error)))
                index.note_refusal(candidate, str(error))
                continue
            if is_new:
                found.new.append(manifest)
            index.note_segment(candidate, manifest)
    finally:
        index.save()
    return Collection(found.new, found.refused, found.newly_refused, waiting)


def told(refused: Iterable[tuple[str, str]]) -> str:
    """Refused files as lines of text; most reasons begin with the file's name."""
    return "\n".join(reason if name in reason else f"{name}: {reason}" for name, reason in refused)


def reading_version(plant: Plant) -> str:
    """Changes with the reader and the plant file's settings: what was refused is then worth another try."""
    return code_version(*READER, settings=[plant.settings_of_readings()])


def manifests(segments: Path) -> list[SegmentManifest]:
    """All segments, in the order in which they came in."""
    found = [making.read_manifest(path) for path in segments.glob(f"[!.]*/{making.MANIFEST}")]
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
