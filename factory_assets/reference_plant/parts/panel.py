"""Panels of ground steel: fine lines along the direction of grinding, which mirror the lamps as streaks."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from factory_assets.reference_plant.parts.drawing import noise, place_in
from factory_assets.reference_plant.parts.scene import (
    Parameters,
    Part,
    Scene,
    canvas,
    dented,
    inside,
    scratched,
    stained,
)
from factory_assets.reference_plant.parts.surfaces import LightRange, Surface

SIZE_PX = 64


def draw(rng: np.random.Generator) -> Part:
    """A sound panel; it is larger than the frame."""
    shape = canvas(SIZE_PX, SIZE_PX)
    fine = 0.5 * noise(shape, (1, 30), rng) + 0.35 * noise(shape, (1.6, 70), rng) + 0.3 * noise(shape, (1, 9), rng)
    bands = noise(shape, (rng.uniform(5, 14), 120), rng)
    clouds = noise(shape, (30, 45), rng)
    level = rng.uniform(0.4, 0.52)
    colour = level * (1 + 0.035 * fine + rng.uniform(0.02, 0.05) * bands + rng.uniform(0.01, 0.04) * clouds)
    surface = Surface(
        height=(0.07 * fine + 0.06 * noise(shape, 12, rng)).astype(np.float32),
        albedo=np.clip(colour, 0.1, 0.95).astype(np.float32),
        gloss=np.clip(0.35 + 0.06 * bands + 0.08 * fine, 0, 1).astype(np.float32),
    )
    return Part(surface, np.ones(shape, bool))


def _scratch(part: Part, rng: np.random.Generator) -> tuple[Part, Parameters]:
    """Across the lines of grinding, more or less: along them, sound panels have lines as well."""
    angle = rng.uniform(math.radians(20), math.radians(160)) + rng.choice([0.0, math.pi])
    return scratched(part, rng, angle=angle, length_px=(18, 45), bright=0.5, gain=(0.5, 0.9))


def _dent(part: Part, rng: np.random.Generator) -> tuple[Part, Parameters]:
    return dented(part, rng, centre=place_in(inside(part.body, 4), rng), radius_px=(7, 14), slope=(0.25, 0.5))


def _stain(part: Part, rng: np.random.Generator) -> tuple[Part, Parameters]:
    """Coolant that dried on."""
    return stained(part, rng, centre=place_in(inside(part.body, 4), rng), radius_px=(5, 12), dark=(0.3, 0.6))


def _pitting(part: Part, rng: np.random.Generator) -> tuple[Part, Parameters]:
    """Small points of rust in a cluster."""
    shape, centre, count = part.body.shape, place_in(inside(part.body, 6), rng), int(rng.integers(6, 17))
    rust = np.zeros(shape, np.float32)
    spread = rng.uniform(4, 9)
    for _ in range(count):
        row, column = (round(float(np.clip(value, 2, shape[0] - 3))) for value in rng.normal(centre, spread))
        rust[row, column] = rng.uniform(0.5, 1)
    rust = np.clip(_grown(rust) * 1.6, 0, 1)
    surface = part.surface.darkened(1 - 0.65 * rust).sunk(0.5 * rust)
    return replace(part, surface=replace(surface, gloss=surface.gloss * (1 - rust))), {"points": count}


def _grown(points: np.ndarray) -> np.ndarray:
    import cv2

    return np.asarray(cv2.GaussianBlur(cv2.dilate(points, np.ones((2, 2), np.uint8)), (0, 0), 0.7))


SCENE = Scene(
    material="ground steel",
    height_px=SIZE_PX,
    width_px=SIZE_PX,
    lights=LightRange(
        exposure=(0.7, 1.05),
        elevation_deg=(40, 65),
        gradient=(0.0, 0.22),
        glare=(0.05, 0.4),
        turn_deg=4.0,
        shift_px=4.0,
    ),
    draw=draw,
    defects={"scratch": _scratch, "dent": _dent, "stain": _stain, "pitting": _pitting},
    defect_share=0.55,
)
