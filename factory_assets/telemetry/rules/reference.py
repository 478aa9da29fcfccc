"""Sensors that must agree with another channel (`follows` in the plant file): so a drift is found."""

from __future__ import annotations

import polars as pl

from factory_assets.telemetry.block import MICROSECOND, Block


def off_reference(block: Block) -> pl.Series | None:
    """Readings further from what their reference tells than the plant file allows.

    Compared with the reference's last reading at or before them, if that is no older than a gap.
    """
    followers = [(no, channel.follows) for no, channel in enumerate(block.channels) if channel.follows]
    if not followers or not block.rows.height:
        return None
    broken = pl.zeros(block.rows.height, dtype=pl.Boolean, eager=True)
    numbered = block.rows.with_row_index("place").select("place", "unit_id", "channel_no", "at", "value")
    for no, follows in followers:
        reference = _with_last_change(numbered.filter(pl.col("channel_no") == block.number(follows.channel)))
        compared = (
            numbered.filter(pl.col("channel_no") == no)
            .sort("at", maintain_order=True)
            .join_asof(
                reference, on="at", by="unit_id", strategy="backward", tolerance=block.longest_step,
                check_sortedness=False,
            )
        )  # fmt: skip
        expected = follows.factor * pl.col("reference") + follows.offset
        off = pl.col("value") - expected
        is_off = (off > expected.abs() * follows.above_pct / 100) | (-off > expected.abs() * follows.below_pct / 100)
        is_settled = pl.col("at") - pl.col("changed_at") >= follows.settle // MICROSECOND
        places = compared.filter(is_off & is_settled)["place"]
        broken = broken.scatter(places, values=True) if places.len() else broken
    return broken


def _with_last_change(reference: pl.DataFrame) -> pl.DataFrame:
    is_change = (pl.col("value") != pl.col("value").shift(1)) | (pl.col("unit_id") != pl.col("unit_id").shift(1))
    changed_at = pl.when(is_change.fill_null(value=True)).then("at").forward_fill()
    return reference.select("unit_id", "at", reference="value", changed_at=changed_at).sort("at", maintain_order=True)
