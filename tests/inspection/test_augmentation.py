"""Changed training images: what stays, what is turned off, and that chance comes from the generator alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory_assets.inspection.augmentation import Augmentation, augmented, mixed

UNCHANGED = Augmentation(
    mirrored=False,
    quarter_turns=False,
    turn_deg=0,
    scale=0,
    shift=0,
    gain=0,
    offset=0,
    gamma=0,
    slope=0,
    noise=0,
    blurred=0,
    hidden=0,
    mixed=0,
)


def _picture(seed: int, height: int, width: int, channels: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 1000), height=st.integers(16, 40), width=st.integers(16, 40), channels=st.sampled_from((1, 3))
)
def test_shape_and_type_stay_and_the_image_itself_is_left_alone(
    seed: int, height: int, width: int, channels: int
) -> None:
    picture = _picture(seed, height, width, channels)
    before = picture.copy()
    changed = augmented(picture, np.random.default_rng(seed), Augmentation(hidden=1, blurred=1))
    assert changed.shape == picture.shape
    assert changed.dtype == np.uint8
    assert np.array_equal(picture, before)


def test_the_same_seed_gives_the_same_picture() -> None:
    picture = _picture(1, 32, 32, 1)
    first, second, other = (augmented(picture, np.random.default_rng(seed), Augmentation()) for seed in (5, 5, 6))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_with_all_turned_off_nothing_changes() -> None:
    picture = _picture(2, 24, 32, 3)
    assert np.array_equal(augmented(picture, np.random.default_rng(0), UNCHANGED), picture)


@pytest.mark.parametrize("is_square", [True, False])
def test_mirrored_and_turned_pictures_hold_the_same_pixels(is_square: bool) -> None:
    picture = _picture(3, 32, 32 if is_square else 24, 1)
    rng = np.random.default_rng(0)
    how = Augmentation(**{**UNCHANGED.__dict__, "mirrored": True, "quarter_turns": True})
    seen = {augmented(picture, rng, how).tobytes() for _ in range(200)}
    assert len(seen) == (8 if is_square else 4)
    assert {tuple(sorted(pixels)) for pixels in seen} == {tuple(sorted(picture.tobytes()))}


@given(seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_mixed_targets_still_sum_to_one_and_pixels_stay_between_the_two(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = np.stack([np.full((16, 16, 1), grey, np.uint8) for grey in (10, 90, 200)])
    targets = np.eye(3, dtype=np.float32)
    blended, shares = mixed(pixels, targets, rng, Augmentation(mixed=1.0))
    assert np.allclose(shares.sum(axis=1), 1)
    assert np.allclose(blended[:, 0, 0, 0], shares @ [10, 90, 200], atol=0.51)


def test_batches_that_are_not_mixed_stay() -> None:
    pixels, targets = _picture(4, 16, 16, 1)[None], np.ones((1, 1), np.float32)
    again, same = mixed(pixels, targets, np.random.default_rng(0), UNCHANGED)
    assert again is pixels
    assert same is targets
