"""Settling how golden images are compared, on training images: few, physical settings, so that they carry over.

Other parts are never quite like those of training. So a setting is worth what it and its neighbours are worth, and of
those that are worth as much the most sensitive one is taken: training parts may show large defects only, and an escape
costs more than a false reject.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edge_runtime.bundle.inspection_spec import GoldenImageSettings
from edge_runtime.inspection.golden_image import Aligned, Comparison, GoldenComparer, judged
from factory_assets.foundation.errors import FactoryError
from factory_assets.inspection.box_figures import Box, BoxFigures, count_boxes, score_boxes, touches
from factory_assets.inspection.figures import auroc
from factory_assets.inspection.labelled import LabelledImages

TOLERANCES_PX = (0, 0.5, 1, 2, 3, 4, 5)
GREY_CONTRASTS, TWO_VALUED_CONTRASTS = (0.05, 0.08, 0.12, 0.16, 0.2, 0.25, 0.32, 0.4, 0.5), (0.4,)
AREAS_PX = (2, 4, 8, 16, 32)
USUAL_GREY_CONTRAST = 0.2
# What tells two-valued images (etched, printed, binarised by the camera) from grey ones.
EXTREME_SHARE, EXTREME_LEVELS = 0.9, (32, 224)
FALSE_BLOB_COST = 0.1
# Differences of worth below this are chance.
SLACK = 0.02
LOOKED_AT = 40
PAIRS_FOR_MARGIN, LARGEST_MORE_MARGIN_PX = 10, 20

Place = tuple[int, int, int]
Grid = dict[Place, GoldenImageSettings]


@dataclass(frozen=True)
class _Tried:
    worth: float
    settings: GoldenImageSettings


class NoGoldenImageError(FactoryError, ValueError):
    """Golden images are to be compared, and there are none."""


def tune(images: LabelledImages, boxes: Sequence[Sequence[Box]] | None = None) -> GoldenImageSettings:
    """Settings that judge training images well, with something to spare on all sides.

    True boxes decide where there are some: the share of them that is found, less a cost for every false blob. Where
    there are sound parts, it counts as much that they show no blob and that others are told from them. Defective parts
    alone say nothing without boxes, and the usual settings are kept.

    Args:
        images: Each with its golden image; of many, some are looked at, spread over all.
        boxes: True boxes of each, (x1, y1, x2, y2) in pixels of `images`.

    Raises:
        NoGoldenImageError: An image has no golden image, or there is no image.
    """
    if images.references is None or not len(images):
        raise _no_golden_image()
    usual, contrasts, smoothings = _usual(images.references)
    if not any(boxes or ()) and images.is_defect.all():
        return usual
    chosen = np.unique(np.linspace(0, len(images) - 1, min(len(images), LOOKED_AT)).round().astype(int))
    some = images.take(chosen)
    true = [boxes[place] for place in chosen] if boxes is not None else []
    tried = [_tried(some, true, usual.model_copy(update={"smoothing_px": px}), contrasts) for px in smoothings]
    best = max(tried, key=lambda found: found.worth)
    return best.settings


def compare_all(images: LabelledImages, settings: GoldenImageSettings) -> list[Comparison]:
    """Every image with its golden image.

    Raises:
        NoGoldenImageError: There are none.
    """
    return [comparer.difference(aligned) for comparer, aligned in _aligned(images, settings)]


def blob_boxes(compared: Sequence[Comparison]) -> list[list[Box]]:
    """The boxes of all blobs, image by image."""
    return [
        [(blob.x_px, blob.y_px, blob.x_px + blob.width_px, blob.y_px + blob.height_px) for blob in comparison.blobs]
        for comparison in compared
    ]


def box_figures(images: LabelledImages, boxes: Sequence[Sequence[Box]], settings: GoldenImageSettings) -> BoxFigures:
    """What settings are worth on images with true boxes."""
    return score_boxes(blob_boxes(compare_all(images, settings)), boxes)


def _no_golden_image() -> NoGoldenImageError:
    return NoGoldenImageError("golden images are to be compared, and the manifest names none: add a column reference")


def _usual(references: np.ndarray) -> tuple[GoldenImageSettings, tuple[float, ...], tuple[int, ...]]:
    """Where the search begins, and the contrasts and radii of smoothing that are tried."""
    low, high = EXTREME_LEVELS
    if float(((references < low) | (references > high)).mean()) > EXTREME_SHARE:
        return GoldenImageSettings(), TWO_VALUED_CONTRASTS, (0,)
    # Grey images have noise, and light that changes from part to part; two-valued ones have neither.
    light = max(16, references.shape[1] // 4)
    usual = GoldenImageSettings(contrast=USUAL_GREY_CONTRAST, edge_tolerance_px=1, smoothing_px=1, lighting_px=light)
    return usual, GREY_CONTRASTS, (0, 1)


def _tried(
    images: LabelledImages, boxes: Sequence[Sequence[Box]], usual: GoldenImageSettings, contrasts: Sequence[float]
) -> _Tried:
    """The best of a grid of settings, and what it is worth."""
    pairs, grid = _aligned(images, usual), _grid(usual, contrasts)
    goodness: dict[Place, float] = {}
    for i, j in itertools.product(range(len(TOLERANCES_PX)), range(len(contrasts))):
        # Areas do not change what is found, only what of it counts.
        found = _compared(pairs, grid[i, j, 0])
        for k in range(len(AREAS_PX)):
            goodness[i, j, k] = _goodness(_counted(found, grid[i, j, k]), images, boxes)
    worth = _worth(goodness)
    best = _chosen(grid, worth)
    if any(boxes):
        margin = best.margin_px + _more_margin(blob_boxes(_compared(pairs, best)), boxes)
        best = best.model_copy(update={"margin_px": max(0, margin)})
    return _Tried(max(worth.values()), best)


def _grid(usual: GoldenImageSettings, contrasts: Sequence[float]) -> Grid:
    axes = (enumerate(TOLERANCES_PX), enumerate(contrasts), enumerate(AREAS_PX))
    return {
        (i, j, k): usual.model_copy(
            update={"edge_tolerance_px": tolerance, "contrast": contrast, "least_area_px": area}
        )
        for (i, tolerance), (j, contrast), (k, area) in itertools.product(*axes)
    }


def _aligned(images: LabelledImages, settings: GoldenImageSettings) -> list[tuple[GoldenComparer, Aligned]]:
    """Every image laid over its golden image, with what compares it: that is the same whatever the tolerances."""
    if images.references is None:
        raise _no_golden_image()
    comparers: dict[bytes, GoldenComparer] = {}
    found = []
    for pixels, reference in zip(images.pixels, images.references, strict=True):
        key = reference.tobytes()
        if key not in comparers:
            comparers[key] = GoldenComparer(reference, settings)
        found.append((comparers[key], comparers[key].align(pixels)))
    return found


def _compared(pairs: Sequence[tuple[GoldenComparer, Aligned]], settings: GoldenImageSettings) -> list[Comparison]:
    comparers = {id(comparer): comparer.with_tolerances(settings) for comparer, _ in pairs}
    return [comparers[id(comparer)].difference(aligned) for comparer, aligned in pairs]


def _counted(found: Sequence[Comparison], settings: GoldenImageSettings) -> list[Comparison]:
    """Comparisons under settings of another least area."""
    counted = []
    for comparison in found:
        score, blobs = judged(comparison.blobs, settings)
        is_whole = comparison.failure is None
        counted.append(replace(comparison, score=score, blobs=blobs) if is_whole else comparison)
    return counted


def _goodness(compared: Sequence[Comparison], images: LabelledImages, boxes: Sequence[Sequence[Box]]) -> float:
    """0 to 1; what is wrong altogether is not told apart."""
    kinds = []
    if any(boxes):
        kinds.append(_by_boxes(compared, boxes))
    if not images.is_defect.all():
        kinds.append(_by_labels(compared, images.is_defect))
    return float(np.mean(kinds))


def _by_boxes(compared: Sequence[Comparison], boxes: Sequence[Sequence[Box]]) -> float:
    """Boxes found, both ways of counting, less false blobs: one blob over everything would touch every box."""
    found = blob_boxes(compared)
    more = _more_margin(found, boxes)
    wider = [[(x1 - more, y1 - more, x2 + more, y2 + more) for x1, y1, x2, y2 in blobs] for blobs in found]
    counts = count_boxes(wider, boxes)
    recall = (counts.touched + counts.matched) / (2 * counts.boxes)
    return max(0.0, recall - FALSE_BLOB_COST * counts.false / counts.images)


def _by_labels(compared: Sequence[Comparison], is_defect: np.ndarray) -> float:
    """Sound parts without a blob, and how well the others are told from them."""
    is_clean = np.array([not comparison.blobs and comparison.failure is None for comparison in compared])
    clean = float(is_clean[~is_defect].mean())
    told_apart = auroc(np.array([comparison.score for comparison in compared]), is_defect)
    return clean if told_apart is None else (clean + told_apart) / 2


def _chosen(grid: Grid, worth: dict[Place, float]) -> GoldenImageSettings:
    """The settings that see most, of those that are worth as much as any."""
    good = [grid[place] for place in sorted(grid) if worth[place] >= max(worth.values()) - SLACK]
    return min(good, key=_smallest_seen)


def _worth(goodness: dict[Place, float]) -> dict[Place, float]:
    """Every setting's goodness, averaged with its neighbours'.

    Beyond the grid nothing is good; but no tolerance at all is the end of its axis, and goes on as it is.
    """
    worth = {}
    for place, value in goodness.items():
        around = [value]
        for axis, length in enumerate(_shape(goodness)):
            # An axis with one value has no neighbours.
            for step in (-1, 1) if length > 1 else ():
                beside = list(place)
                beside[axis] += step
                is_no_tolerance = axis == 0 and beside[0] < 0
                around.append(value if is_no_tolerance else goodness.get((beside[0], beside[1], beside[2]), 0.0))
        worth[place] = float(np.mean(around))
    return worth


def _shape(goodness: dict[Place, float]) -> tuple[int, ...]:
    return tuple(1 + max(place[axis] for place in goodness) for axis in range(3))


def _smallest_seen(settings: GoldenImageSettings) -> float:
    """Contrast times area of the smallest difference that counts, at an edge."""
    return settings.contrast * settings.least_area_px * (0.5 + settings.edge_tolerance_px)


def _more_margin(found: Sequence[Sequence[Box]], boxes: Sequence[Sequence[Box]]) -> int:
    """How much farther people draw boxes: the median over the sides of boxes with one blob each; 0 for few boxes."""
    beyond: list[int] = []
    for blobs, true in zip(found, boxes, strict=True):
        for box in true:
            hits = [blob for blob in blobs if touches(blob, box)]
            if len(hits) == 1:
                left, top, right, bottom = hits[0]
                beyond += [left - box[0], top - box[1], box[2] - right, box[3] - bottom]
    if len(beyond) < 4 * PAIRS_FOR_MARGIN:
        return 0
    return min(LARGEST_MORE_MARGIN_PX, round(float(np.median(beyond))))
