"""What is told of a model and of its test images, by name and in plain values."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import polars as pl
import pytest

from factory_assets.foundation.products import Costs
from factory_assets.inspection import reports, training
from factory_assets.inspection.evaluation import evaluate
from factory_assets.inspection.figures import ScoredImages
from factory_assets.inspection.schema import INSPECTION_EVALUATION, INSPECTION_EVALUATION_COLUMNS
from factory_assets.inspection.training import TrainedInspection
from tests.inspection import models
from tests.inspection.scores import drawn, scored

COSTS = Costs()
KINDS = scored([0] * 4, [True] * 4, threshold=None, labels=("a", "a", "b", "a"), predicted=("a", "a", "b", "b"))


@cache
def golden() -> TrainedInspection:
    return models.trained("golden_image")


def told_of(images: ScoredImages) -> TrainedInspection:
    history = pl.DataFrame({"epoch": [1, 2], "loss": [1.0, 0.5]})
    return replace(
        golden(), scored=images, figures=evaluate(images, COSTS), threshold=images.threshold, history=history
    )


def test_of_training() -> None:
    told = reports.of_training(golden())
    assert told["validation_auroc"] == 1
    assert told["threshold"] == golden().threshold
    assert (told["best_epoch"], told["training_cpu_s"]) == (0, 1.2)
    assert "parameters" not in told
    kinds = reports.of_training(told_of(KINDS))
    assert "threshold" not in kinds
    assert "validation_auroc" not in kinds
    assert all(isinstance(value, int | float) for value in (told | kinds).values())


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (drawn(1, apart=9), ("AUROC", 1.0, 0.5)),
        (KINDS, ("accuracy", 0.75, 0.75)),
        (scored([0.1, 0.2, 0.9, 0.3], [False] * 4), ("share of sound parts passed", 0.75, 0.5)),
    ],
    ids=["both kinds", "kinds of defects", "sound parts"],
)
def test_against_chance(images: ScoredImages, expected: tuple[str, float, float]) -> None:
    what, found, chance = reports.against_chance(told_of(images))
    assert (what, pytest.approx(found, abs=1e-6), chance) == expected


def test_training_plots_are_those_that_mean_something() -> None:
    assert set(reports.training_plots(golden())) == {"expected_cost"}
    assert set(reports.training_plots(told_of(drawn(1)))) == {"learning_curve", "expected_cost"}
    assert set(reports.training_plots(told_of(KINDS))) == {"learning_curve"}
    assert all(png.startswith(b"\x89PNG") for png in reports.training_plots(told_of(drawn(1))).values())


def test_test_plots_are_those_that_mean_something() -> None:
    images = models.images(30, seed=4)
    outputs = golden().scorer(images)
    judged = training.scored_images(images, outputs, golden().threshold)
    found = reports.test_plots(images, outputs, judged, evaluate(judged, COSTS))
    assert set(found) >= {"confusion_matrix", "roc", "scores", "heat_maps"}
    wrong = replace(judged, threshold=2.0)
    assert "worst_mistakes" in reports.test_plots(images, outputs, wrong, evaluate(wrong, COSTS))
    kinds = replace(judged, is_defect=np.ones(30, bool), threshold=None, predicted=judged.labels)
    found = reports.test_plots(images, {"score": outputs["score"]}, kinds, evaluate(kinds, COSTS))
    assert set(found) == {"confusion_matrix"}


def test_of_test_tells_intervals_and_what_is_undefined() -> None:
    told = reports.of_test(evaluate(drawn(1), COSTS))
    assert told["images"] == 110
    for name in ("accuracy", "auroc", "recall_at_5_false_reject", "false_reject_rate", "escape_rate"):
        value, low, _, high = told[name].translate(str.maketrans("", "", "()")).split()
        assert float(low) <= float(value) <= float(high)
    assert float(told["cost_per_part"]) > 0
    assert "undefined" not in told
    kinds = reports.of_test(evaluate(KINDS, COSTS))
    assert set(kinds) == {"images", "accuracy", "undefined"}
    assert "auroc: no image shows a sound part" in kinds["undefined"]


@pytest.mark.parametrize("images", [drawn(1), KINDS], ids=["both kinds", "kinds of defects"])
def test_the_row_of_the_table_of_evaluations(images: ScoredImages) -> None:
    row = reports.evaluation_row("plate", "segmentation", evaluate(images, COSTS))
    assert row.schema == pl.Schema(INSPECTION_EVALUATION)
    assert row.height == 1
    assert row["images"][0] == len(images)
    assert row["accuracy_low"][0] <= row["accuracy"][0] <= row["accuracy_high"][0]
    assert set(INSPECTION_EVALUATION_COLUMNS) <= set(row.columns)
