"""Whether a frame can be trusted: not dark, blown, blurred, stale or shifted. If not, the part is rejected."""

from __future__ import annotations

import cv2
import numpy as np

from edge_runtime.station.config import ImageHealth

# Grey values are judged on about so many pixels a side, taken at even distances.
SAMPLED_PX = 256
FULL_SCALE = 255
# Blur shows only in neighbouring pixels: so many tiles a side, of so many pixels each.
TILES, TILE_PX = 4, 64
# The scene is compared on a grey copy of about this size. It is what the first good frames have in common.
SCENE_PX, SCENE_FRAMES = 96, 8
# Less like the scene than this, at its best place, and it is another scene.
LEAST_LIKENESS = 0.3


class FrameJudge:
    """Judges the frames of one camera, one after the other.

    Args:
        settings: What is let through.
    """

    def __init__(self, settings: ImageHealth) -> None:
        self._limits = settings
        self._scene: _Scene | None = None if settings.largest_shift_px is None else _Scene(settings.largest_shift_px)

    def judge(self, pixels: np.ndarray, age_s: float) -> str | None:
        """Why a frame cannot be trusted, with the figure and its limit; None if it can.

        Args:
            pixels: uint8, (height, width) or (height, width, 3).
            age_s: How long ago it was taken.
        """
        limits = self._limits
        if not age_s <= limits.oldest_frame_s:
            return f"stale: the frame is {age_s:.2f} s old, {limits.oldest_frame_s:g} s are let through"
        if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or min(pixels.shape) == 0:
            return f"no image: pixels are {pixels.dtype} {pixels.shape}"
        reason = self._light(pixels)
        if reason is None and limits.least_sharpness > 0:
            found = sharpness(pixels)
            if not found >= limits.least_sharpness:
                reason = f"blurred: sharpness is {found:.3g}, {limits.least_sharpness:g} is the least"
        if reason is None and self._scene is not None:
            reason = self._scene.judge(pixels)
        return reason

    def _light(self, pixels: np.ndarray) -> str | None:
        limits = self._limits
        step = max(1, max(pixels.shape[:2]) // SAMPLED_PX)
        grey = _grey(_sampled(pixels, step))
        mean, blown = cv2.mean(grey)[0], cv2.countNonZero(cv2.inRange(grey, FULL_SCALE, FULL_SCALE)) / grey.size
        if mean < limits.darkest:
            return f"dark: the mean grey value is {mean:.1f}, {limits.darkest:g} is the least"
        if mean > limits.brightest:
            return f"blown: the mean grey value is {mean:.1f}, {limits.brightest:g} is the most"
        if blown > limits.largest_blown_share:
            return f"blown: {blown:.1%} of the pixels are white, {limits.largest_blown_share:.1%} is the most"
        return None


def sharpness(pixels: np.ndarray) -> float:
    """Variance of the Laplacian over the variance of the grey values (0 if all is one grey), over tiles of the frame.

    J. L. Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR 2000; the ratio makes it blind to
    contrast and gain.
    """
    tiles = [_grey(pixels[rows, columns]) for rows in _tiles(pixels.shape[0]) for columns in _tiles(pixels.shape[1])]
    edges = np.concatenate([cv2.Laplacian(tile, cv2.CV_16S).ravel() for tile in tiles])
    spread = _deviation(np.concatenate([tile.ravel() for tile in tiles]))
    return (_deviation(edges) / spread) ** 2 if spread > 0 else 0.0


class _Scene:
    """Where the scene lies, against the mean of the first good frames."""

    def __init__(self, largest_shift_px: float) -> None:
        self._largest_shift_px = largest_shift_px
        self._shape: tuple[int, ...] = ()
        self._first: list[np.ndarray] = []
        self._mean: np.ndarray = np.empty(0, np.float32)
        self._window: np.ndarray = self._mean

    def judge(self, pixels: np.ndarray) -> str | None:
        """Why the scene is not where it was; None if it is, or if it is still being learned."""
        small, step = _small(pixels)
        if not self._shape:
            self._shape = pixels.shape[:2]
        elif self._shape != pixels.shape[:2]:
            height, width = self._shape
            return f"shifted: {pixels.shape[1]} x {pixels.shape[0]} pixels, the first frames had {width} x {height}"
        if len(self._first) < SCENE_FRAMES:
            self._learn(small)
            return None
        return self._beside(small, step)

    def _beside(self, small: np.ndarray, step: float) -> str | None:
        # OpenCV multiplies the window into the images that it is given.
        (right, down), _ = cv2.phaseCorrelate(self._mean.copy(), small.copy(), self._window)
        shift_px = step * max(abs(right), abs(down))
        in_place = _likeness(self._mean, small, 0, 0)
        moved = _likeness(self._mean, small, round(right), round(down))
        if max(in_place, moved) < LEAST_LIKENESS:
            return f"shifted: the scene is like the first frames' by {in_place:.2f}, {LEAST_LIKENESS:g} is the least"
        # A peak far away is an accident where the scene is most like itself in its place.
        if shift_px > self._largest_shift_px and moved > in_place:
            return f"shifted: the scene lies {shift_px:.0f} px beside, {self._largest_shift_px:g} px are let through"
        return None

    def _learn(self, small: np.ndarray) -> None:
        self._first.append(small)
        if len(self._first) == SCENE_FRAMES:
            self._mean = np.asarray(np.mean(self._first, axis=0), np.float32)
            self._window = cv2.createHanningWindow(self._mean.shape[::-1], cv2.CV_32F)
            self._first = [small] * SCENE_FRAMES


def _tiles(side: int) -> list[slice]:
    if side <= TILES * TILE_PX:
        return [slice(0, side)]
    starts = np.linspace(0, side - TILE_PX, TILES).astype(int)
    return [slice(start, start + TILE_PX) for start in starts.tolist()]


def _sampled(pixels: np.ndarray, step: int) -> np.ndarray:
    """Every `step`-th pixel of both axes."""
    if step == 1:
        return pixels
    size = (-(-pixels.shape[1] // step), -(-pixels.shape[0] // step))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_NEAREST)


def _deviation(values: np.ndarray) -> float:
    return float(cv2.meanStdDev(values)[1].item())


def _grey(pixels: np.ndarray) -> np.ndarray:
    if pixels.ndim == 2:
        return np.ascontiguousarray(pixels)
    if pixels.shape[2] == 1:
        return np.ascontiguousarray(pixels[..., 0])
    return cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_BGR2GRAY)


def _small(pixels: np.ndarray) -> tuple[np.ndarray, float]:
    """A small grey copy, float32, and how many pixels of the frame one of it is."""
    height, width = pixels.shape[:2]
    factor = max(1.0, max(height, width) / SCENE_PX)
    # Whole steps first, which cost little, down to about twice the size; means of areas for the rest.
    step = max(1, int(factor // 2))
    grey = _grey(_sampled(pixels, step))
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    return cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.float32), factor


def _likeness(scene: np.ndarray, small: np.ndarray, right: int, down: int) -> float:
    """Correlation, -1 to 1, of the scene and a frame that is moved so far from it, where both show something."""
    there = scene[max(0, -down) : scene.shape[0] - max(0, down), max(0, -right) : scene.shape[1] - max(0, right)]
    here = small[max(0, down) : small.shape[0] - max(0, -down), max(0, right) : small.shape[1] - max(0, -right)]
    if there.size == 0:
        return -1.0
    first, second = there - there.mean(), here - here.mean()
    norm = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(np.vdot(first, second)) / norm if norm > 1e-3 else 0.0
