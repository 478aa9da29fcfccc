"""A product drafted from its images alone: which way of inspecting they allow, and at what size."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import polars as pl

from edge_runtime.inspection.decoding import size_px
from factory_assets.foundation.products import ImageInput, ImageSource, Method, Product
from factory_assets.inspection.image_store import ImageStore, open_store
from factory_assets.inspection.manifest import read_manifest

OK_LABELS = ("ok", "good", "free", "normal", "pass", "sound", "no_defect")
LOOKED_AT = 200
# Classifiers see the whole pattern; small defects need the pixels that there are.
CLASSIFIED_PX, LOCATED_PX, STEP_PX = 128, 512, 64
LEAST_PX, MOST_PX = 16, 4096


def draft_product(folder: Path) -> Product:
    """What `factory evaluate inspection --data DIR` inspects when no plant file says it.

    Golden images are compared where the manifest names them; masks ask for segmentation; labels for classification;
    sound parts alone in training for anomaly detection.

    Args:
        folder: Images with a manifest, or one folder a label; or a zip file in it.

    Raises:
        ImageSourceError: There is no manifest and no image.
    """
    folder = folder.resolve()
    source = ImageSource(folder=str(folder))
    with open_store(folder) as store:
        manifest = read_manifest(store, source)
        sizes = _sizes(store, manifest)
    ok_label = _ok_label(manifest)
    method = _method(manifest, ok_label)
    return Product(
        name=re.sub(r"[^A-Za-z0-9_-]", "-", folder.stem).lstrip("-0123456789_") or "product",
        images=source,
        method=method,
        ok_label="ok" if method == "golden_image" and ok_label is None else ok_label,
        input=_input(method, sizes),
    )


def _ok_label(manifest: pl.DataFrame) -> str | None:
    """What the manifest calls sound parts, as most of its rows spell it."""
    counts = manifest["label"].drop_nulls().value_counts(sort=True)["label"].to_list()
    return next((label for name in OK_LABELS for label in counts if label.casefold() == name), None)


def _method(manifest: pl.DataFrame, ok_label: str | None) -> Method:
    if manifest["reference"].is_not_null().any():
        return "golden_image"
    learnt = manifest.filter(pl.col("split").is_null() | (pl.col("split") != "test"))
    labels = learnt["label"].drop_nulls().str.to_lowercase()
    if ok_label is not None and len(labels) and (labels == ok_label.lower()).all():
        return "anomaly"
    if ok_label is not None and manifest["mask"].is_not_null().any():
        return "segmentation"
    return "classification"


def _sizes(store: ImageStore, manifest: pl.DataFrame) -> list[tuple[int, int]]:
    """(width, height) of some images, spread over the manifest."""
    step = max(1, manifest.height // LOOKED_AT)
    names = [name for name in manifest["image"].to_list()[::step] if name is not None and store.has(name)]
    found = []
    for name in names:
        try:
            size = size_px(store.read(name))
        except OSError:
            continue
        if size is not None:
            found.append(size)
    return found


def _input(method: Method, sizes: list[tuple[int, int]]) -> ImageInput:
    if method == "golden_image":
        # Comparison needs every pixel of the golden image.
        width, height = max(sizes, key=sizes.count) if sizes else (640, 640)
        return ImageInput(width_px=min(max(width, LEAST_PX), MOST_PX), height_px=min(max(height, LEAST_PX), MOST_PX))
    is_one_shape = len({round(width / height, 1) for width, height in sizes}) <= 1
    fit: Literal["stretch", "letterbox"] = "stretch" if is_one_shape else "letterbox"
    if method == "classification":
        return ImageInput(width_px=CLASSIFIED_PX, height_px=CLASSIFIED_PX, fit=fit)
    width, height = _frame(sizes)
    return ImageInput(width_px=width, height_px=height, fit=fit)


def _frame(sizes: list[tuple[int, int]]) -> tuple[int, int]:
    """Width and height that nine images of ten fit into as they are; smaller where that is more than 512 pixels."""
    if not sizes:
        return LOCATED_PX, LOCATED_PX
    most = [sorted(lengths)[int(0.9 * (len(lengths) - 1))] for lengths in zip(*sizes, strict=True)]
    scale = min(1.0, LOCATED_PX / max(most))
    width, height = (max(STEP_PX, int(length * scale) // STEP_PX * STEP_PX) for length in most)
    return width, height
