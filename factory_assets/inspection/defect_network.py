"""A small fully convolutional network that marks defects, and scores a part by the hottest cells of its heat map.

What it sees first is local contrast at two scales: a pore of a few pixels is dark beside its neighbours, not dark.
"""

from __future__ import annotations

from typing import Any

CELL_PX = 8
WIDTHS = (12, 16, 32, 48)
SMALL_PX, COARSE = 9, 4
LEAST_SPREAD = 1e-4


def build(height_px: int | None, width_px: int | None, channels: int, *, hottest_cells: int = 5) -> Any:
    """The network with random weights.

    Args:
        height_px: A multiple of 8; None for a network that is trained on crops.
        width_px: A multiple of 8, or None.
        channels: 1 or 3.
        hottest_cells: The score is the mean of so many cells.

    Returns:
        Keras model: `image` uint8 (batch, height, width, channels) to `heat_map` (batch, height / 8, width / 8, 1) and
        `score` (batch, 1), both 0 to 1.
    """
    import keras
    from keras import layers

    image = keras.Input((height_px, width_px, channels), dtype="uint8", name="image")
    features = _contrasts(layers.Rescaling(1 / 255)(image))
    fine, wide = _trunk(features)
    joined = layers.Concatenate()([layers.MaxPooling2D(2)(layers.Conv2D(WIDTHS[2], 1)(fine)), wide])
    cells = _convolved(joined, WIDTHS[3], size=1)
    # Few cells are defective: a network that says so from the start learns faster.
    rare = keras.initializers.Constant(-4.0)
    logits = layers.Conv2D(1, 1, bias_initializer=rare, name="logits")(cells)
    heat_map = layers.Activation("sigmoid", name="heat_map")(logits)
    return keras.Model(image, {"heat_map": heat_map, "score": _score(logits, hottest_cells)})


def _score(logits: Any, hottest_cells: int) -> Any:
    from keras import layers, ops

    cells = layers.Reshape((-1,))(logits)
    hottest = ops.top_k(cells, hottest_cells)[0]
    return layers.Activation("sigmoid", name="score")(ops.mean(hottest, axis=1, keepdims=True))


def _contrasts(grey: Any) -> Any:
    """Grey values less their local mean, over a few pixels and over many; the latter also in units of local spread."""
    from keras import layers, ops

    def mean(values: Any, size: int) -> Any:
        return layers.AveragePooling2D(size, 1, "same")(values)

    def coarse(values: Any) -> Any:
        return mean(layers.AveragePooling2D(COARSE)(values), SMALL_PX)

    small = grey - mean(grey, SMALL_PX)
    large = grey - mean(layers.UpSampling2D(COARSE)(coarse(grey)), SMALL_PX)
    spread = layers.UpSampling2D(COARSE)(ops.sqrt(coarse(ops.square(large)) + LEAST_SPREAD))
    return layers.Concatenate()([small / spread, large / spread, large * 4.0, grey * 2.0 - 1.0])


def _trunk(features: Any) -> tuple[Any, Any]:
    """Features at a quarter and at an eighth of the resolution; the latter see 200 pixels around."""
    first = _convolved(_convolved(features, WIDTHS[0], stride=2), WIDTHS[1])
    fine = _convolved(_convolved(first, WIDTHS[2], stride=2), WIDTHS[2])
    wide = _convolved(fine, WIDTHS[3], stride=2)
    for dilation in (2, 4, 8):
        wide = wide + _convolved(wide, WIDTHS[3], dilation=dilation)
    return fine, wide


def _convolved(values: Any, channels: int, *, size: int = 3, stride: int = 1, dilation: int = 1) -> Any:
    from keras import layers

    convolution = layers.Conv2D(channels, size, stride, "same", dilation_rate=dilation, use_bias=False)
    return layers.ReLU()(layers.BatchNormalization(momentum=0.95)(convolution(values)))
