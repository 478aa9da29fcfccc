"""What it costs to begin maintenance at each time: failure before, lost hours, and life that is given away.

Renewal reward (Barlow and Proschan 1965, age replacement): over many lives, a machine costs least an operating hour if
each life ends where `expected cost of its end + rate x expected hours that it could have run on` is least, where the
rate is that least cost an hour itself. Here the end of a life is known only as a distribution, so

    cost(t) = F(t) x failure + (1 - F(t)) x planned(t) + rate x E[hours that are left after t]

with F by the operating hours until t. To wait past the horizon costs what the best later start costs; one of these is
to wait past the last known point of the distribution. Nothing is made up of how the unit fails after it: it may run on
as long as machines of that age do on the average, and later forecasts will tell when to stop.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from factory_assets.foundation.planning_settings import MaintenanceSettings
from factory_assets.planning.upkeep.life_distribution import LifeDistribution
from factory_assets.planning.upkeep.open_time import MINUTES, OpenTime

Floats = npt.NDArray[np.float64]
LATER_STARTS = 32
# Points of a curve that lie so near the line between others, as a share of a planned overhaul's cost, are left out.
NEAR_LINE = 0.005


@dataclass(frozen=True)
class Risk:
    """What it costs some machines with the same shifts to begin maintenance at each start.

    Attributes:
        start_min: (starts,) minutes, rising from 0.
        operating_h: (starts,) hours that a machine has run by then.
        failure_probability: (units, starts) that it has failed by then.
        cost: (units, starts) expected cost of a failure before, of the maintenance with the hours lost to it, and of
            the life that is given away.
        later_cost: (units,) the same of the best start after the horizon.
        planned_cost: What planned maintenance costs at the time that suits best.
    """

    start_min: npt.NDArray[np.int64]
    operating_h: Floats
    failure_probability: Floats
    cost: Floats
    later_cost: Floats
    planned_cost: float

    @property
    def best_min(self) -> npt.NDArray[np.int64]:
        """(units,) the cheapest start within the horizon."""
        found: npt.NDArray[np.int64] = self.start_min[self.cost.argmin(axis=1)]
        return found

    @property
    def saved(self) -> Floats:
        """(units,) what the cheapest start saves against waiting past the horizon."""
        found: Floats = self.later_cost - self.cost.min(axis=1)
        return found


@dataclass(frozen=True)
class _Ends:
    """What the two ends of a life cost, in money."""

    planned: Floats
    failure: Floats
    least_planned: float
    mean_failure: float


def risk(
    life: LifeDistribution,
    open_time: OpenTime,
    settings: MaintenanceSettings,
    *,
    mean_life_h: Floats | float,
    further_h: Floats | float = 0.0,
    utilisation: float = 1.0,
) -> Risk:
    """What it costs to begin maintenance at each start within the horizon, and after it.

    Args:
        life: Of the units.
        open_time: Shifts of the machines, within the horizon.
        settings: What maintenance and failures cost.
        mean_life_h: Mean operating hours from new to failure in this fleet; (units,) or one for all.
        further_h: Mean operating hours that a unit has left that runs until `life.known_h`; (units,) or one for all.
        utilisation: Share of its open time that a machine runs; 1 expects failures soonest.
    """
    starts = open_time.starts(int(settings.duration.total_seconds() // 60))
    hours = open_time.open_min(starts) / MINUTES * utilisation
    ends = _ends(open_time, settings, starts)
    left = _Left(life, np.broadcast_to(np.asarray(further_h, np.float64), len(life)).reshape(-1, 1))
    rate = _rate(left, ends, mean_life_h)
    failed, unused = life.failed_by(hours), left.unused_h(hours)
    failures = np.cumsum(np.diff(failed, axis=1, prepend=0) * ends.failure, axis=1)
    cost = failures + (1 - failed) * ends.planned + rate * unused
    end_h = float(open_time.open_min(open_time.horizon_min) / MINUTES * utilisation)
    more = failures[:, -1:] - failed[:, -1:] * ends.mean_failure
    later = _later(left, ends, rate, hours, end_h) + more
    return Risk(starts, hours, failed, cost, later[:, 0], ends.least_planned)


def points(risk: Risk, unit: int, horizon_min: int) -> tuple[tuple[int, float], ...]:
    """A unit's risk as (minute, money) points; the last one, at the horizon, is what it costs to wait past it."""
    minutes, costs = risk.start_min.tolist(), risk.cost[unit].tolist()
    kept = _corners(minutes, costs, NEAR_LINE * risk.planned_cost)
    found = [(int(minutes[place]), round(costs[place], 2)) for place in kept]
    if minutes[-1] < horizon_min - 1:
        found.append((horizon_min - 1, found[-1][1]))
    return (*found, (horizon_min, round(float(risk.later_cost[unit]), 2)))


