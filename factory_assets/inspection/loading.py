"""Rows of the table of images become pixels of one size, masks and golden images with them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from edge_runtime.inspection.decoding import decode, decode_mask
from edge_runtime.inspection.fitting import fitted, fitted_mask, placement
from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.products import Product
from factory_assets.inspection.image_store import ImageStore
from factory_assets.inspection.labelled import LabelledImages
from factory_assets.inspection.leaks import LeakReport, found_groups, near_copies, thumbnail
from factory_assets.inspection.splits import TEST, TRAIN, VALIDATION, with_groups

LARGEST_BYTES = 6e9


class TooManyImagesError(FactoryError, MemoryError):
    """More images than fit into memory at the size that the network takes."""


def load(store: ImageStore, frame: pl.DataFrame, product: Product, *, split: str) -> LabelledImages:
    """Load the images of one split.

    Args:
        store: The files.
        frame: Accepted rows with their splits.
        product: What the network takes.
        split: train, validation or test.

    Raises:
        TooManyImagesError: They would need more memory than is let in.
    """
    classes = tuple(sorted(frame["label"].drop_nulls().unique().to_list()))
    rows = frame.filter(pl.col("split") == split)
    size = product.input
    needed = rows.height * size.height_px * size.width_px * (size.channels + 1)
    if needed > LARGEST_BYTES:
        msg = (
            f"{rows.height} images of product {product.name} at {size.width_px} x {size.height_px} need "
            f"{needed / 1e9:.1f} GB: make input smaller in the plant file"
        )
        raise TooManyImagesError(msg)
    shape = (rows.height, size.height_px, size.width_px)
    pixels = np.empty((*shape, size.channels), np.uint8)
    for place, name in enumerate(rows["image"]):
        pixels[place] = _pixels(store, name, product)
    masks = None
    if frame["mask"].is_not_null().any():
        masks = np.zeros(shape, np.uint8)
        for place, name in enumerate(rows["mask"]):
            if name is not None:
                masks[place] = _mask(store, name, product)
    references = None
    if rows.height and rows["reference"].is_not_null().all():
        known = {name: _pixels(store, name, product) for name in rows["reference"].unique()}
        references = np.stack([known[name] for name in rows["reference"]])
    return LabelledImages(
        image_ids=tuple(rows["image"]),
        pixels=pixels,
        labels=tuple(rows["label"].fill_null("")),
        classes=classes or ("",),
        is_defect=rows["is_defect"].fill_null(value=True).to_numpy().astype(bool),
        groups=tuple(rows["group"]),
        masks=masks,
        references=references,
    )


def boxes_of(frame: pl.DataFrame, split: str, product: Product | None = None) -> list[list[tuple[int, int, int, int]]]:
    """The true boxes of one split's images, in the order of `load`: (x1, y1, x2, y2).

    Args:
        frame: Accepted rows with their splits.
        split: train, validation or test.
        product: Boxes are told in pixels of what its network takes; without it in pixels of the file.
    """
    found = []
    for row in frame.filter(pl.col("split") == split).iter_rows(named=True):
        boxes = [(box["x1_px"], box["y1_px"], box["x2_px"], box["y2_px"]) for box in row["boxes"] or []]
        if product is not None and boxes:
            height, width, size = row["height_px"], row["width_px"], product.input
            place = placement((height, width), height_px=size.height_px, width_px=size.width_px, fit=size.fit)
            across, down = place.width_px / width, place.height_px / height
            boxes = [
                (
                    place.left_px + round(x1 * across),
                    place.top_px + round(y1 * down),
                    place.left_px + round(x2 * across),
                    place.top_px + round(y2 * down),
                )
                for x1, y1, x2, y2 in boxes
            ]
        found.append(boxes)
    return found


def grouped(store: ImageStore, accepted: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, np.ndarray]]:
    """Rows with a group each, and every image's thumbnail.

    Where the manifest names no group, near copies share one; images with golden images are alike by design, and each is
    a part of its own.
    """
    thumbnails = {name: thumbnail(decode(store.read(name))) for name in accepted["image"]}
    if not accepted["group"].is_null().any():
        return accepted, thumbnails
    if accepted["reference"].is_not_null().all():
        return with_groups(accepted, accepted["image"]), thumbnails
    first = found_groups(np.stack([thumbnails[name] for name in accepted["image"]]))
    return with_groups(accepted, accepted["image"].gather(first.tolist())), thumbnails


def guard(frame: pl.DataFrame, thumbnails: Mapping[str, np.ndarray], product: Product) -> dict[str, LeakReport]:
    """The leak guard over a split: near copies of training images among those of validation and test.

    Images that are compared with golden images are alike by design, so a split of whole groups is all that is asked.

    Args:
        frame: Rows with their splits.
        thumbnails: From `grouped`.
        product: How it is inspected.
    """
    names = {split: frame.filter(pl.col("split") == split)["image"].to_list() for split in (TRAIN, VALIDATION, TEST)}
    if product.method == "golden_image":
        return {split: LeakReport(len(names[split]), 0.0, ()) for split in (VALIDATION, TEST)}
    parts = {split: {name: thumbnails[name] for name in of_split} for split, of_split in names.items()}
    return {split: near_copies(parts[split], parts[TRAIN]) for split in (VALIDATION, TEST)}


def _pixels(store: ImageStore, name: str, product: Product) -> np.ndarray:
    size = product.input
    return fitted(
        decode(store.read(name)),
        height_px=size.height_px,
        width_px=size.width_px,
        channels=size.channels,
        fit=size.fit,
    )


def _mask(store: ImageStore, name: str, product: Product) -> np.ndarray:
    size = product.input
    mask = decode_mask(store.read(name))
    return fitted_mask(mask, height_px=size.height_px, width_px=size.width_px, fit=size.fit)
