"""Shifts in local time, as people keep them, turned into minutes since the problem's start."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from factory_assets.planning.erp.errors import CalendarError
from factory_assets.planning.problem import Interval

ShiftTimes = tuple[dt.time, dt.time]


@dataclass(frozen=True)
class Calendar:
    """When a machine works or somebody is there, in local time.

    Attributes:
        name: Of the calendar.
        time_zone: IANA name, such as Europe/Berlin.
        week: Shifts of each weekday (1 is Monday) as (begins, ends); one that ends at or before it begins ends on the
            next day.
        exceptions: Days with shifts of their own, or none, instead of the week's.
    """

    name: str
    time_zone: str
    week: Mapping[int, Sequence[ShiftTimes]] = field(default_factory=dict)
    exceptions: Mapping[dt.date, Sequence[ShiftTimes]] = field(default_factory=dict)


def shifts_of(calendar: Calendar, start_utc: dt.datetime, horizon_min: int) -> tuple[Interval, ...]:
    """The shifts within the horizon, in whole minutes since the start, in order, joined where they touch.

    A shift in which clocks are changed keeps its local begin and end: it is an hour shorter or longer in minutes. A
    local time that the change skips is the moment of the change; one that comes twice is the first as a begin, the
    second as an end.

    Raises:
        CalendarError: An unknown time zone.
    """
    zone = _zone(calendar)
    first = start_utc.astimezone(zone).date() - dt.timedelta(days=2)
    last = (start_utc + dt.timedelta(minutes=horizon_min)).astimezone(zone).date() + dt.timedelta(days=1)
    joined: list[Interval] = []
    for begin, end in sorted(_minutes(calendar, zone, (first, last), start_utc)):
        begin, end = max(begin, 0), min(end, horizon_min)  # noqa: PLW2901
        if begin >= end:
            continue
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((begin, end))
    return tuple(joined)


def _zone(calendar: Calendar) -> ZoneInfo:
    try:
        return ZoneInfo(calendar.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        msg = f"calendar {calendar.name}: {calendar.time_zone!r} is no time zone; give an IANA name like Europe/Berlin"
        raise CalendarError(msg) from error


def _minutes(
    calendar: Calendar, zone: ZoneInfo, days: tuple[dt.date, dt.date], start_utc: dt.datetime
) -> Iterator[Interval]:
    day = days[0]
    while day <= days[1]:
        for begins, ends in calendar.exceptions.get(day, calendar.week.get(day.isoweekday(), ())):
            last_day = day if ends > begins else day + dt.timedelta(days=1)
            begin = _utc(dt.datetime.combine(day, begins), zone, is_end=False) - start_utc
            end = _utc(dt.datetime.combine(last_day, ends), zone, is_end=True) - start_utc
            yield -(-begin // dt.timedelta(minutes=1)), end // dt.timedelta(minutes=1)
        day += dt.timedelta(days=1)


def _utc(local: dt.datetime, zone: ZoneInfo, *, is_end: bool) -> dt.datetime:
    early, late = (local.replace(tzinfo=zone, fold=fold).astimezone(dt.UTC) for fold in (0, 1))
    if early > late:  # the clocks skip this time: with the offset after the change it is before it, and the reverse
        return _change_between(late, early, zone)
    return late if is_end else early


def _change_between(begin: dt.datetime, end: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """The minute in which the offset changes."""
    before = begin.astimezone(zone).utcoffset()
    while end - begin > dt.timedelta(minutes=1):
        middle = begin + (end - begin) // 2
        begin, end = (middle, end) if middle.astimezone(zone).utcoffset() == before else (begin, middle)
    return end.replace(second=0, microsecond=0)
