"""Images scored with a released bundle, by the very code of the edge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from edge_runtime.bundle import load_manifest, verify_files
from edge_runtime.engine import open_engine
from edge_runtime.inspection.decoding import decode
from edge_runtime.inspection.inspector import Inspector
from factory_assets.inspection.figures import ScoredImages
from factory_assets.inspection.image_store import ImageStore


def score(bundle: Path, store: ImageStore, rows: pl.DataFrame) -> ScoredImages:
    """Let a bundle judge images.

    Args:
        bundle: The bundle's folder; its files are verified first.
        store: The images.
        rows: Judged rows: image, label, is_defect, group, reference.

    Raises:
        BundleError: A file of the bundle is not what its manifest says.
        InputError: A golden image is not known.
    """
    manifest = load_manifest(bundle / "manifest.json")
    verify_files(bundle, manifest)
    inspector = Inspector(bundle, manifest, open_engine(bundle, manifest, "cpu"))
    frames = (decode(store.read(name)) for name in rows["image"])
    verdicts = []
    for frame, reference in zip(frames, rows["reference"], strict=True):
        golden = None if reference is None else decode(store.read(reference))
        verdicts.append(inspector.inspect(frame, golden))
    labels = inspector.spec.labels
    probabilities = None
    if labels:
        probabilities = np.array([[(verdict.probabilities or {}).get(name, 0.0) for name in labels] for verdict in verdicts])
    return ScoredImages(
        image_ids=tuple(rows["image"]),
        labels=tuple(rows["label"].fill_null("")),
        is_defect=rows["is_defect"].fill_null(value=True).to_numpy().astype(bool),
        groups=tuple(rows["group"].fill_null(rows["image"])),
        scores=np.array([verdict.score for verdict in verdicts]),
        threshold=inspector.spec.threshold,
        predicted=tuple(str(verdict.label) for verdict in verdicts) if labels else None,
        probabilities=probabilities,
    )
