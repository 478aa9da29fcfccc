"""Crops: the mask follows its image, what lies beyond the part is plain, a moved defect keeps its contrast."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory_assets.inspection import crops


def _part(height: int, width: int, channels: int, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(120, 6, (height, width, 1))
    return np.repeat(np.clip(noise, 0, 255).astype(np.uint8), channels, axis=2)


def _letterboxed(top: int = 20, left: int = 12) -> np.ndarray:
    image = np.full((80, 96, 1), 117, np.uint8)
    image[top:60, left:90] = _part(60 - top, 90 - left, 1)
    return image


def test_the_part_is_found_in_its_letterbox() -> None:
    assert crops.part_box(_letterboxed(top=20, left=12)) == (20, 60, 12, 90)


def test_an_image_without_texture_is_all_part() -> None:
    assert crops.part_box(np.full((40, 48, 3), 9, np.uint8)) == (0, 40, 0, 48)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    height=st.integers(40, 120),
    width=st.integers(40, 120),
    size=st.sampled_from((32, 40, 64)),
    channels=st.sampled_from((1, 3)),
)
def test_the_mask_follows_its_image(seed: int, height: int, width: int, size: int, channels: int) -> None:
    rng = np.random.default_rng(seed)
    pixels, mask = _part(height, width, channels, seed), np.zeros((height, width), np.uint8)
    row, column = int(rng.integers(0, height - 12)), int(rng.integers(0, width - 12))
    mask[row : row + 12, column : column + 12] = 1
    pixels[mask > 0] = 250
    cut, marked = crops.crop(pixels, mask, crops.on_mask(mask, rng), size, rng)
    assert cut.shape == (size, size, channels)
    assert cut.dtype == np.uint8
    assert marked.shape == (size, size)
    assert cut[marked > 0.95].min(initial=255) > 220
    assert cut[marked == 0].max(initial=0) < 200


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_defect_that_was_aimed_at_is_in_the_crop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = np.zeros((160, 120), np.uint8)
    row, column = int(rng.integers(0, 154)), int(rng.integers(0, 114))
    mask[row : row + 6, column : column + 6] = 1
    _, marked = crops.crop(_part(160, 120, 1), mask, crops.on_mask(mask, rng), 64, rng)
    assert marked.max() > 0.5


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_what_lies_beyond_the_part_is_plain(seed: int) -> None:
    part = _part(40, 40, 1)
    part[:, :3] = 10
    cut, _ = crops.crop(part, np.zeros((40, 40), np.uint8), (0.0, 0.0), 128, np.random.default_rng(seed))
    corners = {int(cut[row, column, 0]) for row in (0, -1) for column in (0, -1)}
    assert corners == {int(np.median(part[::4, ::4]))}


@pytest.mark.parametrize("channels", [1, 3])
def test_a_moved_defect_keeps_its_contrast_on_a_darker_part(channels: int) -> None:
    bright, dark = _part(64, 64, channels, 1), (_part(64, 64, channels, 2) // 2).astype(np.uint8)
    mask = np.zeros((64, 64), np.float32)
    mask[28:36, 28:36] = 1
    bright[mask > 0] = 60
    moved, marked = crops.pasted(bright, mask, dark, np.random.default_rng(0))
    assert moved.shape == dark.shape
    assert np.array_equal(marked, mask)
    ratio = moved[30:34, 30:34].mean() / dark[30:34, 30:34].mean()
    assert 0.3 < ratio < 0.75
    assert np.array_equal(moved[:16], dark[:16])


def test_without_a_defect_nothing_is_moved() -> None:
    part, other = _part(32, 32, 1, 1), _part(32, 32, 1, 2)
    moved, marked = crops.pasted(part, np.zeros((32, 32), np.float32), other, np.random.default_rng(0))
    assert np.array_equal(moved, other)
    assert not marked.any()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), level=st.integers(1, 250))
def test_another_light_never_drowns_the_part(seed: int, level: int) -> None:
    pixels = np.clip(np.random.default_rng(seed).normal(level, 3, (48, 48, 1)), 0, 255).astype(np.uint8)
    lit = crops.relit(pixels, np.random.default_rng(seed))
    assert lit.dtype == np.uint8
    assert lit.shape == pixels.shape
    assert np.median(lit) < 240


def test_places_lie_on_the_part_and_on_the_mask() -> None:
    rng, image, mask = np.random.default_rng(3), _letterboxed(), np.zeros((80, 96), np.uint8)
    mask[30:40, 50:70] = 1
    for _ in range(50):
        row, column = crops.anywhere(image, rng)
        assert 20 <= row <= 60
        assert 12 <= column <= 90
        row, column = crops.on_mask(mask, rng)
        assert mask[int(row), int(column)] == 1


def test_an_empty_mask_has_no_place() -> None:
    with pytest.raises(ValueError, match="the mask is empty"):
        crops.on_mask(np.zeros((16, 16), np.uint8), np.random.default_rng(0))
