"""Batches of crops for training: each crop is used a few times, and sound ones show what the network finds hard.

A defect that is drawn or moved costs more than a step of training on it, so a crop comes back a few times, mirrored and
lit otherwise. Crops of sound parts taken anywhere soon teach nothing: the places that the network takes for defects do
(arXiv 1604.03540).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from factory_assets.inspection import crops
from factory_assets.inspection.defect_network import CELL_PX

Crop = tuple[np.ndarray, np.ndarray]
Maker = Callable[[np.random.Generator], Crop]
# Logits of whole images: uint8 (images, height, width, channels) to float32 (images, height / 8, width / 8).
LogitsOf = Callable[[np.ndarray], np.ndarray]

USES = 4
FEWEST_KEPT, MOST_KEPT = 128, 512
HOTTEST_CELLS, EVERY_SO_MANY = 64, 4
SCORED_AT_ONCE = 96


class CropSampler:
    """Makes batches of several kinds of crops.

    Args:
        kinds: How a crop of each kind is made, and how many of them a batch has.
    """

    def __init__(self, kinds: Sequence[tuple[Maker, int]], hard: HardPlaces | None = None) -> None:
        self._kinds = [(Reservoir(make), count) for make, count in kinds]
        self._hard = hard

    def sample(self, rng: np.random.Generator) -> Crop:
        """A batch: uint8 (crops, size, size, channels) and masks float32 (crops, size, size), in the order of kinds."""
        found = [crop for reservoir, count in self._kinds for crop in reservoir.take(count, rng)]
        return np.stack([crops.relit(pixels, rng) for pixels, _ in found]), np.stack([mask for _, mask in found])

    def refresh(self, logits_of: LogitsOf, rng: np.random.Generator) -> None:
        """Look again for what the network finds hard."""
        if self._hard is not None:
            self._hard.refresh(logits_of, rng)


class Reservoir:
    """Crops of one kind, each of which is used some times on average."""

    def __init__(self, make: Maker, *, uses: int = USES) -> None:
        self._make, self._uses = make, uses
        self._kept: list[Crop] = []

    def take(self, count: int, rng: np.random.Generator) -> list[Crop]:
        """New crops, and some that were there before, mirrored."""
        return [self._new(rng) if self._is_due(rng) else self._again(rng) for _ in range(count)]

    def _is_due(self, rng: np.random.Generator) -> bool:
        return len(self._kept) < FEWEST_KEPT or rng.random() < 1 / self._uses

    def _new(self, rng: np.random.Generator) -> Crop:
        crop = self._make(rng)
        if len(self._kept) < MOST_KEPT:
            self._kept.append(crop)
        else:
            self._kept[rng.integers(MOST_KEPT)] = crop
        return crop

    def _again(self, rng: np.random.Generator) -> Crop:
        pixels, mask = self._kept[rng.integers(len(self._kept))]
        for axis in (0, 1):
            if rng.random() < 0.5:
                pixels, mask = np.flip(pixels, axis), np.flip(mask, axis)
        return np.ascontiguousarray(pixels), np.ascontiguousarray(mask)


class HardPlaces:
    """Where in sound parts the network sees defects.

    Args:
        pixels: Images of sound parts, uint8 (images, height, width, channels).
    """

    def __init__(self, pixels: np.ndarray) -> None:
        self._pixels = pixels
        self._places: dict[int, np.ndarray] = {}

    def refresh(self, logits_of: LogitsOf, rng: np.random.Generator) -> None:
        """Score some of the images, and keep the hottest cells of each: not all in one spot, but every fourth."""
        chosen = rng.permutation(len(self._pixels))[:SCORED_AT_ONCE]
        for image, logits in zip(chosen, logits_of(self._pixels[chosen]), strict=True):
            hottest = np.argsort(logits, axis=None)[::-1][:HOTTEST_CELLS:EVERY_SO_MANY]
            cells = np.stack(np.unravel_index(hottest, logits.shape), axis=1)
            self._places[int(image)] = cells * CELL_PX + CELL_PX / 2

    def near(self, image: int, rng: np.random.Generator) -> tuple[float, float]:
        """Row and column of such a place in an image; of any place as long as the image was not scored."""
        places = self._places.get(image)
        if places is None:
            return crops.anywhere(self._pixels[image], rng)
        row, column = places[rng.integers(len(places))]
        return float(row), float(column)
