"""Defects that nobody has labelled yet: a network that learns from sound parts, and from defects drawn onto them.

No image of a defective part is looked at, neither for weights nor for choices: without any, the model is the same.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from factory_assets.foundation.errors import FactoryError
from factory_assets.inspection import defect_training, segmentation
from factory_assets.inspection.crop_sampling import Crop, CropSampler, HardPlaces
from factory_assets.inspection.defect_network import CELL_PX
from factory_assets.inspection.defect_training import Schedule
from factory_assets.inspection.labelled import LabelledImages, OnEpoch, TrainedNetwork
from factory_assets.inspection.synthetic_defects import KINDS, part_mask

FEWEST = 10
RIM_PX = 20
MOST_DRAWN = 3
# Thin lines and zones are harder to learn than the other kinds, so they are drawn twice as often.
DRAWN = (*KINDS, "crack", "band")


class AnomalyError(FactoryError, ValueError):
    """Images or settings that no anomaly detection can be trained with."""


@dataclass(frozen=True)
class AnomalySettings:
    """How anomaly detection is trained.

    Attributes:
        epochs: Of forty steps each.
        capacity: Factor on the number of features.
        crop_px: Size of the crops; at most the image's.
        drawn: Crops of a batch with drawn defects.
        sound, hard: Crops of a batch of sound parts, anywhere and where the network sees defects.
        backbone: Not taken by this method.
    """

    epochs: int = 96
    capacity: float = 1.0
    crop_px: int = 192
    drawn: int = 10
    sound: int = 5
    hard: int = 4
    backbone: Path | None = None


def train(
    training: LabelledImages,
    validation: LabelledImages,
    settings: AnomalySettings = AnomalySettings(),
    *,
    seed: int,
    on_epoch: OnEpoch = lambda _, __: None,
) -> TrainedNetwork:
    """Train on sound parts.

    Args:
        training: Images; those of defective parts are left out.
        validation: Images of other parts; those of defective parts are left out as well.
        settings: How it is trained.
        seed: Of weights, crops and drawn defects.
        on_epoch: Told after every epoch.

    Raises:
        AnomalyError: Too few images of sound parts, or a setting that does not fit.
        SegmentationError: The heat map's cells do not divide the images.
    """
    segmentation.check_size(training)
    if settings.backbone is not None:
        msg = "anomaly detection trains its own network, which sees single pixels: leave backbone out, or classify"
        raise AnomalyError(msg)
    sound = training.take(~training.is_defect)
    if len(sound) < FEWEST:
        msg = f"anomaly detection learns from sound parts: training has {len(sound)} images of them, and needs {FEWEST}"
        raise AnomalyError(msg)
    others = validation.take(~validation.is_defect)
    judged = with_drawn(others if len(others) else sound, seed)
    schedule = Schedule(epochs=settings.epochs, capacity=settings.capacity)
    return defect_training.train(_sampler(sound, settings), judged, schedule, seed=seed, on_epoch=on_epoch)


def with_drawn(sound: LabelledImages, seed: int) -> LabelledImages:
    """Images of sound parts, followed by each of them with a defect drawn onto it."""
    rng = np.random.default_rng([seed, 1])
    pairs = [segmentation.with_drawn_defect(pixels, rng) for pixels in sound.pixels]
    twice = sound.take(np.tile(np.arange(len(sound)), 2))
    return replace(
        twice,
        pixels=np.concatenate([sound.pixels, np.stack([pixels for pixels, _ in pairs])]),
        is_defect=np.concatenate([np.zeros(len(sound), bool), np.array([bool(mask.any()) for _, mask in pairs])]),
        masks=np.concatenate([np.zeros_like(sound.pixels[..., 0]), np.stack([mask for _, mask in pairs])]),
    )


def _sampler(sound: LabelledImages, settings: AnomalySettings) -> CropSampler:
    size = min(settings.crop_px, *sound.pixels.shape[1:3]) // CELL_PX * CELL_PX
    # All parts come alike, however often each was photographed.
    pictures = Counter(sound.groups)
    share = np.array([1 / pictures[group] for group in sound.groups])
    share /= share.sum()
    hard = HardPlaces(sound.pixels)

    def place(rng: np.random.Generator) -> int:
        return int(rng.choice(len(sound), p=share))

    def drawn(rng: np.random.Generator) -> Crop:
        return _drawn_crop(sound, place(rng), size, rng)

    def any_sound(rng: np.random.Generator) -> Crop:
        return segmentation.sound_crop(sound, place(rng), size, rng)

    def hard_sound(rng: np.random.Generator) -> Crop:
        chosen = place(rng)
        return segmentation.sound_crop(sound, chosen, size, rng, hard.near(chosen, rng))

    return CropSampler([(drawn, settings.drawn), (any_sound, settings.sound), (hard_sound, settings.hard)], hard)


def _drawn_crop(sound: LabelledImages, place: int, size: int, rng: np.random.Generator) -> Crop:
    """A crop with defects at one to three places: each of them is something to learn from."""
    pixels, mask = segmentation.drawn_crop(sound, place, size, rng, DRAWN)
    part, drawn = part_mask(pixels[..., 0]), mask > 0
    marks = seen(drawn, part)
    for _ in range(rng.integers(MOST_DRAWN)):
        pixels, more = segmentation.with_drawn_defect(pixels, rng, DRAWN)
        marks |= seen(more > 0, part)
    return pixels, marks.astype(np.float32)


def seen(mask: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Where a defect can be seen: all of a small one; of a large one, where it meets the rest of the part.

    In its middle it may look like any sound surface, and where it ends with the part there is the part's own border.

    Args:
        mask: Where the defect is, bool (height, width).
        part: Where the part is, bool (height, width).

    Returns:
        bool (height, width).
    """
    reach = np.ones((2 * RIM_PX + 1, 2 * RIM_PX + 1), np.uint8)
    is_near = cv2.dilate((part & ~mask).astype(np.uint8), reach) > 0
    marks: np.ndarray = mask & is_near
    return marks
