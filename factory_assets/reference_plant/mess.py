"""What a historian makes of the plant's readings: lines with their faults, in the order in which they are told.

The mess of a day follows from that day and the days before it, never from where the simulation ends.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from factory_assets.reference_plant.episodes import Episode, new_tags, sensor_days
from factory_assets.reference_plant.fleets import FLEETS
from factory_assets.reference_plant.lives import STEP, STEPS_PER_DAY
from factory_assets.reference_plant.names import CHANNEL, MACHINE, TAG, UTC_TIME, channel_table
from factory_assets.reference_plant.reading_faults import draw_reading_faults

GOOD_QUALITY = 192
# Faults of single readings keep so many steps from episodes of the same sensor.
CLEARANCE = 6

# Order of lines that are told at the same step: what is told again, what is measured, what was held back.
TOLD_AGAIN, MEASURED, HELD_BACK = 0, 1, 2

LINE_COLUMNS = (
    "told_at", "is_own_file", "fleet", "machine", "channel", "tag", "ts_utc", "stamp", "floor_value",
    "true_floor_value", "quality", "kind", "episode",
)  # fmt: skip
MISSING_COLUMNS = ("fleet", "machine", "channel", "ts_utc", "kind", "episode")
EPISODE_SCHEMA: dict[str, pl.DataType] = {
    "kind": pl.String(), "machine": MACHINE, "of_channel": CHANNEL, "first": pl.Int64(), "split": pl.Int64(),
    "end": pl.Int64(), "told": pl.Int64(), "is_own_file": pl.Boolean(), "amount": pl.Float64(), "episode": pl.String(),
}  # fmt: skip


@dataclass(frozen=True)
class Mess:
    """The plant's readings as its historian tells them.

    Attributes:
        lines: As LINE_COLUMNS, in the order of the files. `told_at` is when a line is told, `ts_utc` when it was
            measured, `stamp` the time that is written (UTC); values are in floor units; `kind` and `episode` are
            null for lines without a fault.
        missing: As MISSING_COLUMNS: readings that are never told.
    """

    lines: pl.DataFrame
    missing: pl.DataFrame


def make_mess(
    readings: pl.DataFrame, episodes: Iterable[Episode], *, start: dt.date, seed: int, rate: float = 1.0
) -> Mess:
    """Tell the readings of a plant.

    Args:
        readings: fleet, machine, channel (as in `names`), step, ts_utc, value (engineering units); sorted by step,
            machine, channel.
        episodes: Of all machines, up to the last step or beyond it.
        start: The day of step 0.
        seed: Of the simulation.
        rate: Multiplies the rates of faults of single readings.
    """
    last_step = readings.item(-1, "step")
    indexed = readings.with_row_index("index")
    table = _episode_table(episodes, start)
    touched = _touched(indexed, table, seed, rate).filter(_is_installed(seed))
    is_missing = (pl.col("kind") == "gap") | ((pl.col("kind") == "restart") & (pl.col("step") >= pl.col("split")))
    is_missing = is_missing.fill_null(value=False)
    told = _with_values(touched.filter(~is_missing), _stuck_values(readings, table))
    wrong = _with_stamp(_with_copies(_with_told_step(told))).filter(pl.col("told_step") <= last_step)
    right = _plain(indexed.filter(_is_installed(seed)).join(touched, on="index", how="anti", maintain_order="left"))
    lines = _in_order(_with_harmless_kinds(pl.concat([right, wrong.select(right.columns)]), seed))
    told_at = (pl.lit(dt.datetime.combine(start, dt.time(), dt.UTC), UTC_TIME) + pl.col("told_step") * STEP).cast(
        UTC_TIME
    )
    return Mess(
        lines=lines.with_columns(told_at=told_at).select(LINE_COLUMNS),
        missing=touched.filter(is_missing).select(MISSING_COLUMNS),
    )


def _episode_table(episodes: Iterable[Episode], start: dt.date) -> pl.DataFrame:
    rows = [
        (e.kind, e.machine, e.channel, e.first, e.split, e.end, e.told, e.is_own_file, e.amount, _name(e, start))
        for e in episodes
    ]
    return pl.DataFrame(rows, schema=EPISODE_SCHEMA, orient="row")


def _name(episode: Episode, start: dt.date) -> str:
    begin = dt.datetime.combine(start, dt.time(), dt.UTC) + episode.first * STEP
    return "/".join((episode.machine, episode.kind, episode.channel or "*", begin.strftime("%Y-%m-%dT%H:%MZ")))


def _touched(indexed: pl.DataFrame, episodes: pl.DataFrame, seed: int, rate: float) -> pl.DataFrame:
    """The readings that something befalls, with their episode (or null) and what befell the reading alone."""
    steps = pl.int_ranges(pl.col("first") - CLEARANCE, pl.col("end") + CLEARANCE)
    around = episodes.with_columns(step=steps).explode("step")
    near = indexed.join(around, on=["machine", "step"]).filter(
        pl.col("of_channel").is_null() | (pl.col("of_channel") == pl.col("channel"))
    )
    faults = draw_reading_faults(indexed, seed, left_alone=near.get_column("index"), rate=rate)
    singly = indexed.join(faults, on="index").with_columns(
        episode=pl.concat_str(
            "machine", "kind", "channel", pl.col("ts_utc").dt.strftime("%Y-%m-%dT%H:%MZ"), separator="/"
        )
    )
    return pl.concat([near.filter(_is_befallen()), singly], how="diagonal").sort("index")


def _is_befallen() -> pl.Expr:
    """Whether an episode changes a reading near it."""
    step, is_displacement = pl.col("step"), pl.col("kind") == "out_of_order"
    is_within = (step >= pl.col("first")) & (step < pl.when(is_displacement).then("split").otherwise("end"))
    keeps_its_place = is_displacement & pl.col("told").is_null() & ((step - pl.col("first")) % 2 == 1)
    return is_within & ~keeps_its_place


def _is_installed(seed: int) -> pl.Expr:
    """False for readings of sensors that the machine does not have yet."""
    is_missing = pl.lit(value=False)
    for fleet in FLEETS:
        for number, machine in enumerate(fleet.machines):
            for channel, day in sensor_days(fleet, number, seed).items():
                is_early = pl.col("step") < day * STEPS_PER_DAY
                is_missing |= (pl.col("machine") == machine) & (pl.col("channel") == channel) & is_early
    return ~is_missing


def _stuck_values(readings: pl.DataFrame, episodes: pl.DataFrame) -> pl.DataFrame:
    """episode, stuck_value: the last reading before a sensor stuck."""
    stuck = episodes.filter(pl.col("kind") == "stuck").select(
        "machine", "episode", channel="of_channel", step=pl.col("first") - 1
    )
    return stuck.join(readings, on=["machine", "channel", "step"]).select("episode", stuck_value="value")


def _plain(readings: pl.DataFrame) -> pl.DataFrame:
    """Lines of readings that nothing befalls."""
    joined = readings.join(channel_table(), on=["fleet", "channel"], how="left", maintain_order="left")
    return joined.select(
        "fleet", "machine", "channel", "tag", "step", "ts_utc",
        floor_value=_in_floor_units(pl.col("value")),
        told_step="step",
        rank=pl.lit(MEASURED, pl.Int8),
        is_copy=pl.lit(value=False),
        is_own_file=pl.lit(value=False),
        stamp="ts_utc",
        quality=pl.lit(GOOD_QUALITY, pl.Int32),
        kind=pl.lit(None, pl.String),
        episode=pl.lit(None, pl.String),
    ).with_columns(true_floor_value="floor_value")  # fmt: skip


def _with_values(told: pl.DataFrame, stuck_values: pl.DataFrame) -> pl.DataFrame:
    """`floor_value` as written, `true_floor_value` as it would have been written without the fault, `quality`."""
    kind, value = pl.col("kind"), pl.col("value")
    steps_into = pl.col("step") - pl.col("first") + 1
    engineering = (
        pl.when(kind == "drift").then(value * (1 + pl.col("amount") * steps_into))
        .when(kind == "stuck").then("stuck_value")
        .when(kind == "spike").then(value + pl.col("fault_value"))
        .otherwise(value)
    )  # fmt: skip
    written = (
        pl.when(kind == "unit_mixup").then(_rounded(value, pl.col("decimals") + 1))
        .when(kind.is_in(["bad_quality", "impossible_value"])).then("fault_value")
        .otherwise(_in_floor_units(engineering))
    )  # fmt: skip
    joined = told.join(channel_table(), on=["fleet", "channel"], how="left", maintain_order="left")
    return joined.join(stuck_values, on="episode", how="left", maintain_order="left").with_columns(
        floor_value=written,
        true_floor_value=_in_floor_units(value),
        quality=pl.col("fault_quality").fill_null(GOOD_QUALITY).cast(pl.Int32),
    )


def _in_floor_units(engineering: pl.Expr) -> pl.Expr:
    return _rounded(engineering * pl.col("scale") + pl.col("offset"), pl.col("decimals"))


def _rounded(value: pl.Expr, decimals: pl.Expr) -> pl.Expr:
    step = 10.0 ** decimals.cast(pl.Float64)
    return (value * step).round() / step


def _with_told_step(lines: pl.DataFrame) -> pl.DataFrame:
    """When each line is told: at its own step, or later."""
    is_held_back = pl.col("kind").is_in(["late", "out_of_order"])
    after_the_next = pl.col("step") + 1
    return lines.with_columns(
        told_step=pl.when(is_held_back).then(pl.coalesce("told", after_the_next)).otherwise("step"),
        rank=pl.when(is_held_back).then(HELD_BACK).otherwise(MEASURED).cast(pl.Int8),
        is_own_file=(pl.col("is_own_file") & is_held_back).fill_null(value=False),
    )


def _with_copies(lines: pl.DataFrame) -> pl.DataFrame:
    """Lines that are told twice: the first time they are as they should be, the second time they are the fault."""
    is_told_twice = pl.col("kind").is_in(["duplicate", "restart"])
    is_restart = pl.col("kind") == "restart"
    copies = lines.filter(is_told_twice).with_columns(
        told_step=pl.when(is_restart).then("told").otherwise("told_step"),
        rank=pl.when(is_restart).then(TOLD_AGAIN).otherwise("rank").cast(pl.Int8),
        is_copy=pl.lit(value=True),
    )
    firsts = lines.with_columns(
        kind=pl.when(~is_told_twice).then("kind"),
        episode=pl.when(~is_told_twice).then("episode"),
        is_copy=pl.lit(value=False),
    )
    return pl.concat([firsts, copies])


def _with_stamp(lines: pl.DataFrame) -> pl.DataFrame:
    """`stamp`: what the logger's clock showed."""
    error_min = pl.when(pl.col("kind") == "clock_jump").then("amount").otherwise(0.0).cast(pl.Int64)
    return lines.with_columns(stamp=(pl.col("ts_utc") + pl.duration(minutes=error_min)).cast(UTC_TIME))


