"""The sampled rows of all files as one tall table, and what it says of units, machine classes, time and cycles."""

from __future__ import annotations

import datetime as dt
import glob
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath

import polars as pl

from factory_assets.historian.drafting.channels import plain_letters, snake
from factory_assets.historian.drafting.columns import Reading, parsed_times
from factory_assets.historian.drafting.files import DraftError, Table

PERIODS_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 14400, 28800, 43200, 86400)
CYCLES_S = (1, 10, 60, 600, 3600, 28800, 86400)
DAY_S = 86400
FEW_CYCLES = 500
MANY_FLEETS = 12
UNITS_LISTED = 40


@dataclass(frozen=True)
class Group:
    """Units that belong together by their names.

    Attributes:
        name: Of the fleet.
        units: Ids or patterns, as in the plant file.
        members: The ids that were seen.
        tags: What they report, in order of first sight.
    """

    name: str
    units: tuple[str, ...]
    members: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True)
class UnitRule:
    """Where the unit's name comes from if no column holds it, and why so."""

    unit_id: str
    why: str


def unit_rule(tables: Sequence[Table], reading: Reading, plant: str) -> UnitRule | None:
    """The `unit_id` of the source; None where a column names the unit.

    Files that tell of the same time, or count the same cycles, are different units.
    """
    if reading.columns.unit_id is not None:
        return None
    if len(tables) == 1:
        return UnitRule(plant, "one file and no column of units: one unit")
    spans = sorted(span for table in tables if (span := _span(table, reading)) is not None)
    overlap = any(after[0] < before[1] for before, after in pairwise(spans))
    if not overlap:
        return UnitRule(plant, "no column of units, and the files follow each other in time: one unit")
    stems = [PurePosixPath(table.file.name).stem for table in tables]
    rule = "{stem}" if len(set(stems)) == len(stems) else "{parent}-{stem}"
    return UnitRule(rule, "no column of units, and the files overlap in time: each file is a unit of its own")


def tall(tables: Sequence[Table], reading: Reading, rule: UnitRule | None) -> pl.DataFrame:
    """All sampled rows: unit_id, tag, ts (without zone), cycle, place (row), value (null for what is no number)."""
    return pl.concat([_tall(table, reading, rule) for table in tables])


def groups(readings: pl.DataFrame, plant: str, rule: UnitRule | None) -> list[Group]:
    """Fleets by what the units' names begin with; many unrelated names, bare numbers and files are one fleet."""
    # Only tags that a unit has values of: a wide table has the columns of all machines.
    held = readings.filter(pl.col("value").is_not_null())
    pairs = held.select("unit_id", "tag").unique(maintain_order=True)
    tags_of = dict(pairs.group_by("unit_id", maintain_order=True).agg("tag").iter_rows())
    if not tags_of:
        msg = "no cell of the sample is a number with a unit: look at the file with an editor, and export it again"
        raise DraftError(msg)
    by_stem: dict[str, list[str]] = {}
    for unit in tags_of:
        by_stem.setdefault(_stem(unit), []).append(unit)
    if len(by_stem) > MANY_FLEETS or set(by_stem) == {""} or (rule is not None and "{" in rule.unit_id):
        by_stem = {"": list(tags_of)}
    found: list[Group] = []
    for stem, members in by_stem.items():
        others = [unit for unit in tags_of if unit not in members]
        tags = tuple(dict.fromkeys(tag for unit in members for tag in tags_of[unit]))
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", plain_letters(stem)).strip("-_") or plant
        name = name if name[0].isalpha() else f"fleet-{name}"
        if name in {group.name for group in found}:
            name = f"{name}-{len(found) + 1}"
        found.append(Group(name, _patterns(stem, members, others), tuple(sorted(members)), tags))
    return found


def classes(found: Sequence[Group]) -> list[tuple[str, list[Group]]]:
    """Machine classes: fleets that report nearly the same tags are of one class."""
    classed: list[list[Group]] = []
    for group in found:
        alike = next((c for c in classed if _likeness(c[0].tags, group.tags) >= 0.7), None)
        if alike is None:
            classed.append([group])
        else:
            alike.append(group)
    one = len(classed) == 1
    return [(snake(c[0].name) if len(c) == 1 else "machine" if one else f"{snake(c[0].name)}_like", c) for c in classed]


def sample_period(readings: pl.DataFrame) -> dt.timedelta | None:
    """The usual step of a unit's channel, made round; None without times."""
    timed = readings.filter(pl.col("ts").is_not_null()).sort("unit_id", "tag", "ts")
    steps = timed.select(step=pl.col("ts").diff().over("unit_id", "tag")).filter(pl.col("step") > dt.timedelta(0))
    if not steps.height:
        return None
    seconds = steps.select(pl.col("step").dt.total_microseconds().median()).item() / 1e6
    near = min(PERIODS_S, key=lambda known: abs(known - seconds) / known)
    rounded = near if abs(near - seconds) <= 0.1 * near else max(1.0, round(seconds, 1))
    return dt.timedelta(seconds=rounded)


