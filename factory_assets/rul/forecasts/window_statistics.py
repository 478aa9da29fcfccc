"""Statistics of windows, comparable across operating regimes: what people mean by level, trend and unrest."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge_runtime.bundle import Regimes

ALMOST_CONSTANT = 1e-6
STATISTICS = ("level", "slope", "spread")


@dataclass(frozen=True)
class Scaling:
    """Mean and spread of every channel in every regime of the training data.

    Attributes:
        channels: Of the windows.
        compared: Positions of the channels that say something of wear: all, but the settings that make regimes.
        mean: (regimes, channels) engineering units.
        sd: (regimes, channels) engineering units; 1 where a channel does not vary.
        regimes: What tells the regime; None where all is one.
    """

    channels: tuple[str, ...]
    compared: tuple[int, ...]
    mean: np.ndarray
    sd: np.ndarray
    regimes: Regimes | None


def regime_of(regimes: Regimes | None, channels: Sequence[str], values: np.ndarray) -> np.ndarray:
    """The nearest operating regime of each row of readings; a setting that was not read counts as the middle.

    Args:
        regimes: Of the model; None makes all rows regime 0.
        channels: Of the last axis.
        values: (..., channels) engineering units, NaN where nothing was read.

    Returns:
        (...) int64.
    """
    if regimes is None:
        return np.zeros(values.shape[:-1], np.int64)
    centres, scale = np.asarray(regimes.centres), np.asarray(regimes.scale)
    settings = values[..., [list(channels).index(name) for name in regimes.channels]]
    known = np.where(np.isnan(settings), centres.mean(axis=0), settings)
    distance = np.stack([np.linalg.norm((known - centre) / scale, axis=-1) for centre in centres], axis=-1)
    nearest: np.ndarray = np.argmin(distance, axis=-1)
    return nearest


def regime_settings(regimes: Regimes | None) -> tuple[str, ...]:
    """The settings that say how a unit is run, not how worn it is; where all is one regime, none is set apart."""
    return () if regimes is None or len(regimes.centres) == 1 else regimes.channels


def fit_scaling(values: np.ndarray, channels: Sequence[str], regimes: Regimes | None) -> Scaling:
    """Scaling of training rows.

    Args:
        values: (rows, channels) engineering units, NaN where nothing was read.
        channels: Of the last axis.
        regimes: Of the model.
    """
    regime = regime_of(regimes, channels, values)
    count = 1 if regimes is None else len(regimes.centres)
    mean, sd = np.zeros((count, len(channels))), np.ones((count, len(channels)))
    with warnings.catch_warnings():
        # A channel that was never read in a regime keeps mean 0 and spread 1: it cannot come up there.
        warnings.simplefilter("ignore", RuntimeWarning)
        for number in range(count):
            rows = values[regime == number].astype(np.float64)
            mean[number], sd[number] = np.nanmean(rows, axis=0), np.nanstd(rows, axis=0)
    mean, sd = np.nan_to_num(mean), np.nan_to_num(sd, nan=1.0)
    sd[sd < ALMOST_CONSTANT * np.maximum(1, np.abs(mean))] = 1.0
    settings = regime_settings(regimes)
    compared = tuple(place for place, name in enumerate(channels) if name not in settings)
    return Scaling(tuple(channels), compared, mean, sd, regimes)


def window_statistics(windows: np.ndarray, scaling: Scaling) -> np.ndarray:
    """Level, slope and spread of every compared channel over each window, in training standard deviations.

    Args:
        windows: (N, cycles, channels) engineering units, NaN where nothing was read.
        scaling: Of the training data.

    Returns:
        (N, 3 * compared channels) float64: all levels, all changes over the window's length, all spreads; NaN where a
        channel was not read at all.
    """
    regime = regime_of(scaling.regimes, scaling.channels, windows)
    scaled = ((windows - scaling.mean[regime]) / scaling.sd[regime])[:, :, list(scaling.compared)]
    time = np.linspace(-0.5, 0.5, windows.shape[1])[None, :, None]
    is_read = ~np.isnan(scaled)
    count = np.maximum(is_read.sum(axis=1), 1)
    values = np.where(is_read, scaled, 0.0)
    level = values.sum(axis=1) / count
    residual = np.where(is_read, scaled - level[:, None, :], 0.0)
    when = np.where(is_read, time - (time * is_read).sum(axis=1, keepdims=True) / count[:, None, :], 0.0)
    slope = (when * residual).sum(axis=1) / np.maximum((when**2).sum(axis=1), ALMOST_CONSTANT)
    spread = np.sqrt((residual**2).sum(axis=1) / count)
    found: np.ndarray = np.where(is_read.any(axis=1)[:, None, :], np.stack([level, slope, spread], axis=1), np.nan)
    return found.reshape(len(windows), -1)
