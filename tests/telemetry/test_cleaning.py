from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory_assets.foundation.plant import Plant
from factory_assets.foundation.units import UnitError, linear_conversion
from factory_assets.telemetry.cleaning import Cleaned, clean, empty_extract, unaccounted
from factory_assets.telemetry.schema import clean_reading_contract
from tests.plants import plant_dict, readings

PLANT = Plant.model_validate(plant_dict())
DAY = "2026-09-01"
T0 = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)
Row = tuple[str, str, dt.datetime, float, int, str]


def at(minutes: int) -> dt.datetime:
    return T0 + dt.timedelta(minutes=minutes)


def cleaned(rows: list[Row], before: list[Row] | None = None) -> Cleaned:
    previous = readings(before) if before else empty_extract()
    return clean(readings(rows), previous, plant=PLANT, fleet="north", day=DAY)


def reasons(result: Cleaned) -> list[str]:
    return result.quarantined["reason"].to_list()


def test_units_become_engineering_units() -> None:
    result = cleaned([("north-1", "OIL_TEMP", T0, 212.0, 192, "a")])
    assert result.accepted.row(0, named=True)["channel"] == "oil_temp_degc"
    assert result.accepted.item(0, "value") == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("source", "target", "value", "expected"),
    [
        ("degF", "degC", 212.0, 100.0),
        ("psi", "bar", 100.0, 6.894757),
        ("", "bar", 3.0, 3.0),
        ("kft", "m", 1.0, 304.8),
    ],
)
def test_conversions(source: str, target: str, value: float, expected: float) -> None:
    scale, offset = linear_conversion(source, target)
    assert scale * value + offset == pytest.approx(expected)


def test_units_that_do_not_convert_are_named() -> None:
    with pytest.raises(UnitError, match="'bar' to 'degC'"):
        linear_conversion("bar", "degC")


@pytest.mark.parametrize(
    ("tag", "value", "quality", "reason"),
    [
        ("OIL_TEMP", 104.0, 0, "bad_quality"),
        ("OIL_TEMP", float("nan"), 192, "not_finite"),
        ("OIL_TEMP", float("inf"), 192, "not_finite"),
        ("OIL_TEMP", -9999.0, 192, "out_of_range"),
        ("PRESSURE", 401.0, 192, "out_of_range"),
        ("NOVELTY", 1.0, 192, "unknown_channel"),
    ],
)
def test_each_reason_of_quarantine_keeps_the_reading_as_it_came(
    tag: str, value: float, quality: int, reason: str
) -> None:
    result = cleaned([("north-1", tag, T0, value, quality, "a"), ("north-1", "LOAD", T0, 80, 192, "a")])
    assert reasons(result) == [reason]
    kept = result.quarantined.row(0, named=True)
    assert kept["channel"] == tag
    assert kept["quality"] == quality
    assert str(kept["value"]) == str(value)
    assert result.accepted.height == 1


def test_the_same_reading_twice_is_a_duplicate() -> None:
    row: Row = ("north-1", "LOAD", T0, 80, 192, "a")
    result = cleaned([row, row, (*row[:5], "b")])
    assert result.accepted.height == 1
    assert result.ledger["duplicates"].to_list() == [1, 1]


def test_a_corrected_reading_supersedes_the_one_that_came_before() -> None:
    result = cleaned([("north-1", "LOAD", T0, 80, 192, "a"), ("north-1", "LOAD", T0, 81, 192, "b")])
    assert result.accepted["value"].to_list() == [81]
    assert reasons(result) == ["superseded"]
    assert result.quarantined["segment_id"].to_list() == ["a"]


def test_a_bad_correction_supersedes_nothing() -> None:
    result = cleaned([("north-1", "LOAD", T0, 80, 192, "a"), ("north-1", "LOAD", T0, 81, 0, "b")])
    assert result.accepted["value"].to_list() == [80]
    assert reasons(result) == ["bad_quality"]


def test_a_gap_is_flagged_on_the_reading_that_follows_it() -> None:
    result = cleaned([("north-1", "LOAD", at(minutes), 80, 192, "a") for minutes in (0, 20, 80, 160)])
    assert result.accepted["is_after_gap"].to_list() == [False, False, False, True]


def test_a_gap_over_midnight_is_seen_from_the_day_before() -> None:
    before: list[Row] = [("north-1", "LOAD", at(-180), 80, 192, "z")]
    result = cleaned([("north-1", "LOAD", at(0), 80, 192, "a")], before)
    assert result.accepted["is_after_gap"].to_list() == [True]
    assert result.ledger["extracted"].sum() == 1


def test_readings_of_other_units_and_channels_are_no_gap() -> None:
    rows: list[Row] = [("north-1", "LOAD", at(0), 80, 192, "a"), ("north-2", "LOAD", at(300), 80, 192, "a")]
    assert not cleaned(rows).accepted["is_after_gap"].any()


row_strategy = st.tuples(
    st.sampled_from(["north-1", "north-2"]),
    st.sampled_from(["LOAD", "OIL_TEMP", "NOVELTY"]),
    st.integers(0, 5).map(lambda n: at(20 * n)),
    st.sampled_from([80.0, 81.0, -9999.0, float("nan"), float("inf")]),
    st.sampled_from([192, 0]),
    st.sampled_from(["a", "b", "c"]),
)


@given(st.lists(row_strategy, max_size=40))
@settings(deadline=None)
def test_readings_are_conserved_whatever_comes(rows: list[Row]) -> None:
    extract = readings(rows)
    result = clean(extract, empty_extract(), plant=PLANT, fleet="north", day=DAY)
    assert unaccounted(extract, result).is_empty()
    assert clean_reading_contract(PLANT, "north").validate(result.accepted) is not None
    again = clean(extract, empty_extract(), plant=PLANT, fleet="north", day=DAY)
    assert again.accepted.equals(result.accepted)


@pytest.mark.parametrize("table", ["accepted", "quarantined", "ledger"])
def test_the_law_notices_a_lost_row(table: str) -> None:
    rows: list[Row] = [("north-1", "LOAD", at(20 * n), 80, 192 if n else 0, "a") for n in range(3)]
    result = cleaned(rows)
    lossy = Cleaned(**{**result.__dict__, table: getattr(result, table).head(0)})
    assert unaccounted(readings(rows), lossy)["segment_id"].to_list() == ["a"]


def test_an_empty_partition_is_clean() -> None:
    result = cleaned([])
    assert (result.accepted.height, result.quarantined.height, result.ledger.height) == (0, 0, 0)
    assert isinstance(result.accepted.schema["ts_utc"], pl.Datetime)
