"""Years of machines under a maintenance policy: what fails, what is overhauled, and how many open hours are lost.

Minute 0 is a Monday, 06:00. All policies meet the same lives in the same order. A decision is made each day at 06:00;
what it places on a later day is decided anew then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from factory_assets.benchmarks.wearing_fleets import Fleet, Forecaster
from factory_assets.foundation.planning_settings import MaintenanceSettings
from factory_assets.planning.upkeep.life_distribution import FleetLives, LifeDistribution
from factory_assets.planning.upkeep.open_time import OpenTime
from factory_assets.planning.upkeep.risk import risk

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

DAY, WEEK, YEAR_DAYS = 1440, 10080, 364
SHIFT_MIN, WORKDAYS = 960, 5
WEEK_SHIFTS = tuple((day * DAY, day * DAY + SHIFT_MIN) for day in range(WORKDAYS))
HORIZON_MIN = WEEK


@dataclass(frozen=True)
class Machines:
    """Running machines at the moment of a decision.

    Attributes:
        machine: (n,) which.
        life: (n,) which of its lives.
        age_h: (n,) operating hours of the life.
        fails_min: (n,) when it will fail; for an oracle only.
    """

    machine: Whole
    life: Whole
    age_h: Floats
    fails_min: Floats


class Policy(Protocol):
    """Says when maintenance begins."""

    def starts(self, now_min: int, running: Machines) -> Floats:
        """(n,) minutes; infinite where it does not begin before the next decision."""


@dataclass(frozen=True)
class Outcome:
    """What came of a policy, by machine, in the days that count.

    Attributes:
        failures: (machines,)
        overhauls: (machines,)
        lost_repair_h: (machines,) open hours lost to repairs.
        lost_overhaul_h: (machines,) open hours lost to overhauls.
        years: How many these are, of 52 weeks.
    """

    failures: Floats
    overhauls: Floats
    lost_repair_h: Floats
    lost_overhaul_h: Floats
    years: float

    def cost_a_year(self, settings: MaintenanceSettings) -> Floats:
        """(machines,) money."""
        lost = self.lost_repair_h + self.lost_overhaul_h
        ends = self.failures * settings.failure_cost + self.overhauls * settings.cost
        return (ends + lost * settings.lost_per_h) / self.years


def lived(fleet: Fleet, policy: Policy, settings: MaintenanceSettings, *, days: int, before_days: int) -> Outcome:
    """Let all machines run under a policy.

    Args:
        fleet: With enough lives.
        policy: Decides each day.
        settings: How long overhauls and repairs take.
        days: That count.
        before_days: That do not count, before them: at their beginning all machines are new.

    Raises:
        ValueError: The lives are not enough.
    """
    duration, repair = (span.total_seconds() / 60 for span in (settings.duration, settings.repair))
    count = fleet.machines
    each, life = np.arange(count), np.zeros(count, np.int64)
    free, fails = np.zeros(count), closed_min(fleet.life_h[:, 0] * 60)
    found = np.zeros((4, count))
    for now in range(0, (before_days + days) * DAY, DAY):
        start = np.full(count, np.inf)
        runs = np.flatnonzero((free <= now) & (fails > now))
        age_h = (open_min(np.array(now)) - open_min(free[runs])) / 60
        start[runs] = policy.starts(now, Machines(runs, life[runs], age_h, fails[runs]))
        has_failed = (fails < now + DAY) & (fails < start)
        is_begun = (start < now + DAY) & ~has_failed
        end = np.where(has_failed, fails + repair, start + duration)
        ended = has_failed | is_begun
        lost = np.zeros(count)
        lost[ended] = (open_min(end[ended]) - open_min(np.minimum(fails, start)[ended])) / 60
        if now >= before_days * DAY:
            found += np.stack([has_failed, is_begun, lost * has_failed, lost * is_begun])
        life[ended] += 1
        if life.max() >= fleet.life_h.shape[1]:
            msg = f"a machine needs more than {fleet.life_h.shape[1]} lives by day {now // DAY}: draw more of them"
            raise ValueError(msg)
        free[ended] = end[ended]
        fails[ended] = closed_min(open_min(free[ended]) + fleet.life_h[each[ended], life[ended]] * 60)
    return Outcome(found[0], found[1], found[2], found[3], days / YEAR_DAYS)


def open_min(minute: Floats) -> Floats:
    """Open minutes before a minute."""
    of_day = np.clip(minute % DAY, 0, SHIFT_MIN)
    day = minute // DAY
    workday = np.minimum(day % 7, WORKDAYS)
    in_day = np.where(day % 7 < WORKDAYS, of_day, 0.0)
    found: Floats = ((day // 7) * WORKDAYS + workday) * SHIFT_MIN + in_day
    return found


def closed_min(opened: Floats) -> Floats:
    """The first minute before which so many open minutes, more than none, lie."""
    day = np.ceil(opened / SHIFT_MIN) - 1
    found: Floats = (day // WORKDAYS) * WEEK + (day % WORKDAYS) * DAY + opened - day * SHIFT_MIN
    return found


class RunToFailure:
    """Never maintains."""

    def starts(self, now_min: int, running: Machines) -> Floats:
        """Nowhere."""
        return np.full(len(running.age_h), np.inf)


@dataclass(frozen=True)
class FixedInterval:
    """Overhauls at the end of the shift before which an age is reached; before the weekend, where none is lost, sooner.

    Attributes:
        age_h: At which operating age.
        friday_age_h: On Fridays.
    """

    age_h: float
    friday_age_h: float

    def starts(self, now_min: int, running: Machines) -> Floats:
        """At the end of today's shift, or not today."""
        day = now_min // DAY % 7
        if day >= WORKDAYS:
            return np.full(len(running.age_h), np.inf)
        due = self.friday_age_h if day == WORKDAYS - 1 else self.age_h
        # By the end of tomorrow's shift it would be too old.
        is_due = running.age_h + SHIFT_MIN / 60 >= due
        return np.where(is_due, now_min + SHIFT_MIN, np.inf)


