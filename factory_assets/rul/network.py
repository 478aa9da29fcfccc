"""The network: raw engineering units in, remaining cycles out.

It is made of Keras's own operations only, so a saved model opens without this project's code. Everything that was
fitted before it (regimes, means, spreads) lies in it as constants.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from factory_assets.rul.regimes import RegimeStatistics
from factory_assets.rul.schema import AGE, RUL, WINDOW

SCALED_LIMIT = 10.0
FILTERS = 32
KERNEL_CYCLES = 5
LSTM_UNITS = 32
DENSE_UNITS = 32
DROPOUT = 0.2


@dataclass(frozen=True)
class Network:
    """A network in its two parts, and whole.

    Attributes:
        scaler: window (B, W, C) in engineering units -> (B, W, C) in standard deviations of the nearest regime.
        core: scaled window and age_cycles (B, 1) -> (B, 1) remaining life as a share of the cap, not clipped.
        whole: window and age_cycles -> rul_cycles (B, 1), clipped to [0, cap].
    """

    scaler: Any
    core: Any
    whole: Any


def build_network(statistics: RegimeStatistics, *, window_cycles: int, cap_cycles: int) -> Network:
    """Build an untrained network around fitted statistics; Keras's seed decides the first weights."""
    import keras

    shape = (window_cycles, statistics.mean.shape[1])
    scaler = _scaler(statistics, shape)
    core = _core(shape, cap_cycles)
    window = keras.Input(shape, dtype="float32", name=WINDOW)
    age = keras.Input((1,), dtype="float32", name=AGE)
    share = keras.ops.clip(core([scaler(window), age]), 0.0, 1.0)
    rul = keras.layers.Rescaling(float(cap_cycles), name=RUL)(share)
    return Network(scaler=scaler, core=core, whole=keras.Model([window, age], rul, name="rul"))


def _scaler(statistics: RegimeStatistics, shape: tuple[int, int]) -> Any:
    """Fill, find the regime of every row, and scale by it; what is missing becomes the regime's mean, 0."""
    import keras
    from keras import ops

    window = keras.Input(shape, dtype="float32", name=WINDOW)
    values, is_known = _filled(window, shape[0])
    one_hot = _nearest_regime(values, is_known, statistics)
    # Sums of products, not a matrix product: GPUs round the factors of those to ten bits, and a mean of
    # 9,000 rpm with a spread of 20 would be lost. An ellipsis of axes: (B, W, K, 1) * (K, C) -> (B, W, C).
    mean = ops.sum(one_hot * statistics.mean, axis=2)
    per_sd = ops.sum(one_hot * (1.0 / statistics.sd), axis=2)
    scaled = ops.clip((values - mean) * per_sd, -SCALED_LIMIT, SCALED_LIMIT) * is_known
    return keras.Model(window, scaled, name="scaler")


def _filled(window: Any, window_cycles: int) -> tuple[Any, Any]:
    """Rows before the first row with a reading become that row; returns values without NaN, and 1 where known."""
    from keras import ops

    is_missing = ops.isnan(window)
    is_known = ops.where(is_missing, 0.0, 1.0)
    values = ops.where(is_missing, 0.0, window)
    # Falls from W to 1: among the rows with a reading the first has the largest rank.
    rank = np.arange(window_cycles, 0, -1, dtype=np.float32).reshape(1, -1, 1)
    ranked = ops.max(is_known, axis=2, keepdims=True) * rank
    first_rank = ops.max(ranked, axis=1, keepdims=True)
    is_before = ops.where(first_rank < rank, 1.0, 0.0)
    # Where no row has a reading, every row counts as before the first, and all stays unknown.
    is_first = ops.where(ops.equal(first_rank, rank), 1.0, 0.0)
    first_values = ops.sum(values * is_first, axis=1, keepdims=True)
    first_known = ops.sum(is_known * is_first, axis=1, keepdims=True)
    return values + is_before * first_values, is_known + is_before * first_known


def _nearest_regime(values: Any, is_known: Any, statistics: RegimeStatistics) -> Any:
    """(B, W, K, 1): 1 at the regime whose centre is nearest in scaled settings. Unknown settings count as mean."""
    from keras import ops

    if statistics.regimes == 1:
        return np.ones((1, 1, 1, 1), np.float32)
    distance = 0.0
    for place, channel in enumerate(statistics.settings):
        setting = values[:, :, channel : channel + 1] - float(statistics.setting_mean[place])
        scaled = setting / float(statistics.setting_sd[place]) * is_known[:, :, channel : channel + 1]
        distance = distance + ops.square(scaled - statistics.centres[:, place].reshape(1, 1, -1))
    nearest = ops.min(distance, axis=2, keepdims=True)
    one_hot = ops.where(ops.equal(distance, nearest), 1.0, 0.0)
    # Two centres may be equally near.
    return ops.expand_dims(one_hot / ops.sum(one_hot, axis=2, keepdims=True), 3)


def _core(shape: tuple[int, int], cap_cycles: int) -> Any:
    import keras
    from keras import layers

    window = keras.Input(shape, dtype="float32", name="scaled")
    age = keras.Input((1,), dtype="float32", name=AGE)
    shorter = layers.Conv1D(FILTERS, KERNEL_CYCLES, strides=2, padding="same", activation="relu")(window)
    course = layers.Bidirectional(layers.LSTM(LSTM_UNITS))(shorter)
    scaled_age = layers.Rescaling(1.0 / cap_cycles)(age)
    figures = layers.Concatenate()([*_window_statistics(window, shape[0]), scaled_age])
    level = layers.Dense(DENSE_UNITS, activation="relu")(layers.Dropout(DROPOUT)(figures))
    joined = layers.Dropout(DROPOUT)(layers.Concatenate()([course, level]))
    share = layers.Dense(1)(layers.Dense(DENSE_UNITS, activation="relu")(joined))
    return keras.Model([window, age], share, name="core")


def _window_statistics(scaled: Any, window_cycles: int) -> list[Any]:
    """Level, recent level, first level, last value, spread, slope and extremes of every channel: nine of (B, C)."""
    from keras import ops

    mean = ops.mean(scaled, axis=1)
    spread = ops.sqrt(ops.mean(ops.square(scaled - ops.expand_dims(mean, 1)), axis=1) + 1e-6)
    time = np.linspace(-1, 1, window_cycles, dtype=np.float32).reshape(1, -1, 1)
    slope = ops.sum(scaled * (time / np.square(time).sum()), axis=1)
    return [
        mean,
        ops.mean(scaled[:, -min(5, window_cycles) :], axis=1),
        ops.mean(scaled[:, -min(10, window_cycles) :], axis=1),
        ops.mean(scaled[:, : min(10, window_cycles)], axis=1),
        scaled[:, -1],
        spread,
        slope,
        ops.min(scaled, axis=1),
        ops.max(scaled, axis=1),
    ]
