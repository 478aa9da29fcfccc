"""The operating threshold, from what a false reject and an escape cost.

The expected cost a part is (1 - pi) * FR(t) * cost_FR + pi * miss(t) * cost_escape, with pi the share of defective parts
at the line: that of a set of images says nothing of it. With few images the empirical optimum sits wherever the last
odd image happens to be, so rates are averaged over resampled groups before the cheapest threshold is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.products import Costs
from factory_assets.inspection.figures import Figure, share

RESAMPLES = 200
CANDIDATES = 400


class NoThresholdError(FactoryError, ValueError):
    """Images that no threshold can be settled on."""


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold and what it was settled by.

    Attributes:
        threshold: Parts that score at or above it are rejected.
        cost_per_part: Expected cost of wrong verdicts a part.
        cost_without_inspection: The same if every part were passed.
        false_reject_rate: Sound validation images rejected; None if there are none.
        escape_rate: Defective validation images passed; None if there are none.
        costs: The costs that it was settled with.
        settled_by: In words.
    """

    threshold: float
    cost_per_part: float
    cost_without_inspection: float
    false_reject_rate: Figure | None
    escape_rate: Figure | None
    costs: Costs
    settled_by: str

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "threshold": self.threshold,
            "cost_per_part": self.cost_per_part,
            "cost_without_inspection": self.cost_without_inspection,
            "false_reject_rate": None if self.false_reject_rate is None else self.false_reject_rate.as_json(),
            "escape_rate": None if self.escape_rate is None else self.escape_rate.as_json(),
            "costs": self.costs.model_dump(mode="json"),
            "settled_by": self.settled_by,
        }


def cost_per_part(false_reject_rate: float, escape_rate: float, costs: Costs) -> float:
    """Expected cost of wrong verdicts a part, in the plant's currency."""
    sound = (1 - costs.defect_rate) * false_reject_rate * costs.false_reject
    return sound + costs.defect_rate * escape_rate * costs.escape


def operating_point(
    scores: np.ndarray, is_defect: np.ndarray, groups: Sequence[str], costs: Costs, *, seed: int = 0
) -> OperatingPoint:
    """The cheapest threshold on validation images.

    Without defective images, the one that rejects the share of sound parts at which false rejects cost as much as
    passing every defective part would: nothing better can be said without a single defect.

    Args:
        scores: float (images,), larger is worse.
        is_defect: bool (images,).
        groups: The group of each image.
        costs: What wrong verdicts cost.
        seed: Of the resampling.

    Raises:
        NoThresholdError: There is no sound image.
    """
    bad = is_defect.astype(bool)
    if bad.all():
        msg = (
            "no validation image shows a sound part, so no threshold can be settled: add images with the OK label, or "
            "set ok_label: null if only the kind of defect is asked for"
        )
        raise NoThresholdError(msg)
    if bad.any():
        threshold = _cheapest(scores.astype(np.float64), bad, groups, costs, seed)
        how = "cheapest on validation images, rates averaged over resampled groups"
    else:
        worth = costs.defect_rate * costs.escape / ((1 - costs.defect_rate) * costs.false_reject)
        rate = min(0.5, 0.1 * worth)
        threshold = float(np.quantile(scores, 1 - rate))
        how = f"no defective validation image: rejects {rate:.1%} of sound ones, a tenth of what escapes could cost"
    rejected = scores >= threshold
    false_rejects, escapes = share(int(rejected[~bad].sum()), int((~bad).sum())), None
    if bad.any():
        escapes = share(int((~rejected[bad]).sum()), int(bad.sum()))
    rates = [0.0 if figure is None else figure.value for figure in (false_rejects, escapes)]
    return OperatingPoint(
        threshold=threshold,
        cost_per_part=cost_per_part(rates[0], rates[1], costs),
        cost_without_inspection=cost_per_part(0, 1, costs),
        false_reject_rate=false_rejects,
        escape_rate=escapes,
        costs=costs,
        settled_by=how,
    )


def _cheapest(scores: np.ndarray, bad: np.ndarray, groups: Sequence[str], costs: Costs, seed: int) -> float:
    candidates = _candidates(scores)
    rejected = scores[:, None] >= candidates[None, :]
    _, of_group = np.unique(np.array(groups), return_inverse=True)
    count = int(of_group.max()) + 1
    # Bayesian bootstrap over groups (D. B. Rubin, Annals of Statistics 9 (1981) 130-134): smooth weights, so that no
    # resample loses its few defective groups altogether.
    weights = np.random.default_rng(seed).exponential(size=(RESAMPLES, count))[:, of_group]
    total = np.zeros(len(candidates))
    for weight in weights:
        false_rejects = weight[~bad] @ rejected[~bad] / weight[~bad].sum()
        escapes = weight[bad] @ ~rejected[bad] / weight[bad].sum()
        cost = (1 - costs.defect_rate) * false_rejects * costs.false_reject
        total += _blurred(cost + costs.defect_rate * escapes * costs.escape)
    best = np.flatnonzero(total <= total.min() + 1e-12)
    return float(candidates[best[len(best) // 2]])


def _candidates(scores: np.ndarray) -> np.ndarray:
    """Thresholds between neighbouring scores, and one above all of them."""
    known = np.unique(scores)
    between = (known[1:] + known[:-1]) / 2
    chosen = between[np.unique(np.linspace(0, len(between) - 1, CANDIDATES).round().astype(int))] if len(between) else between
    return np.concatenate([chosen, [known[-1] + 1e-6]])


def _blurred(cost: np.ndarray) -> np.ndarray:
    """Averaged over neighbouring thresholds, so that a lone dip does not win."""
    width = max(1, len(cost) // 40)
    padded = np.pad(cost, width, mode="edge")
    blurred: np.ndarray = np.convolve(padded, np.full(2 * width + 1, 1 / (2 * width + 1)), mode="valid")
    return blurred
