"""Scored images whose figures are known."""

from __future__ import annotations

from typing import Any

import numpy as np

from factory_assets.inspection.figures import ScoredImages


def scored(scores: Any, is_defect: Any, **given: Any) -> ScoredImages:
    """Scored images; labels `ok` and `dent`, every image a group of its own, threshold 0.5."""
    scores, bad = np.asarray(scores, np.float64), np.asarray(is_defect, bool)
    values: dict[str, Any] = {
        "image_ids": tuple(f"{number}.png" for number in range(len(scores))),
        "labels": tuple("dent" if defective else "ok" for defective in bad),
        "groups": tuple(f"part {number}" for number in range(len(scores))),
        "threshold": 0.5,
    }
    return ScoredImages(scores=scores, is_defect=bad, **(values | given))


def drawn(seed: int, sound: int = 80, bad: int = 30, apart: float = 2.0, **given: Any) -> ScoredImages:
    """Sound and defective parts whose scores overlap."""
    rng = np.random.default_rng(seed)
    values = np.concatenate([rng.normal(-1, 1, sound), rng.normal(apart - 1, 1, bad)])
    return scored(1 / (1 + np.exp(-values)), np.arange(sound + bad) >= sound, **given)
