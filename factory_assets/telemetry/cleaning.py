"""Cleaning: judges every reading of a partition, and loses none.

extracted = accepted + quarantined + duplicates holds for every segment of every partition. Each rule is in a file of
`rules`; here is their order, and what becomes of a reading that breaks one.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from factory_assets.foundation.plant import Plant
from factory_assets.historian.schema import EXTRACT, GOOD_QUALITY
from factory_assets.telemetry.block import Block, assemble
from factory_assets.telemetry.rules.clock import clock_jumps
from factory_assets.telemetry.rules.gaps import after_gap
from factory_assets.telemetry.rules.mistaken_units import mistaken_units
from factory_assets.telemetry.rules.reference import off_reference
from factory_assets.telemetry.rules.spikes import spikes, too_fast
from factory_assets.telemetry.rules.stuck import stuck
from factory_assets.telemetry.schema import CLEAN_READING, CLEANING_LEDGER, DUPLICATE, QUARANTINED_READING, REASON

KEY = ("unit_id", "channel", "ts_utc", "cycle")


@dataclass(frozen=True)
class Cleaned:
    """A partition's readings, each in exactly one place.

    Attributes:
        accepted: In engineering units, as CLEAN_READING.
        quarantined: As they came, with a reason, as QUARANTINED_READING.
        ledger: Counts per segment, as CLEANING_LEDGER.
    """

    accepted: pl.DataFrame
    quarantined: pl.DataFrame
    ledger: pl.DataFrame


@dataclass(frozen=True)
class Judged:
    """The same before it is shaped into tables: accepted rows (a block, with `is_after_gap`) and all others.

    `aside` has the rows of the extract that were not accepted, duplicates too, with `tag`, `raw` and `reason`.
    """

    accepted: Block
    aside: pl.DataFrame


def clean(extract: pl.DataFrame, previous: pl.DataFrame, *, plant: Plant, fleet: str, day: str | None) -> Cleaned:
    """Clean one partition.

    Args:
        extract: The partition's extract; rows of the same key in the order in which they came in.
        previous: The extract of the day before (empty if there is none): the state that the day begins with.
        plant: The plant file.
        fleet: The partition's fleet.
        day: The partition's day, `YYYY-MM-DD`; None for archives.
    """
    judged = judge(extract, previous, plant=plant, fleet=fleet, day=day)
    names = pl.lit(pl.Series([channel.name for channel in judged.accepted.channels], dtype=pl.String))
    constants = {"plant": pl.lit(plant.plant), "fleet": pl.lit(fleet)}
    accepted = judged.accepted.rows.with_columns(channel=names.gather(pl.col("channel_no")), **constants)
    others = judged.aside.filter(pl.col("reason") != DUPLICATE).rename({"tag": "channel", "raw": "value"})
    on_day = pl.lit(dt.date.fromisoformat(day) if day else None, pl.Date)
    return Cleaned(
        accepted=_shaped(accepted, CLEAN_READING),
        quarantined=_shaped(others.with_columns(**constants), QUARANTINED_READING).sort(*KEY, "segment_id", "row"),
        ledger=_shaped(_counted(judged).with_columns(day=on_day, **constants), CLEANING_LEDGER),
    )


def judge(extract: pl.DataFrame, previous: pl.DataFrame, *, plant: Plant, fleet: str, day: str | None) -> Judged:
    """Find what speaks against each reading; the first rule that a reading breaks is its reason.

    Rules that compare neighbours see only readings that the rules before let through.
    """
    block, unknown = assemble(extract, previous, plant=plant, fleet=fleet, day=day)
    block = block.with_reason("clock_jump", clock_jumps(block))
    block = _with_reasons_of_single_rows(_duplicates(block))
    block = block.with_reason("mistaken_unit", mistaken_units(block))
    block = _superseded(_out_of_range(block))
    aside = [_unknown_channels(unknown), block.rows.filter(pl.col("reason").is_not_null() & ~pl.col("is_before"))]
    sound = block.sound().with_steps()
    rules = (("stuck", stuck), ("spike", spikes), ("too_fast", too_fast), ("off_reference", off_reference))
    broken = [(reason, rule(sound)) for reason, rule in rules]
    for reason, of_rule in broken:
        sound = sound.with_reason(reason, of_rule)
    aside.append(sound.rows.filter(pl.col("reason").is_not_null() & ~pl.col("is_before")))
    accepted = sound.sound()
    flagged = accepted.rows.with_columns(is_after_gap=after_gap(accepted)).filter(~pl.col("is_before"))
    columns = ["unit_id", "tag", "ts_utc", "cycle", "raw", "quality", "segment_id", "row", "reason"]
    return Judged(accepted.with_rows(flagged), pl.concat([part.select(columns) for part in aside]))


def _duplicates(block: Block) -> Block:
    """Of several readings that say the very same the one that came in first stands."""
    tied = _tied(block)
    repeats = tied.filter(pl.struct("series", "at", "cycle", "raw", "quality").is_first_distinct().not_())["place"]
    return block.with_reason(DUPLICATE, _mask(block, repeats))


def _with_reasons_of_single_rows(block: Block) -> Block:
    reason = (
        pl.when(pl.col("reason").is_not_null()).then("reason")
        .when(pl.col("quality") != GOOD_QUALITY).then(pl.lit("bad_quality", REASON))
        .when(pl.col("raw").is_null() | ~pl.col("raw").is_finite()).then(pl.lit("not_finite", REASON))
    )  # fmt: skip
    return block.with_rows(block.rows.with_columns(reason=reason))


def _tied(block: Block) -> pl.DataFrame:
    """Rows without a reason that share series and time (or cycle) with a neighbour, with their place."""
    is_same = (pl.col("at") == pl.col("at").shift(1)) & (pl.col("series") == pl.col("series").shift(1))
    same = block.rows.select(is_same.fill_null(value=False)).to_series()
    is_tied = same | same.shift(-1, fill_value=False)
    return block.rows.with_row_index("place").filter(is_tied & block.rows["reason"].is_null())


def _mask(block: Block, places: pl.Series) -> pl.Series | None:
    if places.is_empty():
        return None
    return pl.zeros(block.rows.height, dtype=pl.Boolean, eager=True).scatter(places, values=True)


def _out_of_range(block: Block) -> Block:
    low, high = block.of_channel(lambda channel: channel.low), block.of_channel(lambda channel: channel.high)
    is_out = (pl.col("value") < low).fill_null(value=False) | (pl.col("value") > high).fill_null(value=False)
    return block.with_reason("out_of_range", block.rows.select(is_out).to_series())


def _superseded(block: Block) -> Block:
    """Of several good readings of one moment the one that came in last stands."""
    older = _tied(block).filter(pl.struct("series", "at", "cycle").is_last_distinct().not_())["place"]
    return block.with_reason("superseded", _mask(block, older))


def _unknown_channels(unknown: pl.DataFrame) -> pl.DataFrame:
    is_repeat = pl.struct("unit_id", "tag", "ts_utc", "cycle", "raw", "quality").is_first_distinct().not_()
    return unknown.with_columns(
        reason=pl.when(is_repeat).then(pl.lit(DUPLICATE, REASON)).otherwise(pl.lit("unknown_channel", REASON))
    )


def _counted(judged: Judged) -> pl.DataFrame:
    """How many readings of each segment went where."""
    is_duplicate = pl.col("reason") == DUPLICATE
    kept = judged.accepted.rows.group_by("segment_id").agg(accepted=pl.len())
    others = judged.aside.group_by("segment_id").agg(quarantined=(~is_duplicate).sum(), duplicates=is_duplicate.sum())
    names = ("accepted", "quarantined", "duplicates")
    counted = kept.join(others, on="segment_id", how="full", coalesce=True).with_columns(pl.col(names).fill_null(0))
    return counted.with_columns(extracted=pl.sum_horizontal(names)).sort(pl.col("segment_id").cast(pl.String))


def _shaped(frame: pl.DataFrame, schema: dict[str, pl.DataType]) -> pl.DataFrame:
    return frame.select([pl.col(name).cast(dtype) for name, dtype in schema.items()])


def empty_extract() -> pl.DataFrame:
    """An extract without a row: what lies before a plant's first day."""
    return pl.DataFrame(schema=EXTRACT)


def unaccounted(extract: pl.DataFrame, cleaned: Cleaned) -> pl.DataFrame:
    """The conservation law, recounted from the tables themselves: the segments for which it does not hold.

    Accepted and quarantined rows are counted in their own tables, so a ledger that merely agrees with itself is
    not enough.
    """
    counts = [
        extract.group_by("segment_id").agg(in_extract=pl.len()),
        cleaned.accepted.group_by("segment_id").agg(in_accepted=pl.len()),
        cleaned.quarantined.group_by("segment_id").agg(in_quarantine=pl.len()),
    ]
    table = cleaned.ledger
    for count in counts:
        table = table.join(count, on="segment_id", how="full", coalesce=True)
    table = table.fill_null(0)
    holds = (
        (pl.col("extracted") == pl.col("in_extract"))
        & (pl.col("accepted") == pl.col("in_accepted"))
        & (pl.col("quarantined") == pl.col("in_quarantine"))
        & (pl.col("extracted") == pl.col("accepted") + pl.col("quarantined") + pl.col("duplicates"))
    )
    return table.filter(~holds)
