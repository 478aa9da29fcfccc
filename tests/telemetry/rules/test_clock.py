from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from factory_assets.telemetry.rules.clock import Stretch, stretches
from tests.telemetry.judging import PERIOD, Row, at, verdicts

RNG = np.random.default_rng(3)
N = 40


def told(shift: dt.timedelta, first: int, last: int, tags: tuple[str, ...] = ("OIL_TEMP", "STATE")) -> list[Row]:
    """A day as a logger tells it whose clock is wrong from scan `first` to scan `last`."""
    rows: list[Row] = []
    for scan in range(N):
        when = at(30 + scan) + (shift if first <= scan <= last else dt.timedelta(0))
        for tag in tags:
            value = 1.0 if tag == "STATE" else round(140 + float(RNG.normal()), 1)
            rows.append(("north-1", tag, when, value, 192, "a"))
    return rows


@pytest.mark.parametrize("minutes", [-200, -47, 25, 130])
def test_what_a_wrong_clock_told_is_set_aside_and_nothing_else(minutes: int) -> None:
    found = verdicts(told(dt.timedelta(minutes=minutes), 12, 25))
    wrong = {n for n, verdict in enumerate(found) if verdict == "clock_jump"}
    assert wrong == set(range(2 * 12, 2 * 26))
    assert set(found) == {"clock_jump", "accepted"}


def test_a_clock_set_back_for_good_tells_some_time_twice() -> None:
    found = verdicts(told(-3 * PERIOD, 20, N, tags=("OIL_TEMP",)))
    assert [n for n, verdict in enumerate(found) if verdict == "clock_jump"] == [20, 21, 22]


def test_rows_that_come_late_in_the_file_fill_their_hole() -> None:
    rows = told(dt.timedelta(0), 0, 0)
    late = rows[:10] + rows[16:40] + rows[10:16] + rows[40:]
    assert set(verdicts(late)) == {"accepted"}


def test_neighbouring_lines_may_be_swapped() -> None:
    rows = told(dt.timedelta(0), 0, 0, tags=("STATE",))
    rows[10], rows[11] = rows[11], rows[10]
    assert set(verdicts(rows)) == {"accepted"}


def test_a_file_from_new_to_old_has_no_clock_jump() -> None:
    assert set(verdicts(told(dt.timedelta(0), 0, 0)[::-1])) == {"accepted"}


def test_a_file_told_tag_by_tag_is_judged_tag_by_tag() -> None:
    rows = sorted(told(dt.timedelta(minutes=50), 12, 25), key=lambda row: row[1])
    found = verdicts(rows)
    assert [n for n, verdict in enumerate(found) if verdict == "clock_jump"] == [*range(12, 26), *range(52, 66)]


def test_a_correction_in_another_file_is_no_clock_jump() -> None:
    rows = told(dt.timedelta(0), 0, 0)
    corrected: list[Row] = [(*row[:3], row[3] + 0.5, 192, "b") for row in rows if row[1] == "OIL_TEMP"][:6]
    assert verdicts([*rows, *corrected])[-6:] == ["accepted"] * 6
    assert "clock_jump" not in verdicts([*rows, *corrected])


def test_stretches_of_a_sequence() -> None:
    steady = np.arange(0, 200, 10)
    wrong = steady.copy()
    wrong[5:9] += 75
    assert stretches(steady, 10) == []
    assert stretches(wrong, 10) == [Stretch(5, 8, is_matched=True)]
    assert stretches(np.concatenate((steady, steady[-4:] + 5)), None)[0].is_matched is False
