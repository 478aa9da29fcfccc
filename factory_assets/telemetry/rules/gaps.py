"""Gaps: readings that should be there and are not."""

from __future__ import annotations

import polars as pl

from factory_assets.telemetry.block import Block


def after_gap(block: Block) -> pl.Series:
    """Readings before which `gap_periods` or more readings of their channel are missing.

    While the machine stands its sensors may be silent: only the time in which the state channel does not say so counts.
    The first reading of a series in the block comes after a gap if the block began long enough before it.
    """
    rows = block.rows
    flags = pl.zeros(rows.height, dtype=pl.Boolean, eager=True)
    if block.period is None or block.longest_step is None:
        return flags
    is_first = (pl.col("series") != pl.col("series").shift(1)).fill_null(value=True)
    start = pl.when(is_first).then(pl.lit(block.begins, pl.Int64)).otherwise(pl.col("at").shift(1))
    silent = rows.with_row_index("place").select("place", "unit_id", "channel_no", "at", start=start)
    candidates = silent.filter(pl.col("at") - pl.col("start") > block.longest_step)
    if candidates.is_empty():
        return flags
    missing = (pl.col("at") - pl.col("start") - _standing(block)) / block.period - 1
    found = _with_standing(candidates, block).filter(missing > block.plant.cleaning.gap_periods - 0.5)["place"].sort()
    return flags.scatter(found, values=True) if found.len() else flags


def _standing(block: Block) -> pl.Expr:
    """How long the machine stood in the candidate's silence; the state channel's own silence is never excused."""
    return (
        pl.when(pl.col("channel_no") == _state_no(block)).then(0).otherwise(pl.col("stood_at") - pl.col("stood_start"))
    )


def _state_no(block: Block) -> int:
    state = block.plant.fleet(block.fleet).life.state_channel
    number = block.number(state) if state else None
    return -1 if number is None else number


def _with_standing(candidates: pl.DataFrame, block: Block) -> pl.DataFrame:
    """With `stood_start` and `stood_at`: how long the unit had stood in all, at either end of the silence."""
    is_standing = pl.col("value").round() != block.plant.fleet(block.fleet).life.running_value
    until_next = (pl.col("at").shift(-1) - pl.col("at")).fill_null(0)
    told = (
        block.rows.filter(pl.col("channel_no") == _state_no(block))
        .select(
            "unit_id", of="at", is_standing=is_standing,
            stood=(until_next * is_standing).cum_sum().shift(1, fill_value=0).over("unit_id"),
        )
        .sort("of", maintain_order=True)
    )  # fmt: skip
    for moment in ("start", "at"):
        since = pl.col("stood") + pl.when("is_standing").then(pl.col(moment) - pl.col("of")).otherwise(0)
        candidates = (
            candidates.sort(moment, maintain_order=True)
            .join_asof(told, left_on=moment, right_on="of", by="unit_id", check_sortedness=False, coalesce=False)
            .with_columns(since.fill_null(0).alias(f"stood_{moment}"))
            .drop("stood", "is_standing", "of")
        )
    return candidates
