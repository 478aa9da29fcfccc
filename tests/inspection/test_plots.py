"""Pictures of what a model says: PNG files of a readable size, whatever the images, and they repeat."""

from __future__ import annotations

import struct
from dataclasses import replace

import cv2
import numpy as np
import polars as pl
import pytest

from factory_assets.foundation.products import Costs
from factory_assets.inspection import plots
from factory_assets.inspection.evaluation import evaluate
from factory_assets.inspection.figures import ScoredImages
from tests.inspection.models import images
from tests.inspection.scores import drawn, scored

COSTS = Costs()


def size(png: bytes | None) -> tuple[int, int]:
    assert png is not None
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def of(parts: object, **given: object) -> ScoredImages:
    """The parts scored by chance."""
    count = len(parts)  # type: ignore[arg-type]
    scores = np.random.default_rng(0).random(count)
    return scored(scores, parts.is_defect, labels=parts.labels, image_ids=parts.image_ids, **given)  # type: ignore[attr-defined]


@pytest.mark.parametrize("which", ["roc", "scores", "expected_cost", "confusion_matrix"])
def test_a_plot_is_a_png_and_repeats(which: str) -> None:
    images = drawn(1)
    figures = evaluate(images, COSTS)

    def draw() -> bytes:
        if which == "roc":
            return plots.roc(images, figures)
        if which == "confusion_matrix":
            return plots.confusion_matrix(figures)
        return plots.scores(images) if which == "scores" else plots.expected_cost(images, COSTS)

    width, height = size(draw())
    assert 150 <= width <= 1200
    assert 150 <= height <= 1000
    assert draw() == draw()


@pytest.mark.parametrize("losses", [[1.0, 0.1, 0.01], [1.0, 0.0, -2.0], [None, 0.5, 0.2]])
def test_a_learning_curve(losses: list[float | None]) -> None:
    history = pl.DataFrame({"epoch": [1, 2, 3], "loss": [3.0, 2.0, 1.0], "validation_loss": losses})
    assert size(plots.learning_curve(history))[0] > 400


@pytest.mark.parametrize(
    "images",
    [
        scored([0.7] * 6, [True, False] * 3),
        scored([1e9, 1e9 + 1, 0, 5], [True, False] * 2),
        scored([0.1, 0.9], [False, True], threshold=None),
        scored([0.1, 0.9], [False, True], threshold=40.0),
    ],
    ids=["equal scores", "large scores", "no threshold", "a threshold far off"],
)
def test_odd_scores_are_drawn_too(images: ScoredImages) -> None:
    for png in (plots.scores(images), plots.expected_cost(images, COSTS), plots.roc(images, evaluate(images, COSTS))):
        assert size(png)[0] > 300


def test_a_confusion_matrix_of_many_classes_grows() -> None:
    names = [f"a_rather_long_defect_name_{number}" for number in range(14)]
    many = scored([0] * 14, [True] * 14, threshold=None, labels=tuple(names), predicted=tuple(names[::-1]))
    assert (
        size(plots.confusion_matrix(evaluate(many, COSTS)))[0]
        > size(plots.confusion_matrix(evaluate(drawn(1), COSTS)))[0]
    )


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("count", [1, 4, 40])
def test_tiles_of_grey_and_colour_parts(channels: int, count: int) -> None:
    parts = images(count, channels=channels)
    told = of(parts)
    heat = {"heat_map": np.random.default_rng(0).random((count, 6, 8, 1)).astype(np.float32)}
    width, height = size(plots.heat_maps(parts, told, heat))
    assert width <= 1000
    assert height <= 700
    wrong = replace(told, scores=1.0 - told.is_defect)
    assert size(plots.worst_mistakes(parts, wrong, heat))[0] > 100
    assert size(plots.worst_mistakes(parts, wrong, {}))[0] > 100


def test_what_there_is_none_of_is_not_drawn() -> None:
    parts = images(6)
    right = replace(of(parts), scores=parts.is_defect.astype(float))
    assert plots.worst_mistakes(parts, right, {}) is None
    assert plots.heat_maps(parts, right, {}) is None
    nothing = parts.take(np.zeros(0, int))
    assert plots.heat_maps(nothing, of(nothing), {"heat_map": np.zeros((0, 6, 8, 1))}) is None


def test_the_surest_mistakes_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = images(6)
    shown: list[int] = []
    monkeypatch.setattr(plots, "_overlaid", lambda _, number, __: shown.append(number) or np.zeros((9, 9, 3), np.uint8))
    told = replace(of(parts), scores=np.array([0.4, 0.9, 0.65, 0.1, 0.2, 0.99]))  # 0 and 3 are defective
    plots.worst_mistakes(parts, told, {})
    assert shown == [5, 1, 3, 2, 0]
    shown.clear()
    probabilities = np.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6], [0.45, 0.55], [0.01, 0.99]])
    said = tuple(parts.classes[place] for place in probabilities.argmax(axis=1))
    plots.worst_mistakes(parts, replace(told, predicted=said, probabilities=probabilities), {})
    assert shown == [0, 1, 3]


def test_a_part_keeps_its_aspect_and_its_colours() -> None:
    parts = images(3, channels=3)
    parts.pixels[1] = (255, 0, 0)  # blue, in OpenCV's order
    shown = plots._overlaid(parts, 1, None)
    assert shown.shape == (120, 160, 3)
    assert (shown == (0, 0, 255)).all()


def test_heat_is_red_and_the_true_mask_outlined() -> None:
    parts = images(3)
    maps = np.zeros((3, 24, 32, 1), np.float32)
    maps[0, 20:, 28:] = 1
    shown = plots._overlaid(parts, 0, maps).astype(int)
    assert shown[-1, -1, 0] > shown[-1, -1, 1] + 80
    green = (shown == (60, 200, 90)).all(axis=2)
    assert parts.masks is not None
    mask = cv2.resize(parts.masks[0], (160, 120), interpolation=cv2.INTER_NEAREST)
    assert green.any()
    assert not green[cv2.dilate(mask, np.ones((15, 15), np.uint8)) == 0].any()


def test_long_names_are_cut_in_front() -> None:
    images = scored([0.75], [True], image_ids=("train/a/" + "x" * 40 + "_12.png",), labels=("bent_edge",))
    assert plots._told(images, 0) == f"...{'x' * 16}_12.png\nis bent edge\nrejected, 0.75"
