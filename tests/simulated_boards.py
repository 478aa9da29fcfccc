"""Circuit boards with known defects, for tests of golden-image comparison: tracks and pads, then what goes wrong."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

Box = tuple[int, int, int, int]
COPPER, LAMINATE = 215, 40
PITCH_PX, TRACK_PX, PAD_PX, HOLE_PX = 32, 8, 11, 4
KINDS = ("open", "short", "spur", "mouse_bite", "pinhole")


@dataclass(frozen=True)
class Board:
    """A golden image, uint8 (height, width), and the same board with defects in known boxes."""

    golden: np.ndarray
    defective: np.ndarray
    boxes: list[Box]


def board(seed: int, *, side_px: int = 320, defects: int = 4) -> Board:
    """A board whose tracks step aside at random heights, and end in pads, so that no two places look the same."""
    rng = np.random.default_rng(seed)
    golden = np.full((side_px, side_px), LAMINATE, np.uint8)
    columns = list(range(PITCH_PX, side_px - PITCH_PX + 1, PITCH_PX))
    straight: list[tuple[int, int]] = []
    for x in columns:
        step, bend = int(rng.choice((-1, 1))) * PITCH_PX // 4, int(rng.integers(side_px // 3, 2 * side_px // 3))
        first, last = int(rng.integers(16, 48)), side_px - int(rng.integers(16, 48))
        points = np.array([(x, first), (x, bend), (x + step, bend + 10), (x + step, last)], np.int32)
        cv2.polylines(golden, [points], isClosed=False, color=COPPER, thickness=TRACK_PX)
        for end in (points[0], points[-1]):
            cv2.circle(golden, tuple(map(int, end)), PAD_PX, COPPER, -1)
            cv2.circle(golden, tuple(map(int, end)), HOLE_PX, LAMINATE, -1)
        straight.append((x, (first + bend) // 2))
    defective = golden.copy()
    # Never at neighbouring tracks, where two defects could be one blob.
    apart = straight[:-1:2]
    chosen = [apart[place] for place in rng.permutation(len(apart))[:defects]]
    boxes = [_drawn(defective, KINDS[int(rng.integers(len(KINDS)))], x, y) for x, y in chosen]
    return Board(golden, defective, boxes)


def _drawn(image: np.ndarray, kind: str, x: int, y: int) -> Box:
    half = TRACK_PX // 2
    if kind == "open":
        return _filled(image, (x - half - 2, y - 5, x + half + 3, y + 5), LAMINATE)
    if kind == "short":
        return _filled(image, (x + half - 1, y - 3, x + PITCH_PX - half + 1, y + 3), COPPER)
    if kind == "spur":
        return _filled(image, (x + half, y - 4, x + half + 9, y + 4), COPPER)
    if kind == "mouse_bite":
        return _filled(image, (x - half - 2, y - 5, x + 1, y + 5), LAMINATE)
    return _filled(image, (x - 2, y - 3, x + 3, y + 3), LAMINATE)


def _filled(image: np.ndarray, box: Box, value: int) -> Box:
    x1, y1, x2, y2 = box
    image[y1:y2, x1:x2] = value
    return box


def placed(
    image: np.ndarray, *, shift: tuple[float, float] = (0, 0), turn_deg: float = 0, scale: float = 1
) -> np.ndarray:
    """The image as it shows a part that lies to the right of and below its place, is turned and larger."""
    height, width = image.shape
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), turn_deg, scale)
    matrix[:, 2] += shift
    return cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def seen(image: np.ndarray, seed: int, *, noise: float = 4, exposure: float = 1, gradient: float = 0) -> np.ndarray:
    """The image as a camera takes it: sensor noise in grey levels, another exposure, light that falls off sideways."""
    height, width = image.shape
    light = exposure * (1 + gradient * np.linspace(-1, 1, width)[None, :]) * np.ones((height, 1))
    noisy = image * light + np.random.default_rng(seed).normal(0, noise, image.shape)
    return np.clip(noisy, 0, 255).round().astype(np.uint8)
