"""Anomaly detection on simulated surfaces: it finds what it never saw, and never looks at a defective part."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from factory_assets.inspection import anomaly, segmentation
from factory_assets.inspection.anomaly import AnomalyError, AnomalySettings
from factory_assets.inspection.figures import auroc
from factory_assets.inspection.labelled import LabelledImages, TrainedNetwork

EDGE_PX = 64
SMALL = AnomalySettings(epochs=1, capacity=0.3, crop_px=32, drawn=2, sound=2)


def surface(rng: np.random.Generator, channels: int = 1) -> np.ndarray:
    """A ground surface of its own brightness, with lines from top to bottom and an uneven light."""
    lines = cv2.GaussianBlur(rng.normal(0, 14, (1, EDGE_PX)).astype(np.float32), (0, 0), 1)
    light = cv2.resize(rng.normal(0, 12, (3, 3)).astype(np.float32), (EDGE_PX, EDGE_PX), interpolation=cv2.INTER_CUBIC)
    grey = rng.uniform(70, 170) + lines + light + rng.normal(0, 4, (EDGE_PX, EDGE_PX))
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], channels, axis=2)


def pitted(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The surface with a dark pit."""
    out = pixels.copy()
    place = (int(rng.integers(8, EDGE_PX - 8)), int(rng.integers(8, EDGE_PX - 8)))
    pit = cv2.circle(np.zeros(pixels.shape[:2], np.uint8), place, int(rng.integers(2, 5)), 1, -1) > 0
    out[pit] = (out[pit] * 0.45).astype(np.uint8)
    return out


def parts(seed: int, sound: int, defective: int, channels: int = 1) -> LabelledImages:
    """Sound parts, then pitted ones."""
    rng = np.random.default_rng(seed)
    pixels = [surface(rng, channels) for _ in range(sound)]
    pixels += [pitted(surface(rng, channels), rng) for _ in range(defective)]
    names = tuple(f"{seed}-{place}" for place in range(len(pixels)))
    return LabelledImages(
        image_ids=names,
        pixels=np.stack(pixels),
        labels=("ok",) * sound + ("pit",) * defective,
        classes=("ok", "pit"),
        is_defect=np.arange(len(pixels)) >= sound,
        groups=names,
    )


@cache
def trained() -> TrainedNetwork:
    """A network of 50 sound parts; there are none for validation, so that its score is settled on the same ones."""
    settings = AnomalySettings(epochs=3, capacity=0.5, crop_px=EDGE_PX, drawn=5, sound=4)
    training = parts(1, 50, 0)
    return anomaly.train(training, training.take(np.zeros(50, bool)), settings, seed=1)


def test_pits_that_were_never_seen_are_found() -> None:
    judged = parts(3, 40, 40)
    found = trained().network(judged.pixels, training=False)
    scores = np.asarray(found["score"])[:, 0]
    assert (auroc(scores, judged.is_defect) or 0) > 0.85
    for output in found.values():
        assert np.asarray(output).min() >= 0
        assert np.asarray(output).max() <= 1
    assert np.asarray(found["heat_map"]).shape == (80, EDGE_PX // 8, EDGE_PX // 8, 1)


def test_what_was_learnt_is_told() -> None:
    assert trained().history["epoch"].to_list() == [1, 2, 3]
    assert trained().history["loss"][-1] < trained().history["loss"][0]
    assert trained().choices["hottest_cells"] >= 1


def test_defective_parts_change_nothing() -> None:
    """With others in their place, or without them, weights and choices are the same; here on colour images."""
    training, validation = parts(4, 12, 4, channels=3), parts(5, 6, 3, channels=3)
    poisoned = anomaly.train(_inverted(training), _inverted(validation), SMALL, seed=2)
    sound = [part.take(~part.is_defect) for part in (training, validation)]
    without = anomaly.train(sound[0], sound[1], SMALL, seed=2)
    assert poisoned.choices == without.choices
    for one, same in zip(poisoned.network.get_weights(), without.network.get_weights(), strict=True):
        assert np.array_equal(one, same)


def _inverted(part: LabelledImages) -> LabelledImages:
    """The same images, but defective ones are their own negatives."""
    is_defect = part.is_defect[:, None, None, None]
    return replace(part, pixels=np.where(is_defect, np.uint8(255) - part.pixels, part.pixels))


def test_drawn_defects_keep_the_sound_images_before_them() -> None:
    sound = parts(7, 10, 0)
    judged = anomaly.with_drawn(sound, seed=4)
    assert len(judged) == 20
    assert not judged.is_defect[:10].any()
    assert judged.is_defect[10:].mean() > 0.8
    assert np.array_equal(judged.pixels[:10], sound.pixels)
    masks = judged.masks
    assert masks is not None
    changed = (judged.pixels[10:] != sound.pixels).any(axis=-1)
    assert not (changed & (masks[10:] == 0)).any()


def test_a_large_defect_is_learnt_where_it_meets_the_rest_of_the_part() -> None:
    part = np.zeros((160, 160), bool)
    part[:, 20:140] = True
    zone = part & (np.arange(160) >= 60)[:, None]
    marks = anomaly.seen(zone, part)
    assert marks[62:75, 30:130].all()
    assert not marks[90:].any()
    assert not (marks & ~zone).any()


def test_all_of_a_small_defect_is_learnt() -> None:
    part = np.ones((64, 64), bool)
    pit = np.zeros((64, 64), bool)
    pit[20:30, 20:30] = True
    assert np.array_equal(anomaly.seen(pit, part), pit)


def test_a_zone_that_covers_the_part_cannot_be_seen() -> None:
    part = np.ones((64, 64), bool)
    assert not anomaly.seen(part, part).any()


def test_too_few_sound_parts_are_refused() -> None:
    with pytest.raises(AnomalyError, match="training has 4 images"):
        anomaly.train(parts(8, 4, 20), parts(9, 5, 0), SMALL, seed=1)


def test_a_backbone_is_refused() -> None:
    with pytest.raises(AnomalyError, match="leave backbone out"):
        anomaly.train(parts(8, 12, 0), parts(9, 5, 0), replace(SMALL, backbone=Path("net.keras")), seed=1)


def test_sizes_that_cells_do_not_divide_are_refused() -> None:
    odd = parts(8, 12, 0)
    with pytest.raises(segmentation.SegmentationError, match="multiples of 8"):
        anomaly.train(replace(odd, pixels=odd.pixels[:, :60]), odd, SMALL, seed=1)
