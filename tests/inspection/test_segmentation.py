"""Segmentation on made-up surfaces: it learns, marks the place, and refuses what it cannot learn from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from factory_assets.inspection import segmentation
from factory_assets.inspection.figures import auroc
from factory_assets.inspection.labelled import LabelledImages, TrainedNetwork
from factory_assets.inspection.segmentation import SegmentationError, SegmentationSettings
from tests.inspection.pitted import surfaces

QUICK = SegmentationSettings(epochs=2, capacity=0.5, crop_px=48)


@pytest.fixture(scope="module")
def trained() -> TrainedNetwork:
    return segmentation.train(surfaces(48, seed=1), surfaces(24, seed=2), QUICK, seed=1)


def test_pits_on_parts_never_seen_are_found(trained: TrainedNetwork) -> None:
    unseen = surfaces(40, seed=3)
    scores = np.asarray(trained.network(unseen.pixels)["score"])[:, 0]
    assert (auroc(scores, unseen.is_defect) or 0) > 0.9


def test_the_heat_map_marks_the_place(trained: TrainedNetwork) -> None:
    unseen = surfaces(40, seed=3)
    assert unseen.masks is not None
    heat = np.asarray(trained.network(unseen.pixels)["heat_map"])[..., 0]
    hits = []
    for place in np.flatnonzero(unseen.is_defect):
        row, column = np.unravel_index(heat[place].argmax(), heat[place].shape)
        near = unseen.masks[place, max(0, row * 8 - 8) : row * 8 + 16, max(0, column * 8 - 8) : column * 8 + 16]
        hits.append(bool(near.any()))
    assert np.mean(hits) > 0.8


def _settings(**given: object) -> SegmentationSettings:
    return replace(QUICK, **given)  # type: ignore[arg-type]


def _refused(images: LabelledImages, settings: SegmentationSettings, match: str) -> None:
    with pytest.raises(SegmentationError, match=match):
        segmentation.train(images, surfaces(8, seed=2), settings, seed=1)


def test_without_masks_nothing_is_learnt() -> None:
    images = surfaces(8, seed=1)
    _refused(replace(images, masks=None), QUICK, "no training image has one: add a column mask")
    _refused(replace(images, masks=np.zeros((8, 64, 64), np.uint8)), QUICK, "no training image has one")


def test_without_sound_parts_nothing_is_learnt() -> None:
    images = surfaces(8, seed=1)
    _refused(images.take(images.is_defect), QUICK, "needs images of sound parts")


def test_a_backbone_is_refused() -> None:
    _refused(surfaces(8, seed=1), _settings(backbone=Path("backbone.keras")), "leave backbone out")


@pytest.mark.parametrize(("height", "width"), [(60, 64), (64, 70), (24, 64)])
def test_sizes_that_cells_do_not_divide_are_refused(height: int, width: int) -> None:
    images = surfaces(4, seed=1)
    other = replace(images, pixels=np.zeros((4, height, width, 1), np.uint8))
    with pytest.raises(SegmentationError, match=f"{width} x {height}"):
        segmentation.check_size(other)


def test_parts_are_drawn_alike_however_often_each_was_photographed() -> None:
    images = replace(surfaces(8, seed=1), groups=("a", "a", "b", "b", "c", "c", "c", "c"))
    weights = segmentation._weights(images, np.array([2, 3, 6, 7]), 0.6)
    assert weights == pytest.approx([0.25] * 4)
    weights = segmentation._weights(images, np.array([2, 6, 7]), 0.6)
    assert weights == pytest.approx([0.5, 0.25, 0.25])


@pytest.mark.parametrize("channels", [1, 3])
def test_a_batch_has_defects_and_sound_crops(channels: int) -> None:
    images = surfaces(12, seed=4, channels=channels, size_px=72)
    pixels, masks = segmentation._sampler(images, QUICK).sample(np.random.default_rng(0))
    sound = QUICK.sound + QUICK.hard
    crops = QUICK.real + QUICK.moved + QUICK.drawn + sound
    assert pixels.shape == (crops, 48, 48, channels)
    assert pixels.dtype == np.uint8
    assert masks.shape == (crops, 48, 48)
    shown = masks.reshape(crops, -1).max(axis=1) > 0.3
    assert shown[: QUICK.real + QUICK.moved].all()
    assert not shown[-sound:].any()


def test_a_drawn_defect_is_the_same_in_all_channels() -> None:
    images = surfaces(4, seed=5, channels=3)
    pixels, mask = segmentation.with_drawn_defect(images.pixels[0], np.random.default_rng(1))
    assert mask.any()
    assert np.array_equal(pixels[mask == 0], images.pixels[0][mask == 0])
    change = pixels.astype(int) - images.pixels[0]
    assert np.array_equal(change[..., 0], change[..., 2])


def test_samples_follow_from_the_generator_alone() -> None:
    samplers = [segmentation._sampler(surfaces(12, seed=6), QUICK) for _ in range(2)]
    first, again = (sampler.sample(np.random.default_rng(7)) for sampler in samplers)
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))
