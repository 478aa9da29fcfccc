"""Made-up parts with a known truth: grey textures, of which the defective ones have a dark square."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

SIZE_PX = 32
THRESHOLD = 0.5


def parts(count: int = 40, seed: int = 0, channels: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (count, 32, 32, channels), and which of them are defective: every second one."""
    rng = np.random.default_rng(seed)
    images = rng.normal(140, 8, (count, SIZE_PX, SIZE_PX, 1))
    is_defect = np.arange(count) % 2 == 1
    for place in np.flatnonzero(is_defect):
        top, left = rng.integers(2, SIZE_PX - 10, 2)
        images[place, top : top + 8, left : left + 8] -= rng.uniform(60, 100)
    pixels = np.clip(images, 0, 255).astype(np.uint8)
    return np.repeat(pixels, channels, axis=3), is_defect


@cache
def network() -> Any:
    """A network that need not be trained: the darkest of its cells' means decides; outputs score and heat map."""
    import keras
    from keras import layers

    image = keras.Input((SIZE_PX, SIZE_PX, 1), dtype="uint8", name="image")
    scaled = layers.Rescaling(1 / 255)(image)
    means = layers.Conv2D(1, 4, 4, name="means")
    logits = layers.Conv2D(1, 1, name="logits")
    cells = logits(layers.ReLU()(means(scaled)))
    heat_map = layers.Activation("sigmoid", name="heat_map")(cells)
    score = layers.Activation("sigmoid", name="score")(layers.Flatten()(layers.GlobalMaxPooling2D()(cells)))
    model = keras.Model(image, {"heat_map": heat_map, "score": score})
    means.set_weights([np.full((4, 4, 1, 1), 1 / 16, np.float32), np.zeros(1, np.float32)])
    logits.set_weights([np.full((1, 1, 1, 1), -40, np.float32), np.full(1, 16, np.float32)])
    return model
