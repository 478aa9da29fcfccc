"""The baseline that anomaly detection must beat: pixels that differ from their surroundings, and nothing learnt.

Only the scale is settled: on defects that are drawn onto sound parts, as those that anomaly detection learns from are.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from factory_assets.inspection.anomaly import with_drawn
from factory_assets.inspection.labelled import LabelledImages
from factory_assets.inspection.synthetic_defects import part_mask

# Grey values squared: below it, spread is sensor noise.
LEAST_VARIANCE = 4.0
SETTLED_ON = 100


@dataclass(frozen=True)
class Scale:
    """How large a difference is looked for.

    Attributes:
        detail_px: Pixels are smoothed by a Gaussian of this standard deviation.
        surroundings_px: Width of the window that they are compared with.
        hottest_px: The score is the mean of so many pixels.
    """

    detail_px: float
    surroundings_px: int
    hottest_px: int


SCALES = tuple(
    Scale(detail_px, surroundings_px, hottest_px)
    for detail_px in (1.0, 2.0)
    for surroundings_px in (9, 15, 31, 61)
    for hottest_px in (1, 20, 100)
)


def contrast_map(pixels: np.ndarray, scale: Scale) -> np.ndarray:
    """Differences from the local mean in units of the local standard deviation.

    Args:
        pixels: uint8, (height, width, channels); colour images are averaged over channels.
        scale: Of details and surroundings.

    Returns:
        float32 (height, width), 0 outside of the part.
    """
    grey = pixels.mean(axis=2).astype(np.float32)
    part = part_mask(np.round(grey).astype(np.uint8)).astype(np.float32)
    smooth = cv2.GaussianBlur(grey, (0, 0), scale.detail_px)
    window = (scale.surroundings_px, scale.surroundings_px)
    share = cv2.blur(part, window) + 1e-6
    mean = cv2.blur(smooth * part, window) / share
    variance = np.maximum(cv2.blur(smooth * smooth * part, window) / share - mean * mean, 0)
    found: np.ndarray = np.abs(smooth - mean) / np.sqrt(variance + LEAST_VARIANCE) * part
    return found


def scores(training: LabelledImages, judged: LabelledImages) -> np.ndarray:
    """Score images at the scale that finds defects that are drawn onto training images of sound parts best.

    Args:
        training: Images of which those of sound parts settle the scale.
        judged: Images to be scored.

    Returns:
        float64 (images,), larger is worse.

    Raises:
        ValueError: No training image is of a sound part.
    """
    sound = np.flatnonzero(~training.is_defect)
    some = sound[:: max(1, len(sound) // SETTLED_ON)]
    scale, _ = best_scale(with_drawn(training.take(some), seed=0))
    return scores_at(scale, judged.pixels)


def scores_at(scale: Scale, pixels: np.ndarray) -> np.ndarray:
    """The mean of each image's hottest pixels: float64 (images,) of uint8 (images, height, width, channels)."""
    found = np.empty(len(pixels))
    for place, image in enumerate(pixels):
        hottest = contrast_map(image, scale).ravel()
        kept = min(scale.hottest_px, hottest.size)
        found[place] = np.partition(hottest, -kept)[-kept:].mean()
    return found


def best_scale(judged: LabelledImages, scales: tuple[Scale, ...] = SCALES) -> tuple[Scale, float]:
    """The scale that tells defective images from sound ones best, and its AUROC.

    Args:
        judged: Images of both.
        scales: Which ones are tried.

    Raises:
        ValueError: All images are sound, or all defective.
    """
    from factory_assets.inspection.figures import auroc

    found = {scale: auroc(scores_at(scale, judged.pixels), judged.is_defect) for scale in scales}
    known = {scale: value for scale, value in found.items() if value is not None}
    if not known:
        msg = "a scale is settled on images of sound and of defective parts, and one of them is missing: give both"
        raise ValueError(msg)
    best = max(known, key=lambda scale: known[scale])
    return best, known[best]
