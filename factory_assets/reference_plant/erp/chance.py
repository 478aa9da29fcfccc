"""What happens by chance on the floor. A draw follows from its subject alone: it is the same whenever it is asked."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass

from factory_assets.reference_plant.erp.floor import CREWS, SHIFTS

STOP_SHARE = 0.03  # of machines and workdays
STOP_MIN = (20, 300, 60)  # shortest, longest, most often
REASONS = ("jammed part", "hydraulic leak", "sensor fault", "broken tool", "lubrication")
ABSENT_SHARE = 0.08  # of crews and workdays
SWAP_SHARE = 0.04  # of tasks whose machine does the next one first
IMPATIENT_SHARE = 0.5  # of waiting tasks whose machine does another one meanwhile
# How many times as long as planned, share of the tasks.
FACTORS = (((0.93, 1.07), 0.75), ((1.07, 1.3), 0.2), ((1.3, 1.8), 0.05))
SETUP_FACTORS = (0.9, 1.3)
MAINTENANCE_FACTORS = (0.8, 1.4)
# How much later than promised a delivery comes, in minutes, share of the deliveries; never at night.
DELAYS = (((-30, 60), 0.85), ((60, 360), 0.1), ((1200, 1680), 0.05))


@dataclass(frozen=True)
class Stop:
    """A machine that stands.

    Attributes:
        after_min: Minutes of its day's shifts that it has worked before.
        minutes: How long it stands, by the clock.
        expected_min: How long people think it will.
        reason: Why.
    """

    after_min: int
    minutes: int
    expected_min: int
    reason: str


def factor_of(seed: int, subject: str) -> float:
    """How many times as long as planned work takes."""
    rng = _rng(seed, "work", subject)
    (low, high) = rng.choices([span for span, _ in FACTORS], [share for _, share in FACTORS])[0]
    return rng.uniform(low, high)


def setup_factor_of(seed: int, subject: str) -> float:
    """The same of a set-up."""
    return _rng(seed, "set-up", subject).uniform(*SETUP_FACTORS)


def maintenance_factor_of(seed: int, subject: str) -> float:
    """The same of maintenance."""
    return _rng(seed, "maintenance", subject).uniform(*MAINTENANCE_FACTORS)


def stop_of(seed: int, machine: str, calendar: str | None, day: dt.date) -> Stop | None:
    """The stop of a machine on a workday, if it has one; those that always run have none."""
    rng = _rng(seed, "stop", f"{machine} {day}")
    if calendar is None or rng.random() >= STOP_SHARE:
        return None
    minutes = round(rng.triangular(*STOP_MIN))
    expected = max(15, round(minutes * rng.uniform(0.6, 1.3) / 15) * 15)
    return Stop(rng.randrange(_worked_min(calendar)), minutes, expected, rng.choice(REASONS))


def absent_of(seed: int, crew: str, day: dt.date) -> int:
    """How many of a crew are absent; never all."""
    return int(CREWS[crew][1] > 1 and _rng(seed, "absent", f"{crew} {day}").random() < ABSENT_SHARE)


def delay_of(seed: int, delivery: str) -> int:
    """How many minutes after the promised time a delivery comes."""
    rng = _rng(seed, "delivery", delivery)
    (low, high) = rng.choices([span for span, _ in DELAYS], [share for _, share in DELAYS])[0]
    return rng.randint(low, high)


def is_swapped(seed: int, subject: str) -> bool:
    """Whether the next task is done before this one."""
    return _rng(seed, "swap", subject).random() < SWAP_SHARE


def is_impatient(seed: int, subject: str) -> bool:
    """Whether another task is done while this one waits."""
    return _rng(seed, "impatient", subject).random() < IMPATIENT_SHARE


def _rng(seed: int, what: str, subject: str) -> random.Random:
    return random.Random(f"{seed} {what} {subject}")  # noqa: S311


def _worked_min(calendar: str) -> int:
    minutes = 0
    for begins, ends in SHIFTS[calendar]:
        low, high = dt.time.fromisoformat(begins), dt.time.fromisoformat(ends)
        minutes += (high.hour * 60 + high.minute - low.hour * 60 - low.minute) % 1440
    return minutes
