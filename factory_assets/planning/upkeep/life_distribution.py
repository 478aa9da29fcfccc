"""The distribution of the operating hours that units have left, from their forecasts.

A forecast tells a few points of it: the ends of two intervals, and probabilities of failure. They become one rising
line. At or beyond the model's cap nothing is known, and nothing is made up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.float64]

# What the columns of RUL_FORECAST mean: by then so large a share of units has failed.
QUANTILES = {
    "rul_low_90_cycles": 0.05, "rul_low_80_cycles": 0.10, "rul_high_80_cycles": 0.90, "rul_high_90_cycles": 0.95,
}  # fmt: skip
# Before the lowest quantile: places of further knots, as shares of it.
TAIL_PLACES = (0.25, 0.5, 0.7, 0.85)
# The least is a hazard that does not rise, the most keeps two quantiles that lie close together from making early
# failures impossible.
TAIL_SHAPES = (1.0, 4.0)
# A quantile so near the cap, as a share of it, is at it: bands of the calibration are no narrower (`rul.intervals`).
AT_CAP = 0.02


@dataclass(frozen=True)
class LifeDistribution:
    """P(failed by h operating hours) of some units: straight lines between knots, and unknown after the last.

    Attributes:
        hours: (units, knots) operating hours from now, not falling, from 0.
        probability: (units, knots) that the unit has failed by then, not falling, from 0. Two knots at one hour are a
            jump.
    """

    hours: Floats
    probability: Floats

    def __len__(self) -> int:
        return len(self.hours)

    @property
    def known_h(self) -> Floats:
        """(units,) until when something is known."""
        return self.hours[:, -1]

    def failed_by(self, hours: npt.ArrayLike) -> Floats:
        """Probability of failure by operating hours; after `known_h` what it is there.

        Args:
            hours: (times,) for all units, or (units, times).

        Returns:
            (units, times).
        """
        asked, knot = self._pieces(hours)
        at, failed, rise = (np.take_along_axis(one, knot, 1) for one in (self.hours, self.probability, self._rises))
        found: Floats = failed + rise * (asked - at)
        return found

    def run_by(self, hours: npt.ArrayLike) -> Floats:
        """Expected operating hours until failure or until the hours given, whichever is first; flat after `known_h`.

        Args:
            hours: (times,) for all units, or (units, times).

        Returns:
            (units, times).
        """
        asked, knot = self._pieces(hours)
        alive = 1 - (self.probability[:, :-1] + self.probability[:, 1:]) / 2
        lasted = np.cumsum(np.diff(self.hours, axis=1) * alive, axis=1)
        until = np.concatenate([np.zeros((len(self), 1)), lasted], axis=1)
        columns = (self.hours, self.probability, self._rises, until)
        at, failed, rise, run = (np.take_along_axis(one, knot, 1) for one in columns)
        inside = np.minimum(asked, self.known_h.reshape(-1, 1)) - at
        found: Floats = run + inside * (1 - failed) - rise * inside**2 / 2
        return found

    def after(self, hours: npt.ArrayLike) -> LifeDistribution:
        """The same for units that have run on without failing.

        A unit that has outlived all that is known of it fails within the next hour, with the probability that it should
        have failed by then.

        Args:
            hours: (units,) operating hours since the forecast.
        """
        run = np.asarray(hours, np.float64).reshape(-1, 1)
        failed = self.failed_by(run)
        left = np.maximum(1 - failed, 1e-9)
        later = np.clip((self.probability - failed) / left, 0, 1)
        # What lies behind is over, so it is no jump at 0.
        found = LifeDistribution(np.maximum(self.hours - run, 0), np.where(self.hours <= run, 0, later))
        is_over = (self.known_h <= run[:, 0]) & (run[:, 0] > 0)
        found.hours[is_over, -1], found.probability[is_over, -1] = 1.0, failed[is_over, 0]
        return found

    def chosen(self, units: npt.NDArray[np.bool_]) -> LifeDistribution:
        """Some of the units."""
        return LifeDistribution(self.hours[units], self.probability[units])

    @property
    def _rises(self) -> Floats:
        """(units, knots) probability an hour from each knot to the next; 0 at jumps and after the last."""
        width = np.diff(self.hours, axis=1, append=self.hours[:, -1:])
        rise = np.diff(self.probability, axis=1, append=self.probability[:, -1:])
        return np.where(width > 0, rise / np.maximum(width, 1e-12), 0.0)

    def _pieces(self, hours: npt.ArrayLike) -> tuple[Floats, npt.NDArray[np.int64]]:
        """The hours, and the last knot not after each of them; (units, times) both."""
        asked = np.asarray(hours, np.float64)
        asked = np.broadcast_to(asked, (len(self), asked.shape[-1]))
        # One search for all units: each has a stretch of its own on one line.
        stretch = max(float(self.hours.max(initial=0)), float(asked.max(initial=0))) + 1
        begin = np.arange(len(self)).reshape(-1, 1) * stretch
        found = np.searchsorted((self.hours + begin).ravel(), (asked + begin).ravel(), side="right").reshape(
            asked.shape
        )
        last = self.hours.shape[1] - 1
        return asked, np.clip(found - 1 - np.arange(len(self)).reshape(-1, 1) * (last + 1), 0, last)


def life_distribution(
    cycles: npt.ArrayLike, shares: npt.ArrayLike, *, cap_cycles: float, cycle_h: float
) -> LifeDistribution:
    """One rising line through points of the distribution.

    Before the lowest point the line follows a Weibull distribution through the lowest two (the lower tail of a life
    that is bounded below looks so), with a hazard that does not fall. A point within the first cycle is put at its end:
    the unit runs now, and cycles are whole.

    Args:
        cycles: (units, points) remaining cycles; NaN where there is no point; at or above the cap nothing is known. The
            first two points are quantiles.
        shares: (points,) or (units, points) share of units that have failed by then.
        cap_cycles: The model's cap.
        cycle_h: Operating hours of a cycle.
    """
    at = np.maximum(np.asarray(cycles, np.float64), 1)
    share = np.broadcast_to(np.asarray(shares, np.float64), at.shape)
    shape = _tail_shape(np.minimum(at[:, :2], cap_cycles), share[:, :2])
    # A straight line from the origin is all that is published before the lowest quantile: no knowledge of its own.
    is_known = (at < cap_cycles * (1 - AT_CAP)) & ~np.isnan(share) & (at >= np.fmin(at[:, :1], at[:, 1:2]))
    at, share = np.where(is_known, at, np.inf), np.where(is_known, share, 0.0)
    order = np.lexsort((share, at), axis=1)
    at, share = np.take_along_axis(at, order, 1), np.take_along_axis(share, order, 1)
    share = np.maximum.accumulate(share, axis=1)
    last = np.where(np.isfinite(at), at, 0).max(axis=1, keepdims=True)
    at = np.where(np.isfinite(at), at, last)
    places = np.array([0.0, *TAIL_PLACES])
    hours = np.concatenate([places * at[:, :1], at], axis=1) * cycle_h
    return LifeDistribution(hours, np.concatenate([share[:, :1] * places**shape, share], axis=1))


def of_published(
    quantile_cycles: Floats, chances: Mapping[int, Floats], *, cap_cycles: float, cycle_h: float
) -> LifeDistribution:
    """The distributions of units, from what a forecast publishes of them.

    The predicted life is none of their quantiles, so it is not among the points.

    Args:
        quantile_cycles: (units, 4) at `QUANTILES`.
        chances: (units,) probability of failure by horizon in cycles; NaN where there is none.
        cap_cycles: The model's cap.
        cycle_h: Operating hours of a cycle.
    """
    column = np.ones((len(quantile_cycles), 1))
    told = [np.asarray(chance, np.float64).reshape(-1, 1) for chance in chances.values()]
    return life_distribution(
        np.concatenate([quantile_cycles, *(column * horizon for horizon in chances)], axis=1),
        np.concatenate([column * list(QUANTILES.values()), *told], axis=1),
        cap_cycles=cap_cycles,
        cycle_h=cycle_h,
    )


def of_forecasts(
    units: pl.DataFrame, probabilities: pl.DataFrame, *, cap_cycles: float, cycle_h: float
) -> LifeDistribution:
    """The distributions of a fleet's units, in their order.

    Args:
        units: RUL_FORECAST, none of them refused.
        probabilities: RUL_FAILURE_PROBABILITY of these units, and maybe of others.
        cap_cycles: The model's cap.
        cycle_h: Operating hours of a cycle.
    """
    keys = units.select("life_id")
    chances = {
        int(horizon[0]): keys.join(frame, on="life_id", how="left", maintain_order="left")["failure_probability"]
        .cast(pl.Float64)
        .fill_null(np.nan)
        .to_numpy()
        for horizon, frame in probabilities.group_by("horizon_cycles", maintain_order=True)
    }
    return of_published(
        units.select(*QUANTILES).to_numpy().astype(np.float64),
        chances,
        cap_cycles=cap_cycles,
        cycle_h=cycle_h,
    )


@dataclass(frozen=True)
class FleetLives:
    """How long machines of a fleet live, by Kaplan and Meier (1958) up to the longest life.

    Attributes:
        hours: (ends,) operating hours, rising from 0.
        alive: (ends,) share that lives longer.
    """

    hours: Floats
    alive: Floats

    @classmethod
    def of(cls, lives_h: npt.ArrayLike, is_failed: npt.ArrayLike) -> FleetLives | None:
        """From lives that were seen; None if nothing has failed.

        Args:
            lives_h: (lives,) operating hours of lives that have ended, or still go on.
            is_failed: (lives,) whether it ended in failure; others would have lasted longer.
        """
        lives, failed = np.asarray(lives_h, np.float64), np.asarray(is_failed, bool)
        # Of equal lives those that failed come first: the others were at risk then.
        order = np.lexsort((~failed, lives))
        lives, failed = lives[order], failed[order]
        if not failed.any():
            return None
        alive = np.cumprod(1 - failed / np.arange(len(lives), 0, -1))
        return cls(np.concatenate([[0.0], lives]), np.concatenate([[1.0], alive]))

    @property
    def mean_h(self) -> float:
        """Mean life."""
        return float(np.sum(np.diff(self.hours) * self.alive[:-1]))

    def left_h(self, age_h: npt.ArrayLike) -> Floats:
        """(n,) mean hours left at operating ages (n,); 0 beyond the longest life."""
        age = np.asarray(age_h, np.float64)
        lived = np.concatenate([[0.0], np.cumsum(np.diff(self.hours) * self.alive[:-1])])
        alive = self.alive[np.maximum(np.searchsorted(self.hours, age, side="right") - 1, 0)]
        left = lived[-1] - np.interp(age, self.hours, lived)
        return np.where(alive > 0, left / np.maximum(alive, 1e-12), 0.0)


def _tail_shape(cycles: Floats, shares: Floats) -> Floats:
    """(units, 1) shape of the Weibull distribution through two points; one at the cap counts as if it were there."""
    if cycles.shape[1] < 2:
        return np.full((len(cycles), 1), TAIL_SHAPES[0])
    log_cycles, log_hazard = np.log(cycles), np.log(-np.log1p(-shares))
    rise = np.maximum(log_cycles[:, 1] - log_cycles[:, 0], 1e-9)
    shape = np.clip((log_hazard[:, 1] - log_hazard[:, 0]) / rise, *TAIL_SHAPES)
    found: Floats = np.where(cycles[:, 0] <= 1, TAIL_SHAPES[0], shape).reshape(-1, 1)
    return found
