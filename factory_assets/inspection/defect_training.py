"""Training of the network that marks defects: on crops, with real or drawn defects, weights averaged over steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from factory_assets.inspection import defect_network
from factory_assets.inspection.defect_network import CELL_PX
from factory_assets.inspection.labelled import LabelledImages, OnEpoch, TrainedNetwork

# A batch of crops: uint8 (crops, size, size, channels) and masks float32 (crops, size, size).
Sampler = Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]

MARKED = 0.3
AVERAGING = 0.98
HOTTEST = (1, 3, 5, 10, 20, 40)


@dataclass(frozen=True)
class Schedule:
    """How long and how fast is learnt."""

    epochs: int
    steps_an_epoch: int = 50
    learning_rate: float = 3e-3
    weight_decay: float = 1e-3


def train(
    sampler: Sampler, judged: LabelledImages, schedule: Schedule, *, seed: int, on_epoch: OnEpoch
) -> TrainedNetwork:
    """Train on crops, and settle on `judged` how many hot cells make a part's score.

    Args:
        sampler: Gives batches.
        judged: Images of other parts, some of them defective.
        schedule: How long and how fast.
        seed: Of weights and batches.
        on_epoch: Told after every epoch.
    """
    import keras

    began = time.process_time()
    keras.utils.set_random_seed(seed)
    channels = judged.pixels.shape[3]
    network = defect_network.build(None, None, channels, hottest_cells=1)
    rng, step = np.random.default_rng(seed), _step(network, schedule)
    averaged: list[np.ndarray] = []
    rows = []
    for epoch in range(1, schedule.epochs + 1):
        losses = []
        for _ in range(schedule.steps_an_epoch):
            pixels, masks = sampler(rng)
            losses.append([float(value) for value in step(pixels, _cells(masks))])
            averaged = _averaged(averaged, network.get_weights())
        figures = dict(zip(("loss", "focal_loss", "dice_loss"), np.mean(losses, axis=0).tolist(), strict=True))
        rows.append({"epoch": epoch, **figures})
        on_epoch(epoch, figures)
    network.set_weights(averaged)
    final, choices = _with_score(network, judged)
    return TrainedNetwork(
        network=final,
        history=pl.DataFrame(rows),
        best_epoch=schedule.epochs,
        cpu_s=time.process_time() - began,
        choices=choices,
    )


def _cells(masks: np.ndarray) -> np.ndarray:
    """Which cells of the heat map hold a defect: float32 (crops, size / 8, size / 8, 1)."""
    count, height, width = masks.shape
    blocks = masks.reshape(count, height // CELL_PX, CELL_PX, width // CELL_PX, CELL_PX)
    return (blocks.max(axis=(2, 4)) > MARKED).astype(np.float32)[..., None]


def _averaged(before: list[np.ndarray], now: list[np.ndarray]) -> list[np.ndarray]:
    if not before:
        return now
    return [old * AVERAGING + new * (1 - AVERAGING) for old, new in zip(before, now, strict=True)]


def _step(network: Any, schedule: Schedule) -> Any:
    """One step of AdamW on focal and dice loss (arXiv 1708.02002, 1606.04797)."""
    import keras
    import tensorflow as tf

    total = schedule.epochs * schedule.steps_an_epoch
    warm_up = min(60, max(1, total // 5))
    rate = keras.optimizers.schedules.CosineDecay(
        schedule.learning_rate / 20, max(1, total - warm_up), warmup_target=schedule.learning_rate, warmup_steps=warm_up
    )
    optimiser = keras.optimizers.AdamW(rate, weight_decay=schedule.weight_decay)

    @tf.function(reduce_retracing=True)
    def step(pixels: Any, marked: Any) -> Any:
        with tf.GradientTape() as tape:
            hot = tf.clip_by_value(network(pixels, training=True)["heat_map"], 1e-6, 1 - 1e-6)
            right = marked * hot + (1 - marked) * (1 - hot)
            focal = tf.reduce_mean((1 + marked) * (1 - right) ** 1.5 * -tf.math.log(right)) * 10
            overlap = 2 * tf.reduce_sum(hot * marked, [1, 2, 3]) + 1
            dice = 1 - overlap / (tf.reduce_sum(hot + marked, [1, 2, 3]) + 1)
            is_defect = tf.reduce_max(marked, [1, 2, 3])
            dice = tf.reduce_sum(dice * is_defect) / (tf.reduce_sum(is_defect) + 1)
            loss = focal + 0.5 * dice
        gradients = tape.gradient(loss, network.trainable_variables)
        optimiser.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
        return loss, focal, dice

    return step


def _with_score(network: Any, judged: LabelledImages) -> tuple[Any, Mapping[str, Any]]:
    """The network at its full size, with as many hot cells in the score as judge best."""
    from factory_assets.inspection.figures import auroc

    _, height, width, channels = judged.pixels.shape
    hot = np.concatenate([np.asarray(network(judged.pixels[i : i + 16])["heat_map"]) for i in range(0, len(judged), 16)])
    cells = np.clip(hot.reshape(len(hot), -1), 1e-6, 1 - 1e-6)
    logits = np.sort(np.log(cells / (1 - cells)), axis=1)
    counts = [count for count in HOTTEST if count <= logits.shape[1]]
    found = {count: auroc(logits[:, -count:].mean(axis=1), judged.is_defect) for count in counts}
    best = max(counts, key=lambda count: (found[count] or 0.0, -count))
    final = defect_network.build(height, width, channels, hottest_cells=best)
    final.set_weights(network.get_weights())
    return final, {"hottest_cells": best, "auroc_by_hottest_cells": {str(k): v for k, v in found.items()}}
