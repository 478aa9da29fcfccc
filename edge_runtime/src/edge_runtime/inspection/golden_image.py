"""Comparison with a golden image: a part is laid over it, and what differs beyond its edges' tolerance is marked.

A pixel of one image is wrong where it is darker or brighter than everything that the other one shows within the
tolerance. So edges may move a little, and no pattern may be missing or added. Both ways are needed: image against
golden image alone does not see that a line thinner than twice the tolerance is broken, or a gap as thin as that closed.

What lies out of the frame is not compared, nor is a rim as wide as the tolerance: leave some room around the part.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np

from edge_runtime.bundle.inspection_spec import GoldenImageSettings
from edge_runtime.inspection.registration import Registrar, Registration, laid_over

WHITE = 255
LEAST_SPREAD = 2.0
# Below this no resampling: the edge tolerance bears it, and resampling blurs.
LEAST_MOTION_PX = 0.3
# Light is looked at on means of so many pixels by as many, and taken out as a gain in 128ths.
LIGHT_STEP, GAIN_UNIT, AMBIENT = 8, 128, 8.0


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
class Aligned:
    """An image laid over the golden image, in its light; or why that could not be done.

    Attributes:
        grey: uint8 (height, width); None if it failed.
        registration: Where the part lies; None if it was not looked for.
        failure: Why the part cannot be compared; None if it can.
    """

    grey: np.ndarray | None = field(repr=False)
    registration: Registration | None = None
    failure: str | None = None


@dataclass(frozen=True)
class Comparison:
    """What came of a comparison.

    Attributes:
        score: 0 to 1, larger is worse: area times contrast of the worst blob, on a saturating scale. 0 without a blob,
            above LEAST_BLOB_SCORE with one, 1 if the part could not be compared.
        blobs: What differs, the worst first.
        heat: uint8 (height, width), 255 for twice the contrast that counts.
        registration: Where the part lies; None if it was not looked for.
        failure: Why the part could not be compared (score 1); None if it was.
    """

    score: float
    blobs: tuple[Blob, ...]
    heat: np.ndarray = field(repr=False)
    registration: Registration | None = None
    failure: str | None = None

    @property
    def heat_map(self) -> np.ndarray:
        """float32 (height, width), 0 to 1."""
        return np.asarray(cv2.LUT(self.heat, np.linspace(0, 1, 256, dtype=np.float32)))


def compare(image: np.ndarray, reference: np.ndarray, settings: GoldenImageSettings) -> Comparison:
    """Compare one image with one golden image; see `GoldenComparer`."""
    return GoldenComparer(reference, settings).compare(image)


def judged(blobs: Iterable[Blob], settings: GoldenImageSettings) -> tuple[float, tuple[Blob, ...]]:
    """The score of a part, and those of its blobs that count, the worst first."""
    least = settings.least_area_px * settings.contrast
    weights = {blob: blob.area_px * blob.contrast for blob in blobs if blob.area_px >= settings.least_area_px}
    worst = max(weights.values(), default=0.0)
    return float(worst / (worst + least)), tuple(sorted(weights, key=lambda blob: weights[blob], reverse=True))


class GoldenComparer:
    """Compares images with one golden image, of which everything is computed once.

    Args:
        reference: uint8, (height, width) or (height, width, channels).
        settings: Tolerances.
    """

    def __init__(self, reference: np.ndarray, settings: GoldenImageSettings) -> None:
        self._settings = settings
        self._reference = _grey(reference)
        self._is_blank = _is_blank(self._reference)
        self._registrar = Registrar(
            self._reference, step=settings.registration_step, largest_shift_px=settings.largest_shift_px
        )
        self._smooth = _smoothed(self._reference, settings)
        self._darkest, self._brightest = _nearby(self._smooth, settings.edge_tolerance_px)
        self._light = _light(self._reference, settings.lighting_px) if settings.lighting_px else None

    def with_tolerances(self, settings: GoldenImageSettings) -> GoldenComparer:
        """The same golden image with other tolerances, contrast, areas and margins; its registration and light stay."""
        other = copy.copy(self)
        other._settings = settings
        other._darkest, other._brightest = _nearby(self._smooth, settings.edge_tolerance_px)
        return other

    def compare(self, image: np.ndarray) -> Comparison:
        """Register an image and find what differs.

        Args:
            image: uint8, of the golden image's size.

        Returns:
            The comparison; one that failed has score 1, for a part that cannot be compared must not pass.
        """
        return self.difference(self.align(image))

    def align(self, image: np.ndarray) -> Aligned:
        """Lay an image over the golden image; what lies out of the frame is taken from the golden image.

        Args:
            image: uint8, of the golden image's size.
        """
        grey = _grey(image)
        if grey.shape != self._reference.shape:
            sizes = " x ".join(map(str, grey.shape[::-1])), " x ".join(map(str, self._reference.shape[::-1]))
            return Aligned(None, failure=f"the image is {sizes[0]} px, its golden image {sizes[1]} px")
        if self._is_blank or _is_blank(grey):
            return Aligned(None, failure=f"the {'golden ' if self._is_blank else ''}image is blank")
        found = self._registrar.register(grey)
        failure = self._failure(found, grey)
        if failure is not None:
            return Aligned(None, found, failure)
        if found.motion_px >= LEAST_MOTION_PX:
            grey = laid_over(grey, found.to_image, self._reference)
        return Aligned(self._levelled(grey), found)

    def difference(self, aligned: Aligned) -> Comparison:
        """What differs in an image that was laid over this golden image."""
        settings = self._settings
        if aligned.grey is None:
            everywhere = np.full(self._reference.shape, WHITE, np.uint8)
            return Comparison(1.0, (), everywhere, aligned.registration, aligned.failure)
        excess = self._excess(aligned.grey)
        score, blobs = judged(self._blobs(excess), settings)
        heat = cv2.convertScaleAbs(excess, alpha=1 / (2 * settings.contrast))
        return Comparison(score, blobs, heat, aligned.registration)

    def _excess(self, grey: np.ndarray) -> np.ndarray:
        """By how much each pixel is out of what the other image shows nearby, both ways."""
        darkest, brightest = _nearby(grey, self._settings.edge_tolerance_px)
        excess = np.asarray(cv2.subtract(grey, self._brightest))
        for more, less in ((self._darkest, grey), (self._smooth, brightest), (darkest, self._smooth)):
            cv2.max(excess, cv2.subtract(more, less), dst=excess)
        return excess

    def _failure(self, found: Registration, grey: np.ndarray) -> str | None:
        settings = self._settings
        if found.correlation < settings.least_correlation:
            shift = self._registrar.far_shift(grey)
            if shift is not None and max(map(abs, shift)) > settings.largest_shift_px:
                return _too_far(shift, settings)
            return (
                f"unlike its golden image: correlation {found.correlation:.2f}, at least {settings.least_correlation:g}"
            )
        if max(map(abs, found.shift_px)) > settings.largest_shift_px:
            return _too_far(found.shift_px, settings)
        if abs(found.turn_deg) > settings.largest_turn_deg:
            return f"turned by {found.turn_deg:.1f} deg, more than {settings.largest_turn_deg:g} deg"
        if abs(found.scale - 1) > settings.largest_scale_change:
            return f"{found.scale:.3f} times as large as its golden image: see to the camera's distance"
        return None

    def _levelled(self, grey: np.ndarray) -> np.ndarray:
        """The image in the golden image's light: slow changes over the frame are taken out."""
        smooth = _smoothed(grey, self._settings)
        if self._light is None:
            return smooth
        gain = self._light / _light(grey, self._settings.lighting_px) * GAIN_UNIT
        units = cv2.resize(np.minimum(gain, WHITE).round().astype(np.uint8), grey.shape[::-1])
        return np.asarray(cv2.multiply(smooth, units, scale=1 / GAIN_UNIT))

    def _blobs(self, excess: np.ndarray) -> tuple[Blob, ...]:
        settings = self._settings
        # Excess is whole, and a pixel counts above the contrast, not at it.
        _, wrong = cv2.threshold(excess, int(settings.contrast * WHITE), WHITE, cv2.THRESH_BINARY)
        places = cv2.findNonZero(wrong)
        if places is None or len(places) < settings.least_area_px:
            return ()
        columns, rows = places.reshape(-1, 2).T
        count, of = self._joined(wrong, rows, columns)
        areas = np.bincount(of, minlength=count)
        sums = np.bincount(of, excess[rows, columns], minlength=count)
        counted = np.flatnonzero(areas >= settings.least_area_px)
        edges = (
            _extreme(function, values, of, count)[counted]
            for function in (np.minimum, np.maximum)
            for values in (columns, rows)
        )
        boxes = np.stack([*edges], axis=1).tolist()
        contrasts = (sums[counted] / areas[counted] / WHITE).tolist()
        found = zip(boxes, areas[counted].tolist(), contrasts, strict=True)
        return tuple(self._blob(*blob) for blob in found)

    def _joined(self, wrong: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> tuple[int, np.ndarray]:
        """How many areas there are, and which one each wrong pixel belongs to."""
        joining = self._settings.joining_px
        if joining == 0:
            count, labels = cv2.connectedComponents(wrong)
            return count, labels[rows, columns]
        # Areas are at least three pixels wide now, so that every second pixel shows them all.
        wide = cv2.dilate(wrong, np.ones((2 * joining + 1,) * 2, np.uint8))
        count, labels = cv2.connectedComponents(np.ascontiguousarray(wide[::2, ::2]))
        return count, labels[rows // 2, columns // 2]

    def _blob(self, box: list[int], area_px: int, contrast: float) -> Blob:
        left, top, right, bottom = box
        margin, (height, width) = self._settings.margin_px, self._reference.shape
        x, y = max(0, left - margin), max(0, top - margin)
        return Blob(
            x_px=x,
            y_px=y,
            width_px=min(width, right + 1 + margin) - x,
            height_px=min(height, bottom + 1 + margin) - y,
            area_px=area_px,
            contrast=contrast,
        )


def _too_far(shift_px: tuple[float, float], settings: GoldenImageSettings) -> str:
    return f"shifted by {shift_px[0]:.1f}, {shift_px[1]:.1f} px, more than {settings.largest_shift_px:g} px"


def _grey(image: np.ndarray) -> np.ndarray:
    plain = image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image
    return plain if plain.ndim == 2 else cv2.cvtColor(plain, cv2.COLOR_BGR2GRAY)


def _is_blank(grey: np.ndarray) -> bool:
    return bool(cv2.meanStdDev(grey)[1].item() < LEAST_SPREAD)


def _smoothed(grey: np.ndarray, settings: GoldenImageSettings) -> np.ndarray:
    """Less sensor noise; 0 leaves the image as it is."""
    size = settings.smoothing_px
    return grey if size == 0 else cv2.blur(grey, (2 * size + 1, 2 * size + 1))


def _nearby(grey: np.ndarray, tolerance_px: float) -> tuple[np.ndarray, np.ndarray]:
    """The darkest and the brightest within a tolerance of each pixel; beyond the frame there may be anything.

    Between two whole tolerances their values are mixed: linear interpolation, as of an edge that moved by so much.
    """
    whole = math.floor(tolerance_px)
    darkest, brightest = _extremes(grey, whole)
    share = tolerance_px - whole
    if share > 0:
        darker, brighter = _extremes(grey, whole + 1)
        darkest = cv2.addWeighted(darkest, 1 - share, darker, share, 0)
        brightest = cv2.addWeighted(brightest, 1 - share, brighter, share, 0)
    return darkest, brightest


def _extremes(grey: np.ndarray, radius_px: int) -> tuple[np.ndarray, np.ndarray]:
    if radius_px == 0:
        return grey, grey
    around = np.ones((2 * radius_px + 1,) * 2, np.uint8)
    darkest = cv2.erode(grey, around, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    brightest = cv2.dilate(grey, around, borderType=cv2.BORDER_CONSTANT, borderValue=WHITE)
    return np.asarray(darkest), np.asarray(brightest)


def _light(grey: np.ndarray, radius_px: int) -> np.ndarray:
    """The light over the frame: means over large squares, small, with a little added so that it can be divided by."""
    height, width = grey.shape
    size = (max(2, width // LIGHT_STEP), max(2, height // LIGHT_STEP))
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.asarray(cv2.blur(small, (2 * max(1, radius_px // LIGHT_STEP) + 1,) * 2)) + AMBIENT


def _extreme(function: np.ufunc, values: np.ndarray, of: np.ndarray, count: int) -> np.ndarray:
    """The least or largest value of each label."""
    found = np.full(count, 0 if function is np.maximum else np.iinfo(values.dtype).max, values.dtype)
    function.at(found, of, values)
    return found
