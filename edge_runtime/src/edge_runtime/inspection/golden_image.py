"""Comparison with a golden image: a part is registered to it, and what differs beyond its edges' tolerance is marked.

A pixel is wrong where it is darker or brighter than everything that the golden image shows within the tolerance: so edges
may move by a pixel, and a missing or added pattern may not.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from edge_runtime.bundle.inspection_spec import GoldenImageSettings

WHITE = 255.0
LEAST_SPREAD = 2.0


@dataclass(frozen=True)
class Blob:
    """An area that differs, with a margin around it, in pixels of the golden image; `contrast`: mean excess, 0 to 1."""

    x_px: int
    y_px: int
    width_px: int
    height_px: int
    area_px: int
    contrast: float


@dataclass(frozen=True)
class Comparison:
    """What came of a comparison.

    Attributes:
        score: 0 to 1, larger is worse: area times contrast of the worst blob, on a saturating scale.
        blobs: What differs, the worst first.
        heat_map: float32 (height, width), 0 to 1.
        shift_px: (x, y) by which the part lies beside the golden image.
        correlation: How like the golden image it is after registration, -1 to 1.
        failure: Why the part could not be compared (score 1); None if it was.
    """

    score: float
    blobs: tuple[Blob, ...]
    heat_map: np.ndarray = field(repr=False)
    shift_px: tuple[float, float] = (0.0, 0.0)
    correlation: float = 0.0
    failure: str | None = None


def compare(image: np.ndarray, reference: np.ndarray, settings: GoldenImageSettings) -> Comparison:
    """Compare one image with one golden image; see `GoldenComparer`."""
    return GoldenComparer(reference, settings).compare(image)


class GoldenComparer:
    """Compares images with one golden image, of which everything is computed once.

    Args:
        reference: uint8, (height, width) or (height, width, channels).
        settings: Tolerances.
    """

    def __init__(self, reference: np.ndarray, settings: GoldenImageSettings) -> None:
        self._settings = settings
        self._reference = _grey(reference)
        self._spread = float(self._reference.std())
        smooth = _smoothed(self._reference, settings)
        around = np.ones((2 * settings.edge_tolerance_px + 1,) * 2, np.uint8)
        self._darkest, self._brightest = cv2.erode(smooth, around), cv2.dilate(smooth, around)
        self._mean = float(smooth.mean())
        self._small = _small(self._reference, settings)
        self._window = cv2.createHanningWindow(self._small.shape[::-1], cv2.CV_32F)

    def compare(self, image: np.ndarray) -> Comparison:
        """Register an image and find what differs.

        Args:
            image: uint8, of the golden image's size.

        Returns:
            The comparison; one that failed has score 1, for a part that cannot be compared must not pass.
        """
        grey = _grey(image)
        if grey.shape != self._reference.shape:
            return self._failed(f"image is {grey.shape[1]} x {grey.shape[0]}, not like the golden image")
        if float(grey.std()) < LEAST_SPREAD or self._spread < LEAST_SPREAD:
            return self._failed("the image or its golden image is blank")
        shift = self._shift(grey)
        if max(abs(value) for value in shift) > self._settings.largest_shift_px:
            return self._failed(f"shifted by {shift[0]:.1f}, {shift[1]:.1f} px", shift)
        moved = _moved(grey, shift)
        correlation = self._correlation(moved)
        if correlation < self._settings.least_correlation:
            return self._failed(f"correlation with the golden image is {correlation:.2f}", shift)
        return self._compared(self._levelled(moved), shift, correlation)

    def _failed(self, failure: str, shift: tuple[float, float] = (0.0, 0.0)) -> Comparison:
        return Comparison(1.0, (), np.ones(self._reference.shape, np.float32), shift, 0.0, failure)

    def _shift(self, grey: np.ndarray) -> tuple[float, float]:
        """How far the part lies to the right of and below the golden image, by phase correlation of small images."""
        step = self._settings.registration_step
        (x, y), response = cv2.phaseCorrelate(self._small, _small(grey, self._settings), self._window)
        if response < self._settings.least_response:
            return 0.0, 0.0
        found = x * step, y * step
        # Within a pixel the edge tolerance does better than resampling, which blurs.
        return (0.0, 0.0) if max(abs(v) for v in found) < 0.75 else found

    def _correlation(self, grey: np.ndarray) -> float:
        step = self._settings.registration_step
        one, other = self._reference[::step, ::step], grey[::step, ::step]
        return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])

    def _levelled(self, grey: np.ndarray) -> np.ndarray:
        """The image in the golden image's light: one gain for all, and slow changes over the frame."""
        smooth = _smoothed(grey, self._settings)
        if self._settings.lighting_px == 0:
            return smooth
        size = self._settings.lighting_px
        there, here = _slow(self._reference, size), _slow(grey, size)
        return np.clip(smooth.astype(np.float32) * (there + 8) / (here + 8), 0, WHITE).astype(np.uint8)

    def _compared(self, grey: np.ndarray, shift: tuple[float, float], correlation: float) -> Comparison:
        settings = self._settings
        excess = cv2.max(cv2.subtract(grey, self._brightest), cv2.subtract(self._darkest, grey))
        wrong = cv2.compare(excess, settings.contrast * WHITE, cv2.CMP_GT)
        joined = wrong
        if settings.joining_px:
            around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * settings.joining_px + 1,) * 2)
            joined = cv2.dilate(wrong, around)
        blobs = self._blobs(wrong, joined, excess)
        score = max((self._evidence(blob) for blob in blobs), default=0.0)
        heat_map = np.minimum(excess.astype(np.float32) / (2 * settings.contrast * WHITE), 1.0)
        return Comparison(score, blobs, heat_map, shift, correlation)

    def _blobs(self, wrong: np.ndarray, joined: np.ndarray, excess: np.ndarray) -> tuple[Blob, ...]:
        count, labels, _, _ = cv2.connectedComponentsWithStats(joined)
        if count == 1:
            return ()
        rows, columns = np.nonzero(wrong)
        of = labels[rows, columns]
        areas = np.bincount(of, minlength=count)
        contrasts = np.bincount(of, excess[rows, columns], minlength=count) / np.maximum(areas, 1) / WHITE
        found = []
        for number in np.flatnonzero(areas >= self._settings.least_area_px):
            inside = of == number
            x, y = columns[inside], rows[inside]
            found.append(self._blob(x, y, int(areas[number]), float(contrasts[number])))
        return tuple(sorted(found, key=self._evidence, reverse=True))

    def _blob(self, x: np.ndarray, y: np.ndarray, area_px: int, contrast: float) -> Blob:
        margin, (height, width) = self._settings.margin_px, self._reference.shape
        left, top = max(0, int(x.min()) - margin), max(0, int(y.min()) - margin)
        right, bottom = min(width, int(x.max()) + 1 + margin), min(height, int(y.max()) + 1 + margin)
        return Blob(left, top, right - left, bottom - top, area_px, contrast)

    def _evidence(self, blob: Blob) -> float:
        """0.5 for the least blob that counts, towards 1 for large ones of full contrast."""
        weight = blob.area_px * blob.contrast
        least = self._settings.least_area_px * self._settings.contrast
        return float(weight / (weight + least))


