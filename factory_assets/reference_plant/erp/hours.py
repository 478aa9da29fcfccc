"""Working time: when machines work and crews are there, in whole minutes since 1970 (UTC)."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate

from factory_assets.reference_plant.erp.floor import SHIFTS
from factory_assets.reference_plant.erp.order_book import is_workday, local

Interval = tuple[int, int]
DAY_MIN = 1440
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


def minute_of(moment: dt.datetime) -> int:
    """The minute in which a moment lies."""
    return (moment - EPOCH) // MINUTE


def moment_of(minute: int) -> dt.datetime:
    """When a minute begins, in UTC."""
    return EPOCH + minute * MINUTE


class Hours:
    """When something works: intervals [begin, end), in order, joined where they touch."""

    def __init__(self, intervals: Iterable[Interval]) -> None:
        joined: list[Interval] = []
        for begin, end in sorted(intervals):
            if joined and begin <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(joined[-1][1], end))
            elif begin < end:
                joined.append((begin, end))
        self.intervals = joined
        self._begins, self._ends = [begin for begin, _ in joined], [end for _, end in joined]
        self._sums = [0, *accumulate(end - begin for begin, end in joined)]

    def is_open(self, minute: int) -> bool:
        """Whether it works in this minute."""
        at = bisect_right(self._begins, minute) - 1
        return at >= 0 and minute < self._ends[at]

    def open_until(self, minute: int) -> int:
        """When it next stops working; the minute itself if it does not work."""
        at = bisect_right(self._begins, minute) - 1
        return self._ends[at] if at >= 0 and minute < self._ends[at] else minute

    def next_open(self, minute: int) -> int:
        """The first minute from this one in which it works.

        Raises:
            IndexError: There is none within the days that were given.
        """
        return max(minute, self._begins[bisect_right(self._ends, minute)])

    def worked(self, begin: int, end: int) -> int:
        """Working minutes in between."""
        return self._until(end) - self._until(begin)

    def end_of(self, begin: int, minutes: int) -> int:
        """When so many working minutes from `begin` are over.

        Raises:
            IndexError: Not within the days that were given.
        """
        if minutes <= 0:
            return begin
        target = self._until(begin) + minutes
        at = bisect_left(self._sums, target) - 1
        return self._begins[at] + target - self._sums[at]

    def without(self, gaps: Iterable[Interval]) -> Hours:
        """The same hours without some intervals."""
        left = list(self.intervals)
        for begin, end in gaps:
            left = [
                piece for low, high in left for piece in ((low, min(high, begin)), (max(low, end), high))
                if piece[0] < piece[1]
            ]  # fmt: skip
        return Hours(left)

    def _until(self, minute: int) -> int:
        at = bisect_right(self._begins, minute) - 1
        return 0 if at < 0 else self._sums[at] + min(minute, self._ends[at]) - self._begins[at]


def hours_of(calendar: str | None, first: dt.date, last: dt.date) -> Hours:
    """The shifts of a calendar that begin on these days; always without a calendar."""
    if calendar is None:
        return Hours([(minute_of(local(first, dt.time(0))), minute_of(local(last, dt.time(0))) + DAY_MIN)])
    return Hours(_shifts(calendar, first, last))


def days_between(first: dt.date, last: dt.date) -> Iterator[dt.date]:
    """All days, both ends too."""
    return (first + dt.timedelta(days=number) for number in range((last - first).days + 1))


def _shifts(calendar: str, first: dt.date, last: dt.date) -> Iterator[Interval]:
    for day in days_between(first, last):
        if not is_workday(day):
            continue
        for begins, ends in SHIFTS[calendar]:
            low, high = dt.time.fromisoformat(begins), dt.time.fromisoformat(ends)
            last_day = day if high > low else day + dt.timedelta(days=1)
            yield minute_of(local(day, low)), minute_of(local(last_day, high))
