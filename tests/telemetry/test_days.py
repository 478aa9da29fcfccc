"""Cleaning day by day gives what cleaning with the whole history gives; a late file changes its day and the next."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factory_assets.telemetry.cleaning import Cleaned, clean, empty_extract
from tests.plants import START, readings
from tests.telemetry.judging import PLANT, Row

DAYS = [START + dt.timedelta(days=n) for n in range(4)]
STEPS_A_DAY = 24
STEP = dt.timedelta(hours=1)


@st.composite
def histories(draw: st.DrawFn) -> list[Row]:
    """Some days of one unit, hourly, with everything that the rules look for, drawn at random."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = STEPS_A_DAY * len(DAYS)
    degf = 140 + 2 * rng.normal(size=n)
    for _ in range(draw(st.integers(0, 3))):  # stuck, in the other unit, silent
        first, length = int(rng.integers(n)), int(rng.integers(2, 40))
        span = slice(first, first + length)
        degf[span] = rng.choice([np.nan, degf[first], 60.0])
    degf = np.where(rng.uniform(size=n) < 0.05, degf + rng.choice([-60.0, 60.0], size=n), degf)
    begin = dt.datetime.combine(START, dt.time(), dt.UTC)
    rows: list[Row] = []
    for step in range(n):
        when = begin + step * STEP
        segment = f"day-{step // STEPS_A_DAY}"
        if rng.uniform() > 0.1:
            rows.append(("north-1", "STATE", when, float(rng.uniform() > 0.2), 192, segment))
            rows.append(("north-1", "SPEED_SP", when, float(rng.choice([4000.0, 8000.0])), 192, segment))
            rows.append(("north-1", "SPEED", when, float(rng.choice([4000.0, 8000.0])), 192, segment))
        if not np.isnan(degf[step]):
            rows.append(("north-1", "OIL_TEMP", when, round(float(degf[step]), 1), 192, segment))
    return rows


def of_days(rows: list[Row], days: list[dt.date]) -> pl.DataFrame:
    chosen = [row for row in rows if row[2].date() in days]
    return readings(chosen) if chosen else empty_extract()


def cleaned(rows: list[Row], day: dt.date, *, history: list[dt.date]) -> Cleaned:
    return clean(of_days(rows, [day]), of_days(rows, history), plant=PLANT, fleet="north", day=day.isoformat())


@given(histories())
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
def test_the_day_before_is_all_that_a_day_needs(rows: list[Row]) -> None:
    for n, day in enumerate(DAYS):
        with_all = cleaned(rows, day, history=DAYS[:n])
        with_one = cleaned(rows, day, history=DAYS[max(n - 1, 0) : n])
        assert with_all.accepted.equals(with_one.accepted)
        assert with_all.quarantined.drop("row").equals(with_one.quarantined.drop("row"))


@given(histories(), st.integers(0, len(DAYS) - 1), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
def test_a_late_file_changes_its_day_and_the_next_at_most(rows: list[Row], late: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    held_back = [row for row in rows if row[2].date() == DAYS[late] and rng.uniform() < 0.3]
    without = [row for row in rows if row not in held_back]
    complete = [*without, *[(*row[:5], "late") for row in held_back]]
    for n, day in enumerate(DAYS):
        if n in (late, late + 1):
            continue
        history = DAYS[max(n - 1, 0) : n]
        assert cleaned(without, day, history=history).accepted.equals(cleaned(complete, day, history=history).accepted)
