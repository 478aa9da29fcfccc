"""What scored images say of a model."""

from __future__ import annotations

from collections import Counter

import numpy as np

from factory_assets.foundation.products import Costs
from factory_assets.inspection.figures import (
    InspectionFigures,
    ScoredImages,
    auroc,
    confusion,
    interval_over_groups,
    recall_at,
    share,
)
from factory_assets.inspection.thresholds import cost_per_part

VERDICTS = ("ok", "nok")
NO_SOUND_PARTS = "no image shows a sound part"
NO_DEFECTIVE_PARTS = "no image shows a defective part"
NO_IMAGES = "there is no image"
CURVES, AT_THRESHOLD = ("auroc", "recall_at_5_false_reject"), ("false_reject_rate", "escape_rate", "cost_per_part")
NO_THRESHOLD = "only the kind of defect is asked for: there is no threshold"


def evaluate(scored: ScoredImages, costs: Costs) -> InspectionFigures:
    """All figures of a set of scored images.

    Args:
        scored: The images; a figure that they do not define is None, with the reason.
        costs: What wrong verdicts cost, and how many parts are defective at the line.
    """
    bad = scored.is_defect.astype(bool)
    both = not bad.all() and bool(bad.any())
    curve = (scored.scores, bad, scored.groups)
    has_threshold = scored.threshold is not None
    sound_rejected = share(int(scored.is_rejected[~bad].sum()), int((~bad).sum())) if has_threshold else None
    escaped = share(int((~scored.is_rejected[bad]).sum()), int(bad.sum())) if has_threshold else None
    cost = None
    if sound_rejected is not None and escaped is not None:
        cost = cost_per_part(sound_rejected.value, escaped.value, costs)
    return InspectionFigures(
        images=len(scored),
        accuracy=share(int(scored.is_right.sum()), len(scored)),
        auroc=interval_over_groups(auroc, *curve) if both else None,
        recall_at_5_false_reject=interval_over_groups(recall_at, *curve) if both else None,
        false_reject_rate=sound_rejected,
        escape_rate=escaped,
        cost_per_part=cost,
        confusion=_confusion(scored),
        per_class=_per_class(scored),
        per_image=_per_image(scored),
        undefined=_undefined(bad, has_threshold=has_threshold),
    )


def _confusion(scored: ScoredImages) -> dict[str, dict[str, int]]:
    if scored.predicted is not None:
        return confusion(scored.labels, scored.predicted)
    return confusion(scored.labels, _verdicts(scored), said_of=VERDICTS)


def _verdicts(scored: ScoredImages) -> tuple[str, ...]:
    ok, nok = VERDICTS
    return tuple(nok if rejected else ok for rejected in scored.is_rejected)


def _undefined(bad: np.ndarray, *, has_threshold: bool) -> dict[str, str]:
    found: dict[str, str] = {}
    if not len(bad):
        return dict.fromkeys((*AT_THRESHOLD, *CURVES, "accuracy"), NO_IMAGES)
    missing = NO_SOUND_PARTS if bad.all() else NO_DEFECTIVE_PARTS if not bad.any() else None
    if missing is not None:
        found |= dict.fromkeys(CURVES, missing)
        found |= dict.fromkeys(("false_reject_rate" if bad.all() else "escape_rate", "cost_per_part"), missing)
    return found if has_threshold else found | dict.fromkeys(AT_THRESHOLD, NO_THRESHOLD)


def _per_class(scored: ScoredImages) -> dict[str, dict[str, object]]:
    labels, right, rejected = np.array(scored.labels), scored.is_right, scored.is_rejected
    said = Counter(scored.predicted or ())
    found: dict[str, dict[str, object]] = {}
    for label in sorted(set(scored.labels)):
        of_label = labels == label
        entry: dict[str, object] = {"images": int(of_label.sum())}
        told = share(int(right[of_label].sum()), int(of_label.sum()))
        if scored.predicted is not None and told is not None:
            hits = int(right[of_label].sum())
            entry |= {"recall": told.value, "recall_interval": [told.low, told.high]}
            entry["precision"] = hits / said[label] if said[label] else None
        if scored.threshold is not None:
            entry["rejected"] = float(rejected[of_label].mean())
        found[label] = entry
    return found


def _per_image(scored: ScoredImages) -> list[dict[str, object]]:
    verdicts = _verdicts(scored) if scored.threshold is not None else ("classified",) * len(scored)
    return [
        {
            "image": scored.image_ids[place],
            "label": scored.labels[place],
            "verdict": verdicts[place],
            "predicted": None if scored.predicted is None else scored.predicted[place],
            "score": float(scored.scores[place]),
        }
        for place in range(len(scored))
    ]
