"""Stuck sensors: one value for longer than a living sensor shows it."""

from __future__ import annotations

import polars as pl

from factory_assets.foundation.plant import Channel
from factory_assets.telemetry.block import MICROSECOND, Block


def stuck(block: Block) -> pl.Series | None:
    """Readings that repeat the one before them, in a run (without a gap) that lasts `stuck_after` or longer.

    The first reading of a run is not broken: it is the last that the sensor measured.
    """
    if not block.is_timed or not any(_after(block, channel) for channel in block.channels):
        return None
    is_same = (pl.col("step") == 0).fill_null(value=False)
    limit = block.of_channel(lambda channel: _after(block, channel))
    runs = block.rows.select("at", is_same=is_same, run=(~is_same).cum_sum(), limit=limit)
    repeats = runs.lazy().filter(pl.col("is_same") & pl.col("limit").is_not_null())
    began = runs.lazy().filter(~pl.col("is_same")).select("run", began="at")
    lasting = (
        repeats.group_by("run")
        .agg(ended=pl.col("at").max(), limit=pl.col("limit").first())
        .join(began, on="run")
        .filter(pl.col("ended") - pl.col("began") >= pl.col("limit"))
        .collect()["run"]
    )
    if lasting.is_empty():
        return None
    return runs.select(pl.col("is_same") & pl.col("run").is_in(lasting.implode())).to_series()


def _after(block: Block, channel: Channel) -> float | None:
    if channel.role != "sensor":
        return None
    after = block.plant.cleaning.stuck_after if channel.stuck_after is None else channel.stuck_after
    return after / MICROSECOND if after else None
