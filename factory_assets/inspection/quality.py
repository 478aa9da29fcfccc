"""Is an image fit to learn from, or to be judged? Each one is accepted, or set aside with the reason."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl

from edge_runtime.inspection.decoding import ImageError, decode
from factory_assets.foundation.products import Product
from factory_assets.inspection.image_store import ImageSourceError, ImageStore
from factory_assets.inspection.leaks import near_pairs, thumbnail
from factory_assets.inspection.manifest import read_boxes

REASONS = (
    "missing",
    "unreadable",
    "truncated",
    "too_large",
    "blank",
    "wrong_size",
    "mask_missing",
    "mask_wrong_size",
    "boxes_unreadable",
    "unlabelled",
    "duplicate",
    "contradicting_duplicate",
    "label_too_rare",
)
REASON = pl.Enum(REASONS)
STATUS = pl.Enum(("accepted", "quarantined"))
BLANK_SPREAD = 2.0
BOX = pl.Struct({"x1_px": pl.Int32, "y1_px": pl.Int32, "x2_px": pl.Int32, "y2_px": pl.Int32, "kind": pl.String})

SCHEMA: dict[str, pl.DataType] = {
    "image": pl.String(),
    "label": pl.String(),
    "is_defect": pl.Boolean(),
    "mask": pl.String(),
    "boxes": pl.List(BOX),
    "reference": pl.String(),
    "group": pl.String(),
    "split": pl.String(),
    "width_px": pl.Int32(),
    "height_px": pl.Int32(),
    "sha256": pl.String(),
    "status": STATUS,
    "reason": REASON,
    "detail": pl.String(),
    "near_duplicate_of": pl.String(),
}
COLUMNS = {
    "image": "name of the file in the source",
    "label": "what the manifest says",
    "is_defect": "whether the label is another than the product's OK label",
    "group": "images of one part share it",
    "split": "train, validation or test",
    "sha256": "of the decoded pixels",
    "reason": "why an image was set aside",
    "near_duplicate_of": "an accepted image that is almost the same picture",
}


def judge(store: ImageStore, manifest: pl.DataFrame, product: Product) -> pl.DataFrame:
    """Look at every image of a manifest.

    Args:
        store: The files.
        manifest: From `read_manifest`.
        product: Its OK label; golden images and masks must be as large as their images.

    Returns:
        One row an image of the manifest, in its order, with the columns of `SCHEMA`.
    """
    thumbnails: dict[int, np.ndarray] = {}
    rows = [_looked_at(store, row, product, thumbnails, place) for place, row in enumerate(manifest.to_dicts())]
    _mark_duplicates(rows)
    _mark_rare_labels(rows)
    _mark_near_duplicates(rows, thumbnails)
    for row in rows:
        row["status"] = "accepted" if row["reason"] is None else "quarantined"
    return pl.DataFrame(rows, schema=SCHEMA)


def summary(judged: pl.DataFrame) -> pl.DataFrame:
    """Images by label, status and reason."""
    return judged.group_by("label", "status", "reason").len("images").sort("label", "status", "reason")


def _looked_at(
    store: ImageStore, row: dict[str, Any], product: Product, thumbnails: dict[int, np.ndarray], place: int
) -> dict[str, Any]:
    label = row["label"]
    found: dict[str, Any] = {**dict.fromkeys(SCHEMA), **row, "boxes": None}
    found["is_defect"] = None if label is None else product.ok_label is None or label != product.ok_label
    frame, found["reason"], found["detail"] = _frame(store, row["image"])
    if frame is None:
        return found
    found["height_px"], found["width_px"] = frame.shape[:2]
    found["sha256"] = hashlib.sha256(repr(frame.shape).encode() + frame.tobytes()).hexdigest()
    thumbnails[place] = thumbnail(frame)
    found["reason"], found["detail"] = _fault(store, row, product, frame)
    if row["boxes"] is not None and found["reason"] is None:
        try:
            boxes = read_boxes(store, row["boxes"])
        except ImageSourceError as error:
            found["reason"], found["detail"] = "boxes_unreadable", str(error)
        else:
            keys = ("x1_px", "y1_px", "x2_px", "y2_px", "kind")
            found["boxes"] = [dict(zip(keys, box, strict=True)) for box in boxes]
    return found


def _frame(store: ImageStore, name: str | None) -> tuple[np.ndarray | None, str | None, str | None]:
    if name is None or not store.has(name):
        return None, "missing", f"{name} is not in {store.where}"
    try:
        return decode(store.read(name)), None, None
    except ImageError as error:
        return None, error.reason, str(error)
    except OSError as error:
        return None, "unreadable", str(error)


def _fault(
    store: ImageStore, row: dict[str, Any], product: Product, frame: np.ndarray
) -> tuple[str | None, str | None]:
    if float(frame.std()) < BLANK_SPREAD:
        return "blank", f"grey values spread by {frame.std():.2f} only"
    needs_label = product.method != "golden_image" or row["boxes"] is None
    if row["label"] is None and needs_label:
        return "unlabelled", "the manifest gives no label"
    for name, missing, wrong in (
        ("mask", "mask_missing", "mask_wrong_size"),
        ("reference", "missing", "wrong_size"),
    ):
        if row[name] is None:
            continue
        other, reason, detail = _frame(store, row[name])
        if other is None:
            return missing, f"{name} {row[name]}: {detail or reason}"
        if other.shape[:2] != frame.shape[:2]:
            return wrong, f"{name} is {other.shape[1]} x {other.shape[0]}, the image {frame.shape[1]} x {frame.shape[0]}"
    return None, None


def _accepted(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["reason"] is None]


def _mark_duplicates(rows: list[dict[str, Any]]) -> None:
    """The same pixels twice: the first is kept, unless labels differ, when none can be believed."""
    by_pixels: dict[str, list[dict[str, Any]]] = {}
    for row in _accepted(rows):
        by_pixels.setdefault(row["sha256"], []).append(row)
    for same in (rows for rows in by_pixels.values() if len(rows) > 1):
        if len({row["label"] for row in same}) > 1:
            for row in same:
                others = ", ".join(other["image"] for other in same if other is not row)
                row["reason"], row["detail"] = "contradicting_duplicate", f"other label, same pixels: {others}"
        else:
            for row in same[1:]:
                row["reason"], row["detail"] = "duplicate", f"same pixels as {same[0]['image']}"


def _mark_rare_labels(rows: list[dict[str, Any]]) -> None:
    counts = Counter(row["label"] for row in _accepted(rows) if row["label"] is not None)
    for row in _accepted(rows):
        if row["label"] is not None and counts[row["label"]] == 1:
            row["reason"] = "label_too_rare"
            row["detail"] = f"the only image of {row['label']}: it cannot be learnt from and judged as well"


def _mark_near_duplicates(rows: list[dict[str, Any]], thumbnails: dict[int, np.ndarray]) -> None:
    """Almost the same picture, in other groups (photographs of one part are meant to be alike)."""
    places = [place for place, row in enumerate(rows) if row["reason"] is None]
    if not places:
        return
    for first, second in near_pairs(np.stack([thumbnails[place] for place in places])):
        one, other = rows[places[first]], rows[places[second]]
        if one["group"] is None or one["group"] != other["group"]:
            other["near_duplicate_of"] = one["image"]
