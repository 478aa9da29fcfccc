"""Frames of any size become what a network takes. Training and the edge both call this, so they cannot differ."""

from __future__ import annotations

from typing import Literal

import numpy as np

Fit = Literal["stretch", "letterbox"]


def fitted(frame: np.ndarray, *, height_px: int, width_px: int, channels: int, fit: Fit = "stretch") -> np.ndarray:
    """A frame scaled to one size: averaged over areas where it shrinks (small defects survive), linear where it grows.

    Args:
        frame: uint8, (height, width) or (height, width, 1 or 3).
        height_px: Height of the result.
        width_px: Width of the result.
        channels: 1 (grey) or 3.
        fit: `stretch`, or `letterbox` (aspect kept, the rest filled with the frame's median).

    Returns:
        uint8, (height_px, width_px, channels).
    """
    import cv2

    image = _with_channels(frame, channels)
    height, width = image.shape[:2]
    if (height, width) == (height_px, width_px):
        return image
    if fit == "stretch":
        return _scaled(cv2, image, height_px, width_px)
    scale = min(height_px / height, width_px / width)
    inner_height, inner_width = max(1, round(height * scale)), max(1, round(width * scale))
    filled = np.empty((height_px, width_px, channels), np.uint8)
    filled[:] = np.median(image, axis=(0, 1)).astype(np.uint8)
    top, left = (height_px - inner_height) // 2, (width_px - inner_width) // 2
    filled[top : top + inner_height, left : left + inner_width] = _scaled(cv2, image, inner_height, inner_width)
    return filled


def fitted_mask(mask: np.ndarray, *, height_px: int, width_px: int, fit: Fit = "stretch") -> np.ndarray:
    """A mask (0 = sound) fitted as its image is: 1 wherever any defective pixel went, so no defect is lost.

    Returns:
        uint8, (height_px, width_px), 0 or 1.
    """
    defective = np.where(mask > 0, 255, 0).astype(np.uint8)
    height, width = defective.shape[:2]
    if fit == "letterbox":
        # A frame that is all sound around the part: its median would be 255 where most of the part is defective.
        scale = min(height_px / height, width_px / width)
        inner = fitted_mask(defective, height_px=max(1, round(height * scale)), width_px=max(1, round(width * scale)))
        whole = np.zeros((height_px, width_px), np.uint8)
        top, left = (height_px - inner.shape[0]) // 2, (width_px - inner.shape[1]) // 2
        whole[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
        return whole
    scaled = fitted(defective, height_px=height_px, width_px=width_px, channels=1)
    return (scaled[..., 0] > 0).astype(np.uint8)


def _scaled(cv2: object, image: np.ndarray, height_px: int, width_px: int) -> np.ndarray:
    shrinks = height_px * width_px < image.shape[0] * image.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR  # type: ignore[attr-defined]
    scaled: np.ndarray = cv2.resize(image, (width_px, height_px), interpolation=method)  # type: ignore[attr-defined]
    return scaled.reshape(height_px, width_px, image.shape[2])


def _with_channels(frame: np.ndarray, channels: int) -> np.ndarray:
    import cv2

    image = frame if frame.ndim == 3 else frame[..., None]
    if image.shape[2] == channels:
        return np.ascontiguousarray(image)
    if channels == 1:
        return cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None]
    return np.ascontiguousarray(np.repeat(image, 3, axis=2))
