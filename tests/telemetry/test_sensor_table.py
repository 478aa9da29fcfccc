from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from factory_assets.foundation.plant import Plant
from factory_assets.telemetry.cleaning import clean, empty_extract
from factory_assets.telemetry.schema import sensor_table_contract
from factory_assets.telemetry.sensor_table import sensor_table
from tests.plants import CHANNELS, plant_dict, readings

PLANT = Plant.model_validate(plant_dict())
T0 = dt.datetime(2026, 9, 2, 5, tzinfo=dt.UTC)


def table(rows: list[tuple[str, float, float]]) -> pl.DataFrame:
    """From (tag, minutes after T0, value)."""
    extract = readings([("north-1", tag, T0 + dt.timedelta(minutes=m), value, 192, "a") for tag, m, value in rows])
    accepted = clean(extract, empty_extract(), plant=PLANT, fleet="north", day="2026-09-02").accepted
    return sensor_table(accepted, plant=PLANT, fleet="north")


def test_a_cycle_takes_its_readings_together() -> None:
    wide = table([("LOAD", 0, 80), ("LOAD", 20, 90), ("LOAD", 60, 70), ("STATE", 0, 1), ("STATE", 40, 2)])
    assert wide["cycle"].to_list() == [30, 31]  # 24 h of the first day, then the sixth hour
    assert wide["ts_utc"].to_list() == [T0, T0 + dt.timedelta(hours=1)]
    assert wide["load_pct"].to_list() == [85.0, 70.0]
    assert wide["machine_state"].to_list() == [2.0, None]
    assert wide["n_readings"].to_list() == [4, 1]


def test_every_channel_of_the_plant_file_has_its_column() -> None:
    wide = table([("LOAD", 0, 80)])
    assert wide.columns[5:-1] == [channel["name"] for channel in CHANNELS]
    sensor_table_contract(PLANT, "north").validate(wide)


def test_the_contract_refuses_values_outside_the_limits() -> None:
    wide = table([("LOAD", 0, 80)]).with_columns(load_pct=pl.lit(500.0))
    with pytest.raises(Exception, match="load_pct"):
        sensor_table_contract(PLANT, "north").validate(wide)


def test_an_archives_cycles_are_taken_as_they_are() -> None:
    source = {
        "kind": "export", "folder": "{home}", "layout": "wide", "columns": {"unit_id": "machine", "cycle": "cycle"},
    }  # fmt: skip
    archive = Plant.model_validate(plant_dict(running=False, start=None, source=source))
    extract = readings([("north-1", "LOAD", T0, 80, 192, "a")]).with_columns(
        ts_utc=pl.lit(None, pl.Datetime("us", "UTC")), cycle=pl.lit(7, pl.Int64)
    )
    accepted = clean(extract, empty_extract(), plant=archive, fleet="north", day=None).accepted
    wide = sensor_table(accepted, plant=archive, fleet="north")
    assert wide.select("cycle", "ts_utc", "load_pct").row(0) == (7, None, 80.0)


def test_an_archive_that_knows_only_time_counts_cycles_from_each_units_first_reading() -> None:
    archive = Plant.model_validate(plant_dict(running=False, start=None))
    hours = [("north-1", 0), ("north-1", 3), ("north-2", 50), ("north-2", 51)]
    extract = readings([(unit, "LOAD", T0 + dt.timedelta(hours=h), 80, 192, "a") for unit, h in hours])
    accepted = clean(extract, empty_extract(), plant=archive, fleet="north", day=None).accepted
    assert sensor_table(accepted, plant=archive, fleet="north")["cycle"].to_list() == [1, 4, 1, 2]
