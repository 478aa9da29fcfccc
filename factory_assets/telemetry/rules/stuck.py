"""Stuck sensors: one value for longer than a living sensor shows it."""

from __future__ import annotations

import numpy as np
import polars as pl

from factory_assets.foundation.plant import Channel
from factory_assets.telemetry.block import MICROSECOND, Block


def stuck(block: Block) -> pl.Series | None:
    """Readings that repeat the one before them, in a run (without a gap) that lasts `stuck_after` or longer.

    The first reading of a run is not broken: it is the last that the sensor measured.
    """
    if not block.is_timed or not any(_after(block, channel) for channel in block.channels):
        return None
    limits = np.array([_after(block, channel) or np.inf for channel in block.channels])
    is_same = block.rows["step"].to_numpy() == 0
    before, after = np.concatenate(([False], is_same[:-1])), np.concatenate((is_same[1:], [False]))
    first, last = np.flatnonzero(is_same & ~before), np.flatnonzero(is_same & ~after)
    at, channel = block.rows["at"].to_numpy(), block.rows["channel_no"].to_numpy()
    is_lasting = at[last] - at[first - 1] >= limits[channel[first]]
    if not is_lasting.any():
        return None
    edges = np.zeros(len(at) + 1, dtype=np.int8)
    edges[first[is_lasting]] = 1
    edges[last[is_lasting] + 1] -= 1
    return pl.Series(edges.cumsum()[:-1] > 0)


def _after(block: Block, channel: Channel) -> float | None:
    if channel.role != "sensor":
        return None
    after = block.plant.cleaning.stuck_after if channel.stuck_after is None else channel.stuck_after
    return after / MICROSECOND if after else None
