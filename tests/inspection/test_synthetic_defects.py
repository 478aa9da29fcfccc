"""Drawn defects: what is masked is all that changes, the same seed draws the same, and every kind can be seen."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory_assets.inspection import synthetic_defects
from factory_assets.inspection.synthetic_defects import KINDS, part_mask, render


def texture(rng: np.random.Generator, height_px: int = 96, width_px: int = 112) -> np.ndarray:
    """A ground surface: fine noise, and lines from top to bottom."""
    lines = cv2.GaussianBlur(rng.normal(0, 14, (1, width_px)).astype(np.float32), (0, 0), 1)
    surface = rng.uniform(60, 180) + lines + rng.normal(0, 4, (height_px, width_px))
    return np.clip(surface, 0, 255).astype(np.uint8)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), kind=st.sampled_from(sorted(KINDS)))
def test_pixels_outside_of_the_mask_stay_as_they_are(seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    sound = texture(rng)
    drawn, mask = render(sound, rng, (kind,))
    assert drawn.shape == mask.shape == sound.shape
    assert drawn.dtype == mask.dtype == np.uint8
    assert set(np.unique(mask)) <= {0, 1}
    assert np.array_equal(drawn[mask == 0], sound[mask == 0])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_same_seed_draws_the_same_defect(seed: int) -> None:
    sound = texture(np.random.default_rng(seed))
    first, again = (render(sound, np.random.default_rng(seed)) for _ in range(2))
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_draws_what_can_be_seen(kind: str) -> None:
    rng = np.random.default_rng(1)
    changes = []
    for _ in range(20):
        sound = texture(rng)
        drawn, mask = render(sound, rng, (kind,))
        if mask.any():
            changes.append(np.abs(drawn.astype(float) - sound)[mask > 0].mean())
    assert len(changes) >= 18
    assert min(changes) > synthetic_defects.VISIBLE / 4


def test_nearly_every_textured_part_gets_a_defect() -> None:
    rng = np.random.default_rng(2)
    assert np.mean([render(texture(rng), rng)[1].any() for _ in range(100)]) >= 0.97


def test_nothing_is_drawn_on_a_border_that_was_filled_in() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        framed = cv2.copyMakeBorder(texture(rng), 0, 0, 40, 40, cv2.BORDER_CONSTANT, value=90)
        _, mask = render(framed, rng)
        assert mask.any()
        assert not mask[:, :36].any()
        assert not mask[:, -36:].any()


def test_a_plain_image_is_left_alone() -> None:
    plain = np.full((64, 64), 90, np.uint8)
    drawn, mask = render(plain, np.random.default_rng(4))
    assert np.array_equal(drawn, plain)
    assert not mask.any()
    assert not part_mask(plain).any()


def test_smallest_images_can_be_drawn_on() -> None:
    rng = np.random.default_rng(5)
    assert any(render(texture(rng, 32, 32), rng)[1].any() for _ in range(10))
