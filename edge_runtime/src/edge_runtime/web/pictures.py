"""Frames and heat maps as files that browsers show. Only the page's own process encodes.

Colours come blue first, as everywhere at the edge.
"""

from __future__ import annotations

import numpy as np

from edge_runtime.station.records import LivePicture

JPEG_QUALITY = 88
# Below this share nothing is drawn, so that a sound part is not veiled.
FAINTEST = 0.3
MOST_OPAQUE = 0.75
# From deep violet over orange to pale yellow (RGB): rising lightness, so it is read without telling red from green.
PALETTE = ((0.0, (60, 15, 110)), (0.35, (150, 40, 120)), (0.65, (235, 95, 60)), (1.0, (255, 245, 160)))


def jpeg(picture: LivePicture) -> bytes:
    """The frame as JPEG."""
    return _encoded(".jpg", picture.pixels)


def png(picture: LivePicture) -> bytes:
    """The frame as PNG, without loss."""
    return _encoded(".png", picture.pixels)


def heat_png(heat_map: np.ndarray) -> bytes:
    """A heat map as PNG with transparency, to be laid over the frame.

    Args:
        heat_map: float32 (h, w), 0 to 1.
    """
    heat = np.clip(np.nan_to_num(heat_map.astype(np.float32)), 0.0, 1.0)
    at = [share for share, _ in PALETTE]
    red, green, blue = (np.interp(heat, at, [colour[i] for _, colour in PALETTE]) for i in range(3))
    opacity = 255 * MOST_OPAQUE * np.clip((heat - FAINTEST) / (1 - FAINTEST), 0, 1) ** 0.6
    return _encoded(".png", np.stack([blue, green, red, opacity], axis=-1).astype(np.uint8))


def _encoded(ending: str, pixels: np.ndarray) -> bytes:
    import cv2

    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if ending == ".jpg" else [cv2.IMWRITE_PNG_COMPRESSION, 1]
    is_done, data = cv2.imencode(ending, np.ascontiguousarray(pixels), options)
    if not is_done:
        msg = f"a picture of shape {pixels.shape} cannot be encoded"
        raise ValueError(msg)
    return data.tobytes()
