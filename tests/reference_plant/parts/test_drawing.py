from __future__ import annotations

import math

import numpy as np
import pytest

from factory_assets.reference_plant.parts.drawing import (
    blob,
    boxes_of,
    covered,
    disc,
    line,
    moved,
    noise,
    place_in,
    rounded_box,
)

SHAPE = (40, 60)


def test_shapes_cover_their_area() -> None:
    assert disc(SHAPE, (20, 30), 7.0).sum() == pytest.approx(math.pi * 49, rel=0.02)
    assert covered(rounded_box(SHAPE, (20, 30), (10, 20), 4)).sum() == pytest.approx(
        20 * 40 - (4 - math.pi) * 16, rel=0.05
    )
    spot = blob(SHAPE, (20, 30), (8, 5), np.random.default_rng(0), softness=0.2, ragged=0.0)
    assert spot.sum() == pytest.approx(math.pi * 40, rel=0.05)


@pytest.mark.parametrize("width_px", [0.4, 1.0, 2.5])
def test_lines_have_their_width_even_below_a_pixel(width_px: float) -> None:
    drawn = line(SHAPE, [(20, 10), (20, 50)], width_px)
    assert drawn[:, 20:40].sum(axis=0).mean() == pytest.approx(width_px, abs=0.12)
    assert drawn.max() <= 1


def test_noise_is_centred_and_seeded() -> None:
    first, again = (noise(SHAPE, (3, 9), np.random.default_rng(4)) for _ in range(2))
    assert np.array_equal(first, again)
    assert (first.mean(), first.std()) == pytest.approx((0, 1), abs=1e-3)
    down, across = (np.abs(np.diff(first, axis=axis)).mean() for axis in (0, 1))
    assert down > 2 * across


def test_moving_shifts_down_and_right_and_cuts_the_margin() -> None:
    image = disc(SHAPE, (20, 30), 3.0)
    shown = moved(image, (2.0, 5.0), 0.0, 5)
    assert shown.shape == (30, 50)
    rows, columns = np.nonzero(shown > 0.5)
    assert (rows.mean(), columns.mean()) == pytest.approx((17, 30), abs=0.1)


def test_boxes_hold_what_is_marked_and_join_what_is_close() -> None:
    mask = np.zeros(SHAPE, np.uint8)
    mask[5:8, 10:14] = mask[10:11, 12:13] = mask[30:35, 50:52] = 1
    assert boxes_of(mask) == [(10, 5, 14, 11), (50, 30, 52, 35)]
    assert boxes_of(np.zeros(SHAPE, np.uint8)) == []


def test_a_place_lies_in_its_area() -> None:
    area = np.zeros(SHAPE, bool)
    area[7, 3] = True
    assert place_in(area, np.random.default_rng(0)) == (7.0, 3.0)
