"""A small bundle that looks at pictures, with a graph in FP32 and one in INT8, for tests of what runs it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edge_runtime.bundle import (
    GoldenDraft,
    GraphDraft,
    InputSpec,
    InspectionSpec,
    Lineage,
    Manifest,
    ManifestDraft,
    OutputSpec,
    Tolerance,
    write_bundle,
    write_golden,
)
from edge_runtime.bundle.values import Precision
from factory_assets.engines.precision import convert
from factory_assets.foundation.parity import run_onnx

HEIGHT, WIDTH = 16, 24
BOUNDS = {"fp32": Tolerance(atol=0.001, rtol=0), "int8": Tolerance(atol=0.3, rtol=0)}


def picture_graph(*, output: str = "score") -> bytes:
    """Two convolutions with seeded weights; score and heat map of raw pixels (batch, 16, 24, 1)."""
    rng = np.random.default_rng(8)
    weights = {
        "scale": np.array(1 / 255, np.float32),
        "first": rng.normal(0, 0.6, (8, 1, 3, 3)).astype(np.float32),
        "second": rng.normal(0, 0.4, (1, 8, 3, 3)).astype(np.float32),
        "flat": np.array([0, -1], np.int64),
    }
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["pixels", "scale"], ["scaled"]),
        helper.make_node("Transpose", ["scaled"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "first"], ["wide"], pads=[1, 1, 1, 1], name="first"),
        helper.make_node("Relu", ["wide"], ["lit"]),
        helper.make_node("Conv", ["lit", "second"], ["logits"], pads=[1, 1, 1, 1], name="second"),
        helper.make_node("Sigmoid", ["logits"], ["heat"]),
        helper.make_node("Transpose", ["heat"], ["heat_map"], perm=[0, 2, 3, 1]),
        helper.make_node("GlobalMaxPool", ["heat"], ["most"]),
        helper.make_node("Reshape", ["most", "flat"], [output]),
    ]
    graph = helper.make_graph(
        nodes,
        "pictures",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", HEIGHT, WIDTH, 1])],
        [
            helper.make_tensor_value_info("heat_map", TensorProto.FLOAT, ["batch", HEIGHT, WIDTH, 1]),
            helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", 1]),
        ],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def pictures(count: int = 6, seed: int = 4) -> np.ndarray:
    """Raw pixels, uint8 (count, 16, 24, 1)."""
    return np.random.default_rng(seed).integers(0, 256, (count, HEIGHT, WIDTH, 1)).astype(np.uint8)


def make_picture_bundle(
    folder: Path, precisions: Sequence[Precision] = ("fp32", "int8"), targets: tuple[str, ...] = ("cpu", "tensorrt")
) -> Manifest:
    """The bundle, with golden samples of the FP32 graph."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(picture_graph())
    for precision in precisions:
        if precision != "fp32":
            convert(folder / "model.onnx", folder / f"model-{precision}.onnx", precision, {"image": pictures(32, 5)})
    golden = {"image": pictures()}
    score = run_onnx(folder / "model.onnx", golden)["score"]
    write_golden(folder / "golden.npz", golden, {"score": score})
    paths = {precision: "model.onnx" if precision == "fp32" else f"model-{precision}.onnx" for precision in precisions}
    shape = ("batch", HEIGHT, WIDTH, 1)
    draft = ManifestDraft(
        bundle="inspection-plate",
        task="inspection",
        plant="mill",
        product="plate",
        lineage=Lineage(data_sha256="0" * 64, code_version="1"),
        inputs=(InputSpec(name="image", dtype="uint8", shape=shape),),
        outputs=(
            OutputSpec(name="score", dtype="float32", shape=("batch", 1), unit="1", minimum=0, maximum=1),
            OutputSpec(name="heat_map", dtype="float32", shape=shape, unit="1", shown_only=True),
        ),
        inspection=InspectionSpec(method="segmentation", ok_label="ok", threshold=0.5),
        graphs=tuple(
            GraphDraft(path=path, opset=17, targets=targets, precision=precision) for precision, path in paths.items()
        ),
        golden=GoldenDraft(tolerance=dict.fromkeys(targets, BOUNDS)),
    )
    return write_bundle(folder, draft)
