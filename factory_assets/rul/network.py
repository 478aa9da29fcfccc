"""The parts of the graph that are Keras: scaling by regime, figures of the window, and the BiLSTM.

They are made of Keras's own operations only, so a saved model opens without this project's code. Everything that was
fitted before (regimes, means, spreads) lies in them as constants.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from factory_assets.rul.regimes import RegimeStatistics
from factory_assets.rul.schema import AGE, WINDOW

SCALED, FIGURES, NETWORK = "scaled", "figures", "network_cycles"
SCALED_LIMIT, GRID = 10.0, 1024.0
FILTERS = 32
# One cycle's reading is mostly noise: the LSTM sees the mean course of ten cycles, every five.
KERNEL_CYCLES, STEP_CYCLES = 10, 5
LSTM_UNITS = 32
DENSE_UNITS = 64
DROPOUT = 0.2


def build_preparation(statistics: RegimeStatistics, *, window_cycles: int, cap_cycles: int, uses_age: bool) -> Any:
    """What all contestants look at.

    Returns:
        A Keras model: window (B, W, C) in engineering units and age_cycles (B, 1) -> `scaled` (B, W, C) in standard
        deviations of the nearest regime, and `figures` (B, 9 C + 1): nine statistics of each channel's window, and the
        age as a share of the cap (0 where it is not used).
    """
    import keras
    from keras import layers, ops

    shape = (window_cycles, statistics.mean.shape[1])
    window = keras.Input(shape, dtype="float32", name=WINDOW)
    age = keras.Input((1,), dtype="float32", name=AGE)
    scaled = _scaler(statistics, shape)(window)
    # An age is never below 0, so the minimum is 0; the input stays in the graph, which engines insist on.
    share = layers.Rescaling(1.0 / cap_cycles)(age if uses_age else ops.minimum(age, 0.0))
    joined = layers.Concatenate()([*_window_statistics(scaled, window_cycles), share])
    # On a grid: the slope of a channel that hardly varies is rounding noise, and another processor has another noise.
    figures = layers.Rescaling(1 / GRID, name=FIGURES)(ops.round(layers.Rescaling(GRID)(joined)))
    return keras.Model([window, age], [scaled, figures], name="preparation")


def build_core(window_cycles: int, channels: int, figures: int, *, sees_window: bool = True) -> Any:
    """An untrained network; Keras's seed decides its first weights.

    Args:
        window_cycles: W.
        channels: C.
        figures: How many there are.
        sees_window: Without it only the branch of figures is there, to tell what the raw window adds.

    Returns:
        A Keras model: scaled (B, W, C) and figures (B, F) -> (B, 1) remaining life as a share of the cap, not clipped.
    """
    import keras
    from keras import layers

    window = keras.Input((window_cycles, channels), dtype="float32", name=SCALED)
    given = keras.Input((figures,), dtype="float32", name=FIGURES)
    level = layers.BatchNormalization()(given)
    for _ in range(2):
        level = layers.Dropout(DROPOUT)(layers.Dense(DENSE_UNITS, activation="relu")(level))
    branches = [level]
    if sees_window:
        shorter = layers.Conv1D(FILTERS, KERNEL_CYCLES, strides=STEP_CYCLES, padding="same", activation="relu")(window)
        course = layers.Bidirectional(layers.LSTM(LSTM_UNITS))(shorter)
        branches.append(layers.Dropout(DROPOUT)(course))
    joined = layers.Concatenate()(branches) if len(branches) > 1 else level
    share = layers.Dense(1)(layers.Dense(DENSE_UNITS, activation="relu")(joined))
    return keras.Model([window, given], share, name="core")


def build_whole(preparation: Any, cores: Sequence[Any], cap_cycles: int) -> Any:
    """Preparation and the mean of trained networks as one model, to be exported.

    Returns:
        A Keras model: window and age_cycles -> `figures` (B, F), and with networks `network_cycles` (B, 1), not
        clipped.
    """
    import keras
    from keras import layers

    scaled, figures = preparation.outputs
    outputs = [figures]
    if cores:
        # Two layers of one model must not share a name.
        named = [keras.Model(core.inputs, core.outputs[0], name=f"core_{place}") for place, core in enumerate(cores)]
        shares = [core([scaled, figures]) for core in named]
        mean = layers.Average()(shares) if len(shares) > 1 else shares[0]
        outputs.append(layers.Rescaling(float(cap_cycles), name=NETWORK)(mean))
    return keras.Model(preparation.inputs, outputs, name="rul")


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
    return keras.Model(window, scaled, name=SCALED)


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
