"""Spells in which a logger or a sensor of the reference plant fails, drawn by the rules of `faults`.

They are drawn per machine and week, each from a stream of its own, so that a longer run repeats them. Episodes of one
machine never overlap and keep SPACING apart. What they do to the lines of the historian is in `mess`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from zlib import crc32
from zoneinfo import ZoneInfo

import numpy as np

from factory_assets.reference_plant.faults import (
    CLOCK_ERROR_MIN,
    DRIFT_AT_END,
    DRIFTS_BOTH_WAYS,
    EPISODE_RULES,
    LATE_SENSOR_DAYS,
    LATE_SENSORS,
    NEW_TAG_DAYS,
    NEW_TAGS,
    RESTART_SILENT_STEPS,
    EpisodeRule,
)
from factory_assets.reference_plant.fleets import FAILED, OVERHAUL, RUNNING, STOPPED, FleetModel
from factory_assets.reference_plant.lives import STEPS_PER_DAY, STEPS_PER_HOUR, LifeRun

STEPS_PER_WEEK = 7 * STEPS_PER_DAY
SPACING = 4 * STEPS_PER_HOUR
TRIES = 20


@dataclass(frozen=True)
class Timeline:
    """What one machine does, in steps of 20 minutes from the plant's start, to the end of a whole week.

    Attributes:
        states: machine_state at each step.
        life_end: The step at which the life ends that is being lived at each step; it may lie beyond the last one.
    """

    states: np.ndarray
    life_end: np.ndarray

    def count_running(self, first: int, end: int) -> int:
        """Steps that the machine runs from `first` to before `end`."""
        return int((self.states[first:end] == RUNNING).sum())

    def has_ending(self, day: int) -> bool:
        """Whether a failure or an overhaul is told on a day, counted from the plant's start."""
        return bool(np.isin(self.states[day * STEPS_PER_DAY : (day + 1) * STEPS_PER_DAY], (FAILED, OVERHAUL)).any())


@dataclass(frozen=True, kw_only=True)
class Episode:
    """One failure of a logger or a sensor. Steps count from the plant's start.

    Attributes:
        channel: The sensor; None for all channels of the machine.
        first: First step.
        split: Restart: from here on nothing is told. Out of order: up to here lines are displaced. Else `end`.
        end: The step after the last one.
        told: The step at which displaced, late or repeated lines are told; None if each is told at its own.
        is_own_file: Whether late lines come in a file of their own.
        amount: Drift: share of the true value that is gained each step. Clock jump: error in minutes.
    """

    kind: str
    machine: str
    channel: str | None
    first: int
    split: int
    end: int
    told: int | None = None
    is_own_file: bool = False
    amount: float = 0.0


def whole_weeks(n_steps: int) -> int:
    """The least number of steps that makes whole weeks and is not below `n_steps`."""
    return -(-n_steps // STEPS_PER_WEEK) * STEPS_PER_WEEK


def timeline(runs: Iterable[LifeRun], n_steps: int) -> Timeline:
    """The first `n_steps` of a machine, from lives that cover them."""
    states, life_end = np.full(n_steps, STOPPED), np.zeros(n_steps, dtype=np.int64)
    for run in runs:
        begin, end = max(run.first_step, 0), min(run.next_step, n_steps)
        states[begin:end] = run.states[begin - run.first_step : end - run.first_step]
        life_end[begin:end] = run.first_step + run.end
    return Timeline(states, life_end)


def draw_episodes(
    fleet: FleetModel, number: int, machine: Timeline, start: dt.date, seed: int, *, rate: float
) -> list[Episode]:
    """All episodes of a fleet's machine (`number` from 0), in whole weeks from the plant's `start`."""
    episodes = []
    for week in range(machine.states.size // STEPS_PER_WEEK):
        rng = mess_generator(seed, fleet.name, number, week)
        drawing = _Drawing(fleet, number, machine, start, rng, sensor_days(fleet, number, seed))
        episodes += list(drawing.week(week * STEPS_PER_WEEK, rate))
    return episodes


def mess_generator(seed: int, *key: str | int) -> np.random.Generator:
    """A random stream of the mess, apart from those of the lives."""
    parts = [crc32(part.encode()) if isinstance(part, str) else part for part in ("mess", *key)]
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=tuple(parts)))


