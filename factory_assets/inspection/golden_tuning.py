"""Settling how golden images are compared, on training images: few, physical settings, so that they carry over."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge_runtime.bundle.inspection_spec import GoldenImageSettings
from edge_runtime.inspection.golden_image import Comparison, GoldenComparer
from factory_assets.foundation.errors import FactoryError
from factory_assets.inspection.box_figures import Box, BoxFigures, score_boxes
from factory_assets.inspection.figures import auroc
from factory_assets.inspection.labelled import LabelledImages

TOLERANCES_PX = (1, 2, 3, 4)
CONTRASTS = (0.1, 0.2, 0.4, 0.5)
AREAS_PX = (5, 10, 20)
# What tells two-valued images (etched, printed, binarised by the camera) from grey ones.
EXTREME_SHARE, EXTREME_LEVELS = 0.9, (32, 224)
FALSE_BLOB_COST = 0.1


class NoGoldenImageError(FactoryError, ValueError):
    """Golden images are to be compared, and there are none."""


@dataclass(frozen=True)
class _Evidence:
    settings: GoldenImageSettings
    goodness: float


def tune(images: LabelledImages, boxes: Sequence[Sequence[Box]] | None = None) -> GoldenImageSettings:
    """Settings that judge training images best; among equals, the most tolerant ones.

    Args:
        images: Each with its golden image.
        boxes: True boxes of each, where they are known; else the labels decide.

    Raises:
        NoGoldenImageError: An image has no golden image, or there is no image.
    """
    if images.references is None or not len(images):
        msg = "golden images are to be compared, and the manifest names none: add a column reference"
        raise NoGoldenImageError(msg)
    is_known = boxes is not None and any(boxes)
    found = []
    for tolerance, contrast, area in itertools.product(TOLERANCES_PX, CONTRASTS, AREAS_PX):
        settings = _settings(images.references, tolerance, contrast, area)
        compared = compare_all(images, settings)
        goodness = _by_boxes(compared, boxes or ()) if is_known else _by_labels(compared, images)
        found.append(_Evidence(settings, goodness))
    best = max(evidence.goodness for evidence in found)
    return _middle([evidence.settings for evidence in found if evidence.goodness >= best - 1e-9])


def compare_all(images: LabelledImages, settings: GoldenImageSettings) -> list[Comparison]:
    """Every image with its golden image."""
    if images.references is None:
        msg = "golden images are to be compared, and the manifest names none: add a column reference"
        raise NoGoldenImageError(msg)
    comparers: dict[bytes, GoldenComparer] = {}
    found = []
    for pixels, reference in zip(images.pixels, images.references, strict=True):
        key = reference.tobytes()
        if key not in comparers:
            comparers[key] = GoldenComparer(reference, settings)
        found.append(comparers[key].compare(pixels))
    return found


def blob_boxes(compared: Sequence[Comparison]) -> list[list[Box]]:
    """The boxes of all blobs, image by image."""
    return [
        [(blob.x_px, blob.y_px, blob.x_px + blob.width_px, blob.y_px + blob.height_px) for blob in comparison.blobs]
        for comparison in compared
    ]


def box_figures(images: LabelledImages, boxes: Sequence[Sequence[Box]], settings: GoldenImageSettings) -> BoxFigures:
    """What settings are worth on images with true boxes."""
    return score_boxes(blob_boxes(compare_all(images, settings)), boxes)


def _settings(references: np.ndarray, tolerance: int, contrast: float, area: int) -> GoldenImageSettings:
    low, high = EXTREME_LEVELS
    is_two_valued = float(((references < low) | (references > high)).mean()) > EXTREME_SHARE
    # Grey images have noise, and light that changes from part to part; two-valued ones have neither.
    return GoldenImageSettings(
        edge_tolerance_px=tolerance,
        contrast=contrast,
        least_area_px=area,
        smoothing_px=0 if is_two_valued else 1,
        lighting_px=0 if is_two_valued else max(16, references.shape[1] // 4),
    )


def _by_boxes(compared: Sequence[Comparison], boxes: Sequence[Sequence[Box]]) -> float:
    figures = score_boxes(blob_boxes(compared), boxes)
    recall = 0.0 if figures.recall is None else figures.recall.value
    return recall - FALSE_BLOB_COST * figures.false_blobs_per_image


def _by_labels(compared: Sequence[Comparison], images: LabelledImages) -> float:
    found = auroc(np.array([comparison.score for comparison in compared]), images.is_defect)
    if found is not None:
        return found
    return -float(np.mean([len(comparison.blobs) for comparison in compared]))


def _middle(equals: Sequence[GoldenImageSettings]) -> GoldenImageSettings:
    """Of settings that judge alike, one from the middle: farthest from where any of them begins to fail."""
    return sorted(equals, key=lambda s: (s.edge_tolerance_px, s.contrast, s.least_area_px))[len(equals) // 2]
