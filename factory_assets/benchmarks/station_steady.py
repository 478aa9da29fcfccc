"""Whether memory and file handles of a station stay flat over very many parts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from factory_assets.benchmarks.one_core import alone
from factory_assets.benchmarks.report import Details, Figure, Goal, Options, Report
from factory_assets.benchmarks.tiny_station import DEFECTIVE, SOUND, TinyStation

NAME = "station_steady"
TITLE = "Memory and file handles of the inspection service over very many parts."
FRAMES, QUICK_FRAMES, SAMPLES, DEFECT_EVERY = 100_000, 500, 20, 50
WARM_UP_SHARE = 0.1
GROWTH = Goal(most=5.0)
NOTES = (
    "Resident memory from /proc/PID/statm and entries of /proc/PID/fd, of the station's process and of its worker.",
    "The first tenth of the parts is warm-up; growth is from there to the last part, the slope a least-squares line.",
    "A tiny graph and 24 x 32 frames, one after the other as fast as verdicts come; no camera and no page.",
)


@dataclass(frozen=True)
class Sample:
    """What a process holds after so many parts."""

    process: str
    parts: int
    pid: int
    rss_mib: float
    handles: int


@dataclass(frozen=True)
class Run:
    """What was seen: samples in order, and how many verdicts were wrong."""

    samples: list[Sample]
    wrong: int


def run(options: Options) -> Report:
    """Inspect the parts in a process of their own."""
    frames = options.size("frames", full=FRAMES, quick=QUICK_FRAMES)
    return report(alone(measured, options.folder, frames), frames)


def measured(folder: Path, frames: int) -> Run:
    """Inspect so many parts, and look at both processes meanwhile."""
    line = TinyStation(folder, spool={"keep_ok_share": 0.001, "quota_mib": 8})
    samples: list[Sample] = []
    wrong = 0
    looks = {max(1, round(frames * (WARM_UP_SHARE + (1 - WARM_UP_SHARE) * k / SAMPLES))) for k in range(SAMPLES + 1)}
    try:
        line.start()
        for part in range(1, frames + 1):
            is_defective = part % DEFECT_EVERY == 0
            record = line.inspect(DEFECTIVE if is_defective else SOUND, f"part-{part}")
            wrong += record.failure is not None or record.verdict != ("nok" if is_defective else "ok")
            if part in looks:
                worker = line.station.crew.judging
                pids = {"station": os.getpid(), "worker": None if worker is None else worker.pid}
                samples += [held(name, pid, part) for name, pid in pids.items() if pid is not None]
    finally:
        line.close()
    return Run(samples, wrong)


def held(process: str, pid: int, parts: int) -> Sample:
    """What a process holds now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    rss_mib = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    return Sample(process, parts, pid, rss_mib, len(list(Path(f"/proc/{pid}/fd").iterdir())))


def slope_mib(samples: list[Sample]) -> float:
    """Growth of memory over 100,000 parts, by least squares; 0 for a single sample."""
    mean_parts = sum(s.parts for s in samples) / len(samples)
    mean_mib = sum(s.rss_mib for s in samples) / len(samples)
    spread = sum((s.parts - mean_parts) ** 2 for s in samples)
    rise = sum((s.parts - mean_parts) * (s.rss_mib - mean_mib) for s in samples)
    return 100_000 * rise / spread if spread else 0.0


def report(found: Run, frames: int) -> Report:
    """Growth of each process, and whether every verdict was right."""
    how = f"{frames:,} parts, first to last look after warm-up"
    figures = [Figure("wrong or failed verdicts", found.wrong, goal=Goal(0, 0), held_equal=how)]
    by_process: Mapping[str, list[Sample]] = {
        name: [s for s in found.samples if s.process == name] for name in ("station", "worker")
    }
    for name, of in by_process.items():
        first, last = of[0], of[-1]
        restarts = len({s.pid for s in of}) - 1
        figures += [
            Figure(f"{name}: growth, MiB", last.rss_mib - first.rss_mib, goal=GROWTH, held_equal=how),
            Figure(f"{name}: slope, MiB in 100,000 parts", slope_mib(of), held_equal=how),
            Figure(f"{name}: more file handles", last.handles - first.handles, goal=Goal(most=0), held_equal=how),
            Figure(f"{name}: times it was replaced", restarts, goal=Goal(0, 0), held_equal=how),
        ]
    rows = [[s.process, f"{s.parts:,}", f"{s.rss_mib:.1f}", str(s.handles)] for s in found.samples]
    table = Details("Over the run", ["process", "parts", "RSS MiB", "file handles"], rows)
    return Report(NAME, TITLE, figures, details=[table], notes=NOTES)
