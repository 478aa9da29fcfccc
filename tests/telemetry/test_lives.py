from __future__ import annotations

import datetime as dt

import polars as pl

from factory_assets.foundation.plant import Plant
from factory_assets.telemetry.lives import unit_lives
from factory_assets.telemetry.schema import sensor_table_schema, unit_life_contract
from tests.plants import plant_dict

PLANT = Plant.model_validate(plant_dict())
T0 = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)


def table(plant: Plant, states: dict[str, list[int | None]]) -> pl.DataFrame:
    rows = [
        {
            "plant": plant.plant, "fleet": "north", "unit_id": unit, "cycle": n + 1, "n_readings": 1,
            "ts_utc": T0 + dt.timedelta(hours=n), "machine_state": state,
        }
        for unit, of_unit in states.items()
        for n, state in enumerate(of_unit)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=sensor_table_schema(plant, "north"))


def lives(states: list[int | None]) -> list[tuple[object, ...]]:
    found = unit_lives(table(PLANT, {"north-1": states}), plant=PLANT, fleet="north")
    unit_life_contract().validate(found)
    return found.select("life_id", "first_cycle", "last_cycle", "n_cycles", "ended_by").rows()


def test_a_failure_ends_a_life_and_the_next_one_begins_when_the_unit_runs_again() -> None:
    assert lives([1, 1, 1, 2, 2, 0, 0, 1, 1]) == [
        ("north-1#01", 1, 3, 3, "failure"),
        ("north-1#02", 8, 9, 2, "open"),
    ]


def test_an_overhaul_ends_a_life_before_failure() -> None:
    assert [row[-1] for row in lives([1, 1, 3, 0, 1, 2])] == ["overhaul", "failure"]


def test_standstill_is_no_operating_cycle_and_no_end() -> None:
    assert lives([0, 1, 0, 0, 1, None, 1]) == [("north-1#01", 2, 7, 3, "open")]


def test_a_life_that_was_under_way_when_the_record_begins_has_no_known_start() -> None:
    found = unit_lives(table(PLANT, {"north-1": [1, 1, 2, 0, 1, 1]}), plant=PLANT, fleet="north")
    assert found["is_start_known"].to_list() == [False, True]


def test_two_ends_without_running_between_are_one_end() -> None:
    assert lives([1, 2, 0, 2, 0, 1]) == [("north-1#01", 1, 1, 1, "failure"), ("north-1#02", 6, 6, 1, "open")]


def test_a_unit_that_never_ran_has_no_life() -> None:
    assert lives([0, 0, 2]) == []


def test_an_archive_has_one_life_a_unit() -> None:
    life = {"run_to_failure_units": "north-train-*", "test_units": "north-test-*"}
    fleets = [{"name": "north", "machine_class": "press", "units": ["north-*"], "life": life}]
    archive = Plant.model_validate(plant_dict(running=False, start=None, fleets=fleets))
    found = unit_lives(table(archive, {"north-train-1": [1, 1], "north-test-1": [1]}), plant=archive, fleet="north")
    assert found.select("life_id", "n_cycles", "ended_by").rows() == [
        ("north-test-1", 1, "cut"),
        ("north-train-1", 2, "failure"),
    ]


def test_units_that_failed_may_be_named_one_by_one() -> None:
    life = {"run_to_failure_units": ["north-1", "north-3*"]}
    fleets = [{"name": "north", "machine_class": "press", "units": ["north-*"], "life": life}]
    archive = Plant.model_validate(plant_dict(running=False, start=None, fleets=fleets))
    records: dict[str, list[int | None]] = {f"north-{number}": [1, 1] for number in (1, 2, 30)}
    found = unit_lives(table(archive, records), plant=archive, fleet="north")
    assert found.select("unit_id", "ended_by").rows() == [
        ("north-1", "failure"),
        ("north-2", "cut"),
        ("north-30", "failure"),
    ]
