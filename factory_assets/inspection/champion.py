"""Which model of a product is released: the champion, and how a challenger takes its place."""

from __future__ import annotations

import datetime as dt
import json
import os
import pwd
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from factory_assets.foundation.products import Product
from factory_assets.inspection import promotion, saving, training
from factory_assets.inspection.figures import ScoredImages
from factory_assets.inspection.labelled import LabelledImages
from factory_assets.inspection.promotion import Decision
from factory_assets.inspection.schema import RUN_FILE


@dataclass(frozen=True)
class Rivals:
    """The folders of a product's newest model and of its champion; the latter may not be there yet."""

    challenger: Path
    champion: Path


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
        reigning, _scored(rivals.challenger, images), product.costs, decided_by=_user(), decided_utc=now
    )


def crown(rivals: Rivals) -> str:
    """Put the challenger's files in the champion's place, as a whole; returns its MLflow run.

    Raises:
        FileNotFoundError: The challenger was not recorded; the champion stays.
    """
    run_id = (rivals.challenger / RUN_FILE).read_text(encoding="utf-8")
    rivals.champion.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=".making-", dir=rivals.champion.parent))
    try:
        new, old = building / "new", building / "old"
        shutil.copytree(rivals.challenger, new)
        if rivals.champion.exists():
            rivals.champion.rename(old)
        new.rename(rivals.champion)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return run_id


def record(path: Path, decision: Decision) -> None:
    """Append a decision to the product's record of decisions: one JSON object a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(decision.as_json(), sort_keys=True) + "\n")


def _takes_the_same(rivals: Rivals) -> bool:
    new = saving.load_card(rivals.challenger)
    try:
        old = saving.load_card(rivals.champion)
    except (OSError, ValidationError):  # written by another version, or not whole: it can judge nothing any more
        return False
    same = ("method", "classes", "ok_label", "input")
    return all(getattr(old, name) == getattr(new, name) for name in same)


def _user() -> str:
    """Who runs this; in a container there may be no name for it."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def _scored(folder: Path, images: LabelledImages) -> ScoredImages:
    outputs = saving.load_scorer(folder)(images)
    return training.scored_images(images, outputs, saving.load_card(folder).threshold)
