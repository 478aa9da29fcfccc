from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory_assets.historian.clock import Clock

BERLIN = Clock("Europe/Berlin")
# zone, and the moment (UTC) at which its clock goes back
NIGHTS = {
    "Europe/Berlin": dt.datetime(2026, 10, 25, 1, tzinfo=dt.UTC),
    "America/New_York": dt.datetime(2026, 11, 1, 6, tzinfo=dt.UTC),
    "Australia/Lord_Howe": dt.datetime(2026, 4, 4, 15, tzinfo=dt.UTC),  # goes back by half an hour
}


def utc(*of: int) -> dt.datetime:
    return dt.datetime(*of, tzinfo=dt.UTC)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cell", "at"),
    [
        ("2026-09-01T12:00:00Z", utc(2026, 9, 1, 12)),
        ("2026-09-01 12:00:00 +02:00", utc(2026, 9, 1, 10)),
        ("2026-09-01 12:00:00+02", utc(2026, 9, 1, 10)),
        ("2026-09-01T12:00-0500", utc(2026, 9, 1, 17)),
        ("2026/09/01 12:00:00,250", utc(2026, 9, 1, 10, 0, 0, 250_000)),
        ("2026-09-01", utc(2026, 8, 31, 22)),
        ("2026-03-29 02:30:00", None),
        ("2026-10-25 02:30:00", None),
        ("01.09.2026 12:00", None),
        ("", None),
    ],
)
def test_a_cell_becomes_utc_or_nothing(cell: str, at: dt.datetime | None) -> None:
    assert BERLIN.told(pl.Series([cell])).item(0, "ts_utc") == at


def test_only_an_hour_that_is_told_twice_keeps_its_local_time() -> None:
    told = BERLIN.told(pl.Series(["2026-10-25 02:30:00", "2026-03-29 02:30:00", "2026-10-25 03:00:00"]))
    assert told["local"].to_list() == [dt.datetime(2026, 10, 25, 2, 30), None, None]  # noqa: DTZ001


def test_what_a_cell_means_does_not_depend_on_the_others() -> None:
    cells = ["2026-09-01 12:00", "2026-09-01T12:00:00.5", "2026-09-01", "nonsense", None, "2026-09-01T12:00:00Z"]
    together = BERLIN.told(pl.Series(cells))
    apart = pl.concat([BERLIN.told(pl.Series([cell], dtype=pl.String)) for cell in cells])
    assert together.equals(apart)


def local_lines(zone: str, moments: list[dt.datetime], unit: str = "a") -> pl.DataFrame:
    """The moments as a wall clock shows them, judged by the clock of a source."""
    cells = [moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S") for moment in moments]
    return Clock(zone).told(pl.Series(cells)).with_columns(unit=pl.lit(unit), row=pl.Series(range(len(moments))))


def resolved(zone: str, lines: pl.DataFrame) -> list[dt.datetime | None]:
    held = lines.filter(pl.col("local").is_not_null())
    later = Clock(zone).told_twice(held, ["unit"])
    certain = lines.filter(pl.col("local").is_null())
    return list(pl.concat([certain, later.select(certain.columns)]).sort("row", "unit")["ts_utc"])


@settings(deadline=None, max_examples=50)
@given(
    zone=st.sampled_from(list(NIGHTS)),
    start_s=st.integers(60, 4 * 3600),
    steps_s=st.lists(st.integers(1, 1799), min_size=20, max_size=60),
)
def test_any_series_without_long_gaps_comes_back_exactly(zone: str, start_s: int, steps_s: list[int]) -> None:
    moments = [NIGHTS[zone] - dt.timedelta(seconds=start_s)]
    while moments[-1] < NIGHTS[zone] + dt.timedelta(hours=3):
        moments.append(moments[-1] + dt.timedelta(seconds=steps_s[len(moments) % len(steps_s)]))
    assert resolved(zone, local_lines(zone, moments)) == moments


@settings(deadline=None, max_examples=50)
@given(
    zone=st.sampled_from(list(NIGHTS)),
    offsets_s=st.lists(st.integers(-9_000, 9_000), min_size=1, max_size=12, unique=True),
)
def test_a_series_with_gaps_is_never_placed_wrongly(zone: str, offsets_s: list[int]) -> None:
    moments = [NIGHTS[zone] + dt.timedelta(seconds=offset) for offset in sorted(offsets_s)]
    found = resolved(zone, local_lines(zone, moments))
    assert all(got in (None, truth) for got, truth in zip(found, moments, strict=True))


def test_hourly_readings_come_back_exactly() -> None:
    moments = [utc(2026, 10, 24, 22) + dt.timedelta(hours=hour) for hour in range(6)]
    assert resolved("Europe/Berlin", local_lines("Europe/Berlin", moments)) == moments


def test_each_series_steps_back_by_itself() -> None:
    zone = "Europe/Berlin"
    moments = [utc(2026, 10, 24, 23, 50) + n * dt.timedelta(minutes=10) for n in range(16)]
    only_first = [moment for moment in moments if moment < NIGHTS[zone]]
    lines = pl.concat([local_lines(zone, moments), local_lines(zone, only_first, unit="b")]).sort("row", "unit")
    held = lines.filter(pl.col("local").is_not_null())
    told = Clock(zone).told_twice(held, ["unit"])
    assert told.filter(pl.col("unit") == "a")["ts_utc"].null_count() == 0
    assert told.filter(pl.col("unit") == "b")["ts_utc"].null_count() == 6


def test_out_of_order_lines_in_that_hour_are_not_guessed() -> None:
    moments = [utc(2026, 10, 25, 0) + n * dt.timedelta(minutes=10) for n in (0, 4, 2, 7, 6, 9)]
    assert resolved("Europe/Berlin", local_lines("Europe/Berlin", moments)) == [None] * 6


def test_native_times_of_parquet() -> None:
    naive = pl.Series([dt.datetime(2026, 9, 1, 12), dt.datetime(2026, 10, 25, 2, 30)])  # noqa: DTZ001
    told = BERLIN.told(naive)
    assert told["ts_utc"].to_list() == [utc(2026, 9, 1, 10), None]
    assert told["local"].is_not_null().to_list() == [False, True]
    aware = naive.dt.replace_time_zone("America/New_York")
    assert BERLIN.told(aware).item(0, "ts_utc") == utc(2026, 9, 1, 16)
    assert BERLIN.told(pl.Series([dt.date(2026, 9, 1)])).item(0, "ts_utc") == utc(2026, 8, 31, 22)