def _grey(image: np.ndarray) -> np.ndarray:
    plain = image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image
    return plain if plain.ndim == 2 else cv2.cvtColor(plain, cv2.COLOR_BGR2GRAY)


def _smoothed(grey: np.ndarray, settings: GoldenImageSettings) -> np.ndarray:
    """Less sensor noise; 0 leaves the image as it is."""
    size = settings.smoothing_px
    return grey if size == 0 else cv2.blur(grey, (2 * size + 1, 2 * size + 1))


def _slow(grey: np.ndarray, size_px: int) -> np.ndarray:
    """The light over the frame: means over large squares."""
    height, width = grey.shape
    small = cv2.resize(grey, (max(2, width // 8), max(2, height // 8)), interpolation=cv2.INTER_AREA).astype(np.float32)
    mean = cv2.blur(small, (max(1, size_px // 8) * 2 + 1,) * 2)
    return np.asarray(cv2.resize(mean, (width, height), interpolation=cv2.INTER_LINEAR))


def _small(grey: np.ndarray, settings: GoldenImageSettings) -> np.ndarray:
    step = settings.registration_step
    size = (grey.shape[1] // step, grey.shape[0] // step)
    return cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.float32)


def _moved(grey: np.ndarray, shift: tuple[float, float]) -> np.ndarray:
    if shift == (0.0, 0.0):
        return grey
    back = np.array([[1, 0, -shift[0]], [0, 1, -shift[1]]], np.float32)
    return cv2.warpAffine(
        grey, back, (grey.shape[1], grey.shape[0]), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
