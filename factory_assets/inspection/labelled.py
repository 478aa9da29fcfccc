"""Labelled images of one product in memory, as a method takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl

OnEpoch = Callable[[int, Mapping[str, float]], None]


@dataclass(frozen=True)
class LabelledImages:
    """Images that were fitted to one size, with what is known of each.

    Attributes:
        image_ids: Their names in the manifest.
        pixels: uint8, (images, height, width, channels).
        labels: The label of each.
        classes: All labels of the product, sorted; the order of a classifier's probabilities.
        is_defect: Whether each one is defective; true for all where a product has no OK label.
        groups: Images of one part share a group.
        masks: uint8, (images, height, width), 1 where the part is defective; None where the product has no masks.
        references: uint8 like `pixels`, the golden image of each; None where there are none.
    """

    image_ids: tuple[str, ...]
    pixels: np.ndarray
    labels: tuple[str, ...]
    classes: tuple[str, ...]
    is_defect: np.ndarray
    groups: tuple[str, ...]
    masks: np.ndarray | None = None
    references: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.image_ids)

    @property
    def targets(self) -> np.ndarray:
        """The label of each as its place in `classes`, int32."""
        place = {name: number for number, name in enumerate(self.classes)}
        return np.array([place[label] for label in self.labels], dtype=np.int32)

    def take(self, chosen: np.ndarray) -> LabelledImages:
        """Some of the images, by a boolean mask or by places."""
        places = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        return replace(
            self,
            image_ids=tuple(self.image_ids[i] for i in places),
            pixels=self.pixels[places],
            labels=tuple(self.labels[i] for i in places),
            is_defect=self.is_defect[places],
            groups=tuple(self.groups[i] for i in places),
            masks=None if self.masks is None else self.masks[places],
            references=None if self.references is None else self.references[places],
        )


@dataclass(frozen=True)
class TrainedNetwork:
    """A network that was trained, ready for export.

    Attributes:
        network: Keras model. Input `image`: uint8 (batch, height, width, channels), raw pixels. Outputs by name:
            `score` float32 (batch, 1), 0 to 1, larger is worse; `probabilities` (batch, classes) of classifiers;
            `heat_map` (batch, h, w, 1), 0 to 1, of the others.
        history: One row an epoch.
        best_epoch: The epoch whose weights these are.
        cpu_s: CPU time of the training.
        choices: What was settled on validation images, by name.
    """

    network: Any
    history: pl.DataFrame
    best_epoch: int
    cpu_s: float
    choices: Mapping[str, Any] = field(default_factory=dict)
