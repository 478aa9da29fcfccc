"""Frames that cannot be trusted are rejected with the figure and its limit; good ones are let through."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.camera.image_health import SCENE_FRAMES, FrameJudge, sharpness
from edge_runtime.station.config import ImageHealth

SHAPES = [(224, 224), (224, 224, 3), (224, 224, 1), (600, 960), (600, 960, 3), (7, 5)]


def scene(shape: tuple[int, ...], *, seed: int = 0, blur: float = 3.0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=(*shape[:2], 1)).astype(np.float32)
    grey = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), blur), None, 30, 220, cv2.NORM_MINMAX).astype(np.uint8)
    return grey if len(shape) == 2 else np.repeat(grey[..., None], shape[2], axis=2)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_good_frame(shape: tuple[int, ...]) -> None:
    assert FrameJudge(ImageHealth()).judge(scene(shape), 0.01) is None


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(
    ("value", "said"),
    [(3, "dark: the mean grey value is 3.0, 8 is the least"), (250, "blown: the mean grey value is 250.0, 247 is")],
)
def test_dark_and_blown(shape: tuple[int, ...], value: int, said: str) -> None:
    assert said in (FrameJudge(ImageHealth()).judge(np.full(shape, value, np.uint8), 0) or "")


def test_too_many_white_pixels() -> None:
    pixels = np.full((200, 300), 100, np.uint8)
    pixels[:, :200] = 255
    assert FrameJudge(ImageHealth()).judge(pixels, 0) == "blown: 66.7% of the pixels are white, 50.0% is the most"
    pixels[:, 100:] = 100
    assert FrameJudge(ImageHealth()).judge(pixels, 0) is None


@pytest.mark.parametrize("age_s", [1.5, float("nan")])
def test_stale(age_s: float) -> None:
    assert (FrameJudge(ImageHealth()).judge(scene((50, 50)), age_s) or "").startswith("stale")


@pytest.mark.parametrize("shape", SHAPES[:-1], ids=str)
def test_blur_is_found_whatever_the_contrast(shape: tuple[int, ...]) -> None:
    sharp, blurred = scene(shape, blur=1.5), scene(shape, blur=6)
    limit = (sharpness(sharp) * sharpness(blurred)) ** 0.5
    judge = FrameJudge(ImageHealth(least_sharpness=limit))
    for contrast in (1.0, 0.5):
        assert judge.judge((sharp * contrast).astype(np.uint8), 0) is None
        assert "blurred: sharpness is" in (judge.judge((blurred * contrast).astype(np.uint8), 0) or "")


def test_one_grey_is_blurred() -> None:
    assert "blurred" in (FrameJudge(ImageHealth(least_sharpness=0.01)).judge(np.full((99, 99), 90, np.uint8), 0) or "")


def _learned(limit_px: float, shape: tuple[int, ...]) -> FrameJudge:
    judge = FrameJudge(ImageHealth(largest_shift_px=limit_px))
    rng = np.random.default_rng(5)
    for _ in range(SCENE_FRAMES):
        noisy = scene(shape).astype(int) + rng.integers(-5, 6, shape)
        assert judge.judge(np.clip(noisy, 0, 255).astype(np.uint8), 0) is None
    return judge


@settings(deadline=None, max_examples=25)
@given(right=st.integers(-40, 40), down=st.integers(-40, 40))
def test_shifts_beyond_the_limit_are_found(right: int, down: int) -> None:
    wide = scene((400, 480), seed=3, blur=8)
    first = wide[80:320, 80:400]
    judge = FrameJudge(ImageHealth(largest_shift_px=12))
    for _ in range(SCENE_FRAMES):
        judge.judge(first, 0)
    found = judge.judge(wide[80 - down : 320 - down, 80 - right : 400 - right], 0)
    by_px = max(abs(right), abs(down))
    if by_px <= 9:
        assert found is None
    if by_px >= 15:
        assert "shifted" in (found or "")


@pytest.mark.parametrize("shape", SHAPES[:-1], ids=str)
def test_another_scene_and_another_size(shape: tuple[int, ...]) -> None:
    judge = _learned(8, shape)
    assert "shifted: the scene is like" in (judge.judge(scene(shape, seed=9), 0) or "")
    assert "the first frames had" in (judge.judge(scene((100, 120)), 0) or "")
    assert judge.judge(scene(shape), 0) is None


@pytest.mark.parametrize("pixels", [np.zeros((4, 4), np.float32), np.zeros((0, 4), np.uint8), np.zeros(4, np.uint8)])
def test_what_is_no_image(pixels: np.ndarray) -> None:
    assert "no image" in (FrameJudge(ImageHealth()).judge(pixels, 0) or "")
