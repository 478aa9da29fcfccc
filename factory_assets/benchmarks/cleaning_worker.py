"""One side of the cleaning benchmark, in a process of its own: takes partitions from stdin, answers with JSON lines.

Started as `python -m factory_assets.benchmarks.cleaning_worker ours|baseline LAKE DAYS`.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl

from factory_assets.benchmarks import made_readings
from factory_assets.foundation.lake import Lake, Partition
from factory_assets.telemetry.days import clean_partition

BASELINE_TABLE = "baseline"
KEY = ("unit_id", "channel", "ts_utc")


def baseline(lake: Lake, partition: Partition) -> int:
    """A bare Polars read, sort and write of one partition; returns its rows."""
    path = lake.path(BASELINE_TABLE, partition)
    path.parent.mkdir(parents=True, exist_ok=True)
    frame = pl.read_parquet(lake.path("historian_extract", partition)).sort(*KEY)
    frame.write_parquet(path, compression="zstd")
    return frame.height


def ours(lake: Lake, days: int) -> Callable[[Lake, Partition], int]:
    """Cleaning as the platform does it; the function returns the rows that are accounted for."""
    plant = made_readings.plant(days)

    def clean(_lake: Lake, partition: Partition) -> int:
        done = clean_partition(lake, partition, plant)
        return int(done.ledger["extracted"].sum()) if done.unaccounted.is_empty() else -1

    return clean


def peak_bytes() -> int:
    """The most memory that this process has held so far (resident)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0


def main(side: str, root: str, days: str) -> None:
    """Serve until stdin ends."""
    lake = Lake(Path(root))
    work = ours(lake, int(days)) if side == "ours" else baseline
    for line in sys.stdin:
        fleet, _, day = line.strip().partition("/")
        wall, processor = time.perf_counter(), time.process_time()
        rows = work(lake, Partition(fleet, day))
        answer = {
            "rows": rows,
            "wall_s": time.perf_counter() - wall,
            "processor_s": time.process_time() - processor,
            "peak_bytes": peak_bytes(),
        }
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
