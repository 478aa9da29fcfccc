"""Small graphs, and a bundle of them, for tests of precision and compilation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edge_runtime.bundle import GoldenDraft, GraphDraft, Manifest, Tolerance, read_golden, write_bundle
from edge_runtime.bundle.values import Precision
from factory_assets.engines.precision import convert
from tests.tiny_bundle import make_bundle, tiny_draft, tiny_graph

TARGETS = ("cpu", "tensorrt", "tensorrt-rtx")


def with_product(graph: bytes) -> bytes:
    """The same function, with its one output multiplied by the 1 x 1 identity: a node that can change precision."""
    model = onnx.load_from_string(graph)
    (output,) = model.graph.output
    for node in model.graph.node:
        node.output[:] = ["before_product" if name == output.name else name for name in node.output]
    model.graph.initializer.append(numpy_helper.from_array(np.ones((1, 1), np.float32), "identity"))
    model.graph.node.append(helper.make_node("MatMul", ["before_product", "identity"], [output.name], name="product"))
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def fast_shaft() -> bytes:
    """y = (x - 9000) * w: raw revolutions in, whose deviation from a mean of 9,000 rpm is what counts."""
    nodes = [
        helper.make_node("Sub", ["speed_rpm", "mean_rpm"], ["deviation_rpm"], name="deviate"),
        helper.make_node("MatMul", ["deviation_rpm", "weight"], ["y"], name="product"),
    ]
    graph = helper.make_graph(
        nodes,
        "shaft",
        [helper.make_tensor_value_info("speed_rpm", TensorProto.FLOAT, ["batch", 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 1])],
        [
            numpy_helper.from_array(np.array(9000, np.float32), "mean_rpm"),
            numpy_helper.from_array(np.array([[0.5]], np.float32), "weight"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString(deterministic=True)


def without_products() -> bytes:
    """A graph with no node that pays in another precision."""
    graph = helper.make_graph(
        [helper.make_node("Neg", ["x"], ["y"])],
        "negative",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString(deterministic=True)


def odd_operation() -> bytes:
    """A valid graph with an operation that no engine has."""
    graph = helper.make_graph(
        [helper.make_node("Abacus", ["x"], ["y"], domain="attic")],
        "odd",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3])],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("attic", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString(deterministic=True)


def make_typed_bundle(
    folder: Path, precisions: tuple[Precision, ...] = ("fp32", "fp16"), *, atol: float = 0.5, golden_error: float = 0.0
) -> Manifest:
    """A tiny bundle with a graph in every precision, for every target."""
    make_bundle(folder, golden_error=golden_error)
    (folder / "model.onnx").write_bytes(with_product(tiny_graph()))
    inputs, _ = read_golden(folder / "golden.npz")
    graphs = []
    for precision in precisions:
        path = folder / ("model.onnx" if precision == "fp32" else f"model-{precision}.onnx")
        if precision != "fp32":
            convert(folder / "model.onnx", path, precision, inputs)
        targets = TARGETS if precision == "fp32" else TARGETS[1:]
        graphs.append(GraphDraft(path=path.name, opset=17, targets=targets, precision=precision))
    bound = Tolerance(atol=atol, rtol=0)
    tolerance = {target: dict.fromkeys(("fp32", "fp16", "int8"), bound) for target in TARGETS}
    golden = GoldenDraft(tolerance=tolerance)
    return write_bundle(folder, tiny_draft().model_copy(update={"graphs": tuple(graphs), "golden": golden}))
