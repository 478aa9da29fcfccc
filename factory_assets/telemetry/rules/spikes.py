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
    positive, since most sensors' noise grows with what they measure. Less than 1 % of the level is never a spike. A
    lasting step is no spike. The last reading before a silence, or of the day, is not judged: nothing tells a spike
    from a step there. The first one after a silence is compared with the line through the two that follow, if these
    agree.
    """
    if block.rows.is_empty() or not any(_sigmas(block, channel) for channel in block.channels):
        return None
    at, value, step = (block.rows[name].to_numpy() for name in ("at", "value", "step"))
    if block.period is not None:
        is_adjacent = np.diff(at, prepend=at[0]) <= ADJACENT_PERIODS * block.period
        step = np.where(is_adjacent, step, np.nan)
    share, floor = _noise(value, step, block)
    limit = np.maximum(share * np.abs(value - step), floor)
    found = _apart(step, -_later(step, 1), limit)
    (first,) = np.nonzero(np.isnan(step[:-2]))
    following, then = step[first + 1], step[first + 2]
    limit = np.maximum(share[first] * np.abs(value[first + 1]), floor[first])
    found[first] = _apart(then - following, -following, limit) & (np.abs(then) <= limit)
    return pl.Series(found)


def too_fast(block: Block) -> pl.Series | None:
    """Readings that are reached and left faster than `max_rate_per_h` allows: in the middle of an impossible ramp."""
    if not block.is_timed or not any(channel.max_rate_per_h for channel in block.channels):
        return None
    limits = np.array([channel.max_rate_per_h or np.inf for channel in block.channels])[block.rows["channel_no"]]
    hours = np.diff(block.rows["at"].to_numpy(), prepend=0) / HOUR_US
    is_fast = np.abs(block.rows["step"].to_numpy()) / limits > hours
    return pl.Series(is_fast & np.append(is_fast[1:], False))


def _later(step: np.ndarray, rows: int) -> np.ndarray:
    """The steps so many rows later; not a number at the end."""
    return np.concatenate((step[rows:], np.full(min(rows, len(step)), np.nan)))


def _sigmas(block: Block, channel: Channel) -> float | None:
    if channel.role != "sensor":
        return None
    sigmas = block.plant.cleaning.spike_sigmas if channel.spike_sigmas is None else channel.spike_sigmas
    return sigmas or None


def _noise(value: np.ndarray, step: np.ndarray, block: Block) -> tuple[np.ndarray, np.ndarray]:
    """So many times the noise of each row's series: as a share of the level before it, and at least as such.

    The share is LEAST_SHARE where readings are not all positive. Both are not a number where the rule does not apply,
    or steps are too few to tell.
    """
    series = block.rows["series"]
    lengths = series.rle().struct.field("len").to_numpy().astype(np.int64)
    begins = lengths.cumsum() - lengths
    is_positive = np.minimum.reduceat(value, begins) > 0
    # A sensor that is stuck, or has a coarse scale, shows no noise while it stands still.
    move = np.where(step == 0, np.nan, np.abs(step) / np.where(np.repeat(is_positive, lengths), value, 1.0))
    of_series = (
        pl.DataFrame({"series": series, "move": pl.Series(move, nan_to_null=True)})
        .group_by("series", maintain_order=True)
        .agg(median=pl.col("move").median(), n_moves=pl.col("move").count())
    )
    sigmas = np.array([_sigmas(block, channel) or np.nan for channel in block.channels])
    noise = SIGMA_OF_MEDIAN_STEP * sigmas[block.rows["channel_no"].to_numpy()[begins]] * of_series["median"].to_numpy()
    noise[of_series["n_moves"].to_numpy() < FEWEST_STEPS] = np.nan
    share = np.where(is_positive, np.maximum(noise, LEAST_SHARE), noise * 0 + LEAST_SHARE)
    floor = np.where(is_positive, noise * 0, noise)
    return np.repeat(share, lengths), np.repeat(floor, lengths)


def _apart(one: np.ndarray, other: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """Both beyond the limit, on the same side; never where one is not a number."""
    is_apart: np.ndarray = ((one > limit) & (other > limit)) | ((one < -limit) & (other < -limit))
    return is_apart
