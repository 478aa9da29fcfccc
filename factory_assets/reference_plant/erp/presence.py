"""The hours of the floor: its machines with the stops that come, and its crews with those who are absent."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from factory_assets.reference_plant.erp import chance
from factory_assets.reference_plant.erp.floor import CREWS, ZONE, machine_rows
from factory_assets.reference_plant.erp.hours import Hours, days_between, hours_of, moment_of
from factory_assets.reference_plant.erp.order_book import is_workday

# A crew stays so long after its shift to end what it has begun.
OVERTIME_MIN = 30
# What should be over already, people think, will take so much longer.
OVERDUE_MIN = 30


@dataclass(frozen=True)
class Standstill:
    """A stop of a machine, in minutes since 1970.

    Attributes:
        expected_end: What people think when it begins.
    """

    machine: str
    begin: int
    end: int
    expected_end: int
    reason: str


class Machines:
    """When machines work, on some days.

    Attributes:
        shifts: Of each machine.
        stops: In order.
        hours: Shifts without stops.
    """

    def __init__(self, seed: int, first: dt.date, last: dt.date) -> None:
        calendars = {row["machine_id"]: row["calendar_id"] for row in machine_rows()}
        of_calendar = {name: hours_of(name, first, last) for name in set(calendars.values())}
        self.shifts = {machine: of_calendar[calendar] for machine, calendar in calendars.items()}
        self.stops = _stops(seed, calendars, first, last)
        gaps: dict[str, list[tuple[int, int]]] = {machine: [] for machine in calendars}
        for stop in self.stops:
            gaps[stop.machine].append((stop.begin, stop.end))
        self.hours = {machine: self.shifts[machine].without(gaps[machine]) for machine in calendars}

    def known_hours(self, machine: str, now: int) -> Hours:
        """The hours of a machine as people know them now."""
        gaps = [
            (stop.begin, stop.end if stop.end <= now else expected_end(stop, now))
            for stop in self.stops
            if stop.machine == machine and stop.begin <= now
        ]
        return self.shifts[machine].without(gaps)


def expected_end(stop: Standstill, now: int) -> int:
    """When people think that a stop will end: soon, if it should have ended already."""
    return stop.expected_end if stop.expected_end > now else now + OVERDUE_MIN


def _stops(seed: int, calendars: dict[str, str | None], first: dt.date, last: dt.date) -> list[Standstill]:
    found = []
    for day in days_between(first, last):
        if not is_workday(day):
            continue
        of_day = {name: hours_of(name, day, day) for name in set(calendars.values()) if name is not None}
        for machine, calendar in calendars.items():
            stop = chance.stop_of(seed, machine, calendar, day)
            if stop is None or calendar is None:
                continue
            shifts = of_day[calendar]
            begin = shifts.next_open(shifts.end_of(shifts.intervals[0][0], stop.after_min))
            found.append(
                Standstill(machine, begin, begin + stop.minutes, begin + stop.expected_min, stop.reason)
            )  # fmt: skip
    return sorted(found, key=lambda stop: (stop.begin, stop.machine))


class Crews:
    """Who is there, on some days."""

    def __init__(self, seed: int, first: dt.date, last: dt.date) -> None:
        self.seed = seed
        self.hours = {name: hours_of(calendar, first, last) for name, (calendar, _, _) in CREWS.items()}

    def able(self, skill: str, machine: Hours, begin: int, minutes: int) -> list[str]:
        """Crews that are there for as long as it takes, or nearly."""
        found = []
        for name, (_, _, skills) in CREWS.items():
            until = self.hours[name].open_until(begin)
            if skill in skills and until > begin and machine.worked(begin, until) >= minutes - OVERTIME_MIN:
                found.append(name)
        return found

    def present(self, crew: str, minute: int) -> int:
        """How many of a crew are there on the day of a minute."""
        day = moment_of(minute).astimezone(ZoneInfo(ZONE)).date()
        return CREWS[crew][1] - chance.absent_of(self.seed, crew, day)
