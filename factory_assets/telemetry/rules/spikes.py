"""Spikes and impossible rates: readings that stand apart from those before and after them."""

from __future__ import annotations

import numpy as np
import polars as pl

from factory_assets.foundation.plant import Channel
from factory_assets.telemetry.block import HOUR_US, Block

FEWEST_STEPS = 8
LEAST_SHARE = 0.01
# The median absolute difference of two readings with normal noise of standard deviation 1 is 0.6745 times root 2.
SIGMA_OF_MEDIAN_STEP = 1 / (0.6744897501960817 * 2**0.5)


def spikes(block: Block) -> pl.Series | None:
    """Lone readings, `spike_sigmas` times the noise above or below both neighbours.

    The noise is that of the series in the block, from the median step between neighbours (a robust estimate: see P.
    Rousseeuw, C. Croux, Alternatives to the Median Absolute Deviation, 1993); at least 1 % of the reading counts as
    noise. A lasting step is no spike. The last reading before a gap, or of the day, is not judged: nothing tells a
    spike from a step there. The first one after a gap is compared with the line through the two that follow.
    """
    if block.rows.is_empty() or not any(_sigmas(block, channel) for channel in block.channels):
        return None
    least = LEAST_SHARE * pl.col("value").abs()
    of_noise = _limit_of_noise(block)
    limit = pl.when(of_noise.is_not_null()).then(pl.max_horizontal(of_noise, least))
    up_from_last, up_from_next = pl.col("step"), -pl.col("step").shift(-1)
    up_from_line = up_from_next + pl.col("step").shift(-2)
    between = _apart(up_from_last, up_from_next, limit)
    after_gap = pl.col("step").is_null() & _apart(up_from_line, up_from_next, limit)
    return block.rows.select((between | after_gap).fill_null(value=False)).to_series()


def too_fast(block: Block) -> pl.Series | None:
    """Readings that are reached and left faster than `max_rate_per_h` allows: in the middle of an impossible ramp."""
    if not block.is_timed or not any(channel.max_rate_per_h for channel in block.channels):
        return None
    limit = block.of_channel(lambda channel: channel.max_rate_per_h)
    rate = pl.col("step").abs() * HOUR_US / (pl.col("at") - pl.col("at").shift(1))
    return block.rows.select(((rate > limit) & (rate.shift(-1) > limit)).fill_null(value=False)).to_series()


def _sigmas(block: Block, channel: Channel) -> float | None:
    if channel.role != "sensor":
        return None
    sigmas = block.plant.cleaning.spike_sigmas if channel.spike_sigmas is None else channel.spike_sigmas
    return sigmas or None


def _limit_of_noise(block: Block) -> pl.Expr:
    """So many times the noise of each row's series; null where the rule does not apply or steps are too few."""
    noise = pl.when(pl.col("n_steps") >= FEWEST_STEPS).then(pl.col("median") * SIGMA_OF_MEDIAN_STEP)
    of_series = (
        block.rows.lazy()
        .group_by("series", maintain_order=True)
        .agg(pl.col("channel_no").first(), n_steps=pl.col("step").count(), median=pl.col("step").abs().median())
        .select("series", limit=noise * block.of_channel(lambda channel: _sigmas(block, channel)))
        .collect()
    )
    limits = np.full(of_series.item(-1, "series") + 1, np.nan)
    limits[of_series["series"].to_numpy()] = of_series["limit"].to_numpy()
    return pl.lit(pl.Series(limits).fill_nan(None)).gather(pl.col("series"))


def _apart(one: pl.Expr, other: pl.Expr, limit: pl.Expr) -> pl.Expr:
    return (one.sign() == other.sign()) & (one.abs() > limit) & (other.abs() > limit)
