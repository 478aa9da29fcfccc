from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from factory_assets.foundation.plant import PlantFileError, UnknownFleetError, load_plant
from factory_assets.foundation.rul_settings import RulSettings
from factory_assets.foundation.settings import PROJECT_ROOT, DataFolderMissingError, Settings, load_site
from tests.plants import make_site, plant_dict


@pytest.mark.parametrize("name", ["reference", "turbofan"])
def test_the_plant_files_that_come_with_the_project_load(name: str) -> None:
    plant = load_plant(PROJECT_ROOT / "configs" / "plants" / f"{name}.yaml")
    assert plant.plant == name


def written(folder: Path, **changes: object) -> Path:
    path = folder / "plant.yaml"
    path.write_text(yaml.safe_dump(plant_dict(**changes)), encoding="utf-8")
    return path


def test_an_unknown_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(PlantFileError, match=r"colour: Extra inputs"):
        load_plant(written(tmp_path, colour="blue"))


def test_every_broken_field_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(PlantFileError) as caught:
        load_plant(written(tmp_path, running="perhaps", cycle_length="PT7H", fleets="all"))
    assert all(field in str(caught.value) for field in ("running", "cycle_length", "fleets"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start": None}, "a running plant needs start"),
        (
            {"machine_classes": {"lathe": {"channels": [{"name": "a"}]}}},
            "machine_class press is not one of lathe",
        ),
        ({"machine_classes": {"press": {"channels": [{"name": "a"}, {"name": "a"}]}}}, "repeat the name a"),
        (
            {"machine_classes": {"press": {"channels": [{"name": "a"}]}}},
            "state_channel machine_state is not a channel",
        ),
        (
            {"machine_classes": {"press": {"channels": [{"name": "a", "low": 2, "high": 1}]}}},
            "low 2.0 is not below high",
        ),
    ],
)
def test_what_does_not_fit_together_is_told(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(PlantFileError, match=message):
        load_plant(written(tmp_path, **changes))


def rul(**changes: object) -> RulSettings:
    return RulSettings.model_validate(changes)


def test_the_cap_decides_when_to_alert_and_how_far_to_look() -> None:
    assert (rul().alert_below_cycles, rul().horizons_cycles) == (31, (10, 31, 62))
    assert (rul(cap_cycles=30).alert_below_cycles, rul(cap_cycles=30).horizons_cycles) == (7, (2, 7, 15))
    assert (rul(cap_cycles=1).alert_below_cycles, rul(cap_cycles=1).horizons_cycles) == (1, (1,))
    own = rul(cap_cycles=30, alert_below_cycles=9, horizons_cycles=[5, 30])
    assert (own.alert_below_cycles, own.horizons_cycles) == (9, (5, 30))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"validation_fraction": 0.2}, "validation_fraction"),
        ({"contestants": ["trees", "ensemble"]}, "an ensemble is made of trees and bilstm"),
        ({"contestants": ["trees", "trees"]}, "one is named twice"),
        ({"contestants": ["forest"]}, "contestants"),
        ({"contestants": []}, "contestants"),
        ({"horizons_cycles": [126]}, "horizons_cycles: 126 is above cap_cycles 125"),
        ({"horizons_cycles": [-1]}, "horizons_cycles"),
        ({"folds": 1}, "folds"),
        ({"loss": "absolute"}, "loss"),
        ({"approval": "nobody"}, "approval"),
    ],
)
def test_settings_of_a_model_that_make_no_sense_are_named(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    fleet = plant_dict()["fleets"][0]
    with pytest.raises(PlantFileError, match=message):
        load_plant(written(tmp_path, fleets=[{**fleet, "rul": changes}]))


def test_a_test_unit_is_kept_unless_none_is_wanted() -> None:
    assert [rul(test_fraction=0.2).test_units_among(units) for units in (2, 5, 10)] == [1, 1, 2]
    assert rul(test_fraction=0).test_units_among(10) == 0


def test_a_missing_file_says_how_to_choose_one(tmp_path: Path) -> None:
    with pytest.raises(PlantFileError, match="--plant or FACTORY_PLANT"):
        load_plant(tmp_path / "none.yaml")


def test_an_unknown_fleet_names_those_that_exist(tmp_path: Path) -> None:
    with pytest.raises(UnknownFleetError, match="it has north, south"):
        make_site(tmp_path).plant.fleet("west")


def test_folders_are_filled_in(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    assert site.folder("{home}/historian") == tmp_path / "home" / "small" / "historian"
    assert site.folder("{data}/x") == tmp_path / "x"
    assert site.folder("beside") == tmp_path / "beside"


def test_a_data_folder_that_is_needed_and_not_given_is_asked_for(tmp_path: Path) -> None:
    site = load_site(Settings(plant=written(tmp_path), home=tmp_path))
    with pytest.raises(DataFolderMissingError, match="FACTORY_DATA"):
        site.folder("{data}/cmapss")
