"""From labelled images to a model that can be released, whatever the way of inspecting."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import polars as pl

from edge_runtime.bundle.inspection_spec import LEAST_BLOB_SCORE, GoldenImageSettings
from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.products import Product
from factory_assets.inspection import evaluation, thresholds
from factory_assets.inspection.box_figures import Box
from factory_assets.inspection.figures import InspectionFigures, ScoredImages
from factory_assets.inspection.labelled import LabelledImages, OnEpoch, TrainedNetwork
from factory_assets.inspection.schema import HEAT_MAP, PROBABILITIES, SCORE

BATCH = 32
ANY_BLOB = (
    "no validation image shows a sound part: rejected is what differs from its golden image in at least one place that "
    "counts, by the settings of the comparison"
)


class TrainingSetError(FactoryError, ValueError):
    """Images that no model can be trained on."""


class Scorer(Protocol):
    """Judges labelled images: outputs by name, one row an image."""

    def __call__(self, images: LabelledImages) -> dict[str, np.ndarray]:
        """`score` (images, 1), and `probabilities` or `heat_map` where the method has them."""


@dataclass(frozen=True)
class NetworkScorer:
    """A Keras network, on one thread's worth of images at a time."""

    network: Any

    def __call__(self, images: LabelledImages) -> dict[str, np.ndarray]:
        """Run the network, batch by batch."""
        pieces = [
            self.network(images.pixels[start : start + BATCH], training=False) for start in range(0, len(images), BATCH)
        ]
        return {name: np.concatenate([np.asarray(piece[name]) for piece in pieces]) for name in pieces[0]}


@dataclass(frozen=True)
class GoldenScorer:
    """Comparison with golden images, by the edge's own code."""

    settings: GoldenImageSettings

    def __call__(self, images: LabelledImages) -> dict[str, np.ndarray]:
        """Compare every image with its golden image."""
        from factory_assets.inspection.golden_tuning import compare_all

        found = compare_all(images, self.settings)
        return {
            SCORE: np.array([[comparison.score] for comparison in found], np.float32),
            HEAT_MAP: np.stack([comparison.heat_map[..., None] for comparison in found]),
        }


@dataclass(frozen=True)
class TrainedInspection:
    """A model with what was found out about it on validation images.

    Attributes:
        scorer: Judges images.
        network: The Keras network; None where golden images are compared.
        golden_image: How they are compared; None where there is a network.
        history: One row an epoch; empty where nothing was trained.
        best_epoch: The epoch whose weights these are.
        cpu_s: CPU time of training, or of settling the comparison.
        choices: What was settled on validation images.
        threshold: Scores at or above it are rejected.
        operating_point: What the threshold was settled by.
        scored: The validation images, scored.
        figures: What they say.
        outputs: All outputs for the validation images.
    """

    scorer: Scorer
    network: Any
    golden_image: GoldenImageSettings | None
    history: pl.DataFrame
    best_epoch: int
    cpu_s: float
    choices: Mapping[str, Any]
    threshold: float | None
    operating_point: Mapping[str, Any]
    scored: ScoredImages
    figures: InspectionFigures
    outputs: Mapping[str, np.ndarray]


def train(
    product: Product,
    training: LabelledImages,
    validation: LabelledImages,
    *,
    boxes: Sequence[Sequence[Box]] | None = None,
    backbone: Path | None = None,
    on_epoch: OnEpoch = lambda _, __: None,
) -> TrainedInspection:
    """Train the product's way of inspecting, and settle its threshold on validation images.

    Args:
        product: The method and its settings, and what wrong verdicts cost.
        training: Images to learn from.
        validation: Images of other parts, for every choice.
        boxes: True boxes of the training images, (x1, y1, x2, y2) in their pixels; comparison with golden images is
            settled by them where there are some.
        backbone: A Keras file to start from.
        on_epoch: Told after every epoch.

    Raises:
        TrainingSetError: The images do not allow the method.
    """
    if product.method == "golden_image":
        settings, cpu_s = _settled_comparison(training, boxes)
        choices = settings.model_dump(mode="json")
        trained = TrainedNetwork(network=None, history=pl.DataFrame(), best_epoch=0, cpu_s=cpu_s, choices=choices)
        return _judged(product, GoldenScorer(settings), trained, validation, settings)
    trained = _trained_network(product, training, validation, backbone, on_epoch)
    return _judged(product, NetworkScorer(trained.network), trained, validation, None)


def _settled_comparison(
    training: LabelledImages, boxes: Sequence[Sequence[Box]] | None
) -> tuple[GoldenImageSettings, float]:
    from factory_assets.inspection.golden_tuning import tune

    began = time.process_time()
    return tune(training, boxes), time.process_time() - began


def _trained_network(
    product: Product, training: LabelledImages, validation: LabelledImages, backbone: Path | None, on_epoch: OnEpoch
) -> TrainedNetwork:
    given: dict[str, Any] = {"backbone": backbone}
    if product.epochs is not None:
        given["epochs"] = product.epochs
    if product.method == "classification":
        from factory_assets.inspection import classification

        chosen = classification.ClassificationSettings(ok_label=product.ok_label, **given)
        return classification.train(training, validation, chosen, seed=product.seed, on_epoch=on_epoch)
    if product.method == "segmentation":
        from factory_assets.inspection import segmentation

        return segmentation.train(
            training, validation, segmentation.SegmentationSettings(**given), seed=product.seed, on_epoch=on_epoch
        )
    from factory_assets.inspection import anomaly

    return anomaly.train(training, validation, anomaly.AnomalySettings(**given), seed=product.seed, on_epoch=on_epoch)


def _judged(
    product: Product,
    scorer: Scorer,
    trained: TrainedNetwork,
    validation: LabelledImages,
    golden_image: GoldenImageSettings | None,
) -> TrainedInspection:
    outputs = scorer(validation)
    point = None
    if product.ok_label is not None:
        scores, bad = outputs[SCORE][:, 0], validation.is_defect
        if golden_image is not None and bad.all():
            point = thresholds.fixed_point(LEAST_BLOB_SCORE, scores, bad, product.costs, settled_by=ANY_BLOB)
        else:
            point = thresholds.operating_point(scores, bad, validation.groups, product.costs)
    threshold = None if point is None else point.threshold
    scored = scored_images(validation, outputs, threshold)
    return TrainedInspection(
        scorer=scorer,
        network=trained.network,
        golden_image=golden_image,
        history=trained.history,
        best_epoch=trained.best_epoch,
        cpu_s=trained.cpu_s,
        choices=trained.choices,
        threshold=threshold,
        operating_point={} if point is None else point.as_json(),
        scored=scored,
        figures=evaluation.evaluate(scored, product.costs),
        outputs=outputs,
    )


def scored_images(images: LabelledImages, outputs: Mapping[str, np.ndarray], threshold: float | None) -> ScoredImages:
    """Images with what was said of them."""
    probabilities = outputs.get(PROBABILITIES)
    predicted = None
    if probabilities is not None:
        predicted = tuple(images.classes[place] for place in probabilities.argmax(axis=1))
    return ScoredImages(
        image_ids=images.image_ids,
        labels=images.labels,
        is_defect=images.is_defect,
        groups=images.groups,
        scores=outputs[SCORE][:, 0].astype(np.float64),
        threshold=threshold,
        predicted=predicted,
        probabilities=probabilities,
    )
