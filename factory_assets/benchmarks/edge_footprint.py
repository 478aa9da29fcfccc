"""How much of a small computer the inspection service takes: disk, memory, and time until it is ready."""

from __future__ import annotations

import datetime as dt
import platform
import signal
import socket
import statistics
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from factory_assets.benchmarks.edge_environments import EdgeEnvironments, compile_all, site_packages, size_mb
from factory_assets.benchmarks.report import Details, Figure, Goal, Options, Report
from factory_assets.benchmarks.service_process import PARTS, Service, wait_until, write_config
from factory_assets.benchmarks.tiny_release import TinySite
from factory_assets.benchmarks.tiny_station import SOUND, make_brightness_bundle
from factory_assets.engines.keys import create_keys

NAME = "edge_footprint"
TITLE = "Disk, memory and time to ready of the edge package and its inspection service."
STARTS, QUICK_STARTS = 5, 1
SIDE_PX, QUICK_SIDE_PX = 224, 0
JUDGED = 50
READY_LOOK_S = 0.02
MEMORY, READY = Goal(most=200), Goal(most=3)
# (name, extras, largest MB)
INSTALLED = (
    ("base", (), Goal(most=150)),
    ("inspection", ("inspection",), Goal(most=320)),
    ("inspection,openvino", ("inspection", "openvino"), Goal(most=500)),
)
# (what, field of a start, goal)
MEASURED = (
    ("ready, s", "event_s", READY),
    ("/readyz is 200, s", "page_s", READY),
    ("memory of all processes, MB", "all_mb", MEMORY),
    ("RSS of the station's process, MB", "station_mb", MEMORY),
)
SERVING = ("inspection", "inspection,openvino")
NOTES = (
    "MB are 1,000,000 bytes.",
    "Memory of all processes is the sum of their Pss in /proc/PID/smaps_rollup: what they share counts once.",
    f"Memory is measured after {JUDGED} parts, with the status page on.",
    "Ready: from the start of the command until the station's event, and until /readyz answers 200.",
)


@dataclass(frozen=True)
class Start:
    """One start of the service.

    Attributes:
        event_s: Until the station said that it is ready.
        page_s: Until the page said so.
        all_mb: Pss of all processes.
        station_mb: Resident memory of the station's own process.
        processes: Pss in MB by process, the station's first.
    """

    event_s: float
    page_s: float
    all_mb: float
    station_mb: float
    processes: tuple[float, ...]


@dataclass(frozen=True)
class Size:
    """Of an environment's packages, in MB: as they are installed, and with the bytecode of every module."""

    installed_mb: float
    compiled_mb: float


def run(options: Options) -> Report:
    """Install, start and look."""
    starts = options.size("starts", full=STARTS, quick=QUICK_STARTS)
    side_px = options.size("side_px", full=SIDE_PX, quick=QUICK_SIDE_PX)
    site = prepared(options.folder / "site", side_px)
    if options.is_quick:
        return report({"this environment": started(site, None, starts, side_px)}, {}, side_px)
    sizes, seen = {}, {}
    made = EdgeEnvironments(options.folder / "environments")
    for name, extras, _ in INSTALLED:
        place = made.make(name.replace(",", "-"), extras)
        packages = site_packages(place)
        installed_mb = size_mb(packages)
        compile_all(packages)
        sizes[name] = Size(installed_mb, size_mb(packages))
        if name in SERVING:
            seen[name] = started(site, place / "bin" / "python", starts, side_px)
    return report(seen, sizes, side_px)


def prepared(folder: Path, side_px: int) -> TinySite:
    """A release that is active in a station's state folder: of the default classifier, or tiny where `side_px` is 0."""
    folder.mkdir(parents=True)
    bundle = folder / "bundle"
    if side_px:
        from factory_assets.benchmarks.made_graphs import CLASSIFIER, bundle_of, export

        bundle.mkdir()
        bundle_of(export(CLASSIFIER, side_px, folder), bundle)
    else:
        make_brightness_bundle(bundle)
    site = TinySite(folder, create_keys(folder / "keys"))
    site.publish(bundle)
    site.pull()
    return site


def started(site: TinySite, python: Path | None, starts: int, side_px: int) -> list[Start]:
    """Start the service so often, and one time more before that: files are read from the disk only once."""
    return [_one_start(site, python, side_px) for _ in range(starts + 1)][1:]


def _one_start(site: TinySite, python: Path | None, side_px: int) -> Start:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = write_config(site.root, page={"port": port})
    begin_s = time.monotonic()
    with Service(config, python) as service:
        wait_until(lambda: service.process.poll() is not None or _is_ready(port), "readiness", look_s=READY_LOOK_S)
        page_s = time.monotonic() - begin_s
        wait_until(service.ready_at_utc, "the event")
        ready_s = dt.datetime.fromisoformat(str(service.ready_at_utc())).timestamp() - service.started_s
        _show_parts(site.root / PARTS, side_px)
        wait_until(lambda: not any((site.root / PARTS).iterdir()), "an empty folder of parts")
        pss = tuple(pss_mb(pid) for pid in service.processes())
        rss_mb = _kib(Path(f"/proc/{service.process.pid}/smaps_rollup"), "Rss:")
        service.process.send_signal(signal.SIGTERM)
        service.process.wait(60)
    return Start(ready_s, page_s, sum(pss), rss_mb, pss)


def _show_parts(folder: Path, side_px: int) -> None:
    pixels = cv2.resize(SOUND, (side_px, side_px)) if side_px else SOUND
    for number in range(JUDGED):
        hidden = folder / f".{number}.png"
        cv2.imwrite(str(hidden), pixels)
        hidden.rename(folder / f"{number}.png")


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def pss_mb(pid: int) -> float:
    """Memory of a process in MB; what it shares with others is divided among them."""
    return _kib(Path(f"/proc/{pid}/smaps_rollup"), "Pss:")


def _kib(path: Path, name: str) -> float:
    line = next(line for line in path.read_text(encoding="ascii").splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024 / 1e6


def report(seen: Mapping[str, Sequence[Start]], sizes: Mapping[str, Size], side_px: int) -> Report:
    """Medians over the starts, and sizes."""
    graph = f"the default classifier, {side_px} x {side_px}" if side_px else "a tiny graph"
    figures = []
    for name, _, most in INSTALLED:
        if name in sizes:
            size = sizes[name]
            figures += [
                Figure(f"{name}: installed, MB", size.installed_mb, goal=most, held_equal="without bytecode"),
                Figure(f"{name}: with bytecode of every module, MB", size.compiled_mb),
            ]
    for name, starts in seen.items():
        how = f"{graph}; median of {len(starts)} starts"
        figures += [
            Figure(f"{name}: {what}", statistics.median(getattr(s, field) for s in starts), goal=goal, held_equal=how)
            for what, field, goal in MEASURED
        ]
    rows = [
        [name, f"{s.event_s:.2f}", f"{s.page_s:.2f}", f"{s.all_mb:.1f}", f"{s.station_mb:.1f}",
         ", ".join(f"{mb:.1f}" for mb in s.processes)]
        for name, starts in seen.items() for s in starts
    ]  # fmt: skip
    columns = ["environment", "ready, s", "/readyz, s", "all, MB", "station RSS, MB", "Pss by process, MB"]
    notes = [*NOTES, f"Python {platform.python_version()} in every environment."]
    if sizes:
        notes.append("Installed by uv from the lock, which writes no bytecode; pip writes that of every module.")
    else:
        notes.append("Quick: sizes of the installed package are left out; the service is that of this environment.")
    return Report(NAME, TITLE, figures, details=[Details("Starts", columns, rows)], notes=notes)
