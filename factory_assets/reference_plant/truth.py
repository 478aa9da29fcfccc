"""The truth of the simulated plant, apart from what its historian writes: for tests and for judging results."""

from __future__ import annotations

from pathlib import Path

from factory_assets.foundation.lake import replacing
from factory_assets.reference_plant.simulator import Simulation


def write_truth(simulation: Simulation, folder: Path) -> list[Path]:
    """Write `lives.parquet` and `blemishes.parquet`, whole.

    Lives: fleet, unit_id, life, start_ts, end_ts, ended_by (failure, overhaul, running), failure_mode,
    operating_hours, parameters (JSON). Blemishes: day, machine, tag, timestamp, kind (duplicate, bad_quality,
    impossible_value), value.
    """
    paths = []
    for name, frame in (("lives", simulation.lives), ("blemishes", simulation.blemishes)):
        path = folder / f"{name}.parquet"
        with replacing(path) as temporary:
            frame.write_parquet(temporary, compression="zstd")
        paths.append(path)
    return paths
