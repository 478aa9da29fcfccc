"""The default networks as graphs for the edge, with random weights: what a call costs does not depend on them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_runtime.bundle import Manifest
from edge_runtime.inspection.fitting import fitted
from factory_assets.foundation.products import ImageInput, Method
from factory_assets.foundation.settings import PROJECT_ROOT
from factory_assets.inspection.schema import HEAT_MAP, IMAGE, PROBABILITIES, InspectionCard

CLASSIFIER, DEFECT_NETWORK = "classifier", "defect network"
CLASSES = 6
CALIBRATION_IMAGES, SEED = 32, 1
RANDOM_WEIGHTS = "Networks have random weights: what they say means nothing, and a call costs the same."


@dataclass(frozen=True)
class Graphs:
    """A network in two precisions, and what is known of it."""

    name: str
    side_px: int
    parameters: int
    fp32: Path
    int8: Path


def made_frames(count: int, side_px: int, seed: int = SEED) -> np.ndarray:
    """Made-up grey frames with structure at several scales, uint8 (count, side, side)."""
    rng = np.random.default_rng(seed)
    frames = np.zeros((count, side_px, side_px), np.float32)
    for cells in (4, 16, 64):
        coarse = rng.integers(0, 256, (count, cells, cells), dtype=np.uint8)
        frames += np.stack([fitted(c, height_px=side_px, width_px=side_px, channels=1)[..., 0] for c in coarse])
    return (frames / 3).astype(np.uint8)


def export(name: str, side_px: int, folder: Path) -> Graphs:
    """Build a default network, export it, and convert it to INT8.

    Args:
        name: `CLASSIFIER` or `DEFECT_NETWORK`.
        side_px: Height and width of an image, which has one channel.
        folder: Where the graphs are written.
    """
    import keras

    from factory_assets.engines import precision
    from factory_assets.foundation import onnx_export
    from factory_assets.inspection import classifier_network, defect_network

    keras.utils.set_random_seed(SEED)
    if name == CLASSIFIER:
        network, _ = classifier_network.build((side_px, side_px, 1), CLASSES, ok_place=None)
    else:
        network = defect_network.build(side_px, side_px, 1)
    stem = f"{name.replace(' ', '-')}-{side_px}"
    fp32, int8 = folder / f"{stem}.onnx", folder / f"{stem}-int8.onnx"
    onnx_export.export_onnx(network, fp32)
    precision.convert(fp32, int8, "int8", {IMAGE: made_frames(CALIBRATION_IMAGES, side_px)[..., None]})
    return Graphs(name, side_px, int(network.count_params()), fp32, int8)


def bundle_of(graphs: Graphs, folder: Path) -> Manifest:
    """A bundle of a network's FP32 graph, as it would be released, for the edge's own code to open."""
    from factory_assets.engines.compilation import Compiled, TypedGraph
    from factory_assets.engines.golden import GoldenSamples
    from factory_assets.engines.inspection.bundle import make_inspection_bundle
    from factory_assets.engines.targets import load_targets
    from factory_assets.foundation import onnx_export, parity

    inputs = {IMAGE: made_frames(2, graphs.side_px)[..., None]}
    outputs = parity.run_onnx(graphs.fp32, inputs)
    return make_inspection_bundle(
        folder,
        plant="mill",
        product="frame",
        card=_card("classification" if PROBABILITIES in outputs else "segmentation", graphs.side_px),
        run_id="none",
        models=folder,
        compiled=Compiled((TypedGraph(graphs.fp32, "fp32", ("cpu",)),), (), (), ()),
        certificate=None,
        opset=onnx_export.OPSET,
        golden=GoldenSamples(inputs, {key: array for key, array in outputs.items() if key != HEAT_MAP}),
        output_shapes={key: array.shape[1:] for key, array in outputs.items()},
        targets=load_targets(PROJECT_ROOT / "configs" / "targets.yaml", "inspection"),
    )


def _card(method: Method, side_px: int) -> InspectionCard:
    is_classified = method == "classification"
    return InspectionCard(
        method=method,
        classes=tuple(f"kind_{number}" for number in range(CLASSES)) if is_classified else (),
        ok_label=None if is_classified else "ok",
        input=ImageInput(width_px=side_px, height_px=side_px, channels=1),
        threshold=None if is_classified else 0.5,
        operating_point={},
        validation={},
        choices={},
        seed=SEED,
        epochs_trained=0,
        best_epoch=0,
        training_cpu_s=0.0,
        data_sha256="0" * 64,
        code_version="benchmark",
    )
