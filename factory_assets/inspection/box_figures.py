"""Boxes that were found against boxes that are true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from factory_assets.inspection.figures import Figure, share

Box = tuple[int, int, int, int]
OFFICIAL_IOU = 0.33


@dataclass(frozen=True)
class BoxFigures:
    """Counts over a set of images.

    Attributes:
        images: How many.
        boxes: True boxes.
        recall: Share of them that a blob touches: the blob's middle lies in the box, or the box's in the blob.
        recall_at_iou: Share of them with a blob of IoU > 0.33 (the rule of DeepPCB's authors).
        false_blobs_per_image: Blobs that overlap no true box.
    """

    images: int
    boxes: int
    recall: Figure | None
    recall_at_iou: Figure | None
    false_blobs_per_image: float


@dataclass(frozen=True)
class BoxCounts:
    """What the figures are made of.

    Attributes:
        images: How many.
        boxes: True boxes.
        touched: Those that a blob touches.
        matched: Those with a blob of IoU > 0.33.
        false: Blobs that overlap no true box.
    """

    images: int
    boxes: int
    touched: int
    matched: int
    false: int


def score_boxes(found: Sequence[Sequence[Box]], truth: Sequence[Sequence[Box]]) -> BoxFigures:
    """Compare found with true boxes (x1, y1, x2, y2), image by image; shares come with their Wilson intervals."""
    counts = count_boxes(found, truth)
    return BoxFigures(
        images=counts.images,
        boxes=counts.boxes,
        recall=share(counts.touched, counts.boxes),
        recall_at_iou=share(counts.matched, counts.boxes),
        false_blobs_per_image=counts.false / counts.images if counts.images else 0.0,
    )


def count_boxes(found: Sequence[Sequence[Box]], truth: Sequence[Sequence[Box]]) -> BoxCounts:
    """As `score_boxes`, counts alone: many settings are compared by them."""
    touched = matched = boxes = false = 0
    for blobs, true in zip(found, truth, strict=True):
        boxes += len(true)
        touched += sum(any(touches(blob, box) for blob in blobs) for box in true)
        matched += sum(any(iou(blob, box) > OFFICIAL_IOU for blob in blobs) for box in true)
        false += sum(not any(_overlaps(blob, box) for box in true) for blob in blobs)
    return BoxCounts(len(truth), boxes, touched, matched, false)


def iou(one: Box, other: Box) -> float:
    """Intersection over union of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / (_area(one) + _area(other) - both)


def touches(blob: Box, box: Box) -> bool:
    """Whether a blob finds a true box: the middle of one lies in the other."""
    return _holds(box, _middle(blob)) or _holds(blob, _middle(box))


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _overlaps(one: Box, other: Box) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


def _middle(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _holds(box: Box, point: tuple[float, float]) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]
