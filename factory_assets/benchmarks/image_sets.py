"""Real sets of images, prepared for training by the very functions that the assets call."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from factory_assets.benchmarks.report import Options, Report
from factory_assets.foundation.products import Method, Product
from factory_assets.foundation.settings import PROJECT_ROOT
from factory_assets.inspection import drafting, image_store, loading, manifest, quality, splits
from factory_assets.inspection.labelled import LabelledImages

SEEDS, QUICK_SEEDS = 3, 1
QUICK_EPOCHS, QUICK_PX, QUICK_IMAGES = 1, 96, 24


@dataclass(frozen=True)
class ImageSet:
    """A set of images, split.

    Attributes:
        product: How it is inspected.
        frame: Accepted rows with their splits.
        thumbnails: Of every image, for the leak guard.
        training, validation, test: The images of each split.
    """

    product: Product
    frame: pl.DataFrame
    thumbnails: Mapping[str, np.ndarray]
    training: LabelledImages
    validation: LabelledImages
    test: LabelledImages

    def about(self) -> str:
        """How many images there are of what size, in words."""
        counts = ", ".join(
            f"{len(images)} {name}"
            for name, images in (("training", self.training), ("validation", self.validation), ("test", self.test))
        )
        size = self.product.input
        return f"{counts} images at {size.width_px} x {size.height_px} x {size.channels}"


def folder_of(name: str) -> Path | None:
    """A set's folder in FACTORY_DATA, or in the data folder beside a development checkout; None if it is in neither."""
    for place in (os.environ.get("FACTORY_DATA"), PROJECT_ROOT.parent / "shared" / "data"):
        if place and (Path(place) / name).exists():
            return Path(place) / name
    return None


def not_measured(benchmark: str, title: str, name: str) -> Report:
    """The report of a benchmark whose images are not there."""
    note = f"Not measured: {name} is not there. Set FACTORY_DATA to the folder that holds {name}/."
    return Report(benchmark, title, figures=[], notes=[note])


def prepared(name: str, options: Options, *, method: Method | None = None) -> ImageSet | None:
    """A set of images as `factory evaluate inspection --data` would prepare it.

    Args:
        name: Its folder's name.
        options: Quick runs take a few images of each label and split, scaled down.
        method: Another way of inspecting than the one that its images suggest.

    Returns:
        The set; None if it is not there.
    """
    folder = folder_of(name)
    if folder is None:
        return None
    product = drafted(folder, options, method)
    with image_store.open_store(folder) as store:
        named = manifest.read_manifest(store, product.images)
        if options.is_quick:
            few = options.size("images", full=QUICK_IMAGES, quick=QUICK_IMAGES)
            named = named.filter(pl.int_range(pl.len()).over("label", "split") < few)
        accepted = quality.judge(store, named, product).filter(pl.col("status") == "accepted")
        grouped, thumbnails = loading.grouped(store, accepted)
        frame = splits.assign(grouped, product)
        names = (splits.TRAIN, splits.VALIDATION, splits.TEST)
        training, validation, test = (loading.load(store, frame, product, split=name) for name in names)
    return ImageSet(product, frame, thumbnails, training, validation, test)


def seeds(options: Options) -> range:
    """The seeds to train with."""
    return range(1, 1 + options.size("seeds", full=SEEDS, quick=QUICK_SEEDS))


def drafted(folder: Path, options: Options, method: Method | None = None) -> Product:
    """The product that a folder's images suggest; quick runs scale images down and train briefly."""
    product = drafting.draft_product(folder)
    changes: dict[str, object] = {} if method is None else {"method": method}
    if options.is_quick or "epochs" in options.sizes:
        changes["epochs"] = options.size("epochs", full=QUICK_EPOCHS, quick=QUICK_EPOCHS)
    if options.is_quick and product.method != "golden_image":
        edge = options.size("pixels", full=QUICK_PX, quick=QUICK_PX)
        changes["input"] = product.input.model_copy(update={"width_px": edge, "height_px": edge})
    return product.model_copy(update=changes)
