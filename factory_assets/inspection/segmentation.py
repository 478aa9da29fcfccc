"""Where the defect is: a network trained with masks, on real defects, on moved ones and on drawn ones.

A few dozen defective parts are soon learnt by heart. A real defect on the surface of another part, and defects that are
drawn, never repeat: half of the defective crops show those.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from factory_assets.foundation.errors import FactoryError
from factory_assets.inspection import crops, defect_training, synthetic_defects
from factory_assets.inspection.crop_sampling import Crop, CropSampler, HardPlaces
from factory_assets.inspection.defect_network import CELL_PX
from factory_assets.inspection.defect_training import Schedule
from factory_assets.inspection.labelled import LabelledImages, OnEpoch, TrainedNetwork

# Kinds are drawn by their number of parts, to the power of one less this.
RARER_KINDS = 0.6


class SegmentationError(FactoryError, ValueError):
    """Images or settings that no segmentation can be trained with."""


@dataclass(frozen=True)
class SegmentationSettings:
    """How a segmentation is trained.

    Attributes:
        epochs: Of forty steps each.
        capacity: Factor on the number of features.
        crop_px: Size of the crops; at most the image's.
        real, moved, drawn: Crops of a batch with a real defect, with a real one on another part, with a drawn one.
        sound, hard: Crops of a batch of sound parts, anywhere and where the network sees defects.
        backbone: Not taken by this method.
    """

    epochs: int = 75
    capacity: float = 1.5
    crop_px: int = 192
    real: int = 5
    moved: int = 4
    drawn: int = 2
    sound: int = 3
    hard: int = 3
    backbone: Path | None = None


def train(
    training: LabelledImages,
    validation: LabelledImages,
    settings: SegmentationSettings = SegmentationSettings(),
    *,
    seed: int,
    on_epoch: OnEpoch = lambda _, __: None,
) -> TrainedNetwork:
    """Train with masks.

    Args:
        training: Images with masks; both sound and defective parts.
        validation: Images of other parts, on which the score is settled.
        settings: How it is trained.
        seed: Of weights and crops.
        on_epoch: Told after every epoch.

    Raises:
        SegmentationError: Masks, sound parts or defects are missing, or sizes do not fit.
    """
    check_size(training)
    if settings.backbone is not None:
        msg = "segmentation trains its own network, which sees single pixels: leave backbone out, or classify"
        raise SegmentationError(msg)
    if training.masks is None or not training.masks.any():
        msg = "segmentation needs masks, and no training image has one: add a column mask, or choose another method"
        raise SegmentationError(msg)
    if training.is_defect.all():
        msg = "segmentation needs images of sound parts, and training has none: add some with the OK label"
        raise SegmentationError(msg)
    schedule = Schedule(epochs=settings.epochs, capacity=settings.capacity)
    return defect_training.train(_sampler(training, settings), validation, schedule, seed=seed, on_epoch=on_epoch)


def check_size(images: LabelledImages) -> None:
    """Refuse image sizes that the heat map's cells do not divide.

    Raises:
        SegmentationError: Height or width is no multiple of 8, or less than 32.
    """
    _, height, width, _ = images.pixels.shape
    if height % CELL_PX or width % CELL_PX or min(height, width) < 32:
        msg = f"input is {width} x {height} pixels; height and width must be multiples of {CELL_PX}, and 32 or more"
        raise SegmentationError(msg)


def _sampler(images: LabelledImages, settings: SegmentationSettings) -> CropSampler:
    masks = images.masks
    if masks is None:
        msg = "there are no masks"
        raise SegmentationError(msg)
    marked = np.flatnonzero(masks.reshape(len(images), -1).any(axis=1))
    sound = images.take(~images.is_defect)
    of_marked, of_sound = _weights(images, marked, RARER_KINDS), _weights(sound, np.arange(len(sound)), 0.0)
    size = min(settings.crop_px, *images.pixels.shape[1:3]) // CELL_PX * CELL_PX
    hard = HardPlaces(sound.pixels)

    def real(rng: np.random.Generator) -> Crop:
        place = int(rng.choice(marked, p=of_marked))
        return crops.crop(images.pixels[place], masks[place], crops.on_mask(masks[place], rng), size, rng)

    def any_sound(rng: np.random.Generator) -> Crop:
        return sound_crop(sound, int(rng.choice(len(sound), p=of_sound)), size, rng)

    def moved(rng: np.random.Generator) -> Crop:
        onto, _ = any_sound(rng)
        return crops.pasted(*real(rng), onto, rng)

    def drawn(rng: np.random.Generator) -> Crop:
        return drawn_crop(sound, int(rng.choice(len(sound), p=of_sound)), size, rng)

    def hard_sound(rng: np.random.Generator) -> Crop:
        place = int(rng.choice(len(sound), p=of_sound))
        return sound_crop(sound, place, size, rng, hard.near(place, rng))

    kinds = [
        (real, settings.real),
        (moved, settings.moved),
        (drawn, settings.drawn),
        (any_sound, settings.sound),
        (hard_sound, settings.hard),
    ]
    return CropSampler(kinds, hard)


def _weights(images: LabelledImages, places: np.ndarray, power: float) -> np.ndarray:
    """How often each image is drawn: all parts alike, however often each was photographed.

    Kinds of which there are few parts are drawn more often than they come (by `power`), but not as often as others.
    """
    pictures = Counter(images.groups[place] for place in places)
    parts = Counter(label for label, _ in {(images.labels[place], images.groups[place]) for place in places})
    weights = [parts[images.labels[place]] ** -power / pictures[images.groups[place]] for place in places]
    return np.asarray(np.array(weights) / np.sum(weights))


def sound_crop(
    images: LabelledImages,
    place: int,
    size: int,
    rng: np.random.Generator,
    centre: tuple[float, float] | None = None,
) -> Crop:
    """A crop of a sound part, anywhere or around a row and column, with an empty mask."""
    pixels = images.pixels[place]
    around = crops.anywhere(pixels, rng) if centre is None else centre
    return crops.crop(pixels, np.zeros(pixels.shape[:2], np.uint8), around, size, rng)


def drawn_crop(
    images: LabelledImages, place: int, size: int, rng: np.random.Generator, kinds: tuple[str, ...] = ()
) -> Crop:
    """A crop of a sound part with a defect drawn onto it."""
    pixels, _ = sound_crop(images, place, size, rng)
    drawn, mask = with_drawn_defect(pixels, rng, kinds)
    return drawn, mask.astype(np.float32)


def with_drawn_defect(
    pixels: np.ndarray, rng: np.random.Generator, kinds: tuple[str, ...] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """An image (height, width, channels) with a defect that is the same in all channels, and its mask."""
    drawn, mask = synthetic_defects.render(pixels[..., 0], rng, kinds)
    if pixels.shape[2] == 1:
        return drawn[..., None], mask
    change = drawn.astype(np.int16) - pixels[..., 0].astype(np.int16)
    return np.clip(pixels + change[..., None], 0, 255).astype(np.uint8), mask
