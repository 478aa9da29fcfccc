"""Bundles that inspect, with engines whose verdicts are known."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from edge_runtime.bundle import (
    GoldenDraft,
    GraphDraft,
    InputSpec,
    Lineage,
    Manifest,
    ManifestDraft,
    OutputSpec,
    Tolerance,
    write_bundle,
    write_golden,
)
from edge_runtime.bundle.inspection_spec import GoldenImageSettings, InspectionSpec
from edge_runtime.bundle.manifest import ReferenceDraft
from tests.image_files import encoded

HEIGHT, WIDTH = 32, 40
CLASSIFYING = InspectionSpec(method="classification", labels=("dent", "ok", "scratch"), ok_label="ok", threshold=0.5)
KINDS_ONLY = InspectionSpec(method="classification", labels=("dent", "scratch"))
SEGMENTING = InspectionSpec(method="segmentation", ok_label="ok", threshold=0.5)
COMPARING = InspectionSpec(
    method="golden_image",
    ok_label="ok",
    threshold=0.5,
    golden_image=GoldenImageSettings(
        edge_tolerance_px=1, contrast=0.2, least_area_px=4, margin_px=0, joining_px=0, least_correlation=0.25
    ),
)


def golden_bundle(
    folder: Path, references: Mapping[str, np.ndarray | bytes], spec: InspectionSpec = COMPARING
) -> Manifest:
    """A bundle that compares golden images."""
    folder.mkdir(parents=True)
    for name, image in references.items():
        data = image if isinstance(image, bytes) else encoded(image)
        (folder / f"{name}.png").write_bytes(data)
    blank = np.zeros((1, HEIGHT, WIDTH, 1), np.uint8)
    write_golden(folder / "golden.npz", {"image": blank, "reference": blank}, {"score": np.ones((1, 1), np.float32)})
    shape = ("batch", HEIGHT, WIDTH, 1)
    draft = ManifestDraft(
        bundle="inspection-plate",
        task="inspection",
        plant="mill",
        product="plate",
        lineage=Lineage(data_sha256="0" * 64, code_version="1"),
        inputs=tuple(InputSpec(name=name, dtype="uint8", shape=shape) for name in ("image", "reference")),
        outputs=(OutputSpec(name="score", dtype="float32", shape=("batch", 1), unit="1", minimum=0, maximum=1),),
        inspection=spec,
        graphs=(),
        references=tuple(ReferenceDraft(name=name, path=f"{name}.png") for name in references),
        golden=GoldenDraft(tolerance={"cpu": {"fp32": Tolerance(atol=0, rtol=0)}}),
    )
    return write_bundle(folder, draft)


def graph_manifest(folder: Path, spec: InspectionSpec, *, channels: int = 1) -> Manifest:
    """The manifest of a bundle with a graph that nothing looks into."""
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(b"a graph")
    write_golden(
        folder / "golden.npz",
        {"image": np.zeros((1, HEIGHT, WIDTH, channels), np.uint8)},
        {"score": np.zeros((1, 1), np.float32)},
    )
    draft = ManifestDraft(
        bundle="inspection-plate",
        task="inspection",
        plant="mill",
        product="plate",
        lineage=Lineage(data_sha256="0" * 64, code_version="1"),
        inputs=(InputSpec(name="image", dtype="uint8", shape=("batch", HEIGHT, WIDTH, channels)),),
        outputs=(OutputSpec(name="score", dtype="float32", shape=("batch", 1), unit="1", minimum=0, maximum=1),),
        inspection=spec,
        graphs=(GraphDraft(path="model.onnx", opset=17, targets=("cpu",)),),
        golden=GoldenDraft(tolerance={"cpu": {"fp32": Tolerance(atol=0, rtol=0)}}),
    )
    return write_bundle(folder, draft)


class BrightnessEngine:
    """Score: mean brightness. It remembers the batches that it was given."""

    target, precision = "cpu", "fp32"

    def __init__(self, labels: tuple[str, ...] = (), *, has_heat_map: bool = False) -> None:
        self.labels, self.has_heat_map = labels, has_heat_map
        self.batches: list[np.ndarray] = []

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        self.batches.append(inputs["image"])
        score = (inputs["image"].astype(np.float32).mean(axis=(1, 2, 3)) / 255)[:, None]
        found = {"score": score}
        if self.labels:
            found["probabilities"] = np.repeat((1 - score) / (len(self.labels) - 1), len(self.labels), axis=1)
            found["probabilities"][:, :1] = score
        if self.has_heat_map:
            found["heat_map"] = np.repeat(score[:, :, None, None], 4, axis=1)
        return found
