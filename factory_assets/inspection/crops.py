"""Random crops of labelled images, turned, scaled and lit otherwise; their masks go with them."""

from __future__ import annotations

import cv2
import numpy as np


def crop(
    pixels: np.ndarray, mask: np.ndarray, centre: tuple[float, float], size_px: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Cut out a square around a place, mirrored, turned by a few degrees and scaled.

    Args:
        pixels: uint8, (height, width, channels).
        mask: uint8, (height, width), 0 or 1.
        centre: Row and column that lie near the crop's middle.
        size_px: Height and width of the crop.
        rng: Where chance comes from.

    Returns:
        uint8 (size, size, channels), and float32 (size, size), 0 to 1.
    """
    scale = np.exp(rng.uniform(-0.22, 0.22))
    turn = cv2.getRotationMatrix2D((centre[1], centre[0]), rng.uniform(-5, 5), scale)
    wanted = size_px / 2 + rng.uniform(-0.3, 0.3, 2) * size_px
    turn[:, 2] += wanted - np.array([centre[1], centre[0]])
    shape = (size_px, size_px)
    # A border that was filled in goes on as it is.
    cut = cv2.warpAffine(pixels, turn, shape, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    marked = cv2.warpAffine(mask.astype(np.float32), turn, shape, flags=cv2.INTER_LINEAR)
    cut = cut.reshape(size_px, size_px, pixels.shape[2])
    for axis in (0, 1):
        if rng.random() < 0.5:
            cut, marked = np.flip(cut, axis), np.flip(marked, axis)
    return np.ascontiguousarray(cut), np.ascontiguousarray(marked)


def relit(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same crop with another exposure, offset and sensor noise; uint8 as before."""
    lit = pixels.astype(np.float32) * np.exp(rng.normal(0, 0.25)) + rng.normal(0, 10)
    lit += rng.normal(0, rng.uniform(0, 4), pixels.shape)
    return np.clip(lit, 0, 255).astype(np.uint8)


def anywhere(shape: tuple[int, ...], rng: np.random.Generator) -> tuple[float, float]:
    """A random place in an image."""
    return float(rng.uniform(0, shape[0])), float(rng.uniform(0, shape[1]))


def on_mask(mask: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """A random place of a mask; anywhere if it is empty."""
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return anywhere(mask.shape, rng)
    chosen = rng.integers(len(rows))
    return float(rows[chosen]), float(columns[chosen])
