"""The truth of the simulated plant, apart from what its historian writes: for tests and for judging results."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl

from factory_assets.foundation.lake import replacing
from factory_assets.reference_plant.historian_export import file_name, told_lines, told_until
from factory_assets.reference_plant.names import channel_table
from factory_assets.reference_plant.simulator import Simulation

FAULT_COLUMNS = (
    "file", "row", "fleet", "unit_id", "tag", "channel", "ts_utc", "told_ts_utc", "true_value", "told_value",
    "kind", "episode",
)  # fmt: skip
GAP_COLUMNS = (
    "fleet", "unit_id", "channel", "first_ts_utc", "last_ts_utc", "n_missing", "first_after_ts_utc", "kind", "episode",
)  # fmt: skip


def faults(simulation: Simulation, *, now: dt.datetime | None = None) -> pl.DataFrame:
    """Every line of the files that is not as it should be, or is right but hard to read; sorted by file and row.

    Columns as FAULT_COLUMNS: the line (`file`, data `row` from 1, `tag` as written), the true time of measurement
    and the told one (what a correct reader makes of the written stamp), true and told value (what a
    correct reader makes of the written number) in the channel's engineering unit, the kind (`faults.KINDS`) and
    the episode that the line belongs to. With `now`, of the files as they stand then.
    """
    wrong = told_lines(simulation, now=now).filter(pl.col("kind").is_not_null())
    joined = wrong.join(channel_table().drop("tag"), on=["fleet", "channel"], how="left", maintain_order="left")
    named = joined.with_columns(
        file_name(),
        *_as_text("fleet", "machine", "tag", "channel"),
        told_ts_utc="stamp",
        true_value=_engineering("true_floor_value"),
        told_value=_engineering("floor_value"),
    )
    return named.select(FAULT_COLUMNS).sort("file", "row")


def gaps(simulation: Simulation, *, now: dt.datetime | None = None) -> pl.DataFrame:
    """Every stretch of readings that were never told, one row a channel; sorted by unit, channel and time.

    Columns as GAP_COLUMNS. `kind` is gap or restart; `first_after_ts_utc` is when the first reading after it was
    measured, null if none has come yet.
    """
    missing, told = simulation.missing, told_until(simulation, now)
    if now is not None:
        missing = missing.filter(pl.col("ts_utc") <= now)
    stretches = missing.group_by("fleet", "machine", "channel", "kind", "episode").agg(
        first_ts_utc=pl.col("ts_utc").min(), last_ts_utc=pl.col("ts_utc").max(), n_missing=pl.len()
    )
    times = told.select("machine", "channel", last_ts_utc="ts_utc", first_after_ts_utc="ts_utc")
    joined = stretches.sort("last_ts_utc").join_asof(
        times.sort("last_ts_utc"),
        on="last_ts_utc",
        by=["machine", "channel"],
        strategy="forward",
        check_sortedness=False,
    )
    named = joined.with_columns(_as_text("fleet", "machine", "channel"))
    return named.select(GAP_COLUMNS).sort("unit_id", "channel", "first_ts_utc")


def write_truth(simulation: Simulation, folder: Path, *, now: dt.datetime | None = None) -> list[Path]:
    """Write `lives.parquet`, `faults.parquet` and `gaps.parquet`, whole.

    Lives: fleet, unit_id, life, start_ts, end_ts, ended_by (failure, overhaul, running), failure_mode,
    operating_hours, parameters (JSON). The others as `faults` and `gaps` give them.
    """
    tables = {"lives": simulation.lives, "faults": faults(simulation, now=now), "gaps": gaps(simulation, now=now)}
    paths = []
    for name, frame in tables.items():
        path = folder / f"{name}.parquet"
        with replacing(path) as temporary:
            frame.write_parquet(temporary, compression="zstd")
        paths.append(path)
    return paths


def _as_text(*names: str) -> list[pl.Expr]:
    """Names as text, the machine as `unit_id`."""
    return [pl.col(name).cast(pl.String).alias("unit_id" if name == "machine" else name) for name in names]


def _engineering(floor: str) -> pl.Expr:
    return (pl.col(floor) - pl.col("offset")) / pl.col("scale")
