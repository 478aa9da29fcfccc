"""The plant file's fleets and tags as tables, and as assets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from factory_assets.foundation.lake import Lake
from factory_assets.foundation.resources import LakeResource
from factory_assets.warehouse import plant_tables
from factory_assets.warehouse.assets import plant_file_tables
from tests.plants import CHANNELS, make_site


def with_alias() -> dict[str, Any]:
    channels = [
        {**channel, "aliases": ["OIL_T", "OIL_T2"]} if channel["name"] == "oil_temp_degc" else channel
        for channel in CHANNELS
    ]
    return {"machine_classes": {"press": {"channels": channels}}}


def test_fleets_tell_how_their_lives_are_told(tmp_path: Path) -> None:
    table = plant_tables.fleet_catalogue(make_site(tmp_path).plant)
    north, south = table.rows(named=True)
    assert (north["fleet"], south["fleet"]) == ("north", "south")
    assert (north["state_channel"], north["running_value"], north["failed_value"]) == ("machine_state", 1, 2)
    assert (north["cycle_length_s"], north["sample_period_s"]) == (3600.0, 1200.0)


def test_a_plant_without_a_sample_period_says_so(tmp_path: Path) -> None:
    unknown = plant_tables.fleet_catalogue(make_site(tmp_path, sample_period=None).plant)
    assert unknown["sample_period_s"].null_count() == 2


def test_every_tag_and_alias_is_one_channel(tmp_path: Path) -> None:
    table = plant_tables.channel_tag(make_site(tmp_path, **with_alias()).plant)
    of_oil = table.filter(fleet="north", channel="oil_temp_degc")
    assert of_oil["tag"].to_list() == ["OIL_TEMP", "OIL_T", "OIL_T2"]
    assert table.select("fleet", "tag").is_unique().all()
    assert table.height == 2 * (len(CHANNELS) + 2)


def test_assets_write_both_and_change_with_the_plant_file(tmp_path_factory: pytest.TempPathFactory) -> None:
    site, other = (make_site(tmp_path_factory.mktemp("plant"), **changes) for changes in ({}, with_alias()))
    tables = plant_file_tables(site)
    result = dg.materialize([tables], resources={"lake": LakeResource(root=str(site.home.lake))})
    assert result.success
    lake = Lake(site.home.lake)
    assert lake.read("fleet_catalogue").equals(plant_tables.fleet_catalogue(site.plant))
    assert lake.read("channel_tag").equals(plant_tables.channel_tag(site.plant))
    before = {spec.code_version for spec in tables.specs}
    changed = plant_file_tables(other)
    assert before.isdisjoint({spec.code_version for spec in changed.specs})
