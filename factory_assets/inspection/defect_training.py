"""Training of the network that marks defects: on crops, with real or drawn defects, weights averaged over steps."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import polars as pl

from factory_assets.inspection import defect_network
from factory_assets.inspection.crop_sampling import LogitsOf
from factory_assets.inspection.defect_network import CELL_PX
from factory_assets.inspection.labelled import LabelledImages, OnEpoch, TrainedNetwork

MARKED = 0.3
AVERAGING = 0.98
RIM_CELLS = 5
FOCUS = 1.5
HOTTEST_OF_CROP = 3
HOTTEST = (1, 3, 5, 10, 20)
SCORED_AT_ONCE = 8
# What the network finds hard is looked for every so many epochs, once a fifth of them is over.
LOOKED_FOR_EVERY, LOOKED_FOR_AFTER = 4, 5


class Sampler(Protocol):
    """Where batches come from."""

    def sample(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Crops uint8 (crops, size, size, channels), their size a multiple of 8; masks float32 (crops, size, size)."""

    def refresh(self, logits_of: LogitsOf, rng: np.random.Generator) -> None:
        """Look at what the network says of whole images."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast is learnt, and by how large a network."""

    epochs: int
    capacity: float = 1.0
    steps_an_epoch: int = 40
    learning_rate: float = 3e-3
    weight_decay: float = 1e-3


def train(
    sampler: Sampler, judged: LabelledImages, schedule: Schedule, *, seed: int, on_epoch: OnEpoch
) -> TrainedNetwork:
    """Train on crops, and settle on `judged` how many hot cells make a part's score.

    Args:
        sampler: Gives batches of crops of one size.
        judged: Images of other parts, some of them defective.
        schedule: How long and how fast.
        seed: Of weights and batches.
        on_epoch: Told after every epoch.
    """
    import keras
    import tensorflow as tf

    began = time.process_time()
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    shape = sampler.sample(np.random.default_rng(seed))[0].shape[1:]
    network, averaged = (defect_network.build(*shape, hottest_cells=1, capacity=schedule.capacity) for _ in range(2))
    averaged.set_weights(network.get_weights())
    whole = _WholeImages(judged.pixels.shape[1:], schedule.capacity)
    rng, step = np.random.default_rng(seed), _step(network, averaged, schedule)
    rows = []
    for epoch in range(1, schedule.epochs + 1):
        losses = []
        for _ in range(schedule.steps_an_epoch):
            pixels, masks = sampler.sample(rng)
            losses.append([float(value) for value in step(pixels, _cells(masks))])
        figures = dict(zip(("loss", "loss_of_cells", "loss_of_crops"), np.mean(losses, axis=0).tolist(), strict=True))
        rows.append({"epoch": epoch, **figures})
        on_epoch(epoch, figures)
        if epoch % LOOKED_FOR_EVERY == 0 and schedule.epochs // LOOKED_FOR_AFTER <= epoch < schedule.epochs:
            whole.take_weights(averaged)
            sampler.refresh(whole.logits, rng)
    whole.take_weights(averaged)
    final, choices = _with_score(whole, judged)
    return TrainedNetwork(
        network=final,
        history=pl.DataFrame(rows),
        best_epoch=schedule.epochs,
        cpu_s=time.process_time() - began,
        choices=choices,
    )


class _WholeImages:
    """The network at the size of whole images."""

    def __init__(self, shape: tuple[int, ...], capacity: float) -> None:
        import keras
        import tensorflow as tf

        height, width, channels = shape
        self.network = defect_network.build(height, width, channels, hottest_cells=1, capacity=capacity)
        inner = keras.Model(self.network.input, self.network.get_layer("logits").output)
        self._scoring = tf.function(lambda batch: inner(batch, training=False), reduce_retracing=True)

    def take_weights(self, trained: Any) -> None:
        """Take the weights of a network of another size."""
        defect_network.take_weights(self.network, trained)

    def logits(self, pixels: np.ndarray) -> np.ndarray:
        """Logits of cells, float32 (images, height / 8, width / 8), of uint8 (images, height, width, channels)."""
        parts = [pixels[start : start + SCORED_AT_ONCE] for start in range(0, len(pixels), SCORED_AT_ONCE)]
        return np.concatenate([self._scoring(part).numpy()[..., 0] for part in parts])