@dataclass(frozen=True)
class Oracle:
    """Knows when a machine fails: overhauls at the last end of a shift before, or before the weekend if that pays.

    Attributes:
        worth_h: Life whose worth is that of the open hours that an overhaul in the week loses.
    """

    worth_h: float

    def starts(self, now_min: int, running: Machines) -> Floats:
        """At the end of today's shift, or not today."""
        day = now_min // DAY % 7
        if day >= WORKDAYS:
            return np.full(len(running.age_h), np.inf)
        end, is_friday = now_min + SHIFT_MIN, day == WORKDAYS - 1
        next_end = end + (WEEK - (WORKDAYS - 1) * DAY if is_friday else DAY)
        left_h = (open_min(running.fails_min) - open_min(np.array(end))) / 60
        is_last = running.fails_min < next_end
        is_time = is_last | (is_friday & (left_h <= self.worth_h) & (left_h <= WORKDAYS * SHIFT_MIN / 60))
        return np.where((running.fails_min >= end) & is_time, end, np.inf)


class ByRisk:
    """The platform's own: each day the cheapest start of the next seven days, by the forecasts."""

    def __init__(self, fleet: Fleet, forecaster: Forecaster, settings: MaintenanceSettings, lives: FleetLives) -> None:
        """Take what it decides by.

        Args:
            fleet: Whose readings it sees.
            forecaster: Made on other machines.
            settings: What maintenance and failures cost.
            lives: Of other machines.
        """
        self._fleet, self._forecaster, self._settings, self._lives = fleet, forecaster, settings, lives
        weeks = [(begin + start, end + start) for start in (0, WEEK) for begin, end in WEEK_SHIFTS]
        self._open = [
            OpenTime([(begin - day * DAY, end - day * DAY) for begin, end in weeks], HORIZON_MIN) for day in range(7)
        ]

    def starts(self, now_min: int, running: Machines) -> Floats:
        """The cheapest start, if it comes before the next decision."""
        found = np.full(len(running.age_h), np.inf)
        wear, read_h = self._fleet.readings(running.machine, running.life, running.age_h)
        lives = self._forecaster.lives(wear, read_h).after(running.age_h - read_h)
        told = lives.known_h > 0
        if told.any():
            found[told] = now_min + self._wait_min(lives.chosen(told), running.age_h[told], now_min // DAY % 7)
        return found

    def _wait_min(self, lives: LifeDistribution, age_h: Floats, day: int) -> Floats:
        further_h = self._lives.left_h(age_h + lives.known_h)
        weighed = risk(lives, self._open[day], self._settings, mean_life_h=self._lives.mean_h, further_h=further_h)
        is_today = (weighed.saved > 0) & (weighed.best_min < DAY)
        return np.where(is_today, weighed.best_min, np.inf)
