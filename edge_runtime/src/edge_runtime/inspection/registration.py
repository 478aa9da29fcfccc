"""Laying an image over its golden image: shift, and the small turn and stretch that a real camera and fixture give.

A coarse search by normalised cross-correlation finds the shift; Gauss-Newton steps on small images refine it to a
similarity (S. Baker, I. Matthews, "Lucas-Kanade 20 years on", IJCV 56 (2004) 221-255). Gradients are the golden image's
alone, so that all but a matrix product is computed once, and they are made blind to gain and offset of the light.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np

# Small images are not made smaller than this.
LEAST_SIDE_PX = 96
COARSE_STEPS, FINE_STEPS = 6, 4
SETTLED_SHARE = 0.02
# Directions in which the golden image hardly has a gradient (along its only edge, say) are left alone.
RIDGE = 1e-3
FARNESS = 0.05
# Shifts whose likeness is less than so much below the best are tried as well.
AMBIGUOUS, LARGEST_STARTS = 0.15, 4


@dataclass(frozen=True)
class Registration:
    """Where a part lies, in pixels of the golden image.

    Attributes:
        to_image: float64 (2, 3), takes (x, y, 1) of the golden image to (x, y) of the image.
        shift_px: (x, y) by which the middle lies to the right of and below the golden image's.
        turn_deg: By how much the part is turned, clockwise as seen.
        scale: How much larger than the golden image it is, as a ratio.
        correlation: How like the golden image the registered image is, -1 to 1.
        motion_px: The farthest that any pixel moves.
    """

    to_image: np.ndarray = field(repr=False)
    shift_px: tuple[float, float]
    turn_deg: float
    scale: float
    correlation: float
    motion_px: float


class Registrar:
    """Registers images to one golden image.

    Args:
        reference: uint8 (height, width).
        step: The fine search sees means of so many pixels by as many; the coarse one of twice that.
        largest_shift_px: The coarse search looks so far.
    """

    def __init__(self, reference: np.ndarray, *, step: int, largest_shift_px: float) -> None:
        height, width = reference.shape
        step = max(1, min(step, min(height, width) // LEAST_SIDE_PX))
        self._size = (width, height)
        fine = _shrunk(reference, step)
        self._fine, self._coarse = _Level(fine, step, self._size), _Level(_shrunk(fine, 2), 2 * step, self._size)
        coarse = self._coarse.reference
        reach = math.ceil(largest_shift_px / self._coarse.step) + 1
        self._reach = tuple(max(0, min(reach, side // 4)) for side in coarse.shape)
        down, right = self._reach
        # Where a pattern repeats, or runs along the frame, the shift nearest to none is believed.
        rows, columns = (np.abs(np.arange(-side, side + 1)) / max(side, 1) for side in self._reach)
        self._farness = (FARNESS * np.maximum(rows[:, None], columns[None, :])).astype(np.float32)
        self._middle = np.ascontiguousarray(coarse[down : coarse.shape[0] - down, right : coarse.shape[1] - right])

    def register(self, image: np.ndarray) -> Registration:
        """Find where the part lies.

        Args:
            image: uint8, of the golden image's size.
        """
        fine = _shrunk(image, self._fine.step)
        coarse = _shrunk(fine, 2)
        starts = [self._coarse.refined(coarse, start, COARSE_STEPS) for start in self._searched(coarse)]
        if len(starts) > 1:
            starts.sort(key=lambda start: self._coarse.correlation(coarse, start), reverse=True)
        motion = self._fine.refined(fine, starts[0], FINE_STEPS)
        correlation = self._fine.correlation(fine, motion)
        return self._registration(motion, correlation)

    def far_shift(self, image: np.ndarray) -> tuple[float, float] | None:
        """The shift of a part that lies beyond the search, by phase correlation; None if there is no clear one."""
        level = self._fine
        window = cv2.createHanningWindow(level.reference.shape[::-1], cv2.CV_32F)
        small = _shrunk(image, level.step)
        # OpenCV multiplies the window into the images that it is given.
        (x, y), _ = cv2.phaseCorrelate(level.reference.copy(), small.copy(), window)
        rows, columns = (slice(max(0, round(-v)), min(0, round(-v)) or None) for v in (y, x))
        there = level.reference[rows, columns]
        rows, columns = (slice(max(0, round(v)), min(0, round(v)) or None) for v in (y, x))
        here = small[rows, columns]
        if min(there.shape, default=0) < LEAST_SIDE_PX // 4 or _correlation(there, here) < 0.5:
            return None
        return x * level.step, y * level.step

    def _searched(self, coarse: np.ndarray) -> list[np.ndarray]:
        """Shifts at which the middles of the images are alike, the likeliest first: several where a pattern repeats."""
        likeness = cv2.matchTemplate(coarse, self._middle, cv2.TM_CCOEFF_NORMED) - self._farness
        peaks = likeness == cv2.dilate(likeness, np.ones((3, 3), np.uint8))
        rows, columns = np.nonzero(peaks & (likeness >= likeness.max() - AMBIGUOUS))
        order = np.argsort(-likeness[rows, columns], kind="stable")[:LARGEST_STARTS]
        down, right = self._reach
        return [
            np.array([(columns[place] - right) * self._coarse.step, (rows[place] - down) * self._coarse.step, 0.0, 0.0])
            for place in order
        ]

    def _registration(self, motion: np.ndarray, correlation: float) -> Registration:
        to_image = _matrix(motion, self._size)
        (cosine, _), (sine, _) = to_image[:, :2]
        return Registration(
            to_image=to_image,
            shift_px=(float(motion[0]), float(motion[1])),
            turn_deg=math.degrees(math.atan2(sine, cosine)),
            scale=math.hypot(sine, cosine),
            correlation=correlation,
            motion_px=float(np.abs(motion[:2]).max() + np.abs(motion[2:]).sum()),
        )


class _Level:
    """One size of image that motions are refined on.

    A motion is four numbers, in pixels of the golden image: shift x and y, and how far turning and growing move the
    middle of the frame's far edge.
    """

    def __init__(self, reference: np.ndarray, step: int, size: tuple[int, int]) -> None:
        self.reference, self.step, self._size = reference, step, size
        height, width = reference.shape
        half = max(reference.shape) / 2
        across = ((np.arange(width, dtype=np.float32) - (width - 1) / 2) / half)[None, :]
        down = ((np.arange(height, dtype=np.float32) - (height - 1) / 2) / half)[:, None]
        of_x = cv2.Sobel(reference, cv2.CV_32F, 1, 0, scale=1 / (8 * step))
        of_y = cv2.Sobel(reference, cv2.CV_32F, 0, 1, scale=1 / (8 * step))
        slopes = (of_x, of_y, of_y * across - of_x * down, of_x * across + of_y * down)
        jacobian = np.stack([slope.ravel() for slope in slopes])
        light = np.stack([np.ones(reference.size, np.float32), (reference - reference.mean()).ravel()])
        jacobian -= (jacobian @ light.T) / np.maximum((light * light).sum(axis=1), 1e-6) @ light
        hessian = (jacobian @ jacobian.T).astype(np.float64)
        ridge = max(RIDGE * float(np.trace(hessian)) / 4, 1e-6)
        self._solver = np.linalg.inv(hessian + ridge * np.eye(4)).astype(np.float32) @ jacobian
        self._mean, self._spread = (float(value.item()) for value in cv2.meanStdDev(reference))

    def refined(self, small: np.ndarray, motion: np.ndarray, steps: int) -> np.ndarray:
        """A motion after some Gauss-Newton steps."""
        mean, spread = (float(value.item()) for value in cv2.meanStdDev(small))
        light = (small - mean) * (self._spread / max(spread, 1e-3)) + self._mean
        for _ in range(steps):
            change = self._solver @ self.moved(light, motion).ravel()
            motion = motion - change
            if float(np.abs(change).max()) < SETTLED_SHARE * self.step:
                break
        return motion

    def moved(self, small: np.ndarray, motion: np.ndarray) -> np.ndarray:
        """The image laid over the golden image; where it shows nothing, the golden image."""
        matrix = _matrix(motion, self._size)
        # Pixel i of a small image is the mean of pixels i * step to i * step + step - 1.
        middle = (self.step - 1) / 2
        matrix[:, 2] = (matrix[:, 2] + matrix[:, :2] @ [middle, middle] - middle) / self.step
        return laid_over(small, matrix, self.reference)

    def correlation(self, small: np.ndarray, motion: np.ndarray) -> float:
        """How like the golden image the moved image is, where both show something."""
        right, down = (round(float(value) / self.step) for value in motion[:2])
        rows, columns = (slice(max(0, -by), min(0, -by) or None) for by in (down, right))
        return _correlation(self.reference[rows, columns], self.moved(small, motion)[rows, columns])


def laid_over(image: np.ndarray, to_image: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """An image moved to where the golden image is; what lies out of the frame is taken from the golden image."""
    moved: np.ndarray = cv2.warpAffine(
        image,
        to_image,
        image.shape[::-1],
        dst=reference.copy(),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_TRANSPARENT,
    )
    return moved


def _matrix(motion: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    x, y, turn, growth = motion
    half = max(size) / 2
    linear = np.array([[1 + growth / half, -turn / half], [turn / half, 1 + growth / half]])
    middle = (np.array(size) - 1) / 2
    return np.column_stack([linear, middle + np.array([x, y]) - linear @ middle])


def _shrunk(image: np.ndarray, step: int) -> np.ndarray:
    size = (max(1, image.shape[1] // step), max(1, image.shape[0] // step))
    # Cut to whole steps, so that every mean is over as many pixels.
    whole = image[: size[1] * step, : size[0] * step]
    return cv2.resize(whole, size, interpolation=cv2.INTER_AREA).astype(np.float32)


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    first, second = one - one.mean(), other - other.mean()
    norm = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(np.vdot(first, second)) / norm if norm > 1e-6 else 0.0
