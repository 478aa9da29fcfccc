"""The same commit, plant and data in two homes: the same tables byte for byte, the same bundles but for signatures."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import SmallPlant
from tests.integration.offline import SecondHome, second_home

TABLES = ("historian_extract", "clean_reading", "quarantined_reading", "cleaning_ledger", "sensor_table")
OF_FLEETS = ("unit_life", "rul_training_set")
FLEETS = ("press", "spindle")


@pytest.fixture(scope="module")
def other(small_plant: SmallPlant, tmp_path_factory: pytest.TempPathFactory) -> SecondHome:
    made = second_home(small_plant.file, tmp_path_factory.getbasetemp() / "second_home")
    assert made.done.returncode == 0, made.done.stderr
    return made


def files(home: Path, *tables: str) -> dict[str, bytes]:
    """The tables' files up to yesterday: tests that came before may have added readings of today to one home."""
    today = dt.datetime.now(dt.UTC).date().isoformat()
    lake = home / "lake"
    found = (path for table in tables for path in (lake / table).rglob("*.parquet"))
    return {path.relative_to(lake).as_posix(): path.read_bytes() for path in found if path.stem != today}


def differing(one: dict[str, bytes], two: dict[str, bytes]) -> list[str]:
    return sorted(name for name in one.keys() | two.keys() if one.get(name) != two.get(name))


def bundle(home: Path, fleet: str) -> dict[str, bytes]:
    folder = home / "bundles" / fleet
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_tables_of_readings_are_the_same_byte_for_byte(small_plant: SmallPlant, other: SecondHome) -> None:
    here, there = (files(home, *TABLES) for home in (small_plant.home, other.home))
    assert len(here) >= len(TABLES) * len(FLEETS) * 50
    assert differing(here, there) == []


def test_lives_and_training_sets_are_too(small_plant: SmallPlant, other: SecondHome) -> None:
    here, there = (files(home, *OF_FLEETS) for home in (small_plant.home, other.home))
    assert len(here) == len(OF_FLEETS) * len(FLEETS)
    assert differing(here, there) == []


@pytest.mark.parametrize("fleet", FLEETS)
def test_graph_and_golden_samples_of_a_bundle_are_the_same(
    small_plant: SmallPlant, other: SecondHome, fleet: str
) -> None:
    here, there = bundle(small_plant.home, fleet), bundle(other.home, fleet)
    assert here.keys() == there.keys()
    assert differing(here, there) in ([], ["manifest.json"])


@pytest.mark.parametrize("fleet", FLEETS)
def test_manifests_differ_in_the_name_of_the_training_run_alone(
    small_plant: SmallPlant, other: SecondHome, fleet: str
) -> None:
    one, two = (json.loads(bundle(home, fleet)["manifest.json"]) for home in (small_plant.home, other.home))
    assert one["version"] == two["version"]
    assert one["lineage"].pop("mlflow_run_id") != two["lineage"].pop("mlflow_run_id")
    assert one == two


def test_a_product_that_is_compared_with_golden_images_has_the_same_bundle(
    small_plant: SmallPlant, other: SecondHome
) -> None:
    here, there = bundle(small_plant.home, "board"), bundle(other.home, "board")
    assert here.keys() == there.keys()
    assert differing(here, there) in ([], ["manifest.json"])


@pytest.mark.parametrize("product", ["casting", "panel", "board", "cover"])
def test_products_are_judged_and_split_alike(small_plant: SmallPlant, other: SecondHome, product: str) -> None:
    for table in ("inspection_image", "inspection_training_set"):
        here, there = (
            {name: data for name, data in files(home, table).items() if product in name}
            for home in (small_plant.home, other.home)
        )
        assert here
        assert differing(here, there) == []


def test_releases_list_the_same_bundles_and_differ_in_their_signatures(
    small_plant: SmallPlant, other: SecondHome
) -> None:
    def index(home: Path) -> dict[str, Any]:
        (found,) = (home / "exchange" / "releases" / "targets").glob("*.release.json")
        value: dict[str, Any] = json.loads(found.read_text())
        return value

    def without_versions(entry: dict[str, Any]) -> dict[str, Any]:
        """Of products: TensorRT-RTX compiles their engines to other bytes each time."""
        return entry if entry["task"] == "rul" else {"bundle": entry["bundle"], "product": entry["product"]}

    here, there = index(small_plant.home), index(other.home)
    assert [without_versions(entry) for entry in here.pop("bundles")] == [
        without_versions(entry) for entry in there.pop("bundles")
    ]
    assert here == there
    roots = [(home / "exchange/releases/metadata/1.root.json").read_bytes() for home in (small_plant.home, other.home)]
    assert roots[0] != roots[1]
