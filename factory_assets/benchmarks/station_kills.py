"""Whether no part is lost, doubled or judged by an unverified engine when the service is killed again and again."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from edge_runtime.bundle import load_manifest
from edge_runtime.bundle.state import open_active, open_kept, read_fallback, read_rolled_back
from edge_runtime.bundle.values import MANIFEST
from edge_runtime.errors import EdgeError
from edge_runtime.spool import Spool
from edge_runtime.spool.segments import decode_record, numbers_of, read_segment
from edge_runtime.spool.spool import Limits
from edge_runtime.station.config import SpoolSettings
from edge_runtime.station.parts import SPOOL
from edge_runtime.station.records import VerdictRecord
from factory_assets.benchmarks.report import Details, Figure, Goal, Options, Report
from factory_assets.benchmarks.service_process import (
    RELEASES,
    RESULTS,
    STATE,
    STATION,
    PartFolder,
    Service,
    part_name,
    right_verdict,
    started_at,
    wait_until,
    write_config,
)
from factory_assets.benchmarks.tiny_release import TinySite
from factory_assets.benchmarks.tiny_station import make_brightness_bundle
from factory_assets.engines.keys import create_keys

NAME = "station_kills"
TITLE = "SIGKILLs of the inspection service at random moments, with new releases meanwhile."
KILLS, QUICK_KILLS = 200, 2
SEED = 5
# In times that the service needs until it is ready here.
EARLIEST, LATEST = 0.3, 3.0
RELEASE_EVERY, TRIAL_PARTS = 2, 20
# Slow enough that all parts of 200 kills stay in the ledger, which forgets all but the newest 100,000.
FEED_S, MOST_WAITING, POLL_S = 0.02, 30, 0.01
ORPHAN_S = 10.0
GAIN_STEP = 0.001
# Fewer would mean that the releases did not change under the kills.
RELEASES_A_KILL = 0.1
NONE = Goal(0, 0)
NOTES = (
    "`factory-edge run` is killed at a random moment (seeded), then started again.",
    f"The moments are spread evenly from {EARLIEST:g} to {LATEST:g} times the time that it needs to be ready.",
    f"After every second start, at a random moment, a new release is published; its trial is {TRIAL_PARTS} parts.",
    f"A folder is the camera: a part every {FEED_S * 1000:g} ms, also while nothing runs; {MOST_WAITING} wait at most.",
    "In the end the service judges what is left; then its ledger and the segments in the exchange are read.",
    "A part that was at work when the service was killed is rejected as interrupted; that is its one verdict.",
)


@dataclass
class Seen:
    """What was seen at the kills, and in the end.

    Attributes:
        kills: How many.
        published: Version of the bundle of each release.
        unverified: What was wrong with the active release or its fallback, by kill.
        on_trial: Kills while a release was on trial.
        rolled_back: Releases that were rolled back.
        ended: What the service said when it ended by itself.
        started: All its processes, with when they began.
        outlived: How many of them were left in the end.
        made: How many parts there were.
        open: Triggers without a verdict in the ledger.
        ledger: Its verdicts.
        exchange: Those in the exchange.
        ready_s: How long the first start took.
        wall_s: Of all kills.
    """

    kills: int
    published: dict[int, str] = field(default_factory=dict)
    unverified: list[str] = field(default_factory=list)
    on_trial: int = 0
    rolled_back: set[int] = field(default_factory=set)
    ended: list[str] = field(default_factory=list)
    started: set[tuple[int, int | None]] = field(default_factory=set)
    outlived: int = 0
    made: int = 0
    open: int = 0
    ledger: list[VerdictRecord] = field(default_factory=list)
    exchange: list[VerdictRecord] = field(default_factory=list)
    ready_s: float = 0.0
    wall_s: float = 0.0

    def alive(self) -> list[int]:
        """Processes that have not ended."""
        return [pid for pid, began in self.started if began is not None and started_at(pid) == began]


def run(options: Options) -> Report:
    """Kill the service so often."""
    return report(measured(options.folder, options.size("kills", full=KILLS, quick=QUICK_KILLS)))


def measured(folder: Path, kills: int) -> Seen:
    """Start, feed, publish and kill; then let the service end its work and read what it kept."""
    seen, moments = Seen(kills), random.Random(SEED)  # noqa: S311 (not for secrets)
    site = TinySite(folder, create_keys(folder / "keys"))
    # The service makes its own folder there, but not the exchange: that may be a share that is away.
    (folder / RESULTS).mkdir()
    _publish(site, seen)
    site.pull()
    release = {"repository": RELEASES, "poll_s": 0.2, "trial_parts": TRIAL_PARTS}
    spool = {"results": RESULTS, "batch": 50, "batch_s": 1.0}
    config = write_config(folder, camera_poll_s=POLL_S, release=release, spool=spool)
    parts = PartFolder(folder)
    with _fed(parts):
        seen.ready_s = _until_ready(config)
        start_s = time.monotonic()
        for kill in range(kills):
            kill_s = seen.ready_s * moments.uniform(EARLIEST, LATEST)
            publish_s = moments.uniform(0, kill_s) if kill % RELEASE_EVERY == 0 else None
            _one_kill(config, site, seen, kill_s, publish_s)
        seen.wall_s = time.monotonic() - start_s
    with Service(config) as service:
        wait_until(lambda: service.ready_at_utc() and not parts.waiting(), "an empty folder of parts")
        service.process.send_signal(signal.SIGTERM)
        if service.process.wait(60) != 0:
            seen.ended.append(service.log[-500:])
    with suppress(TimeoutError):
        wait_until(lambda: not seen.alive(), "the end of side processes", patience_s=ORPHAN_S)
    seen.outlived = len(seen.alive())
    seen.made = parts.made
    _read(folder, seen)
    return seen


def _until_ready(config: Path) -> float:
    """Seconds until the service is ready, on this machine as busy as it is; it is killed then, too."""
    start_s = time.monotonic()
    with Service(config) as service:
        wait_until(service.ready_at_utc, "readiness")
    return time.monotonic() - start_s


def _one_kill(config: Path, site: TinySite, seen: Seen, kill_s: float, publish_s: float | None) -> None:
    with Service(config) as service:
        end_s = time.monotonic() + kill_s
        if publish_s is not None:
            time.sleep(publish_s)
            _publish(site, seen)
        time.sleep(max(0.0, end_s - time.monotonic()))
        if service.process.poll() is not None:
            seen.ended.append(service.log[-500:])
        seen.started |= {(pid, started_at(pid)) for pid in service.processes()}
        service.kill()
    _look_at_releases(site.state, seen)


def _publish(site: TinySite, seen: Seen) -> None:
    site.made += 1
    folder = site.root / "bundles" / str(site.made)
    make_brightness_bundle(folder, 1.0 - GAIN_STEP * len(seen.published))
    number = site.publish(folder).number
    seen.published[number] = load_manifest(folder / MANIFEST).version


@contextmanager
def _fed(parts: PartFolder) -> Iterator[None]:
    """Parts come all the time."""
    stop = threading.Event()

    def feed() -> None:
        while not stop.wait(FEED_S):
            if parts.waiting() < MOST_WAITING:
                parts.put()

    thread = threading.Thread(target=feed, name="parts", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _look_at_releases(state: Path, seen: Seen) -> None:
    """Verify every file of the active release, and of the one that would be gone back to."""
    try:
        open_active(state)
        fallback, failed = read_fallback(state), read_rolled_back(state)
        if fallback is not None:
            open_kept(state, fallback.release)
            seen.on_trial += 1
        if failed is not None:
            seen.rolled_back.add(failed.release)
    except EdgeError as error:
        seen.unverified.append(str(error))


def _read(folder: Path, seen: Seen) -> None:
    """The ledger of the station, and the segments in the exchange."""
    spool = Spool(folder / STATE / SPOOL, STATION, SpoolSettings(), limits=Limits(recent=10 * seen.made + 100))
    try:
        seen.open, seen.ledger = len(spool.unconcluded()), spool.recent(10 * seen.made + 100)[::-1]
    finally:
        spool.close()
    for path in sorted((folder / RESULTS / STATION).iterdir()):
        if numbers_of(path.name) is not None:
            _, lines = read_segment(path.read_bytes(), name=path.name, station=STATION)
            seen.exchange += map(decode_record, lines)


def twice(records: Sequence[VerdictRecord]) -> int:
    """How many results there are beyond one for each part."""
    return len(records) - len({record.trigger.part_id for record in records})


def missing(records: Sequence[VerdictRecord], made: int) -> int:
    """Parts without a result."""
    return len({part_name(number) for number in range(made)} - {record.trigger.part_id for record in records})


def out_of_order(records: Sequence[VerdictRecord]) -> int:
    """Results that do not have the number of their place."""
    return sum(record.sequence != place for place, record in enumerate(records, start=1))


def wrong(records: Sequence[VerdictRecord]) -> int:
    """Verdicts that are neither right nor fail-safe."""
    return sum(r.verdict != ("nok" if r.failure else right_verdict(r.trigger.part_id)) for r in records)


def unverified(records: Sequence[VerdictRecord], published: Mapping[int, str]) -> int:
    """Verdicts of an engine that no published release holds."""
    return sum(r.failure is None and published.get(r.release or 0) != r.bundle_version for r in records)


def report(seen: Seen) -> Report:
    """Results against parts, and releases against what was published."""
    how = f"{seen.kills} kills, {seen.made:,} parts, {len(seen.published)} releases"
    judged_with = {record.release for record in seen.ledger if record.failure is None}
    few = Goal(least=1 + int(RELEASES_A_KILL * seen.kills))
    figures = [Figure("parts", seen.made, held_equal=how)]
    for name, records in (("ledger", seen.ledger), ("exchange", seen.exchange)):
        figures += [
            Figure(f"{name}: parts lost", missing(records, seen.made), goal=NONE),
            Figure(f"{name}: results twice", twice(records), goal=NONE),
            Figure(f"{name}: results without their number", out_of_order(records), goal=NONE),
            Figure(f"{name}: wrong verdicts", wrong(records), goal=NONE),
        ]
    figures += [
        Figure("triggers without a verdict", seen.open, goal=NONE),
        Figure("verdicts of an engine that was not published", unverified(seen.ledger, seen.published), goal=NONE),
        Figure("kills with an active or kept release that is not whole", len(seen.unverified), goal=NONE),
        Figure("times that the service ended by itself", len(seen.ended), goal=NONE),
        Figure("processes that outlived it", seen.outlived, goal=NONE),
        Figure("releases that judged parts", len(judged_with), goal=few),
        Figure("kills while a release was on trial", seen.on_trial),
        Figure("releases rolled back", len(seen.rolled_back)),
        Figure("ready after, s", seen.ready_s),
        Figure("s a kill", seen.wall_s / max(1, seen.kills)),
    ]
    unjudged = Counter(record.failure for record in seen.ledger if record.failure is not None)
    rows = [[str(name), f"{count:,}"] for name, count in unjudged.most_common()]
    table = Details("Parts rejected unjudged", ["for", "parts"], rows)
    return Report(NAME, TITLE, figures, details=[table], notes=(*NOTES, *seen.unverified, *seen.ended))
