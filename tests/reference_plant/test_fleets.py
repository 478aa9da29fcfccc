from __future__ import annotations

import pytest

from factory_assets.foundation.plant import Channel as PlantChannel
from factory_assets.foundation.plant import MachineClass, load_plant
from factory_assets.foundation.settings import REFERENCE_PLANT
from factory_assets.foundation.units import linear_conversion
from factory_assets.reference_plant.faults import NEW_TAGS
from factory_assets.reference_plant.fleets import FLEETS, PRESS, fleet_model
from factory_assets.reference_plant.physics import PHYSICS


@pytest.mark.parametrize("fleet", FLEETS, ids=lambda f: f.name)
def test_channels_fit_the_plant_files_contract(fleet):
    channels = [
        PlantChannel(
            name=c.name, tag=c.tag, unit=c.unit, source_unit=c.floor_unit, role=c.role,
            low=c.low, high=c.high, aggregate=c.aggregate,
        )
        for c in fleet.channels
    ]  # fmt: skip
    assert len(MachineClass(channels=tuple(channels)).channels) == 8
    assert [c.role for c in fleet.channels].count("setting") == 2
    assert [c.role for c in fleet.channels].count("state") == 1


@pytest.mark.parametrize("fleet", FLEETS, ids=lambda f: f.name)
def test_the_platforms_conversion_undoes_the_floors(fleet):
    converted = [c for c in fleet.channels if c.unit != c.floor_unit]
    assert len(converted) >= 2
    for channel in converted:
        scale, offset = channel.conversion
        back_scale, back_offset = linear_conversion(channel.floor_unit, channel.unit)
        for value in (0.0, 37.5, 100.0):
            assert (scale * value + offset) * back_scale + back_offset == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize("fleet", FLEETS, ids=lambda f: f.name)
def test_products_name_every_setting_and_cover_all_shifts(fleet):
    settings = {c.name for c in fleet.channels if c.role == "setting"}
    assert len(fleet.products) == 3
    assert all(set(p.settings) == settings for p in fleet.products)
    assert sum(p.share for p in fleet.products) == pytest.approx(1)
    assert fleet.name in PHYSICS


def test_unknown_names_are_told_what_exists():
    with pytest.raises(KeyError, match="press, spindle"):
        fleet_model("robot")
    with pytest.raises(KeyError, match="oil_temp_degc"):
        PRESS.channel("oil_temp_degf")
    assert fleet_model("press") is PRESS
    assert PRESS.channel("oil_temp_degc").tag == "PRESS.OIL_TEMP"


def test_the_plant_file_names_what_the_plant_writes():
    plant = load_plant(REFERENCE_PLANT)
    for fleet in FLEETS:
        of_file = {channel.name: channel for channel in plant.channels(fleet.name)}
        assert set(of_file) == {channel.name for channel in fleet.channels}
        for channel in fleet.channels:
            listed = of_file[channel.name]
            assert (listed.source_tag, listed.unit) == (channel.tag, channel.unit)
            assert (listed.source_unit or listed.unit) == channel.floor_unit
        for (name, channel_name), tag in NEW_TAGS.items():
            assert name != fleet.name or tag in of_file[channel_name].aliases
        assert fleet.local_zone in {"", plant.source.timezone}
