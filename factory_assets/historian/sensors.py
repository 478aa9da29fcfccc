"""The sensor that starts runs for new historian segments."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg

from factory_assets.foundation import partitions as parts
from factory_assets.foundation.lake import Partition
from factory_assets.foundation.plant import Plant
from factory_assets.foundation.settings import Site
from factory_assets.foundation.staleness import observation, observed_version
from factory_assets.historian import segments
from factory_assets.historian.schema import SegmentManifest, Slice

FILES_A_TICK = 50
REQUESTS_A_TICK = 10
ONE_DAY = dt.timedelta(days=1)
SOURCE = dg.AssetKey("historian_source")


def sensors(site: Site, *, job: dg.UnresolvedAssetJobDefinition) -> list[dg.SensorDefinition]:
    """The sensors of this room for one plant; an archive has none, for nothing new comes."""
    return [segment_sensor(site, job=job)] if site.plant.running and site.plant.fleets else []


def segment_sensor(site: Site, *, job: dg.UnresolvedAssetJobDefinition) -> dg.SensorDefinition:
    """Collects new files, reports what the historian now holds, and asks for the partitions that they touch."""

    @dg.sensor(
        name="new_historian_segments",
        job=job,
        minimum_interval_seconds=15,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            f"Looks into {site.plant.source.folder} for new files. Each one asks for its days and, since cleaning "
            f"reads the day before too, for the days after them; at most {REQUESTS_A_TICK} runs are requested a tick."
        ),
    )
    def _segment_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        now = dt.datetime.now(dt.UTC)
        found = segments.collect(site, now=now, limit=FILES_A_TICK)
        for name, reason in found.newly_refused:
            context.log.error("%s was refused: %s", name, reason)
        cursor = Cursor.read(context.cursor)
        fresh = [m for m in segments.manifests(site.home.segments) if not cursor.has_seen(m)]
        versions = _unobserved(context.instance, site, fresh)
        fresh_and_new = [m for m in fresh if any(_partition(piece) in versions for piece in m.slices)]
        if not fresh_and_new:
            context.update_cursor(cursor.after(fresh).text())
            refused = f"; refused: {', '.join(name for name, _ in found.refused)}" if found.refused else ""
            return dg.SkipReason(f"nothing new in {site.folder(site.plant.source.folder)}{refused}")
        taken, requests = requests_for(site.plant, fresh_and_new, today=now.date())
        touched = {_partition(piece) for manifest in taken for piece in manifest.slices} & versions.keys()
        return dg.SensorResult(
            run_requests=requests,
            asset_events=[
                observation(SOURCE, parts.to_key(partition), versions[partition])
                for partition in sorted(touched, key=str)
            ],
            cursor=cursor.after(taken).text(),
        )

    return _segment_sensor


@dataclass(frozen=True)
class Cursor:
    """Which segments have been dealt with: all received before `since`, and those named in `seen`.

    Segments are taken in the order of receipt, but one that another process was making meanwhile may appear late;
    so what was seen within the last day is remembered by name, and what is older by its time alone.
    """

    since: str = ""
    seen: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def read(text: str | None) -> Cursor:
        """The cursor that Dagster kept, or the one that has seen nothing."""
        if not text:
            return Cursor()
        value = json.loads(text)
        return Cursor(value["since"], value["seen"])

    def text(self) -> str:
        """What Dagster keeps."""
        return json.dumps({"since": self.since, "seen": dict(self.seen)}, sort_keys=True)

    def has_seen(self, manifest: SegmentManifest) -> bool:
        """Whether a segment has been dealt with."""
        return manifest.received_ts_utc.isoformat() < self.since or manifest.segment_id in self.seen

    def after(self, taken: Sequence[SegmentManifest]) -> Cursor:
        """The cursor once these segments have been dealt with too."""
        if not taken:
            return self
        seen = dict(self.seen) | {m.segment_id: m.received_ts_utc.isoformat() for m in taken}
        since = max(self.since, (max(m.received_ts_utc for m in taken) - ONE_DAY).isoformat())
        return Cursor(since, {name: received for name, received in seen.items() if received >= since})


def _partition(piece: Slice) -> Partition:
    return Partition(piece.fleet, piece.day)


def _unobserved(instance: dg.DagsterInstance, site: Site, fresh: Iterable[SegmentManifest]) -> dict[Partition, str]:
    """The partitions of these segments whose state nobody has reported yet, with their data version.

    `factory materialize` reports and runs what it collects by itself; asking for that again would be idle work.
    """
    contents = segments.contents(site.home.segments)
    versions = {}
    for partition in {_partition(piece) for manifest in fresh for piece in manifest.slices}:
        version = segments.source_version(contents[partition])
        if observed_version(instance, SOURCE, parts.to_key(partition)) != version:
            versions[partition] = version
    return versions


def requests_for(
    plant: Plant, fresh: Iterable[SegmentManifest], *, today: dt.date
) -> tuple[list[SegmentManifest], list[dg.RunRequest]]:
    """Run requests for new segments, as many segments as fit into one tick.

    Returns:
        The segments that were taken, in the order in which they came in, and one request for each block of adjoining
        days and fleets that they touch. The run key holds the segments, so that a repeated tick asks for nothing new.
    """
    taken: list[SegmentManifest] = []
    ranges: list[tuple[str, str]] = []
    for manifest in fresh:
        more = parts.rectangles(plant, touched_partitions([*taken, manifest], today=today))
        if taken and len(more) > REQUESTS_A_TICK:
            break
        taken, ranges = [*taken, manifest], more
    key = f"{taken[0].segment_id}..{taken[-1].segment_id}" if taken else ""
    return taken, [
        dg.RunRequest(run_key=f"{key} {first} {last}", tags=parts.range_tags(first, last)) for first, last in ranges
    ]


def touched_partitions(manifests: Iterable[SegmentManifest], *, today: dt.date) -> set[Partition]:
    """The days of the segments, and the day after each one, up to today."""
    touched = set()
    for manifest in manifests:
        for piece in manifest.slices:
            touched.add(Partition(piece.fleet, piece.day))
            if piece.day is not None:
                after = dt.date.fromisoformat(piece.day) + ONE_DAY
                if after <= today:
                    touched.add(Partition(piece.fleet, after.isoformat()))
    return touched
