"""What the reference plant's historian leaves behind: CSV files, in floor units, with all their faults."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from factory_assets.foundation.lake import replacing
from factory_assets.reference_plant.fleets import FLEETS
from factory_assets.reference_plant.lives import STEP
from factory_assets.reference_plant.simulator import Simulation

TIME_FORMAT, LOCAL_FORMAT = "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S"
COLUMNS = ("machine", "tag", "timestamp", "value", "quality")


def write_days(
    simulation: Simulation, folder: Path, days: Iterable[dt.date], *, now: dt.datetime | None = None
) -> list[Path]:
    """Write what the historian tells on these days; a file that already holds the same bytes is left untouched.

    One `historian_YYYY-MM-DD.csv` a day, and a `historian_YYYY-MM-DD_late.csv` on days on which lines of earlier days
    come in by themselves. Columns: machine, tag, timestamp (UTC with a Z, or the local time of the fleet's
    `local_zone` without an offset), value (floor units), quality (OPC code, 192 is good). Nothing is written that
    is told, or stamped, later than `now`, so today's file ends where the day stands.

    Returns:
        The files of these days, in order of their names.

    Raises:
        ValueError: A day outside the simulated stretch.
    """
    wanted = list(dict.fromkeys(days))
    for day in wanted:
        if not simulation.start <= day < simulation.until:
            msg = f"{day} was not simulated: give a day from {simulation.start} to before {simulation.until}"
            raise ValueError(msg)
    lines = told_until(simulation, now).filter(pl.col("told_at").dt.date().is_in(wanted)).with_columns(file_name())
    of_file = {str(name): rows for (name,), rows in lines.partition_by("file", as_dict=True).items()}
    empty = lines.clear()
    for day in wanted:
        of_file.setdefault(day_file(folder, day).name, empty)
    return [_write(folder / name, rows) for name, rows in sorted(of_file.items())]


def told_lines(simulation: Simulation, *, now: dt.datetime | None = None) -> pl.DataFrame:
    """The simulation's lines with the data `row` (from 1) at which each stands in its file: see `file_name`."""
    lines = told_until(simulation, now)
    return lines.with_columns(row=pl.int_range(1, pl.len() + 1).over(pl.col("told_at").dt.date(), "is_own_file"))


def told_until(simulation: Simulation, now: dt.datetime | None) -> pl.DataFrame:
    """The simulation's lines that are told, and stamped, up to `now`; all of them without it."""
    return simulation.lines if now is None else simulation.lines.filter(pl.max_horizontal("told_at", "stamp") <= now)


def file_name() -> pl.Expr:
    """The `file` in which a line stands."""
    ending = pl.when("is_own_file").then(pl.lit("_late.csv")).otherwise(pl.lit(".csv"))
    return pl.concat_str(pl.lit("historian_"), pl.col("told_at").dt.strftime("%Y-%m-%d"), ending).alias("file")


def day_file(folder: Path, day: dt.date) -> Path:
    """Where the historian writes a day."""
    return folder / f"historian_{day.isoformat()}.csv"


def is_whole(folder: Path, day: dt.date) -> bool:
    """Whether a day has been written to its end."""
    last = dt.datetime.combine(day, dt.time(), dt.UTC) + dt.timedelta(days=1) - STEP
    path = day_file(folder, day)
    return path.is_file() and f",{last.strftime(TIME_FORMAT)}," in path.read_text(encoding="utf-8")


def _write(path: Path, lines: pl.DataFrame) -> Path:
    content = lines.select("machine", "tag", _written_stamp(), pl.col("floor_value").alias("value"), "quality")
    text = content.select(COLUMNS).write_csv().encode()
    if not path.is_file() or path.read_bytes() != text:
        with replacing(path) as temporary:
            temporary.write_bytes(text)
    return path


def _written_stamp() -> pl.Expr:
    stamp = pl.col("stamp")
    written = stamp.dt.strftime(TIME_FORMAT)
    for fleet in FLEETS:
        if fleet.local_zone:
            local = stamp.dt.convert_time_zone(fleet.local_zone).dt.strftime(LOCAL_FORMAT)
            written = pl.when(pl.col("fleet") == fleet.name).then(local).otherwise(written)
    return written.alias("timestamp")
