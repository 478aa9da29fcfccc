from __future__ import annotations

import datetime as dt

import pint
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory_assets.foundation.plant import Channel, MachineClass
from factory_assets.foundation.units import SPELLINGS
from factory_assets.historian.drafting.channels import (
    LETTERS,
    UNITS,
    Seen,
    known_unit,
    limits,
    name_channels,
    role_of,
    seen_in,
)


@pytest.mark.parametrize(
    ("tag", "name", "unit"),
    [
        ("Temp (degC)", "temp_degc", "degC"),
        ("oil_temp_degC", "oil_temp_degc", "degC"),
        ("Pressure [bar]", "pressure_bar", "bar"),
        ("sys_press_bar", "sys_press_bar", "bar"),
        ("LINE.PRESS.PSI", "line_press_psi", "psi"),
        ("Öltemperatur (° C)", "oeltemperatur_degc", "degC"),
        ("Drehzahl [1/min]", "drehzahl_per_min", "1/min"),
        ("motor_current_a", "motor_current_a", "A"),
        ("plan_b", "plan_b", ""),
        ("VALVE_IN", "valve_in", ""),
        ("Volume Flow RateRMS", "volume_flow_rate_rms", ""),
        ("cos phi (-)", "cos_phi", ""),
        ("cycle", "cycle_reading", ""),
        ("2nd stage", "ch_2nd_stage", ""),
        ("Flow (furlong/fortnight)", "flow_furlong_fortnight", "furlong/fortnight"),
    ],
)
def test_a_tag_gets_a_house_name_and_its_unit(tag: str, name: str, unit: str) -> None:
    named = name_channels([tag, "~"], {})[0]
    assert (named.name, named.unit) == (name, unit)


def test_a_unit_that_nobody_knows_is_kept_for_a_person() -> None:
    named = name_channels(["Foo [blurbs]"], {})[0]
    assert (named.name, named.unit, named.unknown_unit) == ("foo", "", "blurbs")


def test_what_all_tags_begin_with_is_left_out() -> None:
    named = name_channels(["PRESS.OIL_TEMP", "PRESS.OIL_LEVEL"], {"PRESS.OIL_TEMP": "°C"})
    assert [each.name for each in named] == ["oil_temp_degc", "oil_level"]


@given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=8, unique=True))
@settings(max_examples=150, deadline=None)
def test_any_tags_make_channels_that_load(tags: list[str]) -> None:
    named = name_channels(tags, {})
    MachineClass(channels=tuple(Channel(name=each.name, tag=each.tag, unit=each.unit) for each in named))


def test_every_unit_of_the_table_is_known_to_the_converter() -> None:
    registry = pint.get_application_registry()
    for unit in {*UNITS.values(), *(unit for unit, _ in LETTERS.values())}:
        assert registry.Unit(SPELLINGS.get(unit, unit)), unit


def test_a_known_unit_is_not_any_text() -> None:
    assert known_unit("deg C") == "degC"
    assert known_unit("µm") == "um"
    assert known_unit("see note 3)") is None


def seen(values: list[float], *, step: dt.timedelta = dt.timedelta(minutes=1)) -> Seen:
    start = dt.datetime(2026, 11, 1, tzinfo=dt.UTC).replace(tzinfo=None)
    frame = pl.DataFrame(
        {
            "unit_id": ["a"] * len(values),
            "place": range(len(values)),
            "ts": pl.Series([start + step * n for n in range(len(values))], dtype=pl.Datetime("us")),
            "value": pl.Series(values, dtype=pl.Float64),
        }
    )
    found = seen_in(frame)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("tag", "values", "role"),
    [
        ("MACHINE_STATE", [0.0] * 50 + [1.0] * 50, "state"),
        ("SPEED_SP", [600.0] * 50 + [750.0] * 50, "setting"),
        ("stroke_rate", [8.0] * 50 + [12.0] * 50, "setting"),
        ("gear", [1.0] * 50 + [2.0] * 50, "state"),
        ("anomaly", [0.0] * 99 + [1.0], "state"),
        ("rul_cycles", [float(n) for n in range(100)], "label"),
        ("temp", [20 + n % 7 / 10 for n in range(100)], "sensor"),
        ("ambient", [20.5] * 100, "sensor"),
    ],
)
def test_roles_are_told_by_name_and_values(tag: str, values: list[float], role: str) -> None:
    named = name_channels([tag], {})[0]
    assert role_of(named, seen(values))[0] == role


def test_how_long_a_value_is_held_is_told() -> None:
    assert seen([1.5] * 100).held == dt.timedelta(minutes=99)
    assert seen([n / 2 for n in range(100)]).held == dt.timedelta(0)


def test_codes_for_failures_are_no_states() -> None:
    found = seen([0.0] * 60 + [1.0] * 60 + [-9999.0] * 5)
    assert list(found.distinct) == [0, 1]
    assert found.strays == 5


def test_a_column_without_numbers_shows_nothing() -> None:
    frame = pl.DataFrame({"unit_id": ["a"], "place": [0], "ts": [None], "value": [None]}).cast({"value": pl.Float64})
    assert seen_in(frame) is None


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
@settings(max_examples=60, deadline=None)
def test_drafted_limits_hold_what_is_usual(values: list[float]) -> None:
    found = seen(values)
    low, high = limits(found)
    assert low < high
    assert low <= found.robust_low <= found.robust_high <= high
