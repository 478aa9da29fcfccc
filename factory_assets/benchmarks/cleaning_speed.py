"""Cleaning against a bare Polars read-sort-write of the same partitions: its speed, and its peak memory."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factory_assets.benchmarks import made_readings
from factory_assets.benchmarks.cleaning_worker import BASELINE_TABLE
from factory_assets.benchmarks.report import Figure, Goal, Options, Report
from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.lake import Lake, Partition

NAME = "cleaning_speed"
ROWS = 50_000_000
QUICK_ROWS = 2_000_000
SPEED = Goal(least=0.33)
PEAK_MIB = Goal(most=2048)
FLAT = Goal(most=1.15)
MIB = 2**20
WHAT_IS_DONE = (
    "Cleaning reads two days, applies every rule of the plant file, writes three tables, and reads them back to "
    "recount them. The baseline reads, sorts and writes one."
)
WHAT_READINGS = (
    f"Readings: {made_readings.UNITS} units, {len(made_readings.SERIES)} channels, one a minute, about five in a "
    "thousand of them spoilt."
)
OUR_TABLES = ("clean_reading", "quarantined_reading", "cleaning_ledger")


class WorkerFailedError(FactoryError, RuntimeError):
    """A side of the benchmark ended early or lost readings."""


@dataclass(frozen=True)
class Measured:
    """One partition by one side."""

    rows: int
    wall_s: float
    processor_s: float
    peak_bytes: int


def run(options: Options) -> Report:
    """Measure both sides, partition by partition in turn, each in a process of its own."""
    rows = options.size("rows", full=ROWS, quick=QUICK_ROWS)
    days = max(2, round(rows / made_readings.READINGS_A_DAY))
    lake = Lake(options.folder / "lake")
    ours: list[Measured] = []
    bare: list[Measured] = []
    with worker("ours", lake, days) as clean, worker("baseline", lake, days) as sort:
        for number in range(days):
            partition, written = made_readings.write_day(lake, number)
            # The first of the two finds the file in the page cache no better than the second: it was just written.
            for side, found in ((clean, ours), (sort, bare))[:: 1 if number % 2 else -1]:
                found.append(side(partition))
            if not ours[-1].rows == bare[-1].rows == written.rows:
                msg = f"{partition}: {written.rows} readings, cleaning accounts for {ours[-1].rows}: see its ledger"
                raise WorkerFailedError(msg)
            _remove_what_is_done(lake, number)
    return _report(ours, bare)


def _report(ours: Sequence[Measured], bare: Sequence[Measured]) -> Report:
    rows = sum(done.rows for done in ours)
    half = ours[len(ours) // 2 - 1].peak_bytes / MIB
    whole = ours[-1].peak_bytes / MIB
    same = f"the same {len(ours)} partitions of {rows / len(ours):,.0f} readings, in turn, warm page cache, zstd"
    wall, bare_wall = (sum(done.wall_s for done in side) for side in (ours, bare))
    processor, bare_processor = (sum(done.processor_s for done in side) for side in (ours, bare))
    return Report(
        name=NAME,
        title=f"Cleaning {rows:,} readings, against a bare Polars read-sort-write of the same partitions.",
        figures=[
            Figure("wall time, s", wall, bare_wall, bare_wall / wall, SPEED, same),
            Figure("processor time, s", processor, bare_processor, bare_processor / processor, None, same),
            Figure("million readings a second", rows / wall / 1e6, rows / bare_wall / 1e6, None, None, same),
            Figure("peak memory of cleaning, MiB", whole, bare[-1].peak_bytes / MIB, None, PEAK_MIB, "own process"),
            Figure(
                "peak when rows double, times", whole / half, None, None, FLAT,
                f"the same process after {len(ours) // 2} and after {len(ours)} partitions",
            ),
        ],
        notes=[WHAT_IS_DONE, WHAT_READINGS],
    )  # fmt: skip


class Worker:
    """A process that works on one partition at a time."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process = process
        self._log = log

    def __call__(self, partition: Partition) -> Measured:
        """Have a partition worked on.

        Raises:
            WorkerFailedError: The process ended.
        """
        assert self._process.stdin is not None  # noqa: S101 (opened as a pipe below)
        assert self._process.stdout is not None  # noqa: S101
        try:
            self._process.stdin.write(f"{partition}\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            last = self._log.read_text(encoding="utf-8").strip()[-2000:]
            msg = f"{partition}: the worker ended: {last or 'out of memory?'}"
            raise WorkerFailedError(msg)
        values: dict[str, Any] = json.loads(answer)
        return Measured(**values)


@contextmanager
def worker(side: str, lake: Lake, days: int) -> Iterator[Worker]:
    """Start a side of the benchmark; it ends with the block."""
    lake.root.mkdir(parents=True, exist_ok=True)
    log = lake.root.with_name(f"{side}.log")
    command = [sys.executable, "-m", "factory_assets.benchmarks.cleaning_worker", side, str(lake.root), str(days)]
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            yield Worker(process, log)
        finally:
            if process.stdin is not None:
                process.stdin.close()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _remove_what_is_done(lake: Lake, number: int) -> None:
    """Only the next day's cleaning reads this day's extract: what is older goes, so that the disk stays small."""
    for table in (*OUR_TABLES, BASELINE_TABLE):
        shutil.rmtree(lake.root / table, ignore_errors=True)
    if number > 0:
        before = made_readings.START + (number - 1) * made_readings.DAY
        lake.path("historian_extract", Partition(made_readings.FLEET, before.isoformat())).unlink()
