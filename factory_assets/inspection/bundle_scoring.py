"""Images scored with a released bundle, by the very code of the edge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from edge_runtime.bundle import load_manifest, verify_files
from edge_runtime.engine import open_engine
from edge_runtime.inspection.decoding import decode
from edge_runtime.inspection.inspector import Inspector, Verdict
from factory_assets.inspection.box_figures import Box, score_boxes
from factory_assets.inspection.figures import Figure, ScoredImages
from factory_assets.inspection.image_store import ImageStore

REFERENCES_KEPT = 8


def score(bundle: Path, store: ImageStore, rows: pl.DataFrame) -> tuple[ScoredImages, dict[str, Any]]:
    """Let a bundle judge images, each as a part that comes alone.

    Labels are compared with the bundle's whatever their case. One that a classifier does not know counts as told wrong.

    Args:
        bundle: The bundle's folder; its files are verified first.
        store: The images.
        rows: Judged rows: image, label, is_defect, group, reference, boxes.

    Returns:
        The scored images, and figures that only some have: `labels_not_known` of a classifier (images by label);
        `recall` and `recall_at_iou` with their intervals, and `false_blobs_per_image`, where golden images are compared
        and boxes are known; `not_compared`, by image, of parts that were rejected because they could not be judged.

    Raises:
        BundleError: A file of the bundle is not what its manifest says.
        InputError: A golden image is not known.
    """
    manifest = load_manifest(bundle / "manifest.json")
    verify_files(bundle, manifest)
    inspector = Inspector(bundle, manifest, open_engine(bundle, manifest, "cpu"))
    verdicts = _verdicts(inspector, store, rows)
    known = inspector.spec.labels
    labels = _labels(rows, known)
    probabilities = None
    if known:
        probabilities = np.array([[(one.probabilities or {}).get(name, 0.0) for name in known] for one in verdicts])
    scored = ScoredImages(
        image_ids=tuple(rows["image"]),
        labels=labels,
        is_defect=rows["is_defect"].fill_null(value=True).to_numpy().astype(bool),
        groups=tuple(rows["group"].fill_null(rows["image"])),
        scores=np.array([verdict.score for verdict in verdicts], np.float64),
        threshold=inspector.spec.threshold,
        predicted=tuple(str(verdict.label) for verdict in verdicts) if known else None,
        probabilities=probabilities,
    )
    more = _unknown_labels(labels, known)
    if inspector.spec.golden_image is not None:
        more |= _box_figures(rows, verdicts)
    failures = {image: one.failure for image, one in zip(rows["image"], verdicts, strict=True) if one.failure}
    return scored, more | ({"not_compared": failures} if failures else {})


def _verdicts(inspector: Inspector, store: ImageStore, rows: pl.DataFrame) -> list[Verdict]:
    is_compared = inspector.spec.golden_image is not None
    kept: dict[str, np.ndarray] = {}
    found = []
    for name, reference in rows.select("image", "reference").iter_rows():
        golden = _golden(store, reference, kept) if is_compared and reference is not None else None
        found.append(inspector.inspect(decode(store.read(name)), golden))
    return found


def _golden(store: ImageStore, name: str, kept: dict[str, np.ndarray]) -> np.ndarray:
    """A golden image of the manifest; the last few are kept, for many parts share one."""
    if name not in kept:
        if len(kept) >= REFERENCES_KEPT:
            kept.pop(next(iter(kept)))
        kept[name] = decode(store.read(name))
    return kept[name]


def _labels(rows: pl.DataFrame, known: Sequence[str]) -> tuple[str, ...]:
    spelled = {name.casefold(): name for name in known}
    return tuple(spelled.get(label.casefold(), label) for label in rows["label"].fill_null(""))


def _unknown_labels(labels: Sequence[str], known: Sequence[str]) -> dict[str, Any]:
    unknown = Counter(label for label in labels if label not in known) if known else Counter()
    return {"labels_not_known": dict(sorted(unknown.items()))} if unknown else {}


def _box_figures(rows: pl.DataFrame, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Blobs against true boxes, on images of which the boxes are known: of sound parts there are none."""
    found: list[list[Box]] = []
    truth: list[list[Box]] = []
    for (boxes, is_defect), verdict in zip(rows.select("boxes", "is_defect").iter_rows(), verdicts, strict=True):
        if boxes is None and is_defect is not False:
            continue
        truth.append([_corners(box) for box in boxes or []])
        found.append([(b.x_px, b.y_px, b.x_px + b.width_px, b.y_px + b.height_px) for b in verdict.blobs])
    if not any(truth):
        return {}
    figures = score_boxes(found, truth)
    return {
        **_figure("recall", figures.recall),
        **_figure("recall_at_iou", figures.recall_at_iou),
        "false_blobs_per_image": figures.false_blobs_per_image,
        "images_with_known_boxes": figures.images,
        "boxes": figures.boxes,
    }


def _corners(box: Mapping[str, Any]) -> Box:
    return box["x1_px"], box["y1_px"], box["x2_px"], box["y2_px"]


def _figure(name: str, figure: Figure | None) -> dict[str, Any]:
    if figure is None:
        return {name: None}
    return {name: figure.value, f"{name}_interval": [figure.low, figure.high]}
