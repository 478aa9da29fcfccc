"""Champion against challenger, on the same images.

The cost of wrong verdicts (share of wrong labels where there is no threshold) is compared image by image, and whole
groups are resampled. A challenger is refused where it is worse beyond the noise, or not better where it is within it:
what is at the line is known, what is new must earn its place.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np

from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.products import Costs
from factory_assets.inspection.figures import ScoredImages

RESAMPLES = 2000


class NotComparableError(FactoryError, ValueError):
    """A champion and a challenger that were not scored on the same images, or on none."""


@dataclass(frozen=True)
class Decision:
    """Whether a challenger becomes champion, and why.

    Attributes:
        promote: Whether it does.
        reason: In words.
        figures: Cost a part of both, and the interval of challenger minus champion.
        images: How many both were compared on.
        decided_by: Who ran it.
        decided_utc: When.
    """

    promote: bool
    reason: str
    figures: dict[str, float]
    images: int
    decided_by: str
    decided_utc: dt.datetime

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "promote": self.promote,
            "reason": self.reason,
            "figures": self.figures,
            "images": self.images,
            "decided_by": self.decided_by,
            "decided_utc": self.decided_utc.isoformat(),
        }


def decide(
    champion: ScoredImages | None,
    challenger: ScoredImages,
    costs: Costs,
    *,
    decided_by: str,
    decided_utc: dt.datetime,
    seed: int = 0,
) -> Decision:
    """Decide between a champion and a challenger.

    Args:
        champion: Scored by the champion; None if there is none that can judge these images.
        challenger: The same images, scored by the challenger.
        costs: What wrong verdicts cost.
        decided_by: Who ran it.
        decided_utc: When.
        seed: Of the resampling.

    Raises:
        NotComparableError: There is no image, or both were scored on different ones.
    """
    if not len(challenger):
        msg = "there is no image to compare models on"
        raise NotComparableError(msg)
    if champion is not None and champion.image_ids != challenger.image_ids:
        msg = f"the champion was scored on {len(champion)} images, the challenger on {len(challenger)} others"
        raise NotComparableError(msg)
    new = _losses(challenger, costs)

    def decision(reason: str, figures: dict[str, float], *, promote: bool) -> Decision:
        return Decision(promote, reason, figures, len(challenger), decided_by, decided_utc)

    if champion is None:
        return decision("there is no champion yet", {"challenger_cost": float(new.mean())}, promote=True)
    old = _losses(champion, costs)
    low, high = _interval(new - old, challenger.groups, seed)
    figures = {
        "champion_cost": float(old.mean()),
        "challenger_cost": float(new.mean()),
        "difference_low": low,
        "difference_high": high,
    }
    told = f"cost a part {new.mean():.4g} against {old.mean():.4g}, difference from {low:.3g} to {high:.3g}"
    if np.array_equal(champion.is_rejected, challenger.is_rejected) and champion.predicted == challenger.predicted:
        return decision("both judge every image alike: the champion stays", figures, promote=False)
    if low > 0:
        return decision(f"the challenger is worse: {told}", figures, promote=False)
    if new.mean() < old.mean():
        return decision(f"the challenger is cheaper: {told}", figures, promote=True)
    return decision(f"the challenger is no better: {told}", figures, promote=False)


def _losses(scored: ScoredImages, costs: Costs) -> np.ndarray:
    """The cost of each image's verdict, weighted so that the mean is the expected cost a part."""
    if scored.threshold is None:
        return (~scored.is_right).astype(np.float64)
    bad, rejected = scored.is_defect.astype(bool), scored.is_rejected
    share_bad = bad.mean()
    weight_bad = costs.defect_rate / share_bad if share_bad > 0 else 0.0
    weight_sound = (1 - costs.defect_rate) / (1 - share_bad) if share_bad < 1 else 0.0
    false_rejects = (~bad & rejected) * weight_sound * costs.false_reject
    losses: np.ndarray = false_rejects + (bad & ~rejected) * weight_bad * costs.escape
    return losses


def _interval(differences: np.ndarray, groups: tuple[str, ...], seed: int) -> tuple[float, float]:
    _, of_group = np.unique(np.array(groups), return_inverse=True)
    sums, counts = np.bincount(of_group, differences), np.bincount(of_group)
    drawn = np.random.default_rng(seed).integers(len(sums), size=(RESAMPLES, len(sums)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
