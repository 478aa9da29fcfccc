"""Which defect is it: a network that learns labels of whole images.

Weights are averaged over the last steps, and of those averages the best one on validation images is kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from factory_assets.foundation.errors import FactoryError
from factory_assets.inspection import augmentation, classifier_network
from factory_assets.inspection.augmentation import Augmentation
from factory_assets.inspection.labelled import LabelledImages, OnEpoch, TrainedNetwork

BATCH, JUDGED_AT_ONCE = 16, 64
LEAST_STEPS = 8
LEAST_PX = 16
TEMPERATURES = np.geomspace(0.25, 4.0, 49)


class ClassificationError(FactoryError, ValueError):
    """Images or settings that no classifier can be trained with."""


@dataclass(frozen=True)
class ClassificationSettings:
    """How a classifier is trained.

    Attributes:
        ok_label: The label of sound parts; None where there is none.
        backbone: A Keras file whose features are taken, and trained on. It gets raw pixels, 0 to 255.
        epochs: Passes through the training images.
        learning_rate: Its peak; a tenth of it with a backbone, whose features are good already.
        weight_decay: Of AdamW (arXiv 1711.05101).
        label_smoothing: Share of a target that all classes are given alike (arXiv 1512.00567).
        averaging: Share that a step leaves of the averaged weights.
        augmentation: How training images are changed.
    """

    ok_label: str | None = None
    backbone: Path | None = None
    epochs: int = 60
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    label_smoothing: float = 0.05
    averaging: float = 0.99
    augmentation: Augmentation = field(default_factory=Augmentation)


def train(
    training: LabelledImages,
    validation: LabelledImages,
    settings: ClassificationSettings = ClassificationSettings(),
    *,
    seed: int,
    on_epoch: OnEpoch = lambda _, __: None,
) -> TrainedNetwork:
    """Train on labels.

    Args:
        training: Images of two classes or more.
        validation: Images of other parts, on which epoch and temperature are settled.
        settings: How it is trained.
        seed: Of weights and changes of images.
        on_epoch: Told after every epoch.

    Raises:
        ClassificationError: There are too few images or classes, or the OK label is none of them.
        BackboneError: The backbone cannot be loaded, or does not take such images.
    """
    _check(training, validation, settings)
    began = time.process_time()
    import keras

    keras.utils.set_random_seed(seed)
    height, width, channels = training.pixels.shape[1:]
    ok_place = None if settings.ok_label is None else training.classes.index(settings.ok_label)
    network, logits = classifier_network.build(
        (height, width, channels), len(training.classes), ok_place=ok_place, backbone=settings.backbone
    )
    history, best_epoch = _fitted(logits, training, validation, settings, seed=seed, on_epoch=on_epoch)
    temperature = _cooled(logits, validation)
    return TrainedNetwork(
        network=network,
        history=history,
        best_epoch=best_epoch,
        cpu_s=time.process_time() - began,
        choices={"best_epoch": best_epoch, "temperature": temperature, "class_weights": _weights_by_name(training)},
    )


def _check(training: LabelledImages, validation: LabelledImages, settings: ClassificationSettings) -> None:
    if not len(training) or not len(validation):
        msg = f"classification has {len(training)} training and {len(validation)} validation images: both are needed"
        raise ClassificationError(msg)
    if len(set(training.labels)) < 2:
        msg = f"classification needs two labels or more, training images have {sorted(set(training.labels))} only"
        raise ClassificationError(msg)
    if settings.ok_label is not None and settings.ok_label not in training.classes:
        msg = f"no image has the OK label {settings.ok_label!r}; labels are {list(training.classes)}: mend ok_label"
        raise ClassificationError(msg)
    if min(training.pixels.shape[1:3]) < LEAST_PX:
        msg = f"images of {training.pixels.shape[1:3]} pixels are too small: {LEAST_PX} or more are needed"
        raise ClassificationError(msg)


def class_weights(images: LabelledImages) -> np.ndarray:
    """What an image of each class counts, float32 (classes,); one on average over the images.

    Rare kinds count more than common ones, but not so much that a handful of images decides: by the inverse root of
    their number.
    """
    counts = np.bincount(images.targets, minlength=len(images.classes))
    weights = np.where(counts > 0, np.maximum(counts, 1) ** -0.5, 0.0)
    return np.asarray(weights * counts.sum() / (weights * counts).sum(), np.float32)


def _weights_by_name(images: LabelledImages) -> dict[str, float]:
    return {name: round(float(w), 4) for name, w in zip(images.classes, class_weights(images), strict=True)}


def _fitted(
    logits: Any,
    training: LabelledImages,
    validation: LabelledImages,
    settings: ClassificationSettings,
    *,
    seed: int,
    on_epoch: OnEpoch,
) -> tuple[pl.DataFrame, int]:
    """Train, and leave the network with the averaged weights that were best; one row an epoch, and the best one."""
    rng = np.random.default_rng(seed)
    batches = max(LEAST_STEPS, round(len(training) / BATCH))
    step, averaged = _step(logits, settings, steps=batches * settings.epochs)
    weights = class_weights(validation)
    best: list[np.ndarray] = []
    best_epoch = 0
    rows: list[dict[str, float]] = []
    for epoch in range(1, settings.epochs + 1):
        losses: list[float] = []
        for pixels, targets, weight in _batches(training, batches, rng, settings):
            done = len(rows) * batches + len(losses)
            # Early weights are forgotten faster: they are far from good.
            kept = min(settings.averaging, (done + 1) / (done + 11))
            losses.append(float(step(pixels, targets, weight, np.float32(kept))))
        now, smooth = logits.get_weights(), [values.numpy() for values in averaged]
        logits.set_weights(smooth)
        figures = {"loss": float(np.mean(losses)), **_judged(_run(logits, validation.pixels), validation, weights)}
        logits.set_weights(now)
        if not rows or figures["validation_loss"] < min(row["validation_loss"] for row in rows):
            best, best_epoch = smooth, epoch
        rows.append({"epoch": epoch, **figures})
        on_epoch(epoch, figures)
    logits.set_weights(best)
    return pl.DataFrame(rows), best_epoch


def _batches(
    images: LabelledImages, count: int, rng: np.random.Generator, settings: ClassificationSettings
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """So many batches: uint8 pixels, float32 targets (images, classes) and what each image counts (images,)."""
    order = np.concatenate([rng.permutation(len(images)) for _ in range(-(-count * BATCH // len(images)))])
    weights, sure = class_weights(images), np.eye(len(images.classes), dtype=np.float32)[images.targets]
    smooth = settings.label_smoothing
    for start in range(0, count * BATCH, BATCH):
        places = order[start : start + BATCH]
        how = settings.augmentation
        pixels = np.stack([augmentation.augmented(images.pixels[place], rng, how) for place in places])
        pixels, targets = augmentation.mixed(pixels, sure[places], rng, how)
        yield pixels, targets * (1 - smooth) + smooth / targets.shape[1], targets @ weights


def _step(logits: Any, settings: ClassificationSettings, *, steps: int) -> tuple[Callable[..., Any], list[Any]]:
    """One step of AdamW on the weighted cross-entropy, and the averaged weights that it leaves.

    The rate rises, then falls by a cosine.
    """
    import keras
    import tensorflow as tf

    peak = settings.learning_rate * (1.0 if settings.backbone is None else 0.1)
    warm_up = min(100, max(1, steps // 10))
    rate = keras.optimizers.schedules.CosineDecay(
        peak / 20, max(1, steps - warm_up), alpha=0.002, warmup_target=peak, warmup_steps=warm_up
    )
    optimiser = keras.optimizers.AdamW(rate, weight_decay=settings.weight_decay)
    optimiser.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    # Made within the step, its variables would have the step traced twice.
    optimiser.build(logits.trainable_variables)
    averaged = [tf.Variable(values.value) for values in logits.weights]

    @tf.function(reduce_retracing=True)
    def step(pixels: Any, targets: Any, weights: Any, kept: Any) -> Any:
        with tf.GradientTape() as tape:
            found = tf.nn.softmax_cross_entropy_with_logits(targets, logits(pixels, training=True))
            loss = tf.reduce_sum(found * weights) / tf.reduce_sum(weights)
        gradients = tape.gradient(loss, logits.trainable_variables)
        optimiser.apply_gradients(zip(gradients, logits.trainable_variables, strict=True))
        for average, values in zip(averaged, logits.weights, strict=True):
            if average.dtype.is_floating:
                average.assign(average * kept + values.value * (1 - kept))
            else:
                average.assign(values.value)
        return loss

    return step, averaged


def _run(logits: Any, pixels: np.ndarray) -> np.ndarray:
    """Logits of images, float64 (images, classes)."""
    found = [logits.predict_on_batch(pixels[i : i + JUDGED_AT_ONCE]) for i in range(0, len(pixels), JUDGED_AT_ONCE)]
    return np.concatenate(found).astype(np.float64)


def _losses(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(targets)), targets])


def _temperature(logits: np.ndarray, targets: np.ndarray) -> float:
    """The temperature that makes probabilities most honest (arXiv 1706.04599): logits are to be divided by it."""
    return float(min(TEMPERATURES, key=lambda temperature: float(_losses(logits / temperature, targets).mean())))


def _judged(logits: np.ndarray, images: LabelledImages, weights: np.ndarray) -> Mapping[str, float]:
    """Loss and accuracy; the loss at the temperature that the network would be given in the end."""
    targets = images.targets
    cooled = logits / _temperature(logits, targets)
    return {
        "validation_loss": float(np.average(_losses(cooled, targets), weights=weights[targets])),
        "validation_accuracy": float((logits.argmax(axis=1) == targets).mean()),
    }


def _cooled(logits: Any, validation: LabelledImages) -> float:
    """Divide the logits by their temperature, in the weights of the last layer."""
    temperature = _temperature(_run(logits, validation.pixels), validation.targets)
    head = logits.get_layer("logits")
    head.set_weights([values / temperature for values in head.get_weights()])
    return round(temperature, 4)
