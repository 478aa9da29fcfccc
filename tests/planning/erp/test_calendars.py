"""Local shifts as minutes, on ordinary days and on those on which clocks are changed."""

from __future__ import annotations

import datetime as dt

import pytest

from factory_assets.planning.erp.calendars import Calendar, ShiftTimes, shifts_of
from factory_assets.planning.erp.errors import CalendarError

EARLY, LATE, NIGHT = ((6, 14), (14, 22), (22, 6))


def calendar(*shifts: tuple[int, int], exceptions: dict[dt.date, list[ShiftTimes]] | None = None) -> Calendar:
    times = [(dt.time(begins), dt.time(ends)) for begins, ends in shifts]
    return Calendar("shop", "Europe/Berlin", dict.fromkeys(range(1, 8), times), exceptions or {})


def at(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[misc,arg-type]


def test_shifts_begin_and_end_in_local_time() -> None:
    # In summer Berlin is two hours before UTC: 6 o'clock is 4 o'clock UTC.
    assert shifts_of(calendar(EARLY), at(2026, 7, 6, 4), 2 * 1440) == ((0, 480), (1440, 1920))
    assert shifts_of(calendar(EARLY), at(2026, 12, 7, 4), 1440) == ((60, 540),)


def test_shifts_that_touch_are_one_and_those_going_on_are_cut() -> None:
    assert shifts_of(calendar(EARLY, LATE), at(2026, 7, 6, 5), 1440) == ((0, 900), (1380, 1440))
    assert shifts_of(calendar(EARLY, LATE, NIGHT), at(2026, 7, 6, 0), 5000) == ((0, 5000),)


def test_a_night_shift_ends_on_the_next_day() -> None:
    assert shifts_of(calendar(NIGHT), at(2026, 7, 6, 0), 1440) == ((0, 240), (1200, 1440))


def test_the_night_in_which_clocks_go_forward_is_an_hour_shorter() -> None:
    # 2026-03-29: 02:00 becomes 03:00 in Berlin. The night from 22:00 (21:00 UTC) to 06:00 (04:00 UTC) has 7 hours.
    assert shifts_of(calendar(NIGHT), at(2026, 3, 28, 21), 600) == ((0, 420),)
    # The day after begins at 06:00, which is 04:00 UTC now, 23 hours after the one before.
    assert shifts_of(calendar(EARLY), at(2026, 3, 28, 5), 2000) == ((0, 480), (1380, 1860))


def test_the_night_in_which_clocks_go_back_is_an_hour_longer() -> None:
    # 2026-10-25: 03:00 becomes 02:00.
    assert shifts_of(calendar(NIGHT), at(2026, 10, 24, 20), 600) == ((0, 540),)


def test_times_that_are_skipped_or_come_twice() -> None:
    skipped = Calendar("shop", "Europe/Berlin", {7: [(dt.time(2, 30), dt.time(4))]})
    # 02:30 never comes on 2026-03-29: the shift begins with the change, at 01:00 UTC, and ends at 04:00, 02:00 UTC.
    assert shifts_of(skipped, at(2026, 3, 29), 600) == ((60, 120),)
    # 02:30 comes twice on 2026-10-25, at 00:30 and 01:30 UTC: it begins at the first, and ends at the second.
    assert shifts_of(skipped, at(2026, 10, 25), 600) == ((30, 180),)
    ending = Calendar("shop", "Europe/Berlin", {7: [(dt.time(1), dt.time(2, 30))]})
    assert shifts_of(ending, at(2026, 10, 24, 22), 600) == ((60, 210),)


def test_exceptions_stand_instead_of_the_week() -> None:
    free = calendar(EARLY, exceptions={dt.date(2026, 7, 7): [], dt.date(2026, 7, 8): [(dt.time(10), dt.time(12))]})
    assert shifts_of(free, at(2026, 7, 6, 4), 4 * 1440) == ((0, 480), (3120, 3240), (4320, 4800))


def test_an_unknown_time_zone_is_named() -> None:
    for zone in ("Europe/Berlinn", "", "../etc"):
        with pytest.raises(CalendarError, match=r"calendar shop: .* is no time zone"):
            shifts_of(Calendar("shop", zone), at(2026, 7, 6), 100)
