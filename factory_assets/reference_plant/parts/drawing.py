"""Shapes, lines and noise on arrays of pixels: what surfaces and their defects are drawn with.

OpenCV is imported by the functions that need it: the code location must load without it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

Floats = np.ndarray
Bytes = np.ndarray
Shape = tuple[int, int]
Place = tuple[float, float]


@lru_cache(maxsize=8)
def grid(shape: Shape) -> tuple[Floats, Floats]:
    """Rows and columns of every pixel, float32 (height, width) each."""
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    rows.flags.writeable = columns.flags.writeable = False
    return rows, columns


def covered(distance: Floats) -> Floats:
    """How much of each pixel lies inside of a shape, 0 to 1, from its signed distance (px, negative inside)."""
    return np.asarray(np.clip(0.5 - distance, 0, 1))


def distance_to(shape: Shape, centre: Place) -> Floats:
    """Distance of every pixel to a place (row, column), px."""
    rows, columns = grid(shape)
    return np.asarray(np.hypot(rows - centre[0], columns - centre[1]))


def disc(shape: Shape, centre: Place, radius_px: float) -> Floats:
    """A disc, 0 to 1."""
    return covered(distance_to(shape, centre) - radius_px)


def rounded_box(shape: Shape, centre: Place, half: Place, corner_px: float) -> Floats:
    """Signed distance (px) to a box with round corners; `half` is half its height and width."""
    rows, columns = grid(shape)
    down = np.abs(rows - centre[0]) - (half[0] - corner_px)
    right = np.abs(columns - centre[1]) - (half[1] - corner_px)
    outside = np.hypot(np.maximum(down, 0), np.maximum(right, 0))
    return np.asarray(outside + np.minimum(np.maximum(down, right), 0) - corner_px)


def noise(shape: Shape, scale_px: float | Place, rng: np.random.Generator) -> Floats:
    """Smooth noise, mean 0 and spread 1, with features of a size (px), which may differ downwards and across."""
    import cv2

    down, across = scale_px if isinstance(scale_px, tuple) else (scale_px, scale_px)
    small = (max(3, int(shape[0] / down) + 2), max(3, int(shape[1] / across) + 2))
    coarse = rng.standard_normal(small, dtype=np.float32)
    grown = cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    centred: Floats = (grown - grown.mean()) / (grown.std() + 1e-6)
    return centred


def blurred(image: Floats, sigma_px: float) -> Floats:
    """A Gaussian blur."""
    import cv2

    soft: Floats = cv2.GaussianBlur(image, (0, 0), sigma_px)
    return soft


def blob(
    shape: Shape, centre: Place, size: Place, rng: np.random.Generator, *, softness: float, ragged: float
) -> Floats:
    """A turned ellipse with a ragged, soft edge, 0 to 1; `size` is half its length and width (px)."""
    rows, columns = grid(shape)
    turn = rng.uniform(0, math.pi)
    down, right = rows - centre[0], columns - centre[1]
    along = down * math.cos(turn) + right * math.sin(turn)
    across = right * math.cos(turn) - down * math.sin(turn)
    distance = np.hypot(along / size[0], across / size[1])
    if ragged > 0:
        distance = distance + ragged * noise(shape, max(2.0, 0.7 * min(size)), rng)
    return np.asarray(np.clip((1 - distance) / softness + 0.5, 0, 1), np.float32)


def walk(start: Place, length_px: float, angle: float, bend: float, rng: np.random.Generator) -> Floats:
    """A line that bends by chance as it goes, float32 (points, 2): row, column every 3 px; `bend` in radians a step."""
    steps = max(2, round(length_px / 3))
    turns = angle + np.cumsum(rng.normal(0, bend, steps))
    moves = np.stack([np.sin(turns), np.cos(turns)], axis=1) * 3
    points = np.concatenate([np.zeros((1, 2)), np.cumsum(moves, axis=0)]) + np.array(start)
    return np.asarray(points, np.float32)


def line(shape: Shape, points: Floats | Sequence[Place], width_px: float) -> Floats:
    """A line through points (row, column), 0 to 1, any width from a part of a pixel up."""
    import cv2

    # OpenCV's smooth lines are wider than asked for by so many pixels of the fine canvas.
    scale, bits, wider = 4, 4, 1.7
    canvas = np.zeros((shape[0] * scale, shape[1] * scale), np.uint8)
    at = (np.asarray(points, np.float32)[:, ::-1] + 0.5) * scale - 0.5
    whole = max(2, round(width_px * scale - wider))
    fixed = np.round(at * 2**bits).astype(np.int32).reshape(-1, 1, 2)
    cv2.polylines(canvas, [fixed], isClosed=False, color=255, thickness=whole, lineType=cv2.LINE_AA, shift=bits)
    small = cv2.resize(canvas, (shape[1], shape[0]), interpolation=cv2.INTER_AREA)
    thinner = min(1.0, width_px * scale / (whole + wider))
    return np.asarray(small, np.float32) * np.float32(thinner / 255)


def moved(image: Floats, shift: Place, turn_deg: float, margin_px: int) -> Floats:
    """An image shifted (down, right, px) and turned about its middle; then its margin is cut off."""
    import cv2

    height, width = image.shape
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), turn_deg, 1.0)
    matrix[:, 2] += np.array([shift[1], shift[0]])
    whole = cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    inner: Floats = whole[margin_px : height - margin_px, margin_px : width - margin_px]
    return inner


def boxes_of(mask: Bytes, joining_px: int = 3) -> list[tuple[int, int, int, int]]:
    """Boxes (x1, y1, x2, y2; px, ends exclusive) around what is marked; areas so close are one."""
    import cv2

    around = np.ones((2 * joining_px + 1,) * 2, np.uint8)
    count, labels = cv2.connectedComponents(cv2.dilate(mask, around))
    boxes = []
    for number in range(1, count):
        rows, columns = np.nonzero((labels == number) & (mask > 0))
        boxes.append((int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1))
    return sorted(boxes)


def place_in(area: np.ndarray, rng: np.random.Generator) -> Place:
    """A random pixel (row, column) of an area."""
    places = np.flatnonzero(area)
    row, column = divmod(int(places[rng.integers(len(places))]), area.shape[1])
    return float(row), float(column)
