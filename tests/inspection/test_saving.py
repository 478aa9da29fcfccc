"""The files of a trained model: they come back as they were, and their digest changes exactly with the model."""

from __future__ import annotations

import dataclasses
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge_runtime.bundle.golden import read_golden
from factory_assets.inspection import saving
from factory_assets.inspection.schema import CALIBRATION_FILE, CARD_FILE, MODEL_FILE, REFERENCES_FOLDER, SAMPLES_FILE
from factory_assets.inspection.training import TrainedInspection
from tests.inspection import models


@cache
def model(method: str = "segmentation", factor: float = 1.0, threshold: float | None = None) -> TrainedInspection:
    return models.trained(method, factor=factor, threshold=threshold)


def save(folder: Path, method: str = "segmentation", **given: Any) -> Any:
    lineage = {name: given.pop(name, "1" * 64) for name in ("data_sha256", "code_version")}
    trained = given.pop("trained", None) or model(method, **given)
    return saving.save_model(folder, models.plate(method), trained, models.images(40), models.images(seed=1), **lineage)


def test_a_card_comes_back_as_it_was(tmp_path: Path) -> None:
    card = save(tmp_path)
    assert saving.load_card(tmp_path) == card
    assert card.threshold == model().threshold
    assert card.classes == ()
    assert card.epochs_trained == 3
    assert card.validation["auroc"] == 1
    assert card.operating_point["costs"]["escape"] == 20


def test_a_network_scores_after_loading_as_before(tmp_path: Path) -> None:
    save(tmp_path)
    images = models.images(seed=5)
    before, after = model().scorer(images), saving.load_scorer(tmp_path)(images)
    assert set(before) == {"score", "heat_map"}
    for name, values in before.items():
        np.testing.assert_array_equal(values, after[name])


def test_golden_samples_and_calibration_images(tmp_path: Path) -> None:
    save(tmp_path)
    inputs, outputs = read_golden(tmp_path / SAMPLES_FILE)
    np.testing.assert_array_equal(inputs["image"], models.images(seed=1).pixels)
    np.testing.assert_array_equal(outputs["score"], model().outputs["score"])
    calibration, _ = read_golden(tmp_path / CALIBRATION_FILE)
    assert calibration["image"].shape[0] == 40
    assert saving.files(tmp_path) == [MODEL_FILE, CARD_FILE, SAMPLES_FILE]


def test_the_digest_changes_with_the_model_and_only_then(tmp_path: Path) -> None:
    save(tmp_path / "a")
    digest = saving.digest(tmp_path / "a")
    save(tmp_path / "a")
    assert saving.digest(tmp_path / "a") == digest
    save(tmp_path / "b", trained=models.trained())
    assert saving.digest(tmp_path / "b") == digest
    for number, other in enumerate(({"factor": 0.9}, {"threshold": 0.7}, {"data_sha256": "2" * 64})):
        save(tmp_path / str(number), **other)
        assert saving.digest(tmp_path / str(number)) != digest


def test_the_digest_leaves_out_how_long_it_took(tmp_path: Path) -> None:
    save(tmp_path / "a")
    save(tmp_path / "b", trained=dataclasses.replace(model(), cpu_s=99.0))
    assert saving.digest(tmp_path / "a") == saving.digest(tmp_path / "b")


def test_golden_images_are_named_by_their_content(tmp_path: Path) -> None:
    card = save(tmp_path / "a", "golden_image")
    assert save(tmp_path / "b", "golden_image").references == card.references
    (name,) = card.references
    stored = cv2.imread(str(tmp_path / "a" / REFERENCES_FOLDER / f"{name}.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(stored, models.images().references[0, ..., 0])  # type: ignore[index]
    assert saving.files(tmp_path / "a") == [f"{REFERENCES_FOLDER}/{name}.png", CARD_FILE, SAMPLES_FILE]
    assert saving.digest(tmp_path / "a") == saving.digest(tmp_path / "b")
    inputs, outputs = read_golden(tmp_path / "a" / SAMPLES_FILE)
    assert set(inputs) == {"image", "reference"}
    assert set(outputs) == {"score"}
    assert len(inputs["image"]) == saving.GOLDEN_PAIRS


def test_another_golden_image_is_another_model(tmp_path: Path) -> None:
    save(tmp_path / "a", "golden_image")
    digest = saving.digest(tmp_path / "a")
    (path,) = (tmp_path / "a" / REFERENCES_FOLDER).glob("*.png")
    cv2.imwrite(str(path), np.full((models.HEIGHT, models.WIDTH), 3, np.uint8))
    assert saving.digest(tmp_path / "a") != digest


def test_a_golden_model_scores_after_loading_as_before(tmp_path: Path) -> None:
    save(tmp_path, "golden_image")
    images = models.images(seed=5)
    np.testing.assert_array_equal(
        saving.load_scorer(tmp_path)(images)["score"], model("golden_image").scorer(images)["score"]
    )


@pytest.mark.parametrize("order", [("segmentation", "golden_image"), ("golden_image", "segmentation")])
def test_nothing_of_another_method_stays(tmp_path: Path, order: tuple[str, str]) -> None:
    for method in order:
        save(tmp_path / "a", method)
    save(tmp_path / "b", order[1])
    left, clean = ({p.relative_to(f).as_posix() for p in f.rglob("*")} for f in (tmp_path / "a", tmp_path / "b"))
    assert left == clean
