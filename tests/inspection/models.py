"""Trained models of images whose verdicts are known: a tiny network, and a comparison with golden images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from edge_runtime.bundle.inspection_spec import GoldenImageSettings
from factory_assets.foundation.products import Costs, ImageInput, Product
from factory_assets.inspection import evaluation, thresholds, training
from factory_assets.inspection.labelled import LabelledImages
from factory_assets.inspection.training import GoldenScorer, NetworkScorer, TrainedInspection
from tests.image_files import pattern
from tests.inspection.sources import product

HEIGHT, WIDTH = 24, 32
SETTINGS = GoldenImageSettings(edge_tolerance_px=1, contrast=0.2, least_area_px=4)


def plate(method: str = "segmentation", **given: Any) -> Product:
    return product(Path("images"), method, **{"input": ImageInput(width_px=WIDTH, height_px=HEIGHT)} | given)


def images(count: int = 20, *, seed: int = 0, channels: int = 1) -> LabelledImages:
    """Every third part has a bright mark, which its mask shows; all are compared with one golden image."""
    golden = pattern(HEIGHT, WIDTH, seed=99) // 2
    pixels = np.repeat(golden[None, :, :, None], count, axis=0)
    masks = np.zeros((count, HEIGHT, WIDTH), np.uint8)
    rng = np.random.default_rng(seed)
    is_defect = np.arange(count) % 3 == 0
    for place in np.flatnonzero(is_defect):
        top, left = rng.integers(2, 14), rng.integers(2, 22)
        masks[place, top : top + 6, left : left + 6] = 1
    pixels[masks == 1] = 250
    return LabelledImages(
        image_ids=tuple(f"{seed}-{number}.png" for number in range(count)),
        pixels=np.repeat(pixels, channels, axis=3),
        labels=tuple("dent" if bad else "ok" for bad in is_defect),
        classes=("dent", "ok"),
        is_defect=is_defect,
        groups=tuple(f"part {number}" for number in range(count)),
        masks=masks,
        references=np.repeat(np.repeat(golden[None, :, :, None], count, axis=0), channels, axis=3),
    )


def network(factor: float = 1.0, *, classes: int = 0) -> Any:
    """A Keras network that scores by the brightest pixel; `factor` is its only weight."""
    import keras

    image = keras.Input((HEIGHT, WIDTH, 1), dtype="uint8", name="image")
    bright = keras.layers.Rescaling(1 / 255)(image)
    weighed = keras.layers.Conv2D(1, 1, use_bias=False, kernel_initializer=keras.initializers.Constant(factor))(bright)
    score = keras.layers.Flatten(name="score")(keras.layers.GlobalMaxPooling2D()(weighed))
    outputs = {"score": score, "heat_map": keras.layers.AveragePooling2D(2, name="heat_map")(weighed)}
    if classes:
        outputs = {"score": score, "probabilities": keras.layers.Dense(classes, activation="softmax")(score)}
    return keras.Model(image, outputs)


def trained(method: str = "segmentation", *, factor: float = 1.0, threshold: float | None = None) -> TrainedInspection:
    """A model with all that is found out about it on validation images."""
    validation = images(seed=1)
    is_golden = method == "golden_image"
    net = None if is_golden else network(factor)
    scorer = GoldenScorer(SETTINGS) if is_golden else NetworkScorer(net)
    outputs = scorer(validation)
    scores = outputs["score"][:, 0]
    point = thresholds.operating_point(scores, validation.is_defect, validation.groups, Costs())
    if threshold is not None:
        point = thresholds.fixed_point(threshold, scores, validation.is_defect, Costs(), settled_by="by hand")
    judged = training.scored_images(validation, outputs, point.threshold)
    history = pl.DataFrame({"epoch": [1, 2, 3], "loss": [1.0, 0.5, 0.2], "validation_loss": [1.1, 0.7, 0.4]})
    return TrainedInspection(
        scorer=scorer,
        network=net,
        golden_image=SETTINGS if is_golden else None,
        history=pl.DataFrame() if is_golden else history,
        best_epoch=0 if is_golden else 3,
        cpu_s=1.25,
        choices={},
        threshold=point.threshold,
        operating_point=point.as_json(),
        scored=judged,
        figures=evaluation.evaluate(judged, Costs()),
        outputs=outputs,
    )
