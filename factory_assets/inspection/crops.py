"""Random crops of labelled images, turned, scaled and lit otherwise; their masks go with them.

A crop must look as a whole image does: what lies beyond the part's border is plain, as it is in a letterbox. A border
that is drawn out in streaks looks like a badly ground part.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

# How far crops reach over the part's border: half of them by some pixels, the others by up to this share of their size,
# for the border itself has to be known as sound.
OVER_THE_EDGE_PX, OVER_THE_EDGE = 10, 0.4
BRIGHTEST_MEDIAN = 205.0
# Grey values around a defect, over so many pixels, say how bright the part is there.
SURROUNDINGS_PX = 14.0
MARKED = 0.3


class Box(NamedTuple):
    """Where the part is in an image, in pixels; `bottom` and `right` lie just outside."""

    top: int
    bottom: int
    left: int
    right: int


def part_box(pixels: np.ndarray) -> Box:
    """The part in an image (height, width, channels) that a letterbox may surround: rows and columns that vary.

    The whole image if nothing varies.
    """
    rows = np.flatnonzero((pixels != pixels[:, :1]).any(axis=(1, 2)))
    columns = np.flatnonzero((pixels != pixels[:1]).any(axis=(0, 2)))
    if not len(rows) or not len(columns):
        return Box(0, pixels.shape[0], 0, pixels.shape[1])
    return Box(int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)


def crop(
    pixels: np.ndarray, mask: np.ndarray, centre: tuple[float, float], size_px: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Cut out a square around a place, mirrored, turned by a few degrees and scaled.

    Args:
        pixels: uint8, (height, width, channels).
        mask: uint8, (height, width), 0 or 1.
        centre: Row and column that lie in the crop, somewhere near its middle.
        size_px: Height and width of the crop.
        rng: Where chance comes from.

    Returns:
        uint8 (size, size, channels), and float32 (size, size), 0 to 1.
    """
    box = part_box(pixels)
    scale, stretch, turn = np.exp(rng.uniform(-0.25, 0.3)), np.exp(rng.uniform(-0.1, 0.1)), rng.uniform(-0.07, 0.07)
    scales = scale * np.array([stretch, 1.0])
    turned = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) * scales
    middle = _middle(box, centre, size_px, size_px / 2 / scales, rng)
    move = np.hstack([turned, (size_px / 2 - turned @ middle)[:, None]])
    inside = pixels[box.top : box.bottom : 4, box.left : box.right : 4]
    plain = [float(value) for value in np.median(inside, axis=(0, 1))]
    shape = (size_px, size_px)
    cut = cv2.warpAffine(pixels, move, shape, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=plain)
    marked = cv2.warpAffine(mask.astype(np.float32), move, shape, flags=cv2.INTER_LINEAR)
    cut = cut.reshape(size_px, size_px, pixels.shape[2])
    for axis in (0, 1):
        if rng.random() < 0.5:
            cut, marked = np.flip(cut, axis), np.flip(marked, axis)
    return np.ascontiguousarray(cut), np.ascontiguousarray(marked)


def _middle(
    box: Box, centre: tuple[float, float], size_px: int, half: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Column and row of the image that come to the crop's middle; `half` is half the crop's reach in the image."""
    near = np.array([centre[1], centre[0]]) + rng.uniform(-0.35, 0.35, 2) * 2 * half
    farthest = OVER_THE_EDGE * size_px if rng.random() < 0.5 else min(OVER_THE_EDGE_PX, size_px / 16)
    over = rng.uniform(0, farthest, 2)
    first = np.array([box.left, box.top]) + half - over
    last = np.array([box.right, box.bottom]) - half + over
    # A part that is smaller than the crop lies in it as a whole.
    clipped: np.ndarray = np.clip(near, np.minimum(first, last), np.maximum(first, last))
    return clipped


def pasted(
    pixels: np.ndarray, mask: np.ndarray, onto: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The defect of one crop on another crop, as dark or bright beside its surroundings as it was at home.

    Real defects are few; on the surface of another part, each is one that was not there before (arXiv 2012.07177).

    Args:
        pixels: Crop with the defect, uint8 (size, size, channels).
        mask: Where it is, float32 (size, size).
        onto: Crop of a sound part.
        rng: Where chance comes from.

    Returns:
        The crop with the defect, and its mask; `onto` and an empty mask where there is none.
    """
    defect = (mask > MARKED).astype(np.uint8)
    if not defect.any():
        return onto, np.zeros_like(mask)
    source, target = pixels.astype(np.float32), onto.astype(np.float32)
    around = 1.0 - cv2.dilate(defect, np.ones((9, 9), np.uint8)).astype(np.float32)
    contrast = source / np.maximum(_surroundings(source, around), 4.0)
    level = cv2.GaussianBlur(target, (0, 0), SURROUNDINGS_PX).reshape(target.shape)
    changed = level * np.clip(1 + (contrast - 1) * rng.uniform(0.75, 1.15), 0, 3)
    wide = cv2.dilate(defect, np.ones((5, 5), np.uint8)).astype(np.float32)
    share = cv2.GaussianBlur(wide, (0, 0), 1.2)[..., None]
    return np.clip(target * (1 - share) + changed * share, 0, 255).astype(np.uint8), mask


def _surroundings(image: np.ndarray, around: np.ndarray) -> np.ndarray:
    """Local mean of the pixels where `around` is 1; far from all of them, their mean."""
    weight = around[..., None]
    mean = (image * weight).sum(axis=(0, 1)) / max(float(around.sum()), 1.0)
    total = cv2.GaussianBlur(image * weight, (0, 0), SURROUNDINGS_PX).reshape(image.shape)
    share = cv2.GaussianBlur(around, (0, 0), SURROUNDINGS_PX)[..., None]
    local: np.ndarray = (total + 1e-3 * mean) / (share + 1e-3)
    return local


def relit(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same crop with another exposure, tone curve, offset and sensor noise; uint8 as before."""
    lit = (pixels.astype(np.float32) / 255) ** np.exp(rng.normal(0, 0.15)) * 255
    # Overexposed, a defect that is marked would no longer show.
    gain = min(np.exp(rng.normal(0, 0.25)), BRIGHTEST_MEDIAN / max(float(np.median(lit)), 1.0))
    lit = lit * gain + rng.normal(0, 6)
    lit += rng.normal(0, rng.uniform(0, 3), pixels.shape)
    return np.asarray(np.clip(lit, 0, 255), np.uint8)


def anywhere(pixels: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """Row and column of a random place of the part in an image (height, width, channels)."""
    box = part_box(pixels)
    return float(rng.uniform(box.top, box.bottom)), float(rng.uniform(box.left, box.right))


def on_mask(mask: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """Row and column of a random place of a mask, half the time of its rim.

    Raises:
        ValueError: The mask is empty.
    """
    if rng.random() < 0.5:
        mask = mask - cv2.erode(mask, np.ones((3, 3), np.uint8), borderValue=0)
    rows, columns = np.nonzero(mask)
    if not len(rows):
        msg = "the mask is empty: there is no place on it"
        raise ValueError(msg)
    chosen = rng.integers(len(rows))
    return float(rows[chosen]), float(columns[chosen])
