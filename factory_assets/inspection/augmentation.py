"""Training images of a classifier, seen otherwise each time: turned, shifted, lit otherwise, noisy, mixed.

The label must survive: all changes are small, but for mirroring.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Augmentation:
    """How far training images are changed; shares are probabilities, 0 turns a change off.

    Attributes:
        mirrored: Whether left and right, top and bottom may be exchanged.
        quarter_turns: Whether square images may be turned by 90 degrees.
        turn_deg: Largest turn.
        scale: Spread of the logarithm of the scale.
        shift: Largest shift, as a share of the edge.
        gain: Spread of the logarithm of the contrast.
        offset: Spread of the brightness, in grey values.
        gamma: Spread of the logarithm of gamma.
        slope: Largest fall of brightness from edge to edge, in grey values.
        noise: Largest standard deviation of noise, in grey values.
        blurred: Share of images that are slightly blurred.
        hidden: Share of images of which a rectangle is hidden.
        mixed: Share of batches whose images are mixed in pairs (mixup, arXiv 1710.09412).
        mixing: Parameter of the beta distribution of mixing weights.
    """

    mirrored: bool = True
    quarter_turns: bool = False
    turn_deg: float = 5.0
    scale: float = 0.12
    shift: float = 0.08
    gain: float = 0.2
    offset: float = 10.0
    gamma: float = 0.15
    slope: float = 10.0
    noise: float = 1.5
    blurred: float = 0.1
    hidden: float = 0.1
    mixed: float = 0.0
    mixing: float = 0.3


def augmented(pixels: np.ndarray, rng: np.random.Generator, how: Augmentation) -> np.ndarray:
    """One image, changed at random.

    Args:
        pixels: uint8, (height, width, channels).
        rng: Where chance comes from.
        how: How far it is changed.

    Returns:
        uint8 of the same shape.
    """
    return _hidden(_lit(_moved(_mirrored(pixels, rng, how), rng, how), rng, how), rng, how)


def mixed(
    pixels: np.ndarray, targets: np.ndarray, rng: np.random.Generator, how: Augmentation
) -> tuple[np.ndarray, np.ndarray]:
    """A batch whose images, and their targets with them, are mixed in pairs; or as it was.

    Args:
        pixels: uint8, (images, height, width, channels).
        targets: float32, (images, classes).
        rng: Where chance comes from.
        how: How often and how far.
    """
    if rng.random() >= how.mixed:
        return pixels, targets
    other = rng.permutation(len(pixels))
    share = rng.beta(how.mixing, how.mixing, len(pixels)).astype(np.float32)
    weights = share[:, None, None, None]
    blended = pixels * weights + pixels[other] * (1 - weights)
    return np.rint(blended).astype(np.uint8), targets * share[:, None] + targets[other] * (1 - share[:, None])


def _mirrored(pixels: np.ndarray, rng: np.random.Generator, how: Augmentation) -> np.ndarray:
    if how.mirrored:
        for axis in (0, 1):
            if rng.random() < 0.5:
                pixels = np.flip(pixels, axis)
    if how.quarter_turns and pixels.shape[0] == pixels.shape[1] and rng.random() < 0.5:
        pixels = pixels.swapaxes(0, 1)
    return np.ascontiguousarray(pixels)


def _moved(pixels: np.ndarray, rng: np.random.Generator, how: Augmentation) -> np.ndarray:
    height, width = pixels.shape[:2]
    centre = (width / 2 - 0.5, height / 2 - 0.5)
    scale = float(np.exp(rng.uniform(-how.scale, how.scale)))
    turn = np.array(cv2.getRotationMatrix2D(centre, rng.uniform(-how.turn_deg, how.turn_deg), scale), np.float64)
    turn[:, 2] += rng.uniform(-how.shift, how.shift, 2) * (width, height)
    moved = cv2.warpAffine(pixels, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    if rng.random() < how.blurred:
        moved = cv2.GaussianBlur(moved, (3, 3), 0)
    return moved.reshape(pixels.shape)


def _lit(pixels: np.ndarray, rng: np.random.Generator, how: Augmentation) -> np.ndarray:
    """Another exposure, lamp, sensor curve and noise."""
    height, width, _ = pixels.shape
    grey = np.linspace(0, 1, 256) ** np.exp(rng.normal(0, how.gamma)) * 255
    curve = (grey - 128) * np.exp(rng.normal(0, how.gain)) + 128 + rng.normal(0, how.offset)
    down, across = rng.uniform(-how.slope, how.slope, 2) / 2
    slope = np.linspace(-down, down, height)[:, None] + np.linspace(-across, across, width)
    noise = rng.standard_normal(pixels.shape, np.float32) * np.float32(rng.uniform(0, how.noise))
    lit = curve.astype(np.float32)[pixels] + slope.astype(np.float32)[..., None] + noise
    return np.asarray(np.clip(lit, 0, 255), np.uint8)


def _hidden(pixels: np.ndarray, rng: np.random.Generator, how: Augmentation) -> np.ndarray:
    if rng.random() < how.hidden:
        height, width = (max(1, int(edge * rng.uniform(0.1, 0.3))) for edge in pixels.shape[:2])
        top, left = rng.integers(pixels.shape[0] - height + 1), rng.integers(pixels.shape[1] - width + 1)
        pixels[top : top + height, left : left + width] = pixels.mean(axis=(0, 1)).astype(np.uint8)
    return pixels
