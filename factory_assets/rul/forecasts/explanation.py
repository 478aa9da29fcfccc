"""Why a model predicts what it does: what each channel takes from, or adds to, the remaining life of a healthy unit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from edge_runtime.bundle import Regimes
from factory_assets.foundation.errors import FactoryError
from factory_assets.rul.forecasts.window_statistics import regime_of, regime_settings

Run = Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]
WINDOW, AGE, RUL = "window", "age_cycles", "rul_cycles"
HEALTHY_SHARE, LEAST_HEALTHY_CYCLES = 0.2, 5
BACKGROUNDS = 8
BATCH_ROWS = 2048


class ExplanationError(FactoryError, ValueError):
    """There is nothing healthy to compare with."""


@dataclass(frozen=True)
class Healthy:
    """Readings of units in the first part of their lives.

    Attributes:
        channels: Of the last axis of `values`, those of the model's window.
        values: (rows, channels) raw engineering units, NaN where nothing was read.
        lives: (rows,) number of the life, from 0.
        regime: (rows,) operating regime.
        age_cycles: (lives,) age at the end of a life's healthy part.
        regimes: What tells the regime; None where all is one.
    """

    channels: tuple[str, ...]
    values: np.ndarray
    lives: np.ndarray
    regime: np.ndarray
    age_cycles: np.ndarray
    regimes: Regimes | None


@dataclass(frozen=True)
class Contributions:
    """What each player (channel, or the age) adds to the prediction of a healthy unit, in cycles.

    Attributes:
        players: Names, of the last axis of `cycles`.
        cycles: (units, players); a row sums to `predicted - healthy`.
        predicted: (units,) predicted RUL.
        healthy: (units,) mean predicted RUL of the healthy readings that stood in.
    """

    players: tuple[str, ...]
    cycles: np.ndarray
    predicted: np.ndarray
    healthy: np.ndarray

    def strongest(self, unit: int, count: int = 3) -> list[tuple[str, float]]:
        """The players of one unit that count most, largest first."""
        order = np.argsort(-np.abs(self.cycles[unit]), kind="stable")[:count]
        return [(self.players[place], float(self.cycles[unit, place])) for place in order]


def healthy_readings(training_rows: pl.DataFrame, channels: Sequence[str], regimes: Regimes | None) -> Healthy:
    """The first fifth of every training life, at least five cycles.

    Args:
        training_rows: life_id, cycle and the channels of training lives, whose cycles begin at 1.
        channels: Of the model's window, in its order.
        regimes: Of the model.

    Raises:
        ExplanationError: There is no row.
    """
    length = pl.col("cycle").max().over("life_id")
    until = pl.max_horizontal((length * HEALTHY_SHARE).floor(), pl.lit(float(LEAST_HEALTHY_CYCLES)))
    early = training_rows.filter(pl.col("cycle") <= until).sort("life_id", "cycle")
    if early.is_empty():
        msg = "no training life has early cycles to compare with: train on lives whose start is known"
        raise ExplanationError(msg)
    values = early.select(channels).to_numpy().astype(np.float32)
    _, lives = np.unique(early["life_id"].to_numpy(), return_inverse=True)
    ends = early.group_by("life_id").agg(pl.col("cycle").max()).sort("life_id")["cycle"].to_numpy()
    regime = regime_of(regimes, channels, values)
    return Healthy(tuple(channels), values, lives, regime, ends.astype(np.float32), regimes)


def contributions(
    run: Run, inputs: Mapping[str, np.ndarray], healthy: Healthy, *, has_age: bool, seed: int
) -> Contributions:
    """Shapley values of the channels, and of the age, by sampling.

    A unit's readings are exchanged, channel by channel in random order, for readings of healthy units, and each channel
    is credited with what its exchange changes (Strumbelj and Kononenko, 2014; Castro et al., 2009). Each of eight
    healthy stand-ins is gone through in one order and in its reverse, which cancels much of the noise. With several
    operating regimes the stand-in's cycles are in the regimes of the unit's own and the settings stay as they are: a
    sensor under another load tells nothing of wear. What the unit did not read, the stand-in does not read either.

    At most `units * (9 + 16 * (players - 1))` rows of the model are evaluated, in batches of 2048.

    Args:
        run: The model: (N, window, channels) `window` and (N, 1) `age_cycles` to (N, 1) `rul_cycles`.
        inputs: The units to explain.
        healthy: What to compare with.
        has_age: Whether the model looks at the age, which is then a player.
        seed: Of the stand-ins and orders.

    Returns:
        The contributions, whose rows sum exactly to the difference of the predictions.
    """
    window, age = np.asarray(inputs[WINDOW], np.float32), np.asarray(inputs[AGE], np.float32).reshape(-1, 1)
    settings = regime_settings(healthy.regimes)
    places = [place for place, name in enumerate(healthy.channels) if name not in settings]
    players = tuple(healthy.channels[place] for place in places) + ((AGE,) if has_age else ())
    rng = np.random.default_rng(seed)
    predicted = _predict(run, window, age)
    cycles, base = np.zeros((len(window), len(players))), np.zeros(len(window))
    for _ in range(BACKGROUNDS):
        other, other_age = _stand_ins(window, age if not has_age else None, healthy, rng)
        start = _predict(run, other, other_age)
        base += start / BACKGROUNDS
        order = rng.permutation(len(players))
        for walk in (order, order[::-1]):
            steps = _walk(run, (other, other_age), (window, age), walk[:-1], places)
            path = np.concatenate([start[None], steps, predicted[None]])
            cycles[:, walk] += np.diff(path, axis=0).T / (2 * BACKGROUNDS)
    return Contributions(players=players, cycles=cycles, predicted=predicted, healthy=base)


def _stand_ins(
    window: np.ndarray, age: np.ndarray | None, healthy: Healthy, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A healthy window and age for each unit: every cycle in its own regime, from one life as far as that has such."""
    other = window.copy()
    regime = regime_of(healthy.regimes, healthy.channels, window)
    settings = regime_settings(healthy.regimes)
    sensors = np.array([place for place, name in enumerate(healthy.channels) if name not in settings], np.int64)
    drawn = rng.integers(len(healthy.age_cycles), size=len(window))
    for unit, life in enumerate(drawn):
        for number in np.unique(regime[unit]):
            alike = np.flatnonzero(healthy.regime == number)
            of_life = alike[healthy.lives[alike] == life]
            pool = of_life if len(of_life) else alike
            at = np.flatnonzero(regime[unit] == number)
            if len(pool):
                own = other[unit]
                own[np.ix_(at, sensors)] = healthy.values[rng.choice(pool, len(at))][:, sensors]
    other[np.isnan(window)] = np.nan
    return other, healthy.age_cycles[drawn].reshape(-1, 1) if age is None else age


def _walk(
    run: Run,
    start: tuple[np.ndarray, np.ndarray],
    end: tuple[np.ndarray, np.ndarray],
    walk: np.ndarray,
    places: Sequence[int],
) -> np.ndarray:
    """(steps, units) predictions while the players' values go over from start to end one after the other."""
    window, age = start[0].copy(), start[1]
    windows, ages = [], []
    for player in walk:
        if player < len(places):
            window[:, :, places[player]] = end[0][:, :, places[player]]
        else:
            age = end[1]
        windows.append(window.copy())
        ages.append(age)
    if not windows:
        return np.zeros((0, len(window)))
    found = _predict(run, np.concatenate(windows), np.concatenate(ages))
    return found.reshape(len(windows), len(window))


def _predict(run: Run, window: np.ndarray, age: np.ndarray) -> np.ndarray:
    parts = [
        np.asarray(run({WINDOW: window[first : first + BATCH_ROWS], AGE: age[first : first + BATCH_ROWS]})[RUL])
        for first in range(0, len(window), BATCH_ROWS)
    ]
    return np.concatenate([part.reshape(-1) for part in parts]).astype(np.float64) if parts else np.zeros(0)
