"""What a product's parts are made of and what may be wrong with them, and defects that several materials share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from factory_assets.reference_plant.parts.drawing import Floats, Place, blob, line, noise, place_in, walk
from factory_assets.reference_plant.parts.surfaces import MARGIN_PX, LightRange, Surface

Parameters = dict[str, Any]
Area = np.ndarray
AnyPart = TypeVar("AnyPart", bound="Part")


@dataclass(frozen=True)
class Part:
    """One part.

    Attributes:
        surface: What the camera looks at, the ground that the part lies on included.
        body: Where the part itself is, bool (height, width).
    """

    surface: Surface
    body: Area


@dataclass(frozen=True)
class Scene:
    """A station that photographs the parts of one product.

    Attributes:
        material: What parts are made of.
        height_px, width_px: The camera's frame.
        lights: How light and position vary.
        draw: Draws a sound part.
        defects: By kind: draws it onto a part, and says how large it is.
        defect_share: Share of parts that are defective.
        defects_a_part: At most so many of one kind are on a defective part.
        golden: Draws the golden parts, by name; empty where parts are not compared with one.
        design_of: The name of the golden part that a part was made by.
    """

    material: str
    height_px: int
    width_px: int
    lights: LightRange
    draw: Callable[[np.random.Generator], Any]
    defects: Mapping[str, Callable[[Any, np.random.Generator], tuple[Any, Parameters]]]
    defect_share: float
    defects_a_part: int = 1
    golden: Callable[[], Mapping[str, Part]] = dict
    design_of: Callable[[Any], str | None] = lambda _: None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of defects."""
        return tuple(self.defects)


def canvas(height_px: int, width_px: int) -> tuple[int, int]:
    """The frame with its margin."""
    return height_px + 2 * MARGIN_PX, width_px + 2 * MARGIN_PX


def inside(body: Area, depth_px: int) -> Area:
    """Where the body is at least so deep, and within the frame's middle."""
    import cv2

    deep: Area = cv2.erode(body.astype(np.uint8), np.ones((2 * depth_px + 1,) * 2, np.uint8), borderValue=0) > 0
    edge = MARGIN_PX + 4 + depth_px
    within = np.zeros_like(deep)
    within[edge:-edge, edge:-edge] = True
    return np.asarray(deep & within)


def rim(body: Area) -> Area:
    """The outermost pixels of the body, within the frame."""
    import cv2

    edge = MARGIN_PX + 4
    border: Area = body & ~(cv2.erode(body.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
    border[:edge], border[-edge:], border[:, :edge], border[:, -edge:] = False, False, False, False
    return border


def between(low: float, high: float, rng: np.random.Generator) -> float:
    """A size between two bounds: small ones come more often than large ones."""
    return float(np.exp(rng.uniform(math.log(low), math.log(high))))


def cracked(
    part: AnyPart, rng: np.random.Generator, *, start: Place, angle: float, length_px: tuple[float, float], bend: float
) -> tuple[AnyPart, Parameters]:
    """A thin dark line that wanders, deeper here and there; only where the body is."""
    shape = part.body.shape
    length, width, dark = between(*length_px, rng), float(rng.uniform(1.0, 1.9)), float(rng.uniform(0.45, 0.85))
    drawn = line(shape, walk(start, length, angle, bend, rng), width) * part.body
    uneven = drawn * np.clip(1 + 0.3 * noise(shape, 5, rng), 0.3, 1)
    surface = part.surface.darkened(1 - dark * uneven).sunk(1.2 * uneven)
    return replace(part, surface=surface), {"length_px": length, "width_px": width, "darkness": dark}


def scratched(
    part: AnyPart,
    rng: np.random.Generator,
    *,
    angle: float,
    length_px: tuple[float, float],
    bright: float,
    gain: tuple[float, float] = (0.3, 0.7),
) -> tuple[AnyPart, Parameters]:
    """A groove cut by a hard edge: straight, thin, fresh material at its bottom; `bright` is how often that shines."""
    length, width = between(*length_px, rng), float(rng.uniform(1.0, 1.8))
    start = place_in(inside(part.body, 2), rng)
    drawn = line(part.body.shape, walk(start, length, angle, 0.03, rng), width) * part.body
    uneven = drawn * np.clip(0.9 + 0.25 * noise(part.body.shape, 8, rng), 0.2, 1)
    change = float(rng.uniform(*gain) if rng.random() < bright else -0.75 * rng.uniform(*gain))
    surface = part.surface.darkened(1 + change * uneven).sunk(1.0 * uneven)
    return replace(part, surface=surface), {"length_px": length, "width_px": width, "gain": change}


def dented(
    part: AnyPart,
    rng: np.random.Generator,
    *,
    centre: Place,
    radius_px: tuple[float, float],
    slope: tuple[float, float],
) -> tuple[AnyPart, Parameters]:
    """A smooth bowl: no colour tells it, only light that falls aslant. `slope` bounds its steepness."""
    radius, steep = between(*radius_px, rng), float(rng.uniform(*slope))
    bowl = blob(part.body.shape, centre, (radius, radius * rng.uniform(0.7, 1)), rng, softness=1.6, ragged=0.0)
    smooth = bowl * bowl * (3 - 2 * bowl)
    depth = steep * radius
    return replace(part, surface=part.surface.sunk(depth * smooth)), {"radius_px": radius, "depth_px": depth}


def stained(
    part: AnyPart, rng: np.random.Generator, *, centre: Place, radius_px: tuple[float, float], dark: tuple[float, float]
) -> tuple[AnyPart, Parameters]:
    """Something dried or burnt on: darker, duller, often darkest at its border."""
    radius, darkness = between(*radius_px, rng), float(rng.uniform(*dark))
    shape = part.body.shape
    size = (radius, radius * float(rng.uniform(0.5, 1)))
    spot = blob(shape, centre, size, rng, softness=float(rng.uniform(0.3, 0.9)), ragged=0.18) * part.body
    border = 4 * spot * (1 - spot) * float(rng.uniform(0, 0.6))
    uneven = np.clip(spot * (0.8 + 0.2 * noise(shape, 4, rng)) + border, 0, 1.2)
    surface = part.surface.darkened(1 - darkness * uneven)
    surface = replace(surface, gloss=surface.gloss * (1 - 0.7 * spot))
    return replace(part, surface=surface), {"radius_px": radius, "darkness": darkness}


def flat(shape: tuple[int, int], albedo: float, gloss: float = 0.0) -> Surface:
    """A plain surface."""
    zeros: Floats = np.zeros(shape, np.float32)
    return Surface(height=zeros, albedo=zeros + np.float32(albedo), gloss=zeros + np.float32(gloss))
