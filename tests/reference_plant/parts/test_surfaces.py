from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from factory_assets.reference_plant.parts.drawing import disc
from factory_assets.reference_plant.parts.scene import flat
from factory_assets.reference_plant.parts.surfaces import LightRange, draw_light, photograph, shade, standard_light

SHAPE = (64, 64)
BOUNDS = LightRange(exposure=(0.8, 1.0), elevation_deg=(40, 60))
EVEN = standard_light(BOUNDS)


def test_even_light_shows_a_plain_surface_evenly() -> None:
    seen = shade(flat(SHAPE, 0.5), EVEN)
    assert seen.std() < 1e-3
    assert seen.mean() == pytest.approx(255 * 0.9 * 0.5, rel=1e-4)


def test_a_bowl_is_dark_towards_the_lamp() -> None:
    bowl = flat(SHAPE, 0.5).sunk(5 * disc(SHAPE, (32, 32), 12) * 1.0)
    lamp_on_the_right = replace(EVEN, azimuth_deg=0, elevation_deg=45)
    difference = shade(bowl, lamp_on_the_right) - shade(flat(SHAPE, 0.5), lamp_on_the_right)
    assert difference[32, 40:50].min() < -10
    assert difference[32, 14:24].max() > 10


def test_light_gradient_vignetting_and_exposure() -> None:
    plain = flat(SHAPE, 0.5)
    left_to_right = shade(plain, replace(EVEN, gradient=0.2, gradient_deg=0))
    assert left_to_right[32, -1] / left_to_right[32, 0] == pytest.approx(1.2 / 0.8, rel=0.03)
    cornered = shade(plain, replace(EVEN, vignetting=0.3))
    assert cornered[0, 0] / cornered[32, 32] == pytest.approx(0.7, rel=0.03)
    assert shade(plain, replace(EVEN, exposure=0.45)).mean() == pytest.approx(shade(plain, EVEN).mean() / 2, rel=1e-3)


def test_glare_shows_on_gloss_only() -> None:
    light = replace(EVEN, glare=0.5)
    dull, glossy = (shade(flat(SHAPE, 0.3, gloss), light).std() for gloss in (0.0, 0.6))
    assert dull < 1e-3 < 5 < glossy


def test_noise_grows_with_light_and_is_absent_from_golden_images() -> None:
    sensor = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)
    noisy = replace(EVEN, read_noise=1.5)
    dark, bright = (photograph(np.full(SHAPE, level, np.float32), noisy, sensor).std() for level in (20.0, 200.0))
    assert 1.5 < dark < bright < 4
    assert photograph(np.full(SHAPE, 100.0, np.float32), EVEN, sensor).std() == 0


def test_drawn_lights_stay_within_their_bounds() -> None:
    lights = [draw_light(BOUNDS, np.random.default_rng(number)) for number in range(50)]
    assert all(0.8 <= light.exposure <= 1.0 and 40 <= light.elevation_deg <= 60 for light in lights)
    assert len({light.azimuth_deg for light in lights}) == 50
