"""Crops come back mirrored, and hard places are where the network is hottest."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from factory_assets.inspection.crop_sampling import FEWEST_KEPT, Crop, CropSampler, HardPlaces, Reservoir


class Numbered:
    """Makes crops that hold their own number, brighter at the top left."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self, _: np.random.Generator) -> Crop:
        pixels = np.full((8, 8, 1), self.made % 200, np.uint8)
        pixels[0, 0] = 255
        mask = np.zeros((8, 8), np.float32)
        mask[0, 0] = 1
        self.made += 1
        return pixels, mask


def test_each_crop_is_used_some_times_on_average() -> None:
    make, rng = Numbered(), np.random.default_rng(1)
    reservoir = Reservoir(make, uses=4)
    taken = 4000
    for _ in range(taken // 10):
        assert len(reservoir.take(10, rng)) == 10
    assert make.made == pytest.approx(FEWEST_KEPT + (taken - FEWEST_KEPT) / 4, rel=0.1)


def test_mirrored_crops_keep_their_masks() -> None:
    rng = np.random.default_rng(1)
    reservoir = Reservoir(Numbered(), uses=2)
    corners = Counter()
    for pixels, mask in reservoir.take(1000, rng):
        assert np.array_equal(pixels[..., 0] == 255, mask == 1)
        corners[tuple(np.argwhere(mask)[0])] += 1
    assert set(corners) == {(0, 0), (0, 7), (7, 0), (7, 7)}


def test_hard_places_are_where_the_network_is_hottest() -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (3, 64, 96, 1), dtype=np.uint8)
    rng = np.random.default_rng(2)
    hard = HardPlaces(pixels)

    def logits_of(images: np.ndarray) -> np.ndarray:
        logits = np.tile(-np.arange(96.0).reshape(8, 12), (len(images), 1, 1))
        logits[:, 5, 7] = 9
        return logits

    assert 0 <= hard.near(0, rng)[0] < 64
    hard.refresh(logits_of, rng)
    found = Counter(hard.near(1, rng) for _ in range(200))
    assert found[5 * 8 + 4, 7 * 8 + 4] > 0
    assert all(row % 8 == 4 and column % 8 == 4 for row, column in found)
    assert len(found) == 16


def test_a_batch_has_its_kinds_in_order() -> None:
    def of(grey: int) -> Crop:
        return np.full((8, 8, 1), grey, np.uint8), np.full((8, 8), float(grey > 100), np.float32)

    sampler = CropSampler([(lambda _: of(20), 2), (lambda _: of(180), 3)])
    pixels, masks = sampler.sample(np.random.default_rng(1))
    assert pixels.shape == (5, 8, 8, 1)
    assert pixels.dtype == np.uint8
    assert masks.mean(axis=(1, 2)).tolist() == [0, 0, 1, 1, 1]
    sampler.refresh(lambda images: np.zeros((len(images), 1, 1)), np.random.default_rng(1))
