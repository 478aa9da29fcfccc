"""A small fully convolutional network that marks defects, and scores a part by the hottest cells of its heat map.

What it sees first is contrast in units of the local spread: a pore of a few pixels is dark beside its neighbours, not
dark, and the same part comes at several exposures. What a cell says draws on fine features and on surroundings of
several hundred pixels: an area that was ground otherwise differs from the rest of the part, not by itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

CELL_PX = 8
WIDTHS = (8, 24, 48, 64)
QUARTER, EIGHTH = 4, 8
LEAST_SPREAD = 0.01
LEAST_LEVEL = 0.05
# One bright speck must not take the whole range of an INT8 tensor.
LARGEST_CONTRAST = 6.0


def build(height_px: int, width_px: int, channels: int, *, hottest_cells: int = 5, capacity: float = 1.0) -> Any:
    """The network with random weights; `take_weights` gives it those of a network of another height and width.

    Args:
        height_px: A multiple of 8.
        width_px: A multiple of 8.
        channels: 1 or 3.
        hottest_cells: The score is that of the mean logit of so many cells.
        capacity: Factor on the number of features.

    Returns:
        Keras model: `image` uint8 (batch, height, width, channels) to `heat_map` (batch, height / 8, width / 8, 1) and
        `score` (batch, 1), both 0 to 1. The heat map's layer `logits` is what is trained.
    """
    import keras
    from keras import layers

    image = keras.Input((height_px, width_px, channels), dtype="uint8", name="image")
    widths = [max(4, round(width * capacity / 4) * 4) for width in WIDTHS]
    cells = _cells(*_contrasts(layers.Rescaling(1 / 255)(image)), widths)
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


def _contrasts(grey: Any) -> tuple[Any, list[Any]]:
    """Contrast to the local mean in units of the local spread; and, at half the size, how bright a place is.

    Means are taken at a quarter of the size and below: at full size they would cost more than the whole network.
    """
    from keras import layers, ops

    def mean(values: Any, size: int, stride: int = 1) -> Any:
        return layers.AveragePooling2D(size, stride, "same")(values)

    def inverse(values: Any) -> Any:
        return ops.exp(-1.0 * ops.log(values))

    # The converter to ONNX leaves Transposes around a quotient of two images, and fails where a number is added to what
    # a convolution gives. So inverses are taken, and numbers added, before values are grown to the image's size.
    level = mean(mean(mean(grey, QUARTER, QUARTER), 5), 5)
    difference = grey - _grown(level, QUARTER, "local")
    spread = mean(mean(ops.abs(difference), EIGHTH, EIGHTH), 5)
    contrast = difference * _grown(inverse(spread + LEAST_SPREAD), EIGHTH, "inverse_spread")
    relative = difference * _grown(inverse(level + LEAST_LEVEL), QUARTER, "inverse_level")
    contrast = ops.clip(contrast, -LARGEST_CONTRAST, LARGEST_CONTRAST)
    relative = ops.clip(relative, -1.0, 1.0)
    return contrast, [mean(relative, 2, 2) * 2.0, mean(grey, 2, 2) * 2.0 - 1.0]


def _grown(values: Any, factor: int, name: str) -> Any:
    """Every value `factor` times as wide and high; an upsampling layer would be exported as a dozen nodes."""
    import keras
    from keras import layers

    channels = int(values.shape[-1])
    repeated = np.zeros((factor, factor, channels, channels), np.float32) + np.eye(channels, dtype=np.float32)
    growing = layers.Conv2DTranspose(channels, factor, factor, use_bias=False, trainable=False, name=name)
    growing.kernel_initializer = keras.initializers.Constant(repeated)
    return growing(values)


def with_score(network: Any, hottest_cells: int) -> Any:
    """The same network with the score of so many cells."""
    import keras

    score = _score(network.get_layer("logits").output, hottest_cells)
    return keras.Model(network.input, {"heat_map": network.get_layer("heat_map").output, "score": score})


def take_weights(network: Any, trained: Any) -> None:
    """Give a network the weights of another one, whose images may have another size.

    Cutting odd sizes changes the order of layers, so they are matched by name.
    """
    for layer in trained.layers:
        if layer.weights:
            network.get_layer(layer.name).set_weights(layer.get_weights())


def _cells(contrast: Any, levels: list[Any], widths: list[int]) -> Any:
    """Features of every cell: those at a quarter, an eighth, a sixteenth and a 32nd of the resolution, joined."""
    from keras import layers

    first = layers.ReLU()(layers.Conv2D(widths[0], 4, 2, "same", name="half")(contrast))
    fine = _convolved(layers.Concatenate()([first, *levels]), widths[1], "quarter", size=4, stride=2)
    fine = _deepened(fine, "quarter", blocks=1)
    cell = _deepened(_convolved(fine, widths[2], "eighth", stride=2), "eighth", blocks=2)
    wide = _deepened(_convolved(cell, widths[3], "16th", stride=2), "16th", blocks=2)
    widest = _deepened(_convolved(wide, widths[3], "32nd", stride=2), "32nd", blocks=1)
    wide = _convolved(wide + _upsampled(widest, wide, widths[3], "32nd"), widths[3], "surroundings", size=1)
    hottest = layers.MaxPooling2D(2, padding="same")(_convolved(fine, widths[1], "details", size=1))
    joined = layers.Concatenate()([hottest, cell, _upsampled(wide, cell, widths[2], "16th")])
    return _convolved(joined, widths[2], "joined", size=1)


def _deepened(values: Any, name: str, *, blocks: int) -> Any:
    for block in range(blocks):
        values = values + _convolved(values, int(values.shape[-1]), f"{name}_{block}")
    return values


def _upsampled(values: Any, like: Any, channels: int, name: str) -> Any:
    """Twice the size, as learnt, cut to the size of `like`: an odd size was rounded up on the way down."""
    from keras import layers

    grown = layers.Conv2DTranspose(channels, 2, 2, use_bias=False, name=f"{name}_grown")(values)
    surplus = [(0, int(grown.shape[axis]) - int(like.shape[axis])) for axis in (1, 2)]
    return layers.Cropping2D(surplus)(grown) if any(end for _, end in surplus) else grown


def _convolved(values: Any, channels: int, name: str, *, size: int = 3, stride: int = 1) -> Any:
    from keras import layers

    convolution = layers.Conv2D(channels, size, stride, "same", use_bias=False, name=name)
    return layers.ReLU()(layers.BatchNormalization(momentum=0.95, name=f"{name}_norm")(convolution(values)))
