"""What `factory evaluate` does: models scored by the very code that runs at the edge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl

from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.lake import Lake, Partition
from factory_assets.foundation.products import Costs, ImageSource, Product
from factory_assets.foundation.settings import Settings, Site, load_site


class NothingToScoreError(FactoryError, ValueError):
    """A manifest none of whose images can be scored."""


def evaluate_rul(site: Site, fleet: str) -> dict[str, Any]:
    """Score the bundle of a fleet on every test unit.

    Returns:
        units, rmse_capped, rmse_raw, phm08_capped, phm08_raw, and one entry a unit in `predictions`.
    """
    from edge_runtime.bundle import load_manifest
    from edge_runtime.engine import open_engine
    from factory_assets.rul.evaluation import evaluate

    folder = site.home.bundles / site.plant.fleet(fleet).name
    manifest = load_manifest(folder / "manifest.json")
    engine = open_engine(folder, manifest, "cpu")
    training_set = Lake(site.home.lake).read("rul_training_set", Partition(fleet))
    return asdict(evaluate(engine.run, training_set, site.plant.rul_settings(fleet)))


def plant_of_images(folder: Path, home: Path) -> Site:
    """A plant that inspects one product, drafted from a folder of labelled images; its plant file is kept in its home.

    Args:
        folder: Images with a manifest, or one folder a label; a zip file in it is looked into.
        home: Where state folders are.
    """
    import yaml

    from factory_assets.inspection.drafting import draft_product

    product = draft_product(folder)
    values = product.model_dump(mode="json", exclude_defaults=True)
    values["images"] = {**values["images"], "folder": "{data}"}
    plant_file = home / product.name / "plant.yaml"
    text = yaml.safe_dump(
        {"plant": product.name, "title": f"Images of {folder.name}", "running": False, "products": [values]},
        sort_keys=False,
    )
    if not plant_file.is_file() or plant_file.read_text(encoding="utf-8") != text:
        plant_file.parent.mkdir(parents=True, exist_ok=True)
        plant_file.write_text(text, encoding="utf-8")
    return load_site(Settings(plant=plant_file, home=home, data=folder))


def evaluate_product(site: Site, name: str, *, on_progress: Callable[[Any], None] = lambda _: None) -> dict[str, Any]:
    """Bring a product's model up to date (what is fresh is not trained again) and score its bundle on test images.

    Returns:
        See `evaluate_bundle`.
    """
    from factory_assets import operations

    operations.bring_up_to_date(site, products=[name], on_progress=on_progress)
    product = site.plant.product(name)
    frame = Lake(site.home.lake).read("inspection_training_set", Partition(name)).filter(pl.col("split") == "test")
    return _scored(site.home.bundles / name, site.folder(product.images.folder), frame, product.costs)


def evaluate_bundle(bundle: Path, manifest: Path, costs: Costs | None = None) -> dict[str, Any]:
    """Score a released bundle on all images of a manifest.

    Args:
        bundle: The bundle's folder.
        manifest: A CSV beside its images (or in the folder above them).
        costs: What wrong verdicts cost; by default those of a plant file that names none.

    Returns:
        images, accuracy, auroc, recall_at_5_false_reject (with intervals), per_class, per_image, and `not_scored`:
        images that could not be judged, each with the reason.

    Raises:
        NothingToScoreError: No image of the manifest can be scored.
    """
    from edge_runtime.bundle import load_manifest
    from factory_assets.inspection import image_store, quality
    from factory_assets.inspection import manifest as manifests

    says = load_manifest(bundle / "manifest.json")
    if says.inspection is None:
        msg = f"{bundle} is a bundle of task {says.task}: give one of a product"
        raise NothingToScoreError(msg)
    source = ImageSource(folder=str(manifest.parent), manifest=manifest.name)
    product = Product(
        name=says.product or "product", images=source, method=says.inspection.method, ok_label=says.inspection.ok_label
    )
    with image_store.open_store(manifest.parent) as store:
        named = manifests.read_manifest(store, source, ok_label=product.ok_label)
        judged = quality.judge(store, named, product)
    return _scored(bundle, manifest.parent, judged, costs or Costs())


def _scored(bundle: Path, folder: Path, frame: pl.DataFrame, costs: Costs) -> dict[str, Any]:
    """Figures of a bundle on rows of a table of judged images."""
    from factory_assets.inspection import bundle_scoring, evaluation, image_store
    from factory_assets.inspection.quality import ONLY_FOR_TRAINING

    is_left_out = pl.col("reason").is_not_null() & ~pl.col("reason").cast(pl.String).is_in(ONLY_FOR_TRAINING)
    left_out, rows = frame.filter(is_left_out), frame.filter(~is_left_out)
    if rows.is_empty():
        reasons = ", ".join(left_out["reason"].cast(pl.String).unique().to_list()) or "the manifest is empty"
        msg = f"no image in {folder} can be scored: {reasons}"
        raise NothingToScoreError(msg)
    with image_store.open_store(folder) as store:
        scored, more = bundle_scoring.score(bundle, store, rows)
    figures = evaluation.evaluate(scored, costs).as_json()
    not_scored = left_out.select("image", pl.col("reason").cast(pl.String)).to_dicts()
    return {"bundle": str(bundle.name), **figures, **more, "not_scored": not_scored}
