"""Spikes and impossible rates: readings that stand apart from those before and after them."""

from __future__ import annotations

import numpy as np
import polars as pl

from factory_assets.foundation.plant import Channel
from factory_assets.telemetry.block import HOUR_US, Block

FEWEST_STEPS = 8
LEAST_SHARE = 0.01
# Neighbours are told in the next sample, or a little late; what lies beyond may belong to another state of the machine.
ADJACENT_PERIODS = 1.5
# The median absolute difference of two readings with normal noise of standard deviation 1 is 0.6745 times root 2.
SIGMA_OF_MEDIAN_STEP = 1 / (0.6744897501960817 * 2**0.5)


def spikes(block: Block) -> pl.Series | None:
    """Lone readings, `spike_sigmas` times the noise above or below both neighbours.

    The noise is that of the series in the block, from the median step between neighbours (a robust estimate: see P.
    Rousseeuw, C. Croux, Alternatives to the Median Absolute Deviation, 1993): a share of the level where readings are
    positive, since most sensors' noise grows with what they measure. At least 1 % of the level counts as noise. A
    lasting step is no spike. The last reading before a silence, or of the day, is not judged: nothing tells a spike
    from a step there. The first one after a silence is compared with the line through the two that follow, if these
    agree.
    """
    if block.rows.is_empty() or not any(_sigmas(block, channel) for channel in block.channels):
        return None
    is_adjacent = pl.lit(value=True)
    if block.period is not None:
        is_adjacent = pl.col("at") - pl.col("at").shift(1) <= ADJACENT_PERIODS * block.period
    stepped = block.rows.with_columns(step=pl.when(is_adjacent).then("step"))
    up_from_last, up_from_next = pl.col("step"), -pl.col("step").shift(-1)
    up_from_line = up_from_next + pl.col("step").shift(-2)
    last, following = pl.col("value") - up_from_last, pl.col("value") - up_from_next
    level = pl.mean_horizontal(last.abs(), following.abs())
    share, floor = _noise(stepped, block)
    limit = pl.when(floor.is_not_null()).then(pl.max_horizontal(floor, share * level, LEAST_SHARE * level))
    between = _apart(up_from_last, up_from_next, limit)
    is_line = pl.col("step").shift(-2).abs() <= limit
    after_gap = up_from_last.is_null() & is_line & _apart(up_from_line, up_from_next, limit)
    return stepped.select((between | after_gap).fill_null(value=False)).to_series()


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


def _noise(stepped: pl.DataFrame, block: Block) -> tuple[pl.Expr, pl.Expr]:
    """So many times the noise of each row's series: as a share of the level, and as such; 0 for the one not used.

    Both are null where the rule does not apply, or steps are too few to tell.
    """
    # A sensor that is stuck, or has a coarse scale, shows no noise while it stands still.
    moves = pl.col("step").abs().filter(pl.col("step") != 0)
    shares = (pl.col("step") / pl.col("value")).abs().filter(pl.col("step") != 0)
    times = SIGMA_OF_MEDIAN_STEP * block.of_channel(lambda channel: _sigmas(block, channel))
    known = pl.when(pl.col("n_moves") >= FEWEST_STEPS).then(times)
    is_positive = pl.col("least") > 0
    of_series = (
        stepped.lazy()
        .group_by("series", maintain_order=True)
        .agg(
            pl.col("channel_no").first(),
            n_moves=moves.count(), least=pl.col("value").min(), move=moves.median(), share=shares.median(),
        )
        .select(
            "series",
            share=known * pl.when(is_positive).then("share").otherwise(0.0),
            floor=known * pl.when(is_positive).then(0.0).otherwise("move"),
        )
        .collect()
    )  # fmt: skip
    found = []
    for name in ("share", "floor"):
        values = np.full(of_series.item(-1, "series") + 1, np.nan)
        values[of_series["series"].to_numpy()] = of_series[name].to_numpy()
        found.append(pl.lit(pl.Series(values).fill_nan(None)).gather(pl.col("series")))
    return found[0], found[1]


def _apart(one: pl.Expr, other: pl.Expr, limit: pl.Expr) -> pl.Expr:
    return (one.sign() == other.sign()) & (one.abs() > limit) & (other.abs() > limit)
