"""What is told of a trained model and of its test images: tables, numbers and pictures, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from factory_assets.foundation.products import Costs
from factory_assets.inspection import plots
from factory_assets.inspection.figures import InspectionFigures, ScoredImages
from factory_assets.inspection.labelled import LabelledImages
from factory_assets.inspection.schema import INSPECTION_EVALUATION
from factory_assets.inspection.training import TrainedInspection


def of_training(trained: TrainedInspection) -> dict[str, Any]:
    """Plain values about a model and its validation images."""
    told = {f"validation_{name}": value for name, value in trained.figures.headline().items() if value is not None}
    told |= {"best_epoch": trained.best_epoch, "training_cpu_s": round(trained.cpu_s, 1)}
    if trained.network is not None:
        told["parameters"] = int(trained.network.count_params())
    if trained.threshold is not None:
        told["threshold"] = trained.threshold
    return told


def against_chance(trained: TrainedInspection) -> tuple[str, float, float]:
    """(what, found, chance) on validation images: AUROC where there are sound parts and defects, else accuracy.

    Sound parts alone say nothing of a model; such a model is held to keeping most of them.
    """
    figures, scored = trained.figures, trained.scored
    if figures.auroc is not None:
        return "AUROC", figures.auroc.value, 0.5
    if scored.predicted is not None and figures.accuracy is not None:
        commonest = max(int((np.array(scored.labels) == name).sum()) for name in set(scored.labels)) / len(scored)
        return "accuracy", figures.accuracy.value, commonest
    kept = 1.0 if figures.false_reject_rate is None else 1 - figures.false_reject_rate.value
    return "share of sound parts passed", kept, 0.5


def training_plots(trained: TrainedInspection) -> dict[str, bytes]:
    """Learning curve, and what wrong verdicts cost at every threshold."""
    found = {}
    if trained.history.height > 1:
        found["learning_curve"] = plots.learning_curve(trained.history)
    if trained.threshold is not None and trained.figures.auroc is not None:
        costs = Costs.model_validate(trained.operating_point["costs"])
        found["expected_cost"] = plots.expected_cost(trained.scored, costs)
    return found


def test_plots(
    images: LabelledImages, outputs: Mapping[str, np.ndarray], scored: ScoredImages, figures: InspectionFigures
) -> dict[str, bytes]:
    """Confusion matrix, ROC, scores, worst mistakes and heat maps; what a method does not have is left out."""
    found: dict[str, bytes | None] = {"confusion_matrix": plots.confusion_matrix(figures)}
    if figures.auroc is not None:
        found |= {"roc": plots.roc(scored, figures), "scores": plots.scores(scored)}
    found["worst_mistakes"] = plots.worst_mistakes(images, scored, outputs)
    found["heat_maps"] = plots.heat_maps(images, scored, outputs)
    return {name: png for name, png in found.items() if png is not None}


def of_test(figures: InspectionFigures) -> dict[str, Any]:
    """Plain values about test images, with their intervals in words."""
    values = figures.as_json()
    intervals: Any = values["intervals"]
    told: dict[str, Any] = {"images": figures.images}
    for name, value in figures.headline().items():
        if value is not None:
            low, high = intervals.get(name, (None, None))
            told[name] = f"{value:.3f}" if low is None else f"{value:.3f} ({low:.3f} to {high:.3f})"
    if figures.undefined:
        told["undefined"] = "; ".join(f"{name}: {why}" for name, why in figures.undefined.items())
    return told


def evaluation_row(product: str, method: str, figures: InspectionFigures) -> pl.DataFrame:
    """The row of the table of evaluations."""
    accuracy = figures.accuracy
    interval = (None, None) if accuracy is None else (accuracy.low, accuracy.high)
    row = {
        "product": product,
        "method": method,
        "images": figures.images,
        **figures.headline(),
        "accuracy_low": interval[0],
        "accuracy_high": interval[1],
    }
    return pl.DataFrame([{name: row[name] for name in INSPECTION_EVALUATION}], schema=INSPECTION_EVALUATION)
