"""The operating threshold, from what a false reject and an escape cost.

The expected cost a part is (1 - pi) * FR(t) * cost_FR + pi * miss(t) * cost_escape, with pi the share of defective
parts at the line: that of a set of images says nothing of it. With few images the empirical optimum sits wherever the
last odd image happens to be, so the cheapest threshold is looked for in many resamples of the groups, and their median
is taken.
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
        cost_per_part: Expected cost of wrong verdicts a part; None where one of the rates is not known.
        cost_without_inspection: The same if every part were passed.
        false_reject_rate: Sound validation images rejected; None if there are none.
        escape_rate: Defective validation images passed; None if there are none.
        costs: The costs that it was settled with.
        settled_by: In words.
    """

    threshold: float
    cost_per_part: float | None
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

    Without defective images nothing says what a threshold finds. Then false rejects may cost a tenth of what passing
    every defective part would, and the threshold is the lowest that rejects no more validation images than that.

    Args:
        scores: float (images,), larger is worse.
        is_defect: bool (images,).
        groups: The group of each image.
        costs: What wrong verdicts cost.
        seed: Of the resampling.

    Raises:
        NoThresholdError: There is no sound image, or a score is no number.
    """
    bad, scores = is_defect.astype(bool), scores.astype(np.float64)
    if not np.isfinite(scores).all():
        places = np.flatnonzero(~np.isfinite(scores))
        msg = f"{len(places)} of {len(scores)} validation images have a score that is no number: the model is broken"
        raise NoThresholdError(msg)
    if bad.all():
        msg = (
            "no validation image shows a sound part, so no threshold can be settled: add images with the OK label, or "
            "set ok_label: null if only the kind of defect is asked for"
        )
        raise NoThresholdError(msg)
    if bad.any():
        threshold = _cheapest(scores, bad, groups, costs, seed)
        how = "cheapest on validation images, median over resampled groups"
    else:
        worth = costs.defect_rate * costs.escape / ((1 - costs.defect_rate) * costs.false_reject)
        rate = min(0.5, 0.1 * worth)
        threshold = _rejecting(scores, rate)
        how = f"no defective validation image: at most {rate:.1%} of sound ones rejected, a tenth of escapes' cost"
    return fixed_point(threshold, scores, bad, costs, settled_by=how)


def fixed_point(
    threshold: float, scores: np.ndarray, is_defect: np.ndarray, costs: Costs, *, settled_by: str
) -> OperatingPoint:
    """What a threshold that is settled already means on validation images.

    Args:
        threshold: Parts that score at or above it are rejected.
        scores: float (images,), larger is worse.
        is_defect: bool (images,).
        costs: What wrong verdicts cost.
        settled_by: In words.
    """
    bad, rejected = is_defect.astype(bool), scores >= threshold
    false_rejects = share(int(rejected[~bad].sum()), int((~bad).sum()))
    escapes = share(int((~rejected[bad]).sum()), int(bad.sum()))
    cost = None
    if false_rejects is not None and escapes is not None:
        cost = cost_per_part(false_rejects.value, escapes.value, costs)
    return OperatingPoint(
        threshold=threshold,
        cost_per_part=cost,
        cost_without_inspection=cost_per_part(0, 1, costs),
        false_reject_rate=false_rejects,
        escape_rate=escapes,
        costs=costs,
        settled_by=settled_by,
    )


def _cheapest(scores: np.ndarray, bad: np.ndarray, groups: Sequence[str], costs: Costs, seed: int) -> float:
    candidates = _candidates(scores)
    rejected = (scores[:, None] >= candidates[None, :]).astype(np.float64)
    _, of_group = np.unique(np.array(groups), return_inverse=True)
    count = int(of_group.max()) + 1
    # Bayesian bootstrap over groups (D. B. Rubin, Annals of Statistics 9 (1981) 130-134): smooth weights, so that no
    # resample loses its few defective groups altogether.
    weights = np.random.default_rng(seed).exponential(size=(RESAMPLES, count))[:, of_group]
    false_rejects, found = (
        weights[:, kind] @ rejected[kind] / weights[:, kind].sum(axis=1, keepdims=True) for kind in (~bad, bad)
    )
    cost = (1 - costs.defect_rate) * costs.false_reject * false_rejects + costs.defect_rate * costs.escape * (1 - found)
    is_cheapest = cost <= cost.min(axis=1, keepdims=True) * (1 + 1e-9)
    # Of thresholds that cost the same, the middle one: farthest from where either kind of part begins.
    chosen = sorted(int(places[len(places) // 2]) for places in map(np.flatnonzero, is_cheapest))
    return float(candidates[chosen[len(chosen) // 2]])


def _rejecting(scores: np.ndarray, rate: float) -> float:
    """The lowest threshold that rejects at most a share of images."""
    candidates = _between(np.unique(scores))
    rejected = (scores[:, None] >= candidates[None, :]).mean(axis=0)
    return float(candidates[np.flatnonzero(rejected <= rate)[0]])


def _candidates(scores: np.ndarray) -> np.ndarray:
    """Some thresholds: one that rejects all, those between neighbouring scores, one that rejects none."""
    known = np.unique(scores)
    between = _between(known)
    chosen = np.unique(np.linspace(0, len(between) - 1, min(len(between), CANDIDATES)).round().astype(int))
    return np.concatenate([known[:1], between[chosen]])


def _between(known: np.ndarray) -> np.ndarray:
    """Thresholds above each of some sorted scores: in the middle to the next, and a little above the last."""
    spread = known[-1] - known[0]
    above = known[-1] + 1e-3 * spread if spread > 0 else np.nextafter(np.float32(known[-1]), np.float32(np.inf))
    return np.append((known[1:] + known[:-1]) / 2, float(above))
