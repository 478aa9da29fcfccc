"""Contestants: models of remaining life that are trained and judged alike, whatever they are made of."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np

from factory_assets.rul.windows import Windows


@dataclass(frozen=True)
class Examples:
    """What a contestant learns from: windows in standard deviations of their regime, what they come to, and the truth.

    Attributes:
        scaled: (N, W, C) float32.
        figures: (N, F) float32, statistics of the window and the age as a share of the cap.
        target_cycles: (N,) float32, the remaining life, at most the cap.
        is_least: (N,) bool, whether that is only the least that it may have been: the life was cut off before it
            failed, and before the cap was reached.
    """

    scaled: np.ndarray
    figures: np.ndarray
    target_cycles: np.ndarray
    is_least: np.ndarray

    def of(self, chosen: np.ndarray) -> Examples:
        """Some of them. `chosen`: (N,) bool, or places."""
        return Examples(*(getattr(self, field.name)[chosen] for field in fields(self)))


class Member(Protocol):
    """A trained model."""

    def predict(self, examples: Examples) -> np.ndarray:
        """Remaining life in cycles, (N,) float64; it may lie outside of 0 to the cap."""


class Contestant(Protocol):
    """A kind of model, with what is settled of it."""

    def fit(self, examples: Examples, *, seed: int) -> Member:
        """Train one; the same examples and seed give the same model."""


def targets(windows: Windows, cap_cycles: int) -> tuple[np.ndarray, np.ndarray]:
    """`target_cycles` and `is_least` of windows."""
    raw = windows.rul_cycles[:, 0]
    return np.minimum(raw, cap_cycles).astype(np.float32), windows.is_censored & (raw < cap_cycles)
