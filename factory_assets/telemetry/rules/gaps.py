"""Gaps: readings that should be there and are not."""

from __future__ import annotations

import polars as pl

from factory_assets.telemetry.block import Block


def after_gap(block: Block) -> pl.Series:
    """Readings before which the record of their channel is missing for more than `gap_periods` sample periods.

    The time in which the machine's state channel says that it stood is no gap: sensors may be silent then. The first
    reading of a series in the block comes after a gap if the block began long enough before it.
    """
    rows = block.rows
    if block.longest_step is None:
        return pl.zeros(rows.height, dtype=pl.Boolean, eager=True)
    is_first = (pl.col("series") != pl.col("series").shift(1)).fill_null(value=True)
    start = pl.when(is_first).then(pl.lit(block.begins, pl.Int64)).otherwise(pl.col("at").shift(1))
    silent = rows.with_row_index("place").select("place", "unit_id", "channel_no", "at", start=start)
    candidates = silent.filter(pl.col("at") - pl.col("start") > block.longest_step)
    if candidates.is_empty():
        return pl.zeros(rows.height, dtype=pl.Boolean, eager=True)
    found = candidates["place"] if not block.period else _while_running(candidates, block, block.period)
    flags = pl.zeros(rows.height, dtype=pl.Boolean, eager=True)
    return flags.scatter(found, values=True) if found.len() else flags


def _while_running(candidates: pl.DataFrame, block: Block, period: int) -> pl.Series:
    """The places of candidates whose machine was not known to stand all the time."""
    life = block.plant.fleet(block.fleet).life
    state_no = block.number(life.state_channel) if life.state_channel else None
    if state_no is None:
        return candidates["place"]
    is_running = pl.col("value").round() == life.running_value
    told = (
        block.rows.filter(pl.col("channel_no") == state_no)
        .select(
            "unit_id",
            "at",
            told=pl.int_range(1, pl.len() + 1).over("unit_id"),
            running=is_running.cast(pl.Int64).cum_sum().over("unit_id"),
        )
        .sort("at", maintain_order=True)
    )
    counted = _counts_at(_counts_at(candidates, told, "at", is_included=False), told, "start", is_included=True)
    n_told, n_running = (pl.col(f"{name}_at") - pl.col(f"{name}_start") for name in ("told", "running"))
    expected = (pl.col("at") - pl.col("start")) / period - 1
    stood = (n_running == 0) & (n_told >= expected / 2)
    is_state = pl.col("channel_no") == state_no
    return counted.filter(is_state | ~stood).sort("place")["place"]


def _counts_at(candidates: pl.DataFrame, told: pl.DataFrame, moment: str, *, is_included: bool) -> pl.DataFrame:
    """With the number of the unit's state readings, and of those that show it running, up to a moment."""
    counts = told.select("unit_id", of="at", **{f"told_{moment}": "told", f"running_{moment}": "running"})
    joined = candidates.sort(moment, maintain_order=True).join_asof(
        counts, left_on=moment, right_on="of", by="unit_id", allow_exact_matches=is_included, check_sortedness=False
    )
    return joined.with_columns(pl.col(f"told_{moment}", f"running_{moment}").fill_null(0)).drop("of", strict=False)
