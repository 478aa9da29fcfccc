"""Defects that are drawn onto images of sound parts, with their masks: nobody has to wait for real ones.

Kinds are generic ones of cast, ground, sheet and moulded parts; nothing is taken from any data set. Related ideas:
CutPaste (arXiv 2104.04015), DRAEM (arXiv 2108.07610), NSA (arXiv 2109.15222).
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

Floats = np.ndarray
Kind = Callable[[Floats, np.ndarray, np.random.Generator], tuple[Floats, Floats]]

# A defect is seen if it changes its pixels by so many grey values, and by so many standard deviations of the texture.
VISIBLE, VISIBLE_SPREADS = 6.0, 0.8
TRIES = 6
# Variance of grey values over 9 pixels: below it there is a border that was filled in.
FLAT = 0.4
# Share of zones whose border lies across the direction of the texture.
ACROSS = 0.75


def render(pixels: np.ndarray, rng: np.random.Generator, kinds: tuple[str, ...] = ()) -> tuple[np.ndarray, np.ndarray]:
    """Draw a defect, at times two, onto a grey image.

    Args:
        pixels: uint8, (height, width); a part, perhaps with a plain border, on which nothing is drawn.
        rng: Where chance comes from.
        kinds: Names from `KINDS`; all if empty.

    Returns:
        The image with defects, uint8 (height, width), and their mask, uint8 (height, width), 1 where they show. Pixels
        outside of the mask are untouched. The mask is empty where nothing could be drawn (an image that is all plain).
    """
    names = kinds or tuple(KINDS)
    image = pixels.astype(np.float32)
    part = part_mask(pixels)
    mask = np.zeros(pixels.shape, bool)
    if part.sum() < 64:
        return pixels.copy(), mask.astype(np.uint8)
    for _ in range(1 + int(rng.random() < 0.25)):
        image, drawn = _one(image, part, rng, names)
        mask |= drawn
    out = np.clip(np.round(image), 0, 255).astype(np.uint8)
    out[~mask] = pixels[~mask]
    return out, mask.astype(np.uint8)


def part_mask(pixels: np.ndarray) -> np.ndarray:
    """Where the part is: a border that was filled in has no texture at all. Returns bool (height, width)."""
    image = pixels.astype(np.float32)
    spread = cv2.blur(image * image, (9, 9)) - cv2.blur(image, (9, 9)) ** 2
    inside = (spread > FLAT).astype(np.uint8)
    closed = cv2.morphologyEx(inside, cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8))
    eroded: np.ndarray = cv2.erode(closed, np.ones((5, 5), np.uint8)) > 0
    return eroded


def _one(
    image: Floats, part: np.ndarray, rng: np.random.Generator, names: tuple[str, ...]
) -> tuple[Floats, np.ndarray]:
    """One defect that can be seen; after some tries, none."""
    texture = float((image - cv2.blur(image, (9, 9)))[part].std())
    visible = max(VISIBLE, VISIBLE_SPREADS * texture)
    for _ in range(TRIES):
        changed, alpha = KINDS[names[rng.integers(len(names))]](image, part, rng)
        alpha = alpha * part
        blended = image * (1 - alpha) + np.clip(changed, 0, 255) * alpha
        drawn = (np.abs(blended - image) > VISIBLE / 2) & (alpha > 0.15)
        if drawn.sum() >= 6 and np.abs(blended - image)[drawn].mean() > visible:
            area = (alpha > 0.15) & (cv2.dilate(drawn.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0)
            return np.where(area, blended, image).astype(np.float32), area
    return image, np.zeros(image.shape, bool)


def _place(part: np.ndarray, rng: np.random.Generator) -> tuple[int, int]:
    rows, columns = np.nonzero(part)
    chosen = rng.integers(len(rows))
    return int(rows[chosen]), int(columns[chosen])


def _edge_place(part: np.ndarray, rng: np.random.Generator) -> tuple[int, int]:
    """A place at the part's border."""
    border = part & ~(cv2.erode(part.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0)
    return _place(border if border.any() else part, rng)


def _noise(shape: tuple[int, ...], scale_px: float, rng: np.random.Generator) -> Floats:
    """Smooth noise with features of a given size, mean 0, spread 1."""
    small = (max(2, int(shape[0] / scale_px) + 2), max(2, int(shape[1] / scale_px) + 2))
    grown = cv2.resize(
        rng.standard_normal(small).astype(np.float32), (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC
    )
    return np.asarray((grown - grown.mean()) / (grown.std() + 1e-6))


def _blob(
    shape: tuple[int, ...], centre: tuple[int, int], size: tuple[float, float], rng: np.random.Generator
) -> Floats:
    """A ragged blob with soft edges, 0 to 1; `size` is half its height and width in pixels."""
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    turn = rng.uniform(0, np.pi)
    down, right = rows - centre[0], columns - centre[1]
    along, across = down * np.cos(turn) + right * np.sin(turn), right * np.cos(turn) - down * np.sin(turn)
    distance = np.sqrt((along / size[0]) ** 2 + (across / size[1]) ** 2)
    ragged = distance + rng.uniform(0.1, 0.35) * _noise(shape, max(3.0, min(size) * rng.uniform(0.4, 1.2)), rng)
    softness = rng.uniform(0.08, 0.5)
    return np.asarray(np.clip((1.1 - ragged) / softness, 0, 1))


def _sign(rng: np.random.Generator, dark: float) -> float:
    return -1.0 if rng.random() < dark else 1.0


def _local(image: Floats) -> Floats:
    return np.asarray(cv2.blur(image, (21, 21)))


def _pit(image: Floats, part: np.ndarray, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A pore or inclusion, a few pixels large, mostly darker than its surroundings."""
    radius = float(np.exp(rng.uniform(np.log(1.7), np.log(10))))
    size = (radius * rng.uniform(0.7, 1.0), radius * rng.uniform(1.0, 1.8))
    alpha = _blob(image.shape, _place(part, rng), size, rng)
    depth = _sign(rng, 0.8) * rng.uniform(0.25, 0.75)
    changed = _local(image) * (1 + depth) + rng.normal(0, 4) + 3 * _noise(image.shape, 2, rng)
    return changed, alpha


def _walk(start: tuple[int, int], length_px: float, angle: float, bend: float, rng: np.random.Generator) -> np.ndarray:
    """Points of a line that bends as it goes, (points, 2) as x, y."""
    steps = max(2, int(length_px / 4))
    turns = angle + np.cumsum(rng.normal(0, bend, steps))
    points = np.cumsum(np.stack([np.cos(turns), np.sin(turns)], axis=1) * 4, axis=0)
    return np.asarray(points + np.array([start[1], start[0]]))


def _line(image: Floats, points: np.ndarray, width: int, softness: float) -> Floats:
    drawn = np.zeros(image.shape, np.uint8)
    shifted = np.round(points * 8).astype(np.int32)
    cv2.polylines(drawn, [shifted], isClosed=False, color=255, thickness=width, lineType=cv2.LINE_AA, shift=3)
    return np.asarray(cv2.GaussianBlur(drawn.astype(np.float32) / 255, (0, 0), softness))


def _crack(image: Floats, part: np.ndarray, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A thin dark line that wanders, often from an edge, at times along the direction of the texture."""
    start = _edge_place(part, rng) if rng.random() < 0.5 else _place(part, rng)
    length = rng.uniform(0.08, 0.45) * min(image.shape)
    along = _texture_angle(image, part) + rng.choice([0, np.pi]) + rng.normal(0, 0.15)
    angle, bend = (along, 0.05) if rng.random() < 0.3 else (rng.uniform(0, 2 * np.pi), rng.uniform(0.05, 0.35))
    alpha = _line(image, _walk(start, length, angle, bend, rng), int(rng.integers(1, 4)), rng.uniform(0.4, 1.0))
    alpha = np.clip(alpha * rng.uniform(1.0, 1.6), 0, 1) * np.clip(1 + 0.4 * _noise(image.shape, 6, rng), 0.2, 1)
    return _local(image) * (1 - rng.uniform(0.3, 0.75)) + 2 * _noise(image.shape, 2, rng), alpha


def _scratch(image: Floats, part: np.ndarray, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A straight line across the direction of the part's own texture: along it, sound parts have lines as well."""
    along = _texture_angle(image, part)
    angle = along + np.pi / 2 + rng.uniform(-0.35, 0.35) * np.pi
    length = rng.uniform(0.1, 0.5) * min(image.shape)
    points = _walk(_place(part, rng), length, angle, 0.02, rng)
    alpha = _line(image, points, int(rng.integers(1, 3)), rng.uniform(0.3, 0.8))
    return _local(image) * (1 + _sign(rng, 0.5) * rng.uniform(0.25, 0.7)), np.clip(alpha * 1.4, 0, 1)


def _texture_angle(image: Floats, part: np.ndarray) -> float:
    """The direction along which grey values change least, in radians."""
    right, down = cv2.Sobel(image, cv2.CV_32F, 1, 0), cv2.Sobel(image, cv2.CV_32F, 0, 1)
    xx, yy, xy = (float(v[part].mean()) for v in (right * right, down * down, right * down))
    return float(0.5 * np.arctan2(2 * xy, xx - yy) + np.pi / 2)


def _chip(image: Floats, part: np.ndarray, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Material broken off at an edge: another, smoother surface with a dark rim."""
    reach = rng.uniform(0.03, 0.14) * min(image.shape)
    alpha = _blob(image.shape, _edge_place(part, rng), (reach * rng.uniform(0.6, 1), reach * rng.uniform(1, 1.8)), rng)
    smooth = cv2.GaussianBlur(image, (0, 0), rng.uniform(1.5, 4))
    level = 1 + _sign(rng, 0.65) * rng.uniform(0.1, 0.5)
    rim = np.clip(1 - np.abs(alpha - 0.5) * 2, 0, 1) * rng.uniform(0, 0.5)
    slope = 0.12 * _noise(image.shape, reach * 1.5, rng)
    return (smooth * (level + slope) + rng.uniform(1, 6) * _noise(image.shape, 2.5, rng)) * (1 - rim), alpha


def _patch(image: Floats, part: np.ndarray, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A large area that is ground, coated or lit otherwise: brighter, darker, rougher or smoother."""
    height, width = rng.uniform(0.06, 0.3) * image.shape[0], rng.uniform(0.1, 0.5) * image.shape[1]
    alpha = _blob(image.shape, _place(part, rng), (height, width), rng)
    return _resurfaced(image, part, rng), alpha


def _band(image: Floats, part: np.ndarray, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A zone from one edge to another that was machined or lit otherwise, with a nearly straight border.

    Most borders lie across the direction of the texture: sound parts have borders along it as well.
    """
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]].astype(np.float32)
    centre = _place(part, rng)
    is_across = rng.random() < ACROSS
    normal = _texture_angle(image, part) + rng.normal(0, 0.12) if is_across else rng.uniform(0, np.pi)
    depth = (columns - centre[1]) * np.cos(normal) + (rows - centre[0]) * np.sin(normal)
    depth = depth * (1 if rng.random() < 0.5 else -1) + rng.uniform(0, 6) * _noise(image.shape, 40, rng)
    alpha = np.clip(depth / rng.uniform(1.5, 8) + 0.5, 0, 1)
    if rng.random() < 0.5:
        width = rng.uniform(0.08, 0.35) * min(image.shape)
        alpha = alpha * np.clip((width - depth) / rng.uniform(1.5, 8) + 0.5, 0, 1)
    return _resurfaced(image, part, rng), np.asarray(alpha)


def _resurfaced(image: Floats, part: np.ndarray, rng: np.random.Generator) -> Floats:
    """The same surface, brighter or darker, rougher or smoother, at times with other lines in its direction."""
    base = cv2.GaussianBlur(image, (0, 0), rng.uniform(3, 8))
    rough = rng.choice([rng.uniform(0.2, 0.7), rng.uniform(1.4, 2.6)])
    level = 1 + _sign(rng, 0.45) * rng.uniform(0.05, 0.4)
    changed = base * level + (image - base) * rough
    if rng.random() < 0.5:
        spread = float((image - base)[part].std())
        changed = changed + rng.uniform(0.3, 1.2) * spread * _lines(image.shape, _texture_angle(image, part), rng)
    return np.asarray(changed)


def _lines(shape: tuple[int, ...], angle: float, rng: np.random.Generator) -> Floats:
    """Noise that is drawn out into lines of one direction, mean 0, spread 1."""
    reach = int(np.hypot(shape[0], shape[1])) + 2
    length = max(2, int(reach / rng.uniform(30, 200)) + 2)
    drawn_out = cv2.resize(rng.standard_normal((reach, length)).astype(np.float32), (reach, reach))
    turn = np.asarray(cv2.getRotationMatrix2D((reach / 2, reach / 2), -np.degrees(angle), 1.0), np.float64)
    turn[:, 2] += np.array([shape[1] - reach, shape[0] - reach]) / 2
    lines = cv2.warpAffine(drawn_out, turn, (shape[1], shape[0]), borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray((lines - lines.mean()) / (lines.std() + 1e-6))


def _foreign(image: Floats, part: np.ndarray, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A piece of the part's own surface, turned and in another place: residue, folds, wrong texture."""
    centre = image.shape[1] / 2, image.shape[0] / 2
    turned = cv2.warpAffine(
        image,
        cv2.getRotationMatrix2D(centre, float(rng.choice([35, 60, 90, 120, 150])), rng.uniform(0.7, 1.6)),
        (image.shape[1], image.shape[0]),
        borderMode=cv2.BORDER_REFLECT_101,
    )
    reach = rng.uniform(0.02, 0.12) * min(image.shape)
    alpha = _blob(image.shape, _place(part, rng), (reach * rng.uniform(0.5, 1), reach * rng.uniform(1, 2.2)), rng)
    level = _local(image) / (_local(turned) + 1)
    return turned * np.clip(level, 0.3, 3) * (1 + rng.normal(0, 0.2)), alpha


KINDS: dict[str, Kind] = {
    "pit": _pit,
    "crack": _crack,
    "scratch": _scratch,
    "chip": _chip,
    "patch": _patch,
    "band": _band,
    "foreign": _foreign,
}
