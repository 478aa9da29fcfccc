"""Readings that were written in another unit than the plant file says (`mistaken_units`)."""

from __future__ import annotations

import numpy as np
import polars as pl

from factory_assets.foundation.plant import Channel
from factory_assets.foundation.units import linear_conversion
from factory_assets.telemetry.block import Block

# Costs of a reading of the sequence, in abnormal readings: what has to be explained away by whoever reads it otherwise.
SWITCH = 2.5
LARGEST_STEP = 4.0
# A step between neighbours costs nothing up to this share of the normal range, and 1 for each further STEP_SHARE.
FREE_SHARE, STEP_SHARE = 0.05, 0.1


def mistaken_units(block: Block) -> pl.Series | None:
    """Readings that fit the normal range and their neighbours only if they were written in a mistaken unit.

    A series is looked at if a reading lies outside the normal range and would be inside it in a mistaken unit. Which of
    its readings are in which unit is the cheapest explanation of the sequence (A. Viterbi, 1967): readings outside the
    normal range, steps between neighbours and changes of unit all cost.
    """
    rows = block.rows.with_row_index("place")
    wrong: list[int] = []
    for no, channel in enumerate(block.channels):
        if not channel.mistaken_units:
            continue
        readings = _in_each_unit(rows.filter((pl.col("channel_no") == no) & pl.col("reason").is_null()), channel)
        names = [name for name in readings.columns if name.startswith("unit_")]
        is_normal = [pl.col(name).is_between(*_normal_range(channel)) for name in names]
        suspects = readings.filter(~is_normal[0] & pl.any_horizontal(is_normal[1:]))["series"].unique()
        of_suspects = readings.filter(pl.col("series").is_in(suspects.implode()))
        for series in of_suspects.partition_by("series", maintain_order=True):
            units = cheapest_units(
                series.select(names).to_numpy(), series["at"].to_numpy(), _normal_range(channel), block.longest_step
            )
            wrong += series["place"].to_numpy()[units > 0].tolist()
    if not wrong:
        return None
    return pl.zeros(rows.height, dtype=pl.Boolean, eager=True).scatter(sorted(wrong), values=True)


def cheapest_units(
    values: np.ndarray, at: np.ndarray, normal_range: tuple[float, float], longest_step: int | None
) -> np.ndarray:
    """The unit of each reading: the column of `values` in the cheapest explanation of the whole sequence.

    Args:
        values: (n, units) the readings as if written in each unit; the plant file's first.
        at: (n,) when.
        normal_range: (low, high); either may be infinite.
        longest_step: Steps longer than this say nothing about their two readings; None: all do.

    Returns:
        (n,) column numbers.
    """
    low, high = normal_range
    finite = [bound for bound in normal_range if np.isfinite(bound)]
    span = high - low if len(finite) == 2 else abs(finite[0])
    abnormal = ((values < low) | (values > high)).astype(float)
    change = SWITCH * (1 - np.eye(values.shape[1]))
    cost = abnormal[0] + change[0]
    came_from = np.zeros(values.shape, dtype=np.int64)
    for n in range(1, len(values)):
        step = np.abs(values[n][None, :] - values[n - 1][:, None]) / span
        is_near = longest_step is None or at[n] - at[n - 1] <= longest_step
        price = np.clip((step - FREE_SHARE) / STEP_SHARE, 0, LARGEST_STEP) if is_near else 0.0
        total = cost[:, None] + change + price
        came_from[n] = total.argmin(axis=0)
        cost = total.min(axis=0) + abnormal[n]
    units = np.empty(len(values), dtype=np.int64)
    units[-1] = cost.argmin()
    for n in range(len(values) - 1, 0, -1):
        units[n - 1] = came_from[n, units[n]]
    return units


def _in_each_unit(readings: pl.DataFrame, channel: Channel) -> pl.DataFrame:
    columns = {"unit_0": pl.col("value")}
    for number, unit in enumerate(channel.mistaken_units, start=1):
        scale, offset = linear_conversion(unit, channel.unit)
        columns[f"unit_{number}"] = pl.col("raw") * scale + offset
    return readings.select("place", "series", "at", **columns)


def _normal_range(channel: Channel) -> tuple[float, float]:
    low = -np.inf if channel.normal_low is None else channel.normal_low
    high = np.inf if channel.normal_high is None else channel.normal_high
    return low, high
