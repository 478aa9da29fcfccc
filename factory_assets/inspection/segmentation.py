"""Where the defect is: a network trained with masks, on real defects and on drawn ones.

A few dozen defective parts are soon learnt by heart. Defects that are drawn onto sound parts never repeat, so half of
the defective crops show those.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from factory_assets.foundation.errors import FactoryError
from factory_assets.inspection import crops, defect_training, synthetic_defects
from factory_assets.inspection.defect_network import CELL_PX
from factory_assets.inspection.defect_training import Sampler, Schedule
from factory_assets.inspection.labelled import LabelledImages, OnEpoch, TrainedNetwork


class SegmentationError(FactoryError, ValueError):
    """Images or settings that no segmentation can be trained with."""


@dataclass(frozen=True)
class SegmentationSettings:
    """How a segmentation is trained.

    Attributes:
        epochs: Of fifty steps each.
        crop_px: Size of the crops; at most the image's.
        real, drawn, sound: Crops of a batch with a real defect, with a drawn one, and of sound parts.
        backbone: Not taken by this method.
    """

    epochs: int = 16
    crop_px: int = 192
    real: int = 6
    drawn: int = 4
    sound: int = 6
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
    schedule = Schedule(epochs=settings.epochs)
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


def _sampler(images: LabelledImages, settings: SegmentationSettings) -> Sampler:
    masks = images.masks
    if masks is None:
        msg = "there are no masks"
        raise SegmentationError(msg)
    marked = np.flatnonzero(masks.reshape(len(images), -1).any(axis=1))
    sound = np.flatnonzero(~images.is_defect)
    counts = Counter(images.labels[place] for place in marked)
    # Rare kinds of defects are seen more often than they come, but not as often as common ones.
    weights = np.array([counts[images.labels[place]] ** -0.5 for place in marked])
    weights /= weights.sum()
    size = min(settings.crop_px, *images.pixels.shape[1:3]) // CELL_PX * CELL_PX

    def sample(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        found = []
        for place in rng.choice(marked, settings.real, p=weights):
            found.append(crops.crop(images.pixels[place], masks[place], crops.on_mask(masks[place], rng), size, rng))
        found += [drawn_crop(images, int(place), size, rng) for place in rng.choice(sound, settings.drawn)]
        found += [sound_crop(images, int(place), size, rng) for place in rng.choice(sound, settings.sound)]
        return batch(found, rng)

    return sample


def sound_crop(
    images: LabelledImages, place: int, size: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A crop of a sound part, with an empty mask."""
    pixels = images.pixels[place]
    return crops.crop(pixels, np.zeros(pixels.shape[:2], np.uint8), crops.anywhere(pixels.shape, rng), size, rng)


def drawn_crop(
    images: LabelledImages, place: int, size: int, rng: np.random.Generator, kinds: tuple[str, ...] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """A crop of a sound part with a defect drawn onto it."""
    pixels, mask = with_drawn_defect(images.pixels[place], rng, kinds)
    return crops.crop(pixels, mask, crops.on_mask(mask, rng), size, rng)


def with_drawn_defect(
    pixels: np.ndarray, rng: np.random.Generator, kinds: tuple[str, ...] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """An image (height, width, channels) with a defect that is the same in all channels, and its mask."""
    drawn, mask = synthetic_defects.render(pixels[..., 0], rng, kinds)
    if pixels.shape[2] == 1:
        return drawn[..., None], mask
    change = drawn.astype(np.int16) - pixels[..., 0].astype(np.int16)
    return np.clip(pixels + change[..., None], 0, 255).astype(np.uint8), mask


def batch(found: list[tuple[np.ndarray, np.ndarray]], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Crops and masks as arrays, each crop in another light."""
    return np.stack([crops.relit(pixels, rng) for pixels, _ in found]), np.stack([mask for _, mask in found])