def cycle_length(readings: pl.DataFrame, period: dt.timedelta, *, running: bool) -> dt.timedelta:
    """What one row of the sensor table spans.

    At least three periods, and at most some 2,000 rows of an archive's unit; one period where that is few rows already.
    """
    step = period.total_seconds()
    least = 3 * step
    if running:
        least = max(least, 3600.0)
    else:
        spans = readings.group_by("unit_id").agg(span=pl.col("ts").max() - pl.col("ts").min())
        typical = spans.select(pl.col("span").median()).item()
        if typical.total_seconds() <= FEW_CYCLES * step and DAY_S % step == 0:
            return period
        least = max(least, typical.total_seconds() / 2000)
    return dt.timedelta(seconds=next((length for length in CYCLES_S if length >= least), CYCLES_S[-1]))


def record_lengths(readings: pl.DataFrame, cycle: dt.timedelta | None) -> dict[str, int]:
    """How many cycles each unit's record spans; nothing where neither cycles nor times are told."""
    span: pl.Expr = pl.col("cycle").max() - pl.col("cycle").min()
    if cycle is not None:
        length_us = cycle // dt.timedelta(microseconds=1)
        span = (pl.col("ts").max() - pl.col("ts").min()).dt.total_microseconds() // length_us
    lengths = readings.group_by("unit_id").agg(length=span.cast(pl.Int64) + 1).drop_nulls()
    return dict(lengths.sort("unit_id").iter_rows())


def falls_back(readings: pl.DataFrame) -> list[str]:
    """Units whose cycle numbers fall back within a file: several lives under one name."""
    ordered = readings.filter(pl.col("cycle").is_not_null()).sort("file", "unit_id", "tag", "place")
    back = ordered.filter(pl.col("cycle").diff().over("file", "unit_id", "tag") < 0)
    return back.get_column("unit_id").unique().sort().to_list()


def _span(table: Table, reading: Reading) -> tuple[float, float] | None:
    name = reading.columns.ts_utc or str(reading.columns.cycle)
    cells = table.frame.get_column(name)
    if reading.time is not None:
        numbers = parsed_times(cells, reading.time).dt.epoch("ms").cast(pl.Float64)
    else:
        numbers = cells.str.strip_chars().cast(pl.Float64, strict=False)
    numbers = numbers.drop_nulls()
    return (float(numbers.min()), float(numbers.max())) if numbers.len() else None  # type: ignore[arg-type]


def _tall(table: Table, reading: Reading, rule: UnitRule | None) -> pl.DataFrame:
    columns, frame = reading.columns, table.frame
    cells = {"tag": columns.channel, "number": columns.value}
    if reading.layout == "wide":
        keys = [name for name in (columns.unit_id, columns.ts_utc, columns.cycle) if name]
        on = [name for name in frame.columns if name in reading.channels]
        frame = frame.with_row_index("__place").unpivot(
            on, index=[*keys, "__place"], variable_name="__tag", value_name="__number"
        )
        cells = {"tag": "__tag", "number": "__number"}
        frame = frame.filter(pl.col("__number").is_not_null() & (pl.col("__number").str.strip_chars() != ""))
    else:
        frame = frame.with_row_index("__place")
    number = pl.col(str(cells["number"])).str.strip_chars()
    if table.dialect is not None and table.dialect.decimal_comma:
        number = number.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    unit = pl.col(columns.unit_id).str.strip_chars() if columns.unit_id else pl.lit(_unit_of(table, rule))
    cycle = pl.col(columns.cycle).str.strip_chars().cast(pl.Float64, strict=False) if columns.cycle else pl.lit(None)
    times = parsed_times(frame.get_column(columns.ts_utc), reading.time) if columns.ts_utc and reading.time else None
    ts = times.cast(pl.Datetime("us")) if times is not None else pl.lit(None, pl.Datetime("us"))
    return frame.select(
        unit_id=unit,
        tag=pl.col(str(cells["tag"])).str.strip_chars(),
        ts=ts,
        cycle=cycle.cast(pl.Int64, strict=False),
        place=pl.col("__place").cast(pl.Int64),
        value=number.cast(pl.Float64, strict=False),
        file=pl.lit(table.file.name),
    )


def _unit_of(table: Table, rule: UnitRule | None) -> str:
    path = PurePosixPath(table.file.name)
    text = rule.unit_id if rule is not None else ""
    return text.replace("{stem}", path.stem).replace("{parent}", path.parent.name)


def _stem(unit: str) -> str:
    return re.sub(r"[-_ .#]*\d+$", "", unit)


def _patterns(stem: str, members: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    """A pattern that takes all members and no other unit, or else the members themselves."""
    if len(members) == 1 and others:
        return (glob.escape(members[0]),)
    if not others:
        starts = {re.sub(r"\d+$", "", unit) for unit in members}
        return (f"{glob.escape(starts.pop())}*",) if len(starts) == 1 and stem and len(members) > 1 else ("*",)
    starts = {re.sub(r"\d+$", "", unit) for unit in members}
    if len(starts) == 1:
        start = starts.pop()
        if start and not any(unit.startswith(start) for unit in others):
            return (f"{glob.escape(start)}*",)
    return tuple(glob.escape(unit) for unit in sorted(members)[:UNITS_LISTED])


def _likeness(some: Sequence[str], others: Sequence[str]) -> float:
    return len(set(some) & set(others)) / len(set(some) | set(others))
