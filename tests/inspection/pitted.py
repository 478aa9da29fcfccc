"""Made-up ground surfaces with a known truth: streaks at several exposures, and dark pits on the defective ones."""

from __future__ import annotations

import cv2
import numpy as np

from factory_assets.inspection.labelled import LabelledImages

OK, PIT = "ok", "pit"


def surfaces(count: int, *, seed: int, size_px: int = 64, channels: int = 1) -> LabelledImages:
    """Every second image has a pit of 4 to 8 pixels; two images share a group."""
    rng = np.random.default_rng(seed)
    pixels, masks = (
        np.empty((count, size_px, size_px, channels), np.uint8),
        np.zeros((count, size_px, size_px), np.uint8),
    )
    is_defect = np.arange(count) // 2 % 2 == 1
    for place in range(count):
        streaks = rng.normal(0, 6, (1, size_px)) + rng.normal(0, 4, (size_px, size_px))
        image = rng.uniform(70, 170) + cv2.GaussianBlur(streaks, (0, 0), 0.8) * 2
        if is_defect[place]:
            centre = tuple(int(value) for value in rng.integers(8, size_px - 8, 2))
            cv2.circle(masks[place], centre, int(rng.integers(2, 5)), 1, thickness=-1)
            image[masks[place] > 0] *= rng.uniform(0.35, 0.6)
        pixels[place] = np.clip(image, 0, 255)[..., None]
    return LabelledImages(
        image_ids=tuple(f"{seed}-{place}" for place in range(count)),
        pixels=pixels,
        labels=tuple(PIT if bad else OK for bad in is_defect),
        classes=(OK, PIT),
        is_defect=is_defect,
        groups=tuple(f"part {seed}-{place // 2}" for place in range(count)),
        masks=masks,
    )
