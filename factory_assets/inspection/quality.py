"""Is an image fit to learn from, or to be judged? Each one is accepted, or set aside with the reason."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from edge_runtime.inspection.decoding import ImageError, decode, decode_mask
from factory_assets.foundation.products import Product
from factory_assets.inspection.image_store import ImageSourceError, ImageStore, UnreadableFileError, is_inside
from factory_assets.inspection.leaks import near_pairs, thumbnail
from factory_assets.inspection.manifest import DEFECT, read_boxes

REASONS = (
    "missing",
    "unreadable",
    "truncated",
    "too_large",
    "blank",
    "wrong_size",
    "no_reference",
    "mask_missing",
    "mask_wrong_size",
    "mask_contradicts_label",
    "boxes_unreadable",
    "unlabelled",
    "duplicate",
    "contradicting_duplicate",
    "label_too_rare",
)
# These spoil training; as parts to be judged, such images count.
ONLY_FOR_TRAINING = (
    "no_reference",
    "mask_missing",
    "mask_wrong_size",
    "mask_contradicts_label",
    "duplicate",
    "label_too_rare",
)
REASON = pl.Enum(REASONS)
STATUS = pl.Enum(("accepted", "quarantined"))
BLANK_SPREAD = 2.0
LEAST_PX = 16
# Where so many images, and so large a share of them, have one size, another size is a mistake.
SIZED_IMAGES, SIZED_SHARE = 20, 0.95
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
    "label": "what the manifest says, in one spelling",
    "is_defect": "whether the label is another than the product's OK label",
    "group": "images of one part share it",
    "split": "train, validation or test",
    "sha256": "of the decoded pixels",
    "reason": "why an image was set aside",
    "detail": "the reason in words; of an accepted image, what was mended",
    "near_duplicate_of": "an accepted image that is almost the same picture",
}

Fault = tuple[str, str]


def judge(store: ImageStore, manifest: pl.DataFrame, product: Product) -> pl.DataFrame:
    """Look at every image of a manifest.

    Labels that differ only in case are one label: the product's OK label as the plant file spells it, others as most
    rows do. Where there are boxes and no label, an image with boxes is defective.

    Args:
        store: The files.
        manifest: From `read_manifest`.
        product: Its OK label; golden images and masks must be as large as their images.

    Returns:
        One row an image of the manifest, in its order, with the columns of `SCHEMA`.
    """
    looking = _Looking(store, product, _spellings(manifest["label"].drop_nulls().to_list(), product.ok_label))
    rows = [looking.at(row, place) for place, row in enumerate(manifest.to_dicts())]
    _mark_odd_sizes(rows)
    _mark_duplicates(rows)
    _mark_rare_labels(rows)
    if product.method != "golden_image":  # boards of one kind are alike by design
        _mark_near_duplicates(rows, looking.thumbnails)
    for row in rows:
        row["status"] = "accepted" if row["reason"] is None else "quarantined"
    return pl.DataFrame(rows, schema=SCHEMA)


def summary(judged: pl.DataFrame) -> pl.DataFrame:
    """Images by label, status and reason."""
    return judged.group_by("label", "status", "reason").len("images").sort("label", "status", "reason")


def _spellings(labels: list[str], ok_label: str | None) -> dict[str, str]:
    """The one spelling of each label, by its case-folded form."""
    spellings: dict[str, str] = {}
    for label, _ in sorted(Counter(labels).items(), key=lambda item: (-item[1], item[0])):
        spellings.setdefault(label.casefold(), label)
    if ok_label is not None:
        spellings[ok_label.casefold()] = ok_label
    return spellings


@dataclass(frozen=True)
class _Looking:
    """Looks at images one by one, and keeps what comparing them afterwards needs."""

    store: ImageStore
    product: Product
    spellings: Mapping[str, str]
    thumbnails: dict[int, np.ndarray] = field(default_factory=dict)
    # Many images share a golden image: its height and width, or what is wrong with it.
    references: dict[str, tuple[int, ...] | Fault] = field(default_factory=dict)

    def at(self, row: Mapping[str, Any], place: int) -> dict[str, Any]:
        """The row of the table for one row of the manifest."""
        found: dict[str, Any] = {**dict.fromkeys(SCHEMA), **row, "boxes": None}
        if row["label"] is not None:
            found["label"] = self.spellings[row["label"].casefold()]
            if found["label"] != row["label"]:
                found["detail"] = f"the manifest spells the label {row['label']!r}"
        frame = self._frame(row["image"])
        if isinstance(frame, tuple):
            found["reason"], found["detail"] = frame
        else:
            found["height_px"], found["width_px"] = frame.shape[:2]
            found["sha256"] = hashlib.sha256(repr(frame.shape).encode() + frame.tobytes()).hexdigest()
            self.thumbnails[place] = thumbnail(frame)
            fault = self._fault(found, row, frame)
            if fault is not None:
                found["reason"], found["detail"] = fault
        label, ok_label = found["label"], self.product.ok_label
        found["is_defect"] = None if label is None else ok_label is None or label != ok_label
        return found

    def _frame(self, name: str | None) -> np.ndarray | Fault:
        data = self._bytes(name)
        if isinstance(data, tuple):
            return data
        try:
            return decode(data)
        except ImageError as error:
            return error.reason, str(error)

    def _bytes(self, name: str | None) -> bytes | Fault:
        if name is None:
            return "missing", "the manifest names no file"
        if not self.store.has(name):
            # Not where the source lies: the table must be the same in every home.
            return "missing", f"{name} {_why_missing(name)} the source of images"
        try:
            return self.store.read(name)
        except UnreadableFileError as error:
            return error.reason, str(error)
        except OSError as error:
            return "unreadable", str(error)

    def _fault(self, found: dict[str, Any], row: Mapping[str, Any], frame: np.ndarray) -> Fault | None:
        if min(frame.shape[:2]) < LEAST_PX:
            return "wrong_size", f"{_size(frame.shape)} pixels; {LEAST_PX} are the least, either way"
        spread = _spread(frame)
        if spread < BLANK_SPREAD:
            return "blank", f"grey values spread by {spread:.2f} only"
        return self._boxes_fault(found, row, frame) or self._label_fault(found, row, frame)

    def _boxes_fault(self, found: dict[str, Any], row: Mapping[str, Any], frame: np.ndarray) -> Fault | None:
        if row["boxes"] is None:
            return None
        try:
            boxes = read_boxes(self.store, row["boxes"])
        except ImageSourceError as error:
            return "boxes_unreadable", str(error)
        height, width = frame.shape[:2]
        for box in boxes:
            # Drawn by hand, boxes may reach over the edge; one that begins beyond it belongs to another image.
            if box[0] >= width or box[1] >= height or box[2] <= 0 or box[3] <= 0 or max(box[:4]) > 2 * max(frame.shape):
                return (
                    "boxes_unreadable",
                    f"box {box[:4]} of {row['boxes']} lies outside of the image, {_size(frame.shape)}",
                )
        keys = ("x1_px", "y1_px", "x2_px", "y2_px", "kind")
        found["boxes"] = [dict(zip(keys, box, strict=True)) for box in boxes]
        if found["label"] is None and self.product.ok_label is not None:
            found["label"] = self.spellings.get(DEFECT, DEFECT) if boxes else self.product.ok_label
        return None

    def _label_fault(self, found: dict[str, Any], row: Mapping[str, Any], frame: np.ndarray) -> Fault | None:
        if found["label"] is None:
            return "unlabelled", "the manifest gives no label"
        return self._mask_fault(found["label"], row["mask"], frame) or self._reference_fault(row["reference"], frame)

    def _mask(self, name: str) -> np.ndarray | Fault:
        data = self._bytes(name)
        if isinstance(data, tuple):
            return "mask_missing", f"mask: {data[1]}"
        try:
            return decode_mask(data)
        except ImageError as error:
            return "mask_missing", f"mask {name} cannot be used: {error}"

    def _mask_fault(self, label: str, name: str | None, frame: np.ndarray) -> Fault | None:
        is_defect = self.product.ok_label is None or label != self.product.ok_label
        if name is None:
            if self.product.method == "segmentation" and is_defect:
                return "mask_missing", f"segmentation needs a mask of every defect, and none is named for this {label}"
            return None
        mask = self._mask(name)
        if isinstance(mask, tuple):
            return mask
        if mask.shape != frame.shape[:2]:
            turned = " (the image is turned by its EXIF value, and the mask is not)"
            hint = turned if mask.shape == frame.shape[1::-1] else ""
            return "mask_wrong_size", f"mask is {_size(mask.shape)}, the image {_size(frame.shape)}{hint}"
        if bool(mask.any()) != is_defect:
            says = "marks a defect" if mask.any() else "marks nothing"
            return "mask_contradicts_label", f"the label is {label}, and mask {name} {says}"
        return None

    def _reference_fault(self, name: str | None, frame: np.ndarray) -> Fault | None:
        if name is None:
            is_needed = self.product.method == "golden_image"
            return ("no_reference", "the manifest names no golden image for it") if is_needed else None
        if name not in self.references:
            golden = self._frame(name)
            self.references[name] = golden if isinstance(golden, tuple) else golden.shape[:2]
        golden_is = self.references[name]
        if isinstance(golden_is[0], str):
            return "missing", f"golden image: {golden_is[1]}"
        if golden_is != frame.shape[:2]:
            return "wrong_size", f"golden image is {_size(golden_is)}, the image {_size(frame.shape)}"
        return None


def _spread(frame: np.ndarray) -> float:
    """Standard deviation of the grey values, of the liveliest channel."""
    import cv2

    return float(cv2.meanStdDev(frame)[1].max())


def _why_missing(name: str) -> str:
    if "\\" in name:
        return "is a name that is no UTF-8: rename the file in"
    return "is not in" if is_inside(name) else "leads out of"


def _size(shape: tuple[Any, ...]) -> str:
    return f"{shape[1]} x {shape[0]}"


def _accepted(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["reason"] is None]


def _mark_odd_sizes(rows: list[dict[str, Any]]) -> None:
    """Where nearly all images have one size, another is a mistake: stretched, such an image would show other things."""
    accepted = _accepted(rows)
    sizes = Counter((row["width_px"], row["height_px"]) for row in accepted)
    (usual, count), *_ = sizes.most_common(1) or [((0, 0), 0)]
    if count < max(SIZED_IMAGES, SIZED_SHARE * len(accepted)):
        return
    for row in accepted:
        if (row["width_px"], row["height_px"]) != usual:
            row["reason"] = "wrong_size"
            row["detail"] = (
                f"{row['width_px']} x {row['height_px']} pixels, {count} of {len(accepted)} images have "
                f"{usual[0]} x {usual[1]}"
            )


def _mark_duplicates(rows: list[dict[str, Any]]) -> None:
    """The same pixels twice: the first is kept, unless labels differ, when none can be believed."""
    by_pixels: dict[str, list[dict[str, Any]]] = {}
    for row in _accepted(rows):
        by_pixels.setdefault(row["sha256"], []).append(row)
    for same in (rows for rows in by_pixels.values() if len(rows) > 1):
        if len({row["label"] for row in same}) > 1:
            for row in same:
                others = ", ".join(f"{other['image']} ({other['label']})" for other in same if other is not row)
                row["reason"] = "contradicting_duplicate"
                row["detail"] = f"other label than {row['label']}, same pixels: {others}"
        else:
            for row in same[1:]:
                row["reason"], row["detail"] = "duplicate", f"same pixels as {same[0]['image']}"


def _mark_rare_labels(rows: list[dict[str, Any]]) -> None:
    accepted = _accepted(rows)
    counts = Counter(row["label"] for row in accepted)
    for row in accepted:
        if counts[row["label"]] == 1:
            row["reason"] = "label_too_rare"
            row["detail"] = f"the only image of {row['label']}: it cannot be learnt from and judged as well"


def _mark_near_duplicates(rows: list[dict[str, Any]], thumbnails: dict[int, np.ndarray]) -> None:
    """Almost the same picture, in other groups (photographs of one part are meant to be alike)."""
    places = [place for place, row in enumerate(rows) if row["reason"] is None]
    if not places:
        return
    groups = [rows[place]["group"] for place in places]
    for first, second in near_pairs(np.stack([thumbnails[place] for place in places]), groups):
        rows[places[second]]["near_duplicate_of"] = rows[places[first]]["image"]
