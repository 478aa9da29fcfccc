"""The baseline finds what stands out from its surroundings, and settles its scale without real defects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from factory_assets.inspection import local_contrast
from factory_assets.inspection.figures import auroc
from factory_assets.inspection.labelled import LabelledImages
from factory_assets.inspection.local_contrast import Scale, best_scale, contrast_map, scores

SCALES = (Scale(1.0, 31, 1), Scale(1.0, 31, 20))


def parts(seed: int, sound: int, defective: int) -> LabelledImages:
    """Even surfaces of different brightness; defective ones have a dark spot."""
    rng = np.random.default_rng(seed)
    count = sound + defective
    pixels = rng.uniform(60, 190, (count, 1, 1, 1)) + rng.normal(0, 5, (count, 72, 72, 1))
    for place in range(sound, count):
        row, column = rng.integers(10, 58, 2)
        pixels[place, row : row + 4, column : column + 4] -= 35
    names = tuple(f"{seed}-{place}" for place in range(count))
    return LabelledImages(
        image_ids=names,
        pixels=np.clip(pixels, 0, 255).astype(np.uint8),
        labels=("ok",) * sound + ("spot",) * defective,
        classes=("ok", "spot"),
        is_defect=np.arange(count) >= sound,
        groups=names,
    )


def test_spots_are_found() -> None:
    judged = parts(1, 20, 20)
    assert (auroc(scores(parts(2, 20, 0), judged), judged.is_defect) or 0) > 0.95


def test_defective_training_images_settle_nothing() -> None:
    training, judged = parts(3, 15, 5), parts(4, 5, 5)
    inverted = np.where(training.is_defect[:, None, None, None], 255 - training.pixels, training.pixels)
    assert np.array_equal(scores(training, judged), scores(replace(training, pixels=inverted), judged))


def test_the_hottest_pixel_is_the_spot() -> None:
    pixels = parts(5, 1, 0).pixels[0]
    pixels[40:43, 20:23] //= 2
    row, column = np.unravel_index(contrast_map(pixels, SCALES[0]).argmax(), pixels.shape[:2])
    assert 39 <= row <= 43
    assert 19 <= column <= 23


def test_a_plain_border_is_not_scored() -> None:
    framed = np.full((100, 100, 1), 90, np.uint8)
    framed[20:92, 20:92] = parts(6, 1, 0).pixels[0]
    found = contrast_map(framed, SCALES[0])
    assert found[20:92, 20:92].any()
    assert not found[:16].any()
    assert not found[:, :16].any()


def test_the_scale_that_judges_best_is_taken() -> None:
    judged = parts(7, 20, 20)
    best, found = best_scale(judged, SCALES)
    each = {scale: auroc(local_contrast.scores_at(scale, judged.pixels), judged.is_defect) for scale in SCALES}
    assert found == max(value for value in each.values() if value is not None)
    assert each[best] == found


def test_a_scale_needs_both_kinds_of_parts() -> None:
    with pytest.raises(ValueError, match="one of them is missing"):
        best_scale(parts(8, 5, 0), SCALES)
