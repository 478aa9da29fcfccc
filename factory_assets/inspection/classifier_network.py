"""The networks that name the kind of defect: a small residual network, or the user's own features with a new head."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from factory_assets.foundation.errors import FactoryError
from factory_assets.inspection.schema import PROBABILITIES, SCORE

# Half and a quarter of the resolution are plain steps: there a convolution costs most, and says least.
FINE, COARSE = (16, 32), (48, 96)


class BackboneError(FactoryError, ValueError):
    """A backbone file that cannot be used."""


def build(
    shape: tuple[int, int, int], classes: int, *, ok_place: int | None, backbone: Path | None = None
) -> tuple[Any, Any]:
    """The network with random weights, or with the backbone's.

    Args:
        shape: Height, width and channels of an image.
        classes: How many there are.
        ok_place: The place of the OK label among them; None where there is none.
        backbone: A Keras file of features.

    Returns:
        Keras model from `image`, uint8 (batch, height, width, channels), to `probabilities` (batch, classes) and
        `score` (batch, 1), one less the probability of the OK label (of the likeliest label where none is OK); and a
        model of the same weights from `image` to the logits, for training.

    Raises:
        BackboneError: The backbone cannot be loaded, or does not take such images.
    """
    import keras
    from keras import layers, ops

    image = keras.Input(shape, dtype="uint8", name="image")
    features = _own_features(image) if backbone is None else _features_of(_loaded(backbone, shape), image)
    logits = layers.Dense(classes, name="logits")(layers.Dropout(0.2)(features))
    probabilities = layers.Softmax(name=PROBABILITIES)(logits)
    if ok_place is None:
        sure = ops.max(probabilities, axis=1, keepdims=True)
    else:
        sure = probabilities[:, ok_place : ok_place + 1]
    score = layers.Rescaling(-1.0, 1.0, name=SCORE)(sure)
    return keras.Model(image, {PROBABILITIES: probabilities, SCORE: score}), keras.Model(image, logits)


def _own_features(image: Any) -> Any:
    from keras import layers, ops

    values = layers.Rescaling(1 / 64)(image)
    # Lamps and exposures differ more than defects do. Contrast stays as it is: it tells grain from a smooth surface.
    values = values - ops.mean(values, axis=(1, 2, 3), keepdims=True)
    for width in FINE:
        values = _convolved(values, width, stride=2)
    for width in COARSE:
        values = _convolved(values, width, stride=2)
        values = layers.ReLU()(values + _convolved(values, width, is_active=False))
    return layers.Concatenate()([layers.GlobalAveragePooling2D()(values), layers.GlobalMaxPooling2D()(values)])


def _convolved(values: Any, channels: int, *, stride: int = 1, is_active: bool = True) -> Any:
    from keras import layers

    values = layers.Conv2D(channels, 3, stride, "same", use_bias=False, kernel_initializer="he_normal")(values)
    values = layers.BatchNormalization(momentum=0.9)(values)
    return layers.ReLU()(values) if is_active else values


def _loaded(path: Path, shape: tuple[int, int, int]) -> Any:
    """The backbone, if it takes such images and gives one array of features."""
    import keras

    try:
        model = keras.models.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, ImportError) as error:
        msg = f"backbone {path} cannot be loaded: {error}; save it with Keras 3 as a .keras file, without custom code"
        raise BackboneError(msg) from error
    if not isinstance(model, keras.Model) or len(model.inputs) != 1 or len(model.outputs) != 1:
        msg = f"backbone {path} must have one input and one output"
        raise BackboneError(msg)
    taken = tuple(model.inputs[0].shape[1:])
    fits = len(taken) == len(shape) and all(a in (None, b) for a, b in zip(taken, shape, strict=True))
    if not fits:
        msg = (
            f"backbone {path} takes images of (height, width, channels) {taken}, the product gives {shape}: "
            "change input in the plant file, or take another backbone"
        )
        raise BackboneError(msg)
    if len(model.outputs[0].shape) not in (2, 4):
        msg = f"backbone {path} gives {model.outputs[0].shape}: features must be (batch, h, w, n) or (batch, n)"
        raise BackboneError(msg)
    return model


def _features_of(backbone: Any, image: Any) -> Any:
    """Raw pixels, 0 to 255, go in: scaling is the backbone's own business."""
    from keras import layers, ops

    pixels = image if backbone.inputs[0].dtype == "uint8" else ops.cast(image, backbone.inputs[0].dtype)
    features = backbone(pixels)
    return layers.GlobalAveragePooling2D()(features) if len(features.shape) == 4 else features