def sensor_days(fleet: FleetModel, number: int, seed: int) -> dict[str, int]:
    """The day, from the plant's start, on which sensors of a machine appear that were not there before."""
    days = {}
    for (name, channel), count in LATE_SENSORS.items():
        if name == fleet.name:
            rng = mess_generator(seed, "late sensor", channel)
            machines = rng.choice(fleet.n_machines, size=count, replace=False).tolist()
            drawn = rng.integers(*LATE_SENSOR_DAYS, size=count, endpoint=True)
            if number in machines:
                days[channel] = int(drawn[machines.index(number)])
    return days


def new_tags(fleet: FleetModel, seed: int) -> Iterator[tuple[str, str, str, int]]:
    """(machine, channel, new tag, day from the plant's start) of every renamed tag of a fleet."""
    for (name, channel), tag in NEW_TAGS.items():
        if name == fleet.name:
            rng = mess_generator(seed, "new tag", channel)
            machine = fleet.machines[rng.integers(fleet.n_machines)]
            yield machine, channel, tag, int(rng.integers(*NEW_TAG_DAYS, endpoint=True))


@dataclass(frozen=True)
class _Drawing:
    """Draws the episodes of one machine in one week."""

    fleet: FleetModel
    number: int
    machine: Timeline
    start: dt.date
    rng: np.random.Generator
    sensor_days: dict[str, int]

    def week(self, first: int, rate: float) -> Iterator[Episode]:
        placed: list[Episode] = []
        for rule in EPISODE_RULES:
            for _ in range(self.rng.poisson(rule.per_week * rate)):
                placed += self._place(rule, first, placed)
        yield from sorted(placed, key=lambda episode: episode.first)

    def _place(self, rule: EpisodeRule, first: int, placed: list[Episode]) -> list[Episode]:
        """The episode at the first of some drawn places where it fits; none if none does."""
        last = first + STEPS_PER_WEEK - SPACING
        for _ in range(TRIES):
            episode = self._draw(rule, int(self.rng.integers(max(first, 1), last)))
            if episode is None or episode.end > last:
                continue
            if all(episode.first >= other.end + SPACING or other.first >= episode.end + SPACING for other in placed):
                return [episode]
        return []

    def _draw(self, rule: EpisodeRule, at: int) -> Episode | None:
        steps = round(self.rng.uniform(*rule.hours) * STEPS_PER_HOUR)
        channel = None
        if rule.scope == "channel":
            channel = self._channel(rule)
            if channel is None or at < self.sensor_days.get(channel, 0) * STEPS_PER_DAY + 1:
                return None
        if not np.all(self.machine.states[at - 1 : at + 1] == RUNNING):
            return None
        episode = self._episode(rule.kind, at, steps, channel)
        least = rule.hours[0] * STEPS_PER_HOUR
        is_long_enough = episode is not None and self.machine.count_running(episode.first, episode.end) >= least
        return episode if is_long_enough else None

    def _channel(self, rule: EpisodeRule) -> str | None:
        sensors = [c.name for c in self.fleet.channels if c.role == "sensor"]
        possible = [name for name in sensors if not rule.channels or name in rule.channels]
        return str(self.rng.choice(possible)) if possible else None

    def _episode(self, kind: str, at: int, steps: int, channel: str | None) -> Episode | None:
        match kind:
            case "drift":
                episode: Episode | None = self._drift(at, steps, str(channel))
            case "stuck":
                run = np.cumsum(self.machine.states[at:] == RUNNING)
                episode = self._spell(kind, at, at + int(np.searchsorted(run, steps)) + 1, channel)
            case "clock_jump":
                episode = self._clock_jump(at, steps)
            case "late":
                episode = self._late(at, steps)
            case "out_of_order":
                episode = self._out_of_order(at, steps)
            case "restart":
                episode = self._restart(at, steps)
            case _:
                episode = self._spell(kind, at, at + steps, channel)
        return episode

    def _spell(self, kind: str, at: int, end: int, channel: str | None, *, amount: float = 0.0) -> Episode:
        """An episode that a failure or an overhaul ends early."""
        end = min(end, int(self.machine.life_end[at]))
        machine = self.fleet.machines[self.number]
        return Episode(kind=kind, machine=machine, channel=channel, first=at, split=end, end=end, amount=amount)

    def _drift(self, at: int, steps: int, channel: str) -> Episode:
        at_end = self.rng.uniform(*DRIFT_AT_END[channel])
        sign = self.rng.choice((-1, 1)) if channel in DRIFTS_BOTH_WAYS else 1
        return self._spell("drift", at, at + steps, channel, amount=sign * at_end / steps)

    def _clock_jump(self, at: int, steps: int) -> Episode | None:
        """Stamps, too, stay on the day, and no life ends on it: its end would be told at a wrong time."""
        error_min = int(self.rng.integers(*CLOCK_ERROR_MIN, endpoint=True) * self.rng.choice((-1, 1)))
        error = error_min / 60 * STEPS_PER_HOUR
        day, end = at // STEPS_PER_DAY, at + steps
        is_on_day = self._is_plain_day(at, end) and self._is_same_day(at + error, end - 1 + error, day)
        if not is_on_day or self.machine.has_ending(day):
            return None
        return self._spell("clock_jump", at, end, None, amount=error_min)

    def _late(self, at: int, steps: int) -> Episode | None:
        """Told in the next day's file, or in a file of their own two to six days later."""
        is_own_file = bool(self.rng.random() < 0.5)
        days, within = (self.rng.integers(2, 7), (18, 66)) if is_own_file else (1, (0, 36))
        told = (at // STEPS_PER_DAY + int(days)) * STEPS_PER_DAY + int(self.rng.integers(*within))
        end = at + steps
        return (
            self._displaced("late", at, end, end, told, is_own_file=is_own_file)
            if self._is_plain_day(at, end)
            else None
        )

    def _out_of_order(self, at: int, steps: int) -> Episode | None:
        """Either told together, some hours later, or every second step told after the one that follows it."""
        told: int | None = None
        split = end = at + 2 * (steps // 2 + 1)
        if self.rng.random() < 0.5:
            split = at + steps
            told = end = split + int(self.rng.integers(1, 12))
        return self._displaced("out_of_order", at, split, end, told) if self._is_plain_day(at, end + 1) else None

    def _restart(self, at: int, steps: int) -> Episode | None:
        """Silent for some steps after `split`; then what came before it is told again."""
        split = at + steps
        end = split + int(self.rng.integers(*RESTART_SILENT_STEPS, endpoint=True))
        if not self._is_plain_day(at, end + 1) or self.machine.has_ending(at // STEPS_PER_DAY):
            return None
        return self._displaced("restart", at, split, end, end)

    def _displaced(
        self, kind: str, first: int, split: int, end: int, told: int | None, *, is_own_file: bool = False
    ) -> Episode:
        machine = self.fleet.machines[self.number]
        return Episode(
            kind=kind, machine=machine, channel=None, first=first, split=split, end=end, told=told,
            is_own_file=is_own_file,
        )  # fmt: skip

    def _is_same_day(self, first: float, last: float, day: int) -> bool:
        return first // STEPS_PER_DAY == last // STEPS_PER_DAY == day

    def _is_plain_day(self, first: int, end: int) -> bool:
        """Whether steps lie on one day, on which the logger's clock is not changed to or from summer time."""
        day = first // STEPS_PER_DAY
        if not self._is_same_day(first, end - 1, day):
            return False
        if not self.fleet.local_zone:
            return True
        midnight = dt.datetime.combine(self.start + dt.timedelta(days=day), dt.time(), dt.UTC)
        local = [(midnight + dt.timedelta(hours=h)).astimezone(ZoneInfo(self.fleet.local_zone)) for h in (-6, 30)]
        return local[0].utcoffset() == local[1].utcoffset()
