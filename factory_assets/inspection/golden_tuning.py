"""Settling how golden images are compared, on training images: few, physical settings, so that they carry over.

Settings that judge alike are told apart by their neighbours: one whose neighbours judge well too lies far from where it
begins to fail, and other boards are never quite like those of training.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from edge_runtime.bundle.inspection_spec import GoldenImageSettings
from edge_runtime.inspection.golden_image import Aligned, Comparison, GoldenComparer
from factory_assets.foundation.errors import FactoryError
from factory_assets.inspection.box_figures import Box, BoxFigures, score_boxes, touches
from factory_assets.inspection.figures import auroc
from factory_assets.inspection.labelled import LabelledImages

TOLERANCES_PX = (1, 2, 3, 4, 5)
GREY_CONTRASTS, TWO_VALUED_CONTRASTS = (0.06, 0.1, 0.15, 0.25, 0.4), (0.4,)
AREAS_PX = (5, 10, 20, 40)
USUAL_GREY_CONTRAST = 0.15
# What tells two-valued images (etched, printed, binarised by the camera) from grey ones.
EXTREME_SHARE, EXTREME_LEVELS = 0.9, (32, 224)
FALSE_BLOB_COST = 0.1
# Differences of goodness below this are chance.
SLACK = 0.01
LOOKED_AT = 120
PAIRS_FOR_MARGIN, LARGEST_MARGIN_PX = 10, 20

Grid = dict[tuple[int, int, int], GoldenImageSettings]


class NoGoldenImageError(FactoryError, ValueError):
    """Golden images are to be compared, and there are none."""


def tune(images: LabelledImages, boxes: Sequence[Sequence[Box]] | None = None) -> GoldenImageSettings:
    """Settings that judge training images best, from the middle of those that do.

    True boxes decide where there are some: the share of them that is found, less a cost for every false blob. Without
    boxes labels do: sound parts against defective ones, or the most sensitive settings under which sound parts show no
    blob. Defective parts alone say nothing without boxes, and the usual settings are kept.

    Args:
        images: Each with its golden image; of many, some are looked at, spread over all.
        boxes: True boxes of each, (x1, y1, x2, y2) in pixels of `images`.

    Raises:
        NoGoldenImageError: An image has no golden image, or there is no image.
    """
    if images.references is None or not len(images):
        raise _no_golden_image()
    usual, contrasts = _usual(images.references)
    has_boxes = boxes is not None and any(boxes)
    if not has_boxes and images.is_defect.all():
        return usual
    chosen = np.unique(np.linspace(0, len(images) - 1, min(len(images), LOOKED_AT)).round().astype(int))
    some = images.take(chosen)
    true = [boxes[place] for place in chosen] if has_boxes and boxes is not None else []
    pairs = _aligned(some, usual)
    grid = _grid(usual, contrasts)
    goodness = {place: _goodness(_compared(pairs, settings), some, true) for place, settings in grid.items()}
    best = grid[_most_sensitive(goodness, grid) if not has_boxes and not images.is_defect.any() else _middle(goodness)]
    if has_boxes:
        return best.model_copy(update={"margin_px": _margin(_compared(pairs, best), true, best.margin_px)})
    return best


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


def _usual(references: np.ndarray) -> tuple[GoldenImageSettings, tuple[float, ...]]:
    """Where the search begins, and the contrasts that are tried."""
    low, high = EXTREME_LEVELS
    if float(((references < low) | (references > high)).mean()) > EXTREME_SHARE:
        return GoldenImageSettings(), TWO_VALUED_CONTRASTS
    # Grey images have noise, and light that changes from part to part; two-valued ones have neither.
    light = max(16, references.shape[1] // 4)
    return GoldenImageSettings(contrast=USUAL_GREY_CONTRAST, smoothing_px=1, lighting_px=light), GREY_CONTRASTS


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


def _goodness(compared: Sequence[Comparison], images: LabelledImages, boxes: Sequence[Sequence[Box]]) -> float:
    """0 to 1; what is wrong altogether is not told apart."""
    if boxes:
        figures = score_boxes(blob_boxes(compared), boxes)
        recall = 0.0 if figures.recall is None else figures.recall.value
        return max(0.0, recall - FALSE_BLOB_COST * figures.false_blobs_per_image)
    found = auroc(np.array([comparison.score for comparison in compared]), images.is_defect)
    return float(np.mean([not comparison.blobs for comparison in compared])) if found is None else found


def _with_neighbours(goodness: dict[tuple[int, int, int], float]) -> dict[tuple[int, int, int], float]:
    """Every setting's goodness, averaged with its neighbours'; beyond the grid it goes on as at its end."""
    from scipy.ndimage import uniform_filter

    shape = tuple(1 + max(place[axis] for place in goodness) for axis in range(3))
    values = np.array([goodness[place] for place in np.ndindex(*shape)]).reshape(shape)
    smooth = uniform_filter(values, size=3, mode="nearest")
    return {place: float(smooth[place]) for place in goodness}


def _middle(goodness: dict[tuple[int, int, int], float]) -> tuple[int, int, int]:
    """Of the settings that judge best, the one with the best neighbours; of equals the middle one."""
    best, smooth = max(goodness.values()), _with_neighbours(goodness)
    good = [place for place in sorted(goodness) if goodness[place] >= best - SLACK]
    highest = max(smooth[place] for place in good)
    equals = [place for place in good if smooth[place] >= highest - 1e-9]
    return equals[len(equals) // 2]


def _most_sensitive(goodness: dict[tuple[int, int, int], float], grid: Grid) -> tuple[int, int, int]:
    """The settings that see most, of those that judge sound parts as well as any, their neighbours too."""
    smooth = _with_neighbours(goodness)
    good = [place for place in sorted(goodness) if smooth[place] >= max(smooth.values()) - SLACK]
    return min(good, key=lambda place: _smallest_seen(grid[place]))


def _smallest_seen(settings: GoldenImageSettings) -> float:
    return settings.contrast * settings.least_area_px * (1 + settings.edge_tolerance_px)


def _margin(compared: Sequence[Comparison], boxes: Sequence[Sequence[Box]], usual_px: int) -> int:
    """How far people draw boxes around what differs: the median over the sides of boxes with one blob each."""
    beyond: list[int] = []
    for blobs, true in zip(blob_boxes(compared), boxes, strict=True):
        for box in true:
            hits = [blob for blob in blobs if touches(blob, box)]
            if len(hits) == 1:
                (left, top, right, bottom) = hits[0]
                beyond += [left - box[0], top - box[1], box[2] - right, box[3] - bottom]
    if len(beyond) < 4 * PAIRS_FOR_MARGIN:
        return usual_px
    return int(np.clip(usual_px + round(float(np.median(beyond))), 0, LARGEST_MARGIN_PX))
