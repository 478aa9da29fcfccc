"""Simulated machines that wear: their lives, what is read of their wear, and forecasts by the platform's own intervals.

A life is Weibull distributed; its wear rises as a power of the age, to a height that differs from life to life. A
reading shows the wear with noise. A predictor is fitted to the readings of some machines, its intervals are calibrated
on others, and both are used on machines that neither has seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from factory_assets.planning.upkeep.life_distribution import QUANTILES, LifeDistribution, of_published
from factory_assets.rul.intervals import LEVELS, MEDIAN, Calibration, calibrate, failure_probability, quantiles

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

CAP_CYCLES, HORIZONS_CYCLES = 125, (10, 31, 62)
SHAPE, SCALE_H = 2.5, 700.0
POWER, HEIGHT = (1.8, 3.2), (0.92, 1.08)
READ_EVERY_H, NOISE, NOISE_KEPT = 8.0, 0.03, 0.6
LEAST_LIFE_H = 24.0
LEARNT_AT_H = 40.0  # two ages of one life that are learnt from lie at least so far apart


@dataclass(frozen=True)
class Fleet:
    """Machines with all lives that they may need.

    Attributes:
        life_h: (machines, lives) operating hours from new to failure.
        power: (machines, lives) how the wear rises with the age.
        height: (machines, lives) wear at failure.
        noise: (machines, lives, readings) of the reading at each multiple of READ_EVERY_H.
    """

    life_h: Floats
    power: Floats
    height: Floats
    noise: npt.NDArray[np.float32]

    @property
    def machines(self) -> int:
        """How many there are."""
        return len(self.life_h)

    def readings(self, machine: Whole, life: Whole, age_h: Floats) -> tuple[Floats, Floats]:
        """The newest reading of each life asked for and its age: (n,) wear, (n,) operating hours."""
        number = np.minimum((age_h // READ_EVERY_H).astype(np.int64), self.noise.shape[2] - 1)
        at = number * READ_EVERY_H
        share = np.minimum(at / self.life_h[machine, life], 1)
        wear = self.height[machine, life] * share ** self.power[machine, life]
        return wear + self.noise[machine, life, number], at


def sampled_fleet(machines: int, lives: int, seed: int, noise: float = NOISE) -> Fleet:
    """Draw machines and their lives; of one seed they are the same whatever the noise.

    Args:
        machines: How many.
        lives: Of each.
        seed: Of everything drawn.
        noise: Standard deviation of a reading; at failure the wear is about 1.
    """
    rng = np.random.default_rng(seed)
    shape = (machines, lives)
    life_h = np.maximum(SCALE_H * rng.weibull(SHAPE, shape), LEAST_LIFE_H)
    readings = int(life_h.max() // READ_EVERY_H) + 2
    error = (noise * rng.standard_normal((*shape, readings), np.float32)).astype(np.float32)
    for number in range(1, readings):
        kept = NOISE_KEPT * error[:, :, number - 1]
        error[:, :, number] = kept + np.float32(np.sqrt(1 - NOISE_KEPT**2)) * error[:, :, number]
    return Fleet(life_h, rng.uniform(*POWER, shape), rng.uniform(*HEIGHT, shape), error)


@dataclass(frozen=True)
class Forecaster:
    """Predicts remaining lives, with intervals.

    Attributes:
        weights: Of the features.
        calibration: Of its intervals.
        width: What the intervals are multiplied with; below 1 they promise too much.
        late_cycles: What is added to each prediction: above 0 failures come before they are expected.
    """

    weights: Floats
    calibration: Calibration
    width: float = 1.0
    late_cycles: float = 0.0

    def predicted(self, wear: Floats, age_h: Floats) -> Floats:
        """(n,) cycles."""
        return np.clip(_features(wear, age_h) @ self.weights + self.late_cycles, 0, CAP_CYCLES)

    def quantiles(self, predicted: Floats) -> Floats:
        """(n, levels) cycles."""
        whole = quantiles(self.calibration, predicted, CAP_CYCLES)
        median = whole[:, [LEVELS.index(MEDIAN)]]
        found: Floats = median + self.width * (whole - median)
        return found

    def lives(self, wear: Floats, age_h: Floats) -> LifeDistribution:
        """What the platform publishes, as the planner reads it. A cycle is an hour."""
        predicted = self.predicted(wear, age_h)
        levels = self.quantiles(predicted)
        chances = {horizon: failure_probability(levels, LEVELS, horizon, CAP_CYCLES) for horizon in HORIZONS_CYCLES}
        told = levels[:, [LEVELS.index(level) for level in QUANTILES.values()]]
        return of_published(told, chances, cap_cycles=CAP_CYCLES, cycle_h=1.0)


def fitted(learnt: Fleet, calibrating: Fleet) -> Forecaster:
    """Fit the predictor to some machines, and calibrate its intervals on others."""
    _, wear, age_h, rul = _histories(learnt)
    weights: Floats = np.linalg.lstsq(_features(wear, age_h), np.minimum(rul, CAP_CYCLES), rcond=None)[0].astype(
        np.float64
    )
    bare = Forecaster(weights, Calibration(knots_cycles=(0.0,), offsets_cycles=((0.0,) * len(LEVELS),), units=(1,),
                                           band_edges_cycles=()))  # fmt: skip
    units, wear, age_h, rul = _histories(calibrating)
    return replace(bare, calibration=calibrate(bare.predicted(wear, age_h), rul, units, cap_cycles=CAP_CYCLES))


def accuracy(forecaster: Forecaster, fleet: Fleet) -> tuple[float, float]:
    """RMSE in cycles, and coverage of the 90 % interval, where at most the cap is left."""
    _, wear, age_h, rul = _histories(fleet)
    near = rul <= CAP_CYCLES
    predicted = forecaster.predicted(wear[near], age_h[near])
    levels = forecaster.quantiles(predicted)
    inside = (levels[:, 0] - 1e-9 <= rul[near]) & (rul[near] <= levels[:, -1] + 1e-9)
    return float(np.sqrt(np.mean((predicted - rul[near]) ** 2))), float(inside.mean())


def _features(wear: Floats, age_h: Floats) -> Floats:
    """(n, features): bent where wear begins to tell."""
    age = age_h / SCALE_H
    bends = [np.maximum(wear - knot, 0) for knot in (0.2, 0.4, 0.6, 0.8, 1.0)]
    return np.stack([np.ones_like(wear), wear, *bends, age, age * wear, age**2], axis=1)


def _histories(fleet: Fleet) -> tuple[Whole, Floats, Floats, Floats]:
    """Readings at ages of all lives: unit (each life is one), wear, age and remaining hours, (n,) each."""
    ages = np.arange(LEARNT_AT_H, fleet.life_h.max(), LEARNT_AT_H)
    machine, life, place = np.nonzero(fleet.life_h[:, :, None] > ages)
    wear, age_h = fleet.readings(machine, life, ages[place])
    return machine * fleet.life_h.shape[1] + life, wear, age_h, fleet.life_h[machine, life] - age_h
