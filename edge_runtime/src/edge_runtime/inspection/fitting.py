"""Frames of any size become what a network takes. Training and the edge both call this, so they cannot differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Fit = Literal["stretch", "letterbox"]


@dataclass(frozen=True)
class Placement:
    """Where a frame lies in what it was fitted to, in pixels of the latter."""

    left_px: int
    top_px: int
    width_px: int
    height_px: int


def placement(shape: tuple[int, ...], *, height_px: int, width_px: int, fit: Fit = "stretch") -> Placement:
    """Where a frame of a shape (height, width, ...) goes; see `fitted`."""
    if fit == "stretch":
        return Placement(0, 0, width_px, height_px)
    height, width = shape[:2]
    scale = min(height_px / height, width_px / width)
    inner_height = min(height_px, max(1, round(height * scale)))
    inner_width = min(width_px, max(1, round(width * scale)))
    return Placement((width_px - inner_width) // 2, (height_px - inner_height) // 2, inner_width, inner_height)


def fitted(frame: np.ndarray, *, height_px: int, width_px: int, channels: int, fit: Fit = "stretch") -> np.ndarray:
    """A frame scaled to one size: averaged over areas where it shrinks (small defects survive), linear where it grows.

    Args:
        frame: uint8, (height, width) or (height, width, 1 or 3).
        height_px: Height of the result.
        width_px: Width of the result.
        channels: 1 (grey) or 3.
        fit: `stretch`, or `letterbox` (aspect kept, the rest filled with the median of what is shown).

    Returns:
        uint8, (height_px, width_px, channels).
    """
    image = _with_channels(frame, channels)
    place = placement(image.shape, height_px=height_px, width_px=width_px, fit=fit)
    scaled = _scaled(image, place)
    if scaled.shape[:2] == (height_px, width_px):
        return scaled
    return _placed(scaled, place, np.full((height_px, width_px, channels), np.median(scaled, axis=(0, 1)), np.uint8))


def fitted_mask(mask: np.ndarray, *, height_px: int, width_px: int, fit: Fit = "stretch") -> np.ndarray:
    """A mask (0 = sound) fitted as its image is: 1 wherever any defective pixel went, so no defect is lost.

    Args:
        mask: (height, width).
        height_px: Height of the result.
        width_px: Width of the result.
        fit: As the image's.

    Returns:
        uint8, (height_px, width_px), 0 or 1; around a letterboxed mask all is sound.
    """
    place = placement(mask.shape, height_px=height_px, width_px=width_px, fit=fit)
    # In float32 a single pixel among millions is not rounded away.
    scaled = _scaled((mask > 0).astype(np.float32)[..., None], place)[..., 0]
    return _placed((scaled > 0).astype(np.uint8), place, np.zeros((height_px, width_px), np.uint8))


def _placed(scaled: np.ndarray, place: Placement, around: np.ndarray) -> np.ndarray:
    rows = slice(place.top_px, place.top_px + place.height_px)
    around[rows, place.left_px : place.left_px + place.width_px] = scaled
    return around


def _scaled(image: np.ndarray, place: Placement) -> np.ndarray:
    """Axis by axis: OpenCV averages over areas only where neither axis grows."""
    import cv2

    wanted = (place.height_px, place.width_px)
    shrunk = (min(image.shape[0], wanted[0]), min(image.shape[1], wanted[1]))
    scaled = image
    if shrunk != image.shape[:2]:
        scaled = cv2.resize(scaled, shrunk[::-1], interpolation=cv2.INTER_AREA)
    if wanted != shrunk:
        scaled = cv2.resize(scaled, wanted[::-1], interpolation=cv2.INTER_LINEAR)
    return scaled.reshape(*wanted, image.shape[2])


def _with_channels(frame: np.ndarray, channels: int) -> np.ndarray:
    import cv2

    image = frame if frame.ndim == 3 else frame[..., None]
    if image.shape[2] == channels:
        return np.ascontiguousarray(image)
    if channels == 1:
        return cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None]
    return np.ascontiguousarray(np.repeat(image, 3, axis=2))