def _cells(masks: np.ndarray) -> np.ndarray:
    """Which cells of the heat map hold a defect: float32 (crops, size / 8, size / 8, 1)."""
    count, height, width = masks.shape
    blocks = masks.reshape(count, height // CELL_PX, CELL_PX, width // CELL_PX, CELL_PX)
    return np.asarray(blocks.max(axis=(2, 4)) > MARKED, np.float32)[..., None]


def _step(network: Any, averaged: Any, schedule: Schedule) -> Any:
    """One step of AdamW on the loss of cells and of whole crops; `averaged` follows the weights slowly."""
    import keras
    import tensorflow as tf

    total = schedule.epochs * schedule.steps_an_epoch
    warm_up = min(60, max(1, total // 5))
    rate = keras.optimizers.schedules.CosineDecay(
        schedule.learning_rate / 20, max(1, total - warm_up), warmup_target=schedule.learning_rate, warmup_steps=warm_up
    )
    optimiser = keras.optimizers.AdamW(rate, weight_decay=schedule.weight_decay, global_clipnorm=5.0)
    trained = keras.Model(network.input, network.get_layer("logits").output)
    # Made within the step, its variables would have the step traced twice.
    optimiser.build(trained.trainable_variables)
    weights = list(zip(averaged.weights, network.weights, strict=True))

    @tf.function(reduce_retracing=True)
    def step(pixels: Any, marked: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = trained(pixels, training=True)
            cells, crops = _loss_of_cells(logits, marked), _loss_of_crops(logits, marked)
            loss = cells + crops
        variables = trained.trainable_variables
        optimiser.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        for slow, fast in weights:
            slow.assign(slow * AVERAGING + fast * (1 - AVERAGING))
        return loss, cells, crops

    return step


def _loss_of_cells(logits: Any, marked: Any) -> Any:
    """Focal loss (arXiv 1708.02002) by crop: defects along their rims, and all that is sound."""
    import tensorflow as tf

    hot = tf.sigmoid(logits)
    wrong = marked * (1 - hot) + (1 - marked) * hot
    focal = wrong**FOCUS * tf.nn.sigmoid_cross_entropy_with_logits(marked, logits)
    # The middle of a large defect may look like any sound surface: its rim is what can be seen. A large one has a
    # hundred cells and a pore has one, so each crop's cells count as much as another's.
    rim = marked * tf.cast(-tf.nn.max_pool2d(-marked, RIM_CELLS, 1, "SAME") < 1, tf.float32)
    found = tf.reduce_sum(focal * rim, [1, 2, 3]) / (tf.reduce_sum(rim, [1, 2, 3]) + 1)
    quiet = tf.reduce_mean(focal * (1 - marked), [1, 2, 3]) * 10
    return tf.reduce_mean(found + quiet)


def _loss_of_crops(logits: Any, marked: Any) -> Any:
    """Cross-entropy of whole crops: what decides on a part is its hottest cells."""
    import tensorflow as tf

    hottest = tf.math.top_k(tf.reshape(logits, [tf.shape(logits)[0], -1]), HOTTEST_OF_CROP)[0]
    is_defect = tf.reduce_max(marked, [1, 2, 3])
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(is_defect, tf.reduce_mean(hottest, axis=1)))


def _with_score(whole: _WholeImages, judged: LabelledImages) -> tuple[Any, Mapping[str, Any]]:
    """The network with as many hot cells in the score as judge best."""
    from factory_assets.inspection.figures import auroc

    cells = np.sort(whole.logits(judged.pixels).reshape(len(judged), -1), axis=1)
    counts = [count for count in HOTTEST if count <= cells.shape[1]]
    found = {count: auroc(cells[:, -count:].mean(axis=1), judged.is_defect) for count in counts}
    best = max(counts, key=lambda count: (found[count] or 0.0, -count))
    scored = defect_network.with_score(whole.network, best)
    return scored, {"hottest_cells": best, "auroc_by_hottest_cells": {str(k): v for k, v in found.items()}}
