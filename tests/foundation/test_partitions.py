from __future__ import annotations

import datetime as dt
from pathlib import Path

import dagster as dg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factory_assets.foundation import partitions as parts
from factory_assets.foundation.lake import Partition
from factory_assets.foundation.plant import Plant
from tests.plants import START, make_site, plant_dict

PLANT = Plant.model_validate(plant_dict())
DAYS = [(START + dt.timedelta(days=n)).isoformat() for n in range(6)]


def test_the_last_day_is_today(tmp_path: Path) -> None:
    keys = parts.days(make_site(tmp_path).plant).get_partition_keys()
    assert keys[0] == START.isoformat()
    assert keys[-1] == dt.datetime.now(dt.UTC).date().isoformat()


def test_an_archive_has_no_days() -> None:
    archive = Plant.model_validate(plant_dict(running=False, start=None))
    assert isinstance(parts.readings(archive), dg.StaticPartitionsDefinition)
    with pytest.raises(ValueError, match="archive"):
        parts.days(archive)


def test_keys_go_there_and_back() -> None:
    for partition in (Partition("north"), Partition("north", "2026-09-01")):
        assert parts.from_key(str(parts.to_key(partition))) == partition


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.tuples(st.sampled_from(["north", "south"]), st.sampled_from(DAYS))))
def test_rectangles_cover_exactly_what_was_asked_for(chosen: set[tuple[str, str]]) -> None:
    asked = {Partition(fleet, day) for fleet, day in chosen}
    definition = parts.readings(PLANT)
    covered = [
        parts.from_key(key)
        for first, last in parts.rectangles(PLANT, asked)
        for key in definition.get_partition_keys_in_range(dg.PartitionKeyRange(first, last))
    ]
    assert sorted(covered, key=str) == sorted(asked, key=str)


def test_a_block_of_days_and_fleets_is_one_range() -> None:
    asked = [Partition(fleet, day) for fleet in ("north", "south") for day in DAYS]
    assert len(parts.rectangles(PLANT, asked)) == 1


def test_days_in_a_row_are_one_range() -> None:
    assert parts.day_ranges(["2026-09-03", "2026-09-01", "2026-09-02", "2026-09-05"]) == [
        ("2026-09-01", "2026-09-03"),
        ("2026-09-05", "2026-09-05"),
    ]


def test_forecasts_are_of_fleets_with_a_model_and_know_their_readings() -> None:
    changed = plant_dict()
    changed["fleets"][1]["rul"] = None
    plant = Plant.model_validate(changed)
    forecasts = parts.forecasts(plant)
    key = str(parts.to_key(Partition("north", DAYS[1])))
    assert key in forecasts.get_partition_keys()
    assert str(parts.to_key(Partition("south", DAYS[1]))) not in forecasts.get_partition_keys()
    of_key = forecasts.subset_with_partition_keys([key])
    same = parts.readings_of_forecast(plant).get_upstream_mapped_partitions_result_for_partitions(
        of_key, forecasts, parts.readings(plant)
    )
    assert set(same.partitions_subset.get_partition_keys()) == {key}
    fleet = parts.fleet_of_forecast(plant).get_upstream_mapped_partitions_result_for_partitions(
        of_key, forecasts, parts.modelled_fleets(plant)
    )
    assert set(fleet.partitions_subset.get_partition_keys()) == {"north"}


def test_forecasts_of_an_archive_are_one_a_modelled_fleet() -> None:
    changed = plant_dict(running=False, start=None)
    changed["fleets"][0]["rul"] = None
    assert parts.forecasts(Plant.model_validate(changed)).get_partition_keys() == ["south"]