def _with_harmless_kinds(lines: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Lines that are right, but hard to read: by a new tag, or in an hour that the local clock shows twice."""
    tag = pl.col("tag")
    is_renamed = pl.lit(value=False)
    for fleet in FLEETS:
        for machine, channel, new_tag, day in new_tags(fleet, seed):
            is_of_sensor = (pl.col("machine") == machine) & (pl.col("channel") == channel)
            is_it = is_of_sensor & (pl.col("step") >= day * STEPS_PER_DAY)
            tag, is_renamed = pl.when(is_it).then(pl.lit(new_tag, TAG)).otherwise(tag), is_renamed | is_it
    harmless = (
        pl.when(pl.col("kind").is_not_null()).then(None)
        .when(_is_told_twice_by_the_clock()).then(pl.lit("twice_told_hour"))
        .when(is_renamed).then(pl.lit("renamed_tag"))
    )  # fmt: skip
    marked = lines.with_columns(tag=tag, harmless=harmless)
    of_channel = (
        pl.when(pl.col("harmless") == "renamed_tag").then(pl.col("channel").cast(pl.String)).otherwise(pl.lit("*"))
    )
    name = pl.when(pl.col("harmless").is_not_null()).then(
        pl.concat_str("machine", "harmless", of_channel, separator="/")
    )
    return marked.with_columns(kind=pl.coalesce("kind", "harmless"), episode=pl.coalesce("episode", name))


def _is_told_twice_by_the_clock() -> pl.Expr:
    """Whether a stamp lies in the hour that is shown twice when summer time ends."""
    is_twice = pl.lit(value=False)
    for fleet in FLEETS:
        if fleet.local_zone:
            shown = pl.col("stamp").dt.convert_time_zone(fleet.local_zone).dt.replace_time_zone(None)
            back = shown.dt.replace_time_zone(fleet.local_zone, ambiguous="null")
            is_twice |= (pl.col("fleet") == fleet.name) & back.is_null()
    return is_twice


def _in_order(lines: pl.DataFrame) -> pl.DataFrame:
    """By when lines are told, then machine, time of measurement and tag; packed into one number, which sorts fast."""
    key = pl.col("told_step").cast(pl.Int64)
    parts = {"rank": 4, "machine": 64, "step": 1 << 24, "tag": 64, "is_copy": 2}
    for column, values in parts.items():
        part = pl.col(column).to_physical() if column in ("machine", "tag") else pl.col(column)
        key = key * values + part.cast(pl.Int64)
    return lines[lines.select(order=key.arg_sort()).get_column("order")]
