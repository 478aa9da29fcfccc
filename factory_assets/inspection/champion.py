"""Which model of a product is released: the champion, and how a challenger takes its place."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from pydantic import ValidationError

from factory_assets.foundation import champions
from factory_assets.foundation.champions import Rivals, crown
from factory_assets.foundation.products import Product
from factory_assets.inspection import promotion, saving, training
from factory_assets.inspection.figures import ScoredImages
from factory_assets.inspection.labelled import LabelledImages
from factory_assets.inspection.promotion import Decision

__all__ = ["Rivals", "crown", "decide", "record"]


def decide(rivals: Rivals, images: LabelledImages, product: Product, *, now: dt.datetime) -> Decision:
    """Compare both on the same validation images; what the champion cannot judge any more, it loses.

    Args:
        rivals: The two models.
        images: Validation images, of parts that neither was trained on: groups keep their split for good.
        product: What wrong verdicts cost.
        now: When the decision is taken.
    """
    reigning = None
    if rivals.champion.is_dir() and _takes_the_same(rivals):
        reigning = _scored(rivals.champion, images)
    return promotion.decide(
        reigning, _scored(rivals.challenger, images), product.costs, decided_by=champions.user_name(), decided_utc=now
    )


def record(path: Path, decision: Decision) -> None:
    """Append a decision to the product's record of decisions."""
    champions.record(path, decision.as_json())


def _takes_the_same(rivals: Rivals) -> bool:
    new = saving.load_card(rivals.challenger)
    try:
        old = saving.load_card(rivals.champion)
    except (OSError, ValidationError):  # written by another version, or not whole: it can judge nothing any more
        return False
    same = ("method", "classes", "ok_label", "input")
    return all(getattr(old, name) == getattr(new, name) for name in same)


def _scored(folder: Path, images: LabelledImages) -> ScoredImages:
    outputs = saving.load_scorer(folder)(images)
    return training.scored_images(images, outputs, saving.load_card(folder).threshold)
