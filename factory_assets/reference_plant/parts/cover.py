"""Injection-moulded plastic covers: fine grain, four bosses, ventilation slots, an embossed mark."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from factory_assets.reference_plant.parts.drawing import (
    Floats,
    Place,
    blob,
    blurred,
    covered,
    disc,
    distance_to,
    line,
    noise,
    place_in,
    rounded_box,
)
from factory_assets.reference_plant.parts.scene import (
    Area,
    Parameters,
    Part,
    Scene,
    between,
    canvas,
    dented,
    flat,
    inside,
    rim,
    scratched,
    stained,
)
from factory_assets.reference_plant.parts.surfaces import LightRange, Surface

HEIGHT_PX, WIDTH_PX = 64, 96
HALF = (27.5, 42.0)


@dataclass(frozen=True)
class Cover(Part):
    """A cover: its bosses, its plastic, the tray that it lies in, and where it is with its slots filled."""

    bosses: tuple[Place, ...]
    plastic: Surface
    tray: Surface
    whole: Area


def draw(rng: np.random.Generator) -> Cover:
    """A sound cover; half of them lie the other way round."""
    shape = canvas(HEIGHT_PX, WIDTH_PX)
    middle = (shape[0] / 2 + rng.normal(0, 1.8), shape[1] / 2 + rng.normal(0, 1.8))
    way = int(rng.choice([-1, 1]))

    def at(down: float, right: float) -> Place:
        return middle[0] + way * down, middle[1] + way * right

    outline = rounded_box(shape, middle, HALF, 7)
    bosses = tuple(at(down, right) for down in (-19, 19) for right in (-33, 33))
    slots = np.maximum.reduce([covered(rounded_box(shape, at(d, 13), (1.5, 12), 1.5)) for d in (-9, -3, 3, 9)])
    solid = covered(outline) * (1 - slots)
    plastic, tray = _plastic(shape, rng), _tray(shape, rng)
    surface = tray.covered_by(plastic, solid)
    relief = 1.6 * blurred(solid, 1.2) - 1.0 * np.clip(blurred(covered(np.abs(outline + 4) - 0.8), 0.8), 0, 1)
    relief = relief + _mark(shape, at)
    for place in bosses:
        relief = relief + 1.6 * blurred(disc(shape, place, 4.8), 1.0) - 4 * blurred(disc(shape, place, 2.1), 0.8)
        surface = surface.darkened(1 - 0.7 * disc(shape, place, 2.0))
    surface = replace(surface, height=(surface.height + relief).astype(np.float32))
    return Cover(surface, solid > 0.5, bosses, plastic, tray, outline < 0)


def _plastic(shape: tuple[int, int], rng: np.random.Generator) -> Surface:
    """Eroded grain of the mould, and pale lines along which the melt flowed."""
    grain = 0.08 * noise(shape, 2.0, rng) + 0.05 * noise(shape, 4.0, rng) + 0.3 * noise(shape, 30, rng)
    flow = noise(shape, (35, 14), rng)
    colour = rng.uniform(0.3, 0.42) * (1 + 0.05 * flow + 0.05 * noise(shape, 45, rng) + 0.02 * noise(shape, 2, rng))
    gloss = np.clip(rng.uniform(0.25, 0.4) + 0.03 * flow, 0, 1)
    return Surface(height=grain, albedo=colour.astype(np.float32), gloss=gloss.astype(np.float32))


def _tray(shape: tuple[int, int], rng: np.random.Generator) -> Surface:
    tray = flat(shape, rng.uniform(0.08, 0.16) if rng.random() < 0.5 else rng.uniform(0.6, 0.8), 0.05)
    return replace(tray, albedo=tray.albedo * (1 + 0.05 * noise(shape, 4, rng) + 0.1 * noise(shape, 50, rng)))


def _mark(shape: tuple[int, int], at: Callable[[float, float], Place]) -> Floats:
    """A ring with a bar in it, raised by a pixel; `at` gives places in the cover's own coordinates."""
    ring = covered(np.abs(distance_to(shape, at(0, -16)) - 8.5) - 1.1)
    bar = line(shape, [at(-4.5, -18), at(4.5, -14)], 2.2)
    return 1.1 * blurred(np.maximum(ring, bar), 0.8)


def _sink(part: Cover, rng: np.random.Generator) -> tuple[Cover, Parameters]:
    """A sink mark: plastic that shrank beside a boss."""
    boss = part.bosses[int(rng.integers(len(part.bosses)))]
    middle = np.argwhere(part.body).mean(axis=0)
    inwards = (np.sign(middle - np.array(boss))) * rng.uniform(6, 11, 2)
    centre = (boss[0] + float(inwards[0]), boss[1] + float(inwards[1]))
    return dented(part, rng, centre=centre, radius_px=(5, 9), slope=(0.35, 0.65))


def _burn(part: Cover, rng: np.random.Generator) -> tuple[Cover, Parameters]:
    """Trapped air that burnt the plastic, near the rim."""
    centre = place_in(rim(part.whole), rng)
    return stained(part, rng, centre=centre, radius_px=(3.5, 8), dark=(0.45, 0.75))


def _scratch(part: Cover, rng: np.random.Generator) -> tuple[Cover, Parameters]:
    angle = rng.uniform(0, 2 * math.pi)
    return scratched(part, rng, angle=angle, length_px=(12, 32), bright=0.8, gain=(0.6, 1.0))


def _short_shot(part: Cover, rng: np.random.Generator) -> tuple[Cover, Parameters]:
    """The mould was not filled: a smooth bay in the rim."""
    reach = between(4, 7, rng)
    centre = place_in(rim(part.whole), rng)
    gone = blob(part.body.shape, centre, (reach, reach * rng.uniform(0.6, 0.9)), rng, softness=0.3, ragged=0.05)
    lower = replace(part.tray, height=part.tray.height - 1.5)
    return replace(part, surface=part.surface.covered_by(lower, gone * part.body)), {"reach_px": reach}


def _splay(part: Cover, rng: np.random.Generator) -> tuple[Cover, Parameters]:
    """Silver streaks of moisture, which fan out along the flow."""
    start, angle = place_in(inside(part.body, 6), rng), rng.uniform(0, 2 * math.pi)
    shape, count = part.body.shape, int(rng.integers(4, 9))
    streaks = np.zeros(shape, np.float32)
    for _ in range(count):
        to, length = angle + rng.normal(0, 0.25), rng.uniform(9, 22)
        ends = [start, (start[0] + math.sin(to) * length, start[1] + math.cos(to) * length)]
        streaks = np.maximum(streaks, rng.uniform(0.4, 1) * line(shape, ends, float(rng.uniform(1.0, 2.0))))
    bright = blurred(streaks, 0.7) * part.body
    gain = float(rng.uniform(0.6, 1.1))
    return replace(part, surface=part.surface.darkened(1 + gain * bright)), {"streaks": count, "gain": gain}


SCENE = Scene(
    material="injection-moulded plastic",
    height_px=HEIGHT_PX,
    width_px=WIDTH_PX,
    lights=LightRange(
        exposure=(0.85, 1.25), elevation_deg=(35, 60), gradient=(0.0, 0.25), glare=(0.0, 0.35), turn_deg=3.0
    ),
    draw=draw,
    defects={"sink": _sink, "burn": _burn, "scratch": _scratch, "short_shot": _short_shot, "splay": _splay},
    defect_share=0.25,
)
