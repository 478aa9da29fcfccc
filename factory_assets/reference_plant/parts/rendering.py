"""Renders photographs of a product's parts, sound and defective, each with an exact mask of what the defect changed.

Everything follows from the seed, the product and the part's number, from streams of random numbers of their own: with
more parts the earlier ones stay as they are, and other shares of defects change no part but those that become
defective or sound.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from zlib import crc32

import numpy as np

from factory_assets.foundation.errors import FactoryError
from factory_assets.reference_plant.parts import board, casting, cover, panel
from factory_assets.reference_plant.parts.drawing import Bytes, Floats
from factory_assets.reference_plant.parts.scene import Parameters, Scene
from factory_assets.reference_plant.parts.surfaces import Light, Surface, draw_light, photograph, shade, standard_light

SCENES: dict[str, Scene] = {"casting": casting.SCENE, "panel": panel.SCENE, "board": board.SCENE, "cover": cover.SCENE}
OK = "ok"

# Of a part's photographs: most parts are looked at once.
PHOTOGRAPHS, PHOTOGRAPH_SHARES = (1, 2, 3), (0.5, 0.3, 0.2)
# A pixel shows the defect if it changes by so many grey values, about twice the sensor's noise.
CHANGED_LEVELS = 4
# A defect can be seen if so many pixels change, and by so many grey values in the mean.
LEAST_AREA_PX, LEAST_CONTRAST = 16, 8.0
TRIES = 50


class RenderingError(FactoryError, ValueError):
    """A product or kind that the simulator does not know, or shares that make no sense."""


# A light, and standard normal noise of the sensor: float32 (height, width).
View = tuple[Light, Floats]


@dataclass(frozen=True)
class Photograph:
    """One photograph of a part.

    Attributes:
        name: The part's serial number and the photograph's, such as casting-0007_2.
        part: The part's serial number; its photographs share it.
        label: `ok`, or the kind of defect.
        pixels: uint8, (height, width).
        mask: uint8, (height, width), 1 where the same photograph of the same part without its defect differs.
        golden: The name of the part that it is to be compared with, or None.
        defects: The size of each defect that was drawn.
        light: How it was lit.
    """

    name: str
    part: str
    label: str
    pixels: Bytes
    mask: Bytes
    golden: str | None
    defects: tuple[Parameters, ...]
    light: Light


def scene_of(product: str) -> Scene:
    """The station of a product.

    Raises:
        RenderingError: The simulator makes no such product.
    """
    if product not in SCENES:
        msg = f"the simulator makes no {product!r}; it makes {', '.join(SCENES)}"
        raise RenderingError(msg)
    return SCENES[product]


def render_parts(
    product: str,
    count: int,
    seed: int,
    *,
    defect_share: float | None = None,
    kinds: Mapping[str, float] | None = None,
    first: int = 1,
) -> Iterator[Photograph]:
    """Photographs of parts, one to three a part, in the order of their serial numbers.

    Args:
        product: A name from `SCENES`.
        count: Parts.
        seed: Any non-negative integer.
        defect_share: Share of parts that are defective; None for the product's own.
        kinds: How much more often than others a kind of defect comes; 1 for those that are not named. So rare kinds
            are oversampled, and 0 leaves one out.
        first: The first serial number.

    Raises:
        RenderingError: Product or kind is unknown, or a share or weight is out of range.
    """
    scene = scene_of(product)
    shares = _shares(product, scene, defect_share, kinds or {})
    for number in range(first, first + count):
        yield from _photographs(product, scene, number, seed, _label(product, number, seed, shares))


def golden_images(product: str) -> dict[str, Bytes]:
    """The golden image of each design, uint8 (height, width); empty for products that are not compared with one."""
    return dict(_golden_images(product))


@lru_cache(maxsize=4)
def _golden_images(product: str) -> tuple[tuple[str, Bytes], ...]:
    scene = scene_of(product)
    light = standard_light(scene.lights)
    still = np.zeros((scene.height_px, scene.width_px), np.float32)
    parts = scene.golden()
    return tuple((name, photograph(_clean(part.surface, light), light, still)) for name, part in parts.items())


def _shares(product: str, scene: Scene, defect_share: float | None, kinds: Mapping[str, float]) -> dict[str, float]:
    """How often each label comes; they add up to 1."""
    if unknown := sorted(set(kinds) - set(scene.kinds)):
        msg = f"{product} has no defect {', '.join(unknown)}; it has {', '.join(scene.kinds)}"
        raise RenderingError(msg)
    share = scene.defect_share if defect_share is None else defect_share
    weights = {kind: float(kinds.get(kind, 1.0)) for kind in scene.kinds}
    if not 0 <= share <= 1 or min(weights.values()) < 0 or (share > 0 and sum(weights.values()) == 0):
        msg = f"{product}: defect_share {share} must lie from 0 to 1, weights of kinds be 0 or more and one above"
        raise RenderingError(msg)
    total = sum(weights.values()) or 1.0
    return {OK: 1 - share, **{kind: share * weight / total for kind, weight in weights.items()}}


def _label(product: str, number: int, seed: int, shares: Mapping[str, float]) -> str:
    """What is wrong with a part.

    Steps of the golden ratio instead of chance: with some dozens of parts every kind comes as often as it should,
    however many parts there are.
    """
    start = _generator(seed, product, "label").random()
    place = (start + number * 0.6180339887498949) % 1.0
    label = OK
    for name, share in shares.items():
        if share > 0:
            label = name
            if place < share:
                break
            place -= share
    return label


def _photographs(product: str, scene: Scene, number: int, seed: int, label: str) -> Iterator[Photograph]:
    serial = f"{product}-{number:04d}"
    sound = scene.draw(_generator(seed, product, number, "part"))
    count = int(_generator(seed, product, number, "count").choice(PHOTOGRAPHS, p=PHOTOGRAPH_SHARES))
    views = []
    for place in range(1, count + 1):
        rng = _generator(seed, product, number, "photograph", place)
        light = draw_light(scene.lights, rng)
        views.append((light, rng.standard_normal((scene.height_px, scene.width_px), dtype=np.float32)))
    clean = _taken(sound.surface, views)
    seen, defects = clean, list[Parameters]()
    if label != OK:
        tries = (_generator(seed, product, number, "defect", attempt) for attempt in range(TRIES))
        seen, defects = _defective(scene, sound, label, views, tries)
    for place, (pixels, without, (light, _)) in enumerate(zip(seen, clean, views, strict=True), start=1):
        yield Photograph(
            name=f"{serial}_{place}",
            part=serial,
            label=label,
            pixels=pixels,
            mask=(pixels != without).astype(np.uint8),
            golden=scene.design_of(sound),
            defects=tuple(defects),
            light=light,
        )


def _defective(
    scene: Scene, sound: Any, kind: str, views: list[View], tries: Iterator[np.random.Generator]
) -> tuple[list[Bytes], list[Parameters]]:
    """The photographs of the part with the first drawn defects that can be seen in all of them."""
    clean = _taken(sound.surface, views)
    for rng in tries:
        part, defects = sound, []
        for _ in range(1 + int(rng.integers(scene.defects_a_part))):
            part, parameters = scene.defects[kind](part, rng)
            defects.append(parameters)
        pairs = list(zip(_taken(part.surface, views), clean, strict=True))
        if all(_is_seen(picture, without) for picture, without in pairs):
            return [_changed(picture, without) for picture, without in pairs], defects
    msg = f"no {kind} on {scene.material} that was drawn in {TRIES} tries can be seen in all photographs of a part"
    raise RenderingError(msg)


def _difference(picture: Bytes, without: Bytes) -> np.ndarray:
    return np.abs(picture.astype(np.int16) - without.astype(np.int16))


def _is_seen(picture: Bytes, without: Bytes) -> bool:
    difference = _difference(picture, without)
    changed = difference >= CHANGED_LEVELS
    return int(changed.sum()) >= LEAST_AREA_PX and float(difference[changed].mean()) >= LEAST_CONTRAST


def _changed(picture: Bytes, without: Bytes) -> Bytes:
    """The picture where the defect shows; everything else exactly as it is without the defect."""
    return np.where(_difference(picture, without) >= CHANGED_LEVELS, picture, without).astype(np.uint8)


def _taken(surface: Surface, views: list[View]) -> list[Bytes]:
    return [photograph(_clean(surface, light), light, sensor) for light, sensor in views]


def _clean(surface: Surface, light: Light) -> Floats:
    return shade(surface.seen(light.shift_px, light.turn_deg), light)


def _generator(seed: int, *key: str | int) -> np.random.Generator:
    """A random stream of the parts, apart from those of the machines."""
    numbers = [crc32(part.encode()) if isinstance(part, str) else part for part in ("parts", *key)]
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=tuple(numbers)))


def as_parameters(photograph: Photograph) -> dict[str, Any]:
    """Defects and light of a photograph, plain values."""
    return {"defects": list(photograph.defects), "light": dataclasses.asdict(photograph.light)}
