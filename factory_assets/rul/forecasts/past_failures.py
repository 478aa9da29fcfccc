"""The past failures that a unit's last cycles resemble most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from edge_runtime.bundle import Regimes
from edge_runtime.rul.windows import windows_at
from factory_assets.foundation.errors import FactoryError
from factory_assets.rul.forecasts.window_statistics import Scaling, fit_scaling, window_statistics

WINDOWS_A_LENGTH = 12
MOST_WINDOWS = 20_000
# Of statistics in standard deviations of readings: one that hardly varied must not outweigh all others.
LEAST_SCALE = 0.1


class PastFailuresError(FactoryError, ValueError):
    """There is no past failure to compare with."""


@dataclass(frozen=True)
class PastLives:
    """Windows along the lives that ended in failure, as statistics.

    Attributes:
        life_ids: (lives,) in order.
        first: (lives,) place of each life's first window below.
        cycle: (windows,) age at the window's end.
        rul_cycles: (windows,) cycles that were left then.
        statistics: (windows, statistics) scaled to the same spread; 0 where a channel was not read.
        centre: (statistics,) of the training windows, before scaling.
        scale: (statistics,) of the training windows.
        scaling: Of the readings.
        window_cycles: Length of a window.
    """

    life_ids: tuple[str, ...]
    first: np.ndarray
    cycle: np.ndarray
    rul_cycles: np.ndarray
    statistics: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    scaling: Scaling
    window_cycles: int


@dataclass(frozen=True)
class PastFailure:
    """A past life that ended in failure, at the age where it was most alike.

    Attributes:
        life_id: The life.
        cycle: Its age then.
        rul_cycles: Cycles that it had left then.
        distance: Root mean square difference of the statistics, in training standard deviations: under 1 is alike.
    """

    life_id: str
    cycle: int
    rul_cycles: float
    distance: float


def past_lives(
    training_rows: pl.DataFrame, channels: Sequence[str], regimes: Regimes | None, *, window_cycles: int
) -> PastLives:
    """Windows along all failed lives, from half a window on: twelve a length, fewer if they were over 20,000.

    Args:
        training_rows: life_id, cycle, rul_cycles and the channels; lives that did not end in failure left out.
        channels: Of the model's window, in its order.
        regimes: Of the model.
        window_cycles: Length of a window.

    Raises:
        PastFailuresError: There is no row.
    """
    if training_rows.is_empty():
        msg = "no training life ended in failure, so there is none to compare with"
        raise PastFailuresError(msg)
    scaling = fit_scaling(training_rows.select(channels).to_numpy(), channels, regimes)
    stride = max(1, window_cycles // WINDOWS_A_LENGTH, training_rows.height // MOST_WINDOWS)
    lives = training_rows.sort("life_id", "cycle").partition_by("life_id", maintain_order=True)
    statistics, ages, left, first = [], [], [], [0]
    for life in lives:
        cycles = life["cycle"].to_numpy()
        # A window of few cycles has hardly a slope or spread, and would be like any other.
        picked = np.arange(life.height - 1, min(window_cycles // 2, life.height - 1) - 1, -stride)[::-1]
        windows = windows_at(cycles, life.select(channels).to_numpy(), cycles[picked], window_cycles)
        statistics.append(window_statistics(windows, scaling))
        ages.append(cycles[picked])
        left.append(life["rul_cycles"].to_numpy()[picked])
        first.append(first[-1] + len(picked))
    raw = np.concatenate(statistics)
    is_known = ~np.isnan(raw)
    count = np.maximum(is_known.sum(axis=0), 1)
    centre = np.where(is_known, raw, 0).sum(axis=0) / count
    scale = np.sqrt(np.square(np.where(is_known, raw - centre, 0)).sum(axis=0) / count)
    scale = np.maximum(scale, LEAST_SCALE)
    return PastLives(
        life_ids=tuple(life.item(0, "life_id") for life in lives),
        first=np.array(first[:-1]),
        cycle=np.concatenate(ages),
        rul_cycles=np.concatenate(left).astype(np.float64),
        statistics=np.nan_to_num((raw - centre) / scale),
        centre=centre,
        scale=scale,
        scaling=scaling,
        window_cycles=window_cycles,
    )


def nearest_past_failures(past: PastLives, windows: np.ndarray, *, count: int = 3) -> list[list[PastFailure]]:
    """The past lives that were most alike at some age, each once, nearest first.

    Args:
        past: Of the training data.
        windows: (N, window_cycles, channels) engineering units, NaN where nothing was read.
        count: How many lives a window.

    Returns:
        For each window at most `count` lives.
    """
    asked = np.nan_to_num((window_statistics(windows, past.scaling) - past.centre) / past.scale)
    last = np.append(past.first[1:], len(past.cycle))
    found = []
    for row in asked:
        distance = np.sqrt(np.mean((past.statistics - row) ** 2, axis=1))
        nearest = np.array([low + np.argmin(distance[low:high]) for low, high in zip(past.first, last, strict=True)])
        order = np.argsort(distance[nearest], kind="stable")[:count]
        found.append(
            [
                PastFailure(
                    life_id=past.life_ids[life],
                    cycle=int(past.cycle[nearest[life]]),
                    rul_cycles=float(past.rul_cycles[nearest[life]]),
                    distance=float(distance[nearest[life]]),
                )
                for life in order
            ]
        )
    return found
