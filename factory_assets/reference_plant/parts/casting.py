"""Cast aluminium flanges, close up: rough skin, a lobe with its bolt hole, a machined face around the bore."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from factory_assets.reference_plant.parts.drawing import (
    Place,
    blob,
    blurred,
    covered,
    disc,
    distance_to,
    grid,
    noise,
    place_in,
)
from factory_assets.reference_plant.parts.scene import (
    Area,
    Parameters,
    Part,
    Scene,
    between,
    canvas,
    cracked,
    flat,
    inside,
    rim,
)
from factory_assets.reference_plant.parts.surfaces import LightRange, Surface

SIZE_PX = 64
# The camera looks at a place so far from the flange's middle, towards a lobe.
OFF_MIDDLE_PX = 23
LOBES = 3


@dataclass(frozen=True)
class Casting(Part):
    """A flange: its middle and holes (the first one in view), and its skin where nothing was drilled."""

    middle: Place
    holes: tuple[Place, ...]
    hole_px: float
    skin: Surface
    ground: Surface


def draw(rng: np.random.Generator) -> Casting:
    """A sound casting, lying as it fell."""
    shape = canvas(SIZE_PX, SIZE_PX)
    turn, bore, hole = rng.uniform(0, 2 * math.pi), rng.uniform(11, 13.5), rng.uniform(3.4, 4.2)
    middle = (
        shape[0] / 2 - OFF_MIDDLE_PX * math.sin(turn) + rng.normal(0, 2),
        shape[1] / 2 - OFF_MIDDLE_PX * math.cos(turn) + rng.normal(0, 2),
    )
    rows, columns = grid(shape)
    angle, radius = np.arctan2(rows - middle[0], columns - middle[1]) - turn, distance_to(shape, middle)
    outline = 33.5 + 6.5 * np.cos(LOBES * angle) + 0.9 * noise(shape, 25, rng)
    body = np.maximum(radius - outline, bore - radius).astype(np.float32)
    at = [turn + 2 * math.pi * number / LOBES for number in range(LOBES)]
    holes = tuple((middle[0] + 32 * math.sin(a), middle[1] + 32 * math.cos(a)) for a in at)
    solid = covered(body)
    drilled = solid * (1 - np.maximum.reduce([disc(shape, place, hole) for place in holes]))
    skin, ground = _skin(shape, rng), _belt(shape, rng)
    face = disc(shape, middle, bore + rng.uniform(4.5, 6.5)) * covered(bore - radius)
    whole = skin.covered_by(_turned(shape, radius, rng), face)
    bevel = np.minimum(blurred(drilled, 1.5), 1) * 2.5
    surface = ground.covered_by(whole, drilled)
    surface = replace(surface, height=surface.height + bevel)
    return Casting(surface, drilled > 0.5, middle, holes, hole, skin, ground)


def _skin(shape: tuple[int, int], rng: np.random.Generator) -> Surface:
    grain = 0.08 * noise(shape, 2.2, rng) + 0.14 * noise(shape, 5, rng) + 0.4 * noise(shape, 16, rng)
    colour = 0.5 + 0.03 * noise(shape, 30, rng) + 0.015 * noise(shape, 9, rng) + 0.012 * noise(shape, 2, rng)
    return Surface(height=grain, albedo=np.clip(colour, 0.2, 0.9), gloss=np.full(shape, 0.25, np.float32))


def _turned(shape: tuple[int, int], radius: np.ndarray, rng: np.random.Generator) -> Surface:
    """A face that was turned on a lathe."""
    lines = 0.12 * np.sin(radius * rng.uniform(2.2, 2.8)) + 0.05 * noise(shape, 2, rng)
    colour = np.full(shape, rng.uniform(0.58, 0.68), np.float32) + 0.01 * noise(shape, 3, rng)
    return Surface(height=lines.astype(np.float32), albedo=colour, gloss=np.full(shape, 0.5, np.float32))


def _belt(shape: tuple[int, int], rng: np.random.Generator) -> Surface:
    belt = flat(shape, rng.uniform(0.08, 0.16))
    return replace(belt, albedo=belt.albedo * (1 + 0.12 * noise(shape, 3, rng)), height=0.3 * noise(shape, 3, rng))


def _pore(part: Casting, rng: np.random.Generator) -> tuple[Casting, Parameters]:
    """Gas that stayed in the metal: one to four pits near each other."""
    shape, centre = part.body.shape, place_in(inside(part.body, 3), rng)
    count, largest = int(rng.integers(1, 5)), between(1.7, 4.2, rng)
    holes = np.zeros(shape, np.float32)
    for number in range(count):
        size = largest * (1 if number == 0 else rng.uniform(0.5, 0.9))
        place = (centre[0] + (number > 0) * rng.normal(0, 6), centre[1] + (number > 0) * rng.normal(0, 6))
        pit = blob(shape, place, (size, size * rng.uniform(0.7, 1)), rng, softness=0.7, ragged=0.12)
        holes = np.maximum(holes, pit)
    holes = holes * part.body
    darkness = float(rng.uniform(0.5, 0.85))
    surface = part.surface.darkened(1 - darkness * holes).sunk(1.6 * holes)
    return replace(part, surface=surface), {"radius_px": largest, "pits": count, "darkness": darkness}


def _crack(part: Casting, rng: np.random.Generator) -> tuple[Casting, Parameters]:
    """A hot tear, from a hole or the rim into the body."""
    start = place_in(rim(part.body), rng)
    hole = min(part.holes, key=lambda place: math.dist(place, start))
    is_hole = math.dist(hole, start) < 2 * part.hole_px
    origin = hole if is_hole else part.middle
    outwards = math.atan2(start[0] - origin[0], start[1] - origin[1])
    is_outer = not is_hole and math.dist(start, part.middle) > 20
    angle = outwards + (math.pi if is_outer else 0) + rng.uniform(-0.9, 0.9)
    return cracked(part, rng, start=start, angle=angle, length_px=(14, 30), bend=0.3)


def _break(part: Casting, rng: np.random.Generator) -> tuple[Casting, Parameters]:
    """A piece that broke off at the outer rim: the belt shows, and a bright grainy fracture before it."""
    shape = part.body.shape
    start = _outer(rim(part.body), part.middle, rng)
    reach = between(4, 8, rng)
    gone = blob(shape, start, (reach, reach * rng.uniform(0.5, 0.8)), rng, softness=0.3, ragged=0.2)
    fresh = np.clip(blurred(gone, 1.2) * 2, 0, 1) * part.body
    fracture = Surface(
        height=0.5 * noise(shape, 2, rng) - 2, albedo=np.clip(0.8 + 0.12 * noise(shape, 2, rng), 0, 1),
        gloss=np.full(shape, 0.4, np.float32),
    )  # fmt: skip
    surface = part.surface.covered_by(fracture, fresh).covered_by(part.ground, gone * part.body)
    return replace(part, surface=surface), {"reach_px": reach}


def _outer(border: Area, middle: Place, rng: np.random.Generator) -> Place:
    rows, columns = np.nonzero(border)
    far = np.hypot(rows - middle[0], columns - middle[1]) > 22
    chosen = rng.integers(int(far.sum()))
    return float(rows[far][chosen]), float(columns[far][chosen])


def _missing_hole(part: Casting, rng: np.random.Generator) -> tuple[Casting, Parameters]:
    """A bolt hole that was not drilled: cast skin instead."""
    filled = np.clip(1.5 * disc(part.body.shape, part.holes[0], part.hole_px + 2.5), 0, 1)
    skin = replace(part.skin, height=part.skin.height + 2.5)
    return replace(part, surface=part.surface.covered_by(skin, filled)), {"radius_px": part.hole_px}


SCENE = Scene(
    material="cast aluminium",
    height_px=SIZE_PX,
    width_px=SIZE_PX,
    lights=LightRange(exposure=(0.75, 1.05), elevation_deg=(38, 62), gradient=(0.05, 0.3), glare=(0.0, 0.5)),
    draw=draw,
    defects={"pore": _pore, "crack": _crack, "break": _break, "missing_hole": _missing_hole},
    defect_share=0.4,
)
