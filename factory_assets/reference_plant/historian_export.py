"""What the reference plant's historian leaves behind: a CSV file a day, in floor units, with its blemishes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from factory_assets.foundation.lake import replacing
from factory_assets.reference_plant.fleets import FLEETS
from factory_assets.reference_plant.simulator import STEP, Simulation, tag_expression

GOOD_QUALITY, BAD_QUALITY = 192, 0
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
COLUMNS = ("machine", "tag", "timestamp", "value", "quality")


def write_days(
    simulation: Simulation, folder: Path, days: Iterable[dt.date], *, now: dt.datetime | None = None
) -> list[Path]:
    """Write one `historian_YYYY-MM-DD.csv` a day; a file that already holds the same bytes is left untouched.

    Columns: machine, tag, timestamp (ISO 8601, UTC, Z), value (floor units), quality (192 good, 0 bad); in
    order of time, machine and tag. Nothing later than `now` is written, so today's file ends where the day stands.

    Raises:
        ValueError: A day outside the simulated stretch.
    """
    paths = []
    for day in days:
        path = day_file(folder, day)
        rows = day_rows(simulation, day)
        if now is not None:
            rows = rows.filter(pl.col("timestamp") <= now.astimezone(dt.UTC).strftime(TIME_FORMAT))
        content = rows.write_csv().encode()
        if not path.is_file() or path.read_bytes() != content:
            with replacing(path) as temporary:
                temporary.write_bytes(content)
        paths.append(path)
    return paths


def day_file(folder: Path, day: dt.date) -> Path:
    """Where the historian writes a day."""
    return folder / f"historian_{day.isoformat()}.csv"


def is_whole(folder: Path, day: dt.date) -> bool:
    """Whether a day has been written to its end."""
    last = dt.datetime.combine(day, dt.time(), dt.UTC) + dt.timedelta(days=1) - STEP
    path = day_file(folder, day)
    return path.is_file() and f",{last.strftime(TIME_FORMAT)}," in path.read_text(encoding="utf-8")


def day_rows(simulation: Simulation, day: dt.date) -> pl.DataFrame:
    """The rows of one day's file, as text and numbers ready for CSV.

    Raises:
        ValueError: The day lies outside the simulated stretch.
    """
    if not simulation.start <= day < simulation.until:
        msg = f"{day} was not simulated: give a day from {simulation.start} to before {simulation.until}"
        raise ValueError(msg)
    good = _in_floor_units(simulation.readings.filter(pl.col("ts_utc").dt.date() == day))
    blemishes = simulation.blemishes.filter(pl.col("day") == day).drop("day").rename({"value": "wrong_value"})
    marked = good.join(blemishes, on=["machine", "tag", "timestamp"], how="left", maintain_order="left")
    is_bad = (pl.col("kind") == "bad_quality").fill_null(value=False)
    rows = marked.with_columns(
        value=pl.coalesce("wrong_value", "value"),
        quality=pl.when(is_bad).then(BAD_QUALITY).otherwise(GOOD_QUALITY),
    )
    repeats = rows.filter(pl.col("kind") == "duplicate")
    ordered = pl.concat([rows, repeats]).sort("timestamp", "machine", "tag", maintain_order=True)
    return ordered.with_columns(pl.col("timestamp").dt.strftime(TIME_FORMAT)).select(COLUMNS)


def _in_floor_units(readings: pl.DataFrame) -> pl.DataFrame:
    channels = [
        (fleet.name, channel.name, *channel.conversion, channel.decimals)
        for fleet in FLEETS
        for channel in fleet.channels
    ]
    table = pl.DataFrame(channels, schema=["fleet", "channel", "scale", "offset", "decimals"], orient="row")
    step = 10.0 ** pl.col("decimals")
    floor = pl.col("value") * pl.col("scale") + pl.col("offset")
    return readings.join(table, on=["fleet", "channel"], maintain_order="left").select(
        "machine",
        tag_expression(),
        pl.col("ts_utc").alias("timestamp"),
        ((floor * step).round() / step).alias("value"),
    )
