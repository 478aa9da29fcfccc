"""Frames of any size become what a network takes, and no defect is lost on the way."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.inspection.decoding import decode
from edge_runtime.inspection.fitting import Placement, fitted, fitted_mask, placement
from tests.image_files import encoded, pattern

SIZES = st.integers(1, 90)


@settings(max_examples=150, deadline=None)
@given(
    height=SIZES,
    width=SIZES,
    to_height=st.integers(16, 64),
    to_width=st.integers(16, 64),
    channels=st.sampled_from([1, 3]),
    of=st.sampled_from([None, 1, 3]),
    fit=st.sampled_from(["stretch", "letterbox"]),
)
def test_any_frame_fits(
    height: int, width: int, to_height: int, to_width: int, channels: int, of: int | None, fit: str
) -> None:
    shape = (height, width) if of is None else (height, width, of)
    frame = np.random.default_rng(0).integers(30, 220, shape, dtype=np.uint8)
    result = fitted(frame, height_px=to_height, width_px=to_width, channels=channels, fit=fit)  # type: ignore[arg-type]
    assert result.shape == (to_height, to_width, channels)
    assert result.dtype == np.uint8
    assert frame.min() - 1 <= result.min() <= result.max() <= frame.max() + 1


@settings(max_examples=150, deadline=None)
@given(
    height=SIZES,
    width=SIZES,
    to_height=st.integers(16, 64),
    to_width=st.integers(16, 64),
    fit=st.sampled_from(["stretch", "letterbox"]),
    where=st.tuples(st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True)),
)
def test_a_single_defective_pixel_survives_where_the_frame_puts_it(
    height: int, width: int, to_height: int, to_width: int, fit: str, where: tuple[float, float]
) -> None:
    mask = np.zeros((height, width), np.uint8)
    row, column = int(where[0] * height), int(where[1] * width)
    mask[row, column] = 255
    result = fitted_mask(mask, height_px=to_height, width_px=to_width, fit=fit)  # type: ignore[arg-type]
    assert set(np.unique(result)) <= {0, 1}
    place = placement(mask.shape, height_px=to_height, width_px=to_width, fit=fit)  # type: ignore[arg-type]
    rows, columns = np.nonzero(result)
    middle = (
        place.top_px + (row + 0.5) * place.height_px / height,
        place.left_px + (column + 0.5) * place.width_px / width,
    )
    reach = (1.5 * max(1.0, place.height_px / height), 1.5 * max(1.0, place.width_px / width))
    assert np.abs(rows + 0.5 - middle[0]).max() <= reach[0]
    assert np.abs(columns + 0.5 - middle[1]).max() <= reach[1]


def test_one_pixel_of_many_megapixels_survives() -> None:
    mask = np.zeros((3000, 4000), np.uint8)
    mask[1234, 2345] = 1
    assert fitted_mask(mask, height_px=64, width_px=64).sum() == 1


def test_a_frame_of_the_size_stays_as_it_is() -> None:
    frame = pattern()
    np.testing.assert_array_equal(fitted(frame, height_px=48, width_px=64, channels=1)[..., 0], frame)
    np.testing.assert_array_equal(fitted_mask(frame > 99, height_px=48, width_px=64), frame > 99)


def test_shrinking_averages_also_where_the_other_axis_grows() -> None:
    frame = np.full((4, 1000), 100, np.uint8)
    frame[:, 501] = 255
    shrunk = fitted(frame, height_px=16, width_px=100, channels=1)[..., 0]
    assert (shrunk[:, 50] >= 113).all()
    assert (np.delete(shrunk, 50, axis=1) == 100).all()


@pytest.mark.parametrize(("height", "width"), [(1, 1000), (1000, 1)])
def test_letterbox_of_a_line(height: int, width: int) -> None:
    frame = np.linspace(0, 255, 1000).astype(np.uint8).reshape(height, width)
    result = fitted(frame, height_px=224, width_px=224, channels=3, fit="letterbox")
    line = result[111] if height == 1 else result[:, 111]
    assert line[0, 0] < 3
    assert line[-1, 0] > 252
    around = np.delete(result, 111, axis=0 if height == 1 else 1)
    assert np.unique(around).size == 1
    assert 126 <= around[0, 0, 0] <= 128


def test_letterbox_keeps_the_aspect() -> None:
    assert placement((100, 200, 3), height_px=64, width_px=64, fit="letterbox") == Placement(0, 16, 64, 32)
    result = fitted(np.full((100, 200), 7, np.uint8), height_px=64, width_px=64, channels=1, fit="letterbox")
    assert (result == 7).all()


def test_around_a_letterboxed_mask_all_is_sound() -> None:
    result = fitted_mask(np.ones((10, 40), np.uint8), height_px=32, width_px=32, fit="letterbox")
    assert result.sum() == 8 * 32
    assert result[12:20].all()


def test_grey_and_equal_channels_are_the_same_to_a_network() -> None:
    grey = pattern()
    three = np.repeat(grey[..., None], 3, axis=2)
    size = {"height_px": 32, "width_px": 40}
    np.testing.assert_array_equal(fitted(grey, channels=1, **size), fitted(three, channels=1, **size))
    np.testing.assert_array_equal(fitted(grey, channels=3, **size), fitted(three, channels=3, **size))
    # A JPEG keeps equal channels equal.
    frame = decode(encoded(three, ".jpg"))
    np.testing.assert_array_equal(frame, np.repeat(frame[..., :1], 3, axis=2))


def test_colour_to_grey_weighs_channels() -> None:
    blue = np.zeros((20, 20, 3), np.uint8)
    blue[..., 0] = 255
    assert (fitted(blue, height_px=16, width_px=16, channels=1) == cv2.cvtColor(blue, cv2.COLOR_BGR2GRAY)[0, 0]).all()