def _ends(open_time: OpenTime, settings: MaintenanceSettings, starts: npt.NDArray[np.int64]) -> _Ends:
    duration, repair = settings.duration.total_seconds() / 60, settings.repair.total_seconds() / 60
    lost = open_time.lost_h(starts, duration)
    # A failure before a start happened, on the average, midway between it and the start before.
    midway = np.concatenate([starts[:1], (starts[1:] + starts[:-1]) / 2])
    failure = settings.failure_cost + settings.lost_per_h * open_time.lost_h(midway, repair)
    open_min = np.diff(open_time.open_min(starts), prepend=0)
    mean = float(np.average(failure, weights=open_min)) if open_min.sum() else settings.failure_cost
    return _Ends(
        settings.cost + settings.lost_per_h * lost,
        failure,
        settings.cost + settings.lost_per_h * float(lost.min()),
        mean,
    )


class _Left:
    """What the units have left."""

    def __init__(self, life: LifeDistribution, further_h: Floats) -> None:
        self.life = life
        self.known_h = life.known_h.reshape(-1, 1)
        self._all_h = life.run_by(self.known_h)
        self._further_h = further_h * (1 - life.failed_by(self.known_h))

    @property
    def mean_h(self) -> Floats:
        """(units, 1)."""
        return self._all_h + self._further_h

    def unused_h(self, hours: Floats) -> Floats:
        """Expected hours that are given away by stopping then; none by running on after the last known point."""
        return self._all_h - self.life.run_by(hours) + self._further_h

    def cost_of_end(self, hours: Floats, planned: Floats | float, ends: _Ends) -> Floats:
        """Expected cost of the end of a life at operating hours: a failure before, or planned maintenance."""
        failed = self.life.failed_by(hours)
        return failed * ends.mean_failure + (1 - failed) * planned

    def between(self, from_h: float) -> Floats:
        """(units, choices) hours from one on to the last known point."""
        return from_h + np.linspace(0, 1, LATER_STARTS + 1) * np.maximum(self.known_h - from_h, 0)


def _rate(left: _Left, ends: _Ends, mean_life_h: Floats | float) -> Floats:
    """(units, 1) least long-run cost an operating hour, if every life ended with as much known of it as of this one."""
    hours = left.between(0.0)
    cost, unused = left.cost_of_end(hours, ends.least_planned, ends), left.unused_h(hours)
    mean = np.maximum(np.asarray(mean_life_h, np.float64).reshape(-1, 1), left.mean_h)
    rates = (cost / np.maximum(mean - unused, 1e-9)).min(axis=1, keepdims=True)
    found: Floats = np.minimum(rates, cost[:, -1:] / mean)
    return found


def _later(left: _Left, ends: _Ends, rate: Floats, hours: Floats, end_h: float) -> Floats:
    """(units, 1) cost of the best end after the horizon, a failure within it at its mean cost.

    The shifts of the horizon come again; after that maintenance is planned when it suits best.

    Args:
        left: Of the units.
        ends: What they cost.
        rate: (units, 1).
        hours: (starts,) operating hours until each start within the horizon.
        end_h: Operating hours until its end.
    """
    again, then = hours + end_h, left.between(2 * end_h)
    costs = [
        left.cost_of_end(again, ends.planned, ends) + rate * left.unused_h(again),
        left.cost_of_end(then, ends.least_planned, ends) + rate * left.unused_h(then),
        left.cost_of_end(left.known_h, ends.least_planned, ends),
    ]
    found: Floats = np.concatenate(costs, axis=1).min(axis=1, keepdims=True)
    return found


def _corners(minutes: list[int], costs: list[float], near: float) -> list[int]:
    """Places of the points that a line through all of them needs, up to `near` (Ramer, Douglas and Peucker)."""
    kept, open_pieces = {0, len(minutes) - 1}, [(0, len(minutes) - 1)]
    while open_pieces:
        first, last = open_pieces.pop()
        if last - first < 2:
            continue
        line = np.interp(minutes[first + 1 : last], [minutes[first], minutes[last]], [costs[first], costs[last]])
        off = np.abs(line - costs[first + 1 : last])
        if off.max() > near:
            corner = first + 1 + int(off.argmax())
            kept.add(corner)
            open_pieces += [(first, corner), (corner, last)]
    return sorted(kept)
