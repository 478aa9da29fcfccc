"""The asset that renders parts, in a small plant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from factory_assets.foundation.plant import PlantFileError
from factory_assets.foundation.settings import Site
from factory_assets.reference_plant.assets import assets, part_images, rendered_products
from tests.plants import make_site

PANEL = {"name": "panel", "method": "classification", "images": {"folder": "{home}/parts/panel"}}
OWN = {"name": "casting", "method": "segmentation", "images": {"folder": "own/casting"}}
UNKNOWN = {"name": "gearbox", "method": "anomaly", "images": {"folder": "{home}/parts/gearbox"}}


def site_of(folder: Path, *, parts: dict[str, Any] | None = None, seed: int = 2) -> Site:
    simulator = {"seed": seed, "parts": {"panel": {"count": 10}} if parts is None else parts}
    return make_site(folder, simulator=simulator, products=[PANEL, OWN, UNKNOWN])


def keys(site: Site) -> set[str]:
    return {key.to_user_string() for asset in assets(site) for key in asset.keys}


def code_versions(site: Site) -> dict[str, str | None]:
    return {spec.key.to_user_string(): spec.code_version for asset in assets(site) for spec in asset.specs}


def test_only_simulated_plants_with_products_have_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    assert keys(site_of(tmp_path_factory.mktemp("plant"))) == {"reference_plant", "part_images"}
    assert keys(make_site(tmp_path_factory.mktemp("plant"), simulator={})) == {"reference_plant"}
    assert keys(make_site(tmp_path_factory.mktemp("plant"), products=[PANEL])) == set()


def test_it_writes_images_and_truth_of_products_that_it_makes(tmp_path: Path) -> None:
    site = site_of(tmp_path)
    instance = dg.DagsterInstance.ephemeral()
    done = dg.materialize([part_images(site)], instance=instance, partition_key="panel")
    assert done.success
    folder = site.folder("{home}/parts/panel")
    manifest = pl.read_csv(folder / "manifest.csv")
    truth = pl.read_parquet(site.home.root / "truth" / "parts" / "panel.parquet")
    assert manifest["image"].to_list() == truth["image"].to_list()
    (made,) = done.asset_materializations_for_node("part_images")
    assert made.metadata["products"].value == 1
    assert "data:image/png;base64," in str(made.metadata["parts"].value)
    again = dg.materialize([part_images(site)], instance=instance, partition_key="panel")
    (remade,) = again.asset_materializations_for_node("part_images")
    assert (made.tags or {})["dagster/data_version"] == (remade.tags or {})["dagster/data_version"]


@pytest.mark.parametrize("name", ["casting", "gearbox"])
def test_images_that_come_from_elsewhere_are_left_alone(tmp_path: Path, name: str) -> None:
    site = site_of(tmp_path)
    assert list(rendered_products(site)) == ["panel"]
    own = site.folder("own/casting")
    own.mkdir(parents=True)
    (own / "manifest.csv").write_text("image,label\n", encoding="utf-8")
    assert dg.materialize([part_images(site)], instance=dg.DagsterInstance.ephemeral(), partition_key=name).success
    assert [path.name for path in own.iterdir()] == ["manifest.csv"]
    assert not (site.home.root / "truth").exists()


def test_a_kind_that_does_not_exist_is_refused_by_name(tmp_path: Path) -> None:
    site = site_of(tmp_path, parts={"panel": {"kinds": {"rust": 3}}})
    done = dg.materialize(
        [part_images(site)], instance=dg.DagsterInstance.ephemeral(), partition_key="panel", raise_on_error=False
    )
    assert not done.success
    (failed,) = done.get_step_failure_events()
    assert "panel has no defect rust; it has scratch" in str(failed.step_failure_data.error)


def test_parts_of_no_product_are_refused_with_the_plant_file(tmp_path: Path) -> None:
    with pytest.raises(PlantFileError, match=r"simulator.parts names wheel"):
        site_of(tmp_path, parts={"wheel": {}})


def test_other_parts_do_not_make_the_historians_days_again(tmp_path_factory: pytest.TempPathFactory) -> None:
    usual = code_versions(site_of(tmp_path_factory.mktemp("plant")))
    other = code_versions(site_of(tmp_path_factory.mktemp("plant"), parts={"panel": {"count": 20}}))
    seeded = code_versions(site_of(tmp_path_factory.mktemp("plant"), seed=3))
    assert usual["reference_plant"] == other["reference_plant"] != seeded["reference_plant"]
    assert len({versions["part_images"] for versions in (usual, other, seeded)}) == 3
