"""Graphs that compute in FP16 or INT8: engines take their precision from the graph, so it is stated before signing.

Only where it pays, in convolutions, matrix products and LSTM nodes. All else stays FP32, above all what turns raw
engineering units into standard deviations: 9,000 rpm with a spread of 20 would be lost in FP16.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from factory_assets.engines.targets import Precision
from factory_assets.foundation.lake import replacing
from factory_assets.foundation.onnx_export import ExportError

IN_FP16 = ("Conv", "Gemm", "LSTM", "MatMul")
# TensorRT has no INT8 LSTM.
IN_INT8 = ("Conv", "Gemm", "MatMul")
CALIBRATION_SAMPLES = 512
CALIBRATION_BATCH = 64


def convert(onnx: Path, out: Path, precision: Precision, calibration: Mapping[str, np.ndarray]) -> None:
    """Write an FP32 graph as one that computes in another precision; equal graphs and samples give equal bytes.

    Args:
        onnx: The exported graph.
        out: The file to write.
        precision: `fp16` or `int8`.
        calibration: Inputs by name, one row a sample, that INT8 ranges are measured on.

    Raises:
        ExportError: The graph has no node that can compute in the precision, or the result is not valid ONNX.
    """
    import onnx as onnx_library

    with tempfile.TemporaryDirectory() as folder:
        made = _in_fp16(onnx) if precision == "fp16" else _in_int8(onnx, Path(folder) / "int8.onnx", calibration)
    try:
        onnx_library.checker.check_model(made, full_check=True)
    except (onnx_library.checker.ValidationError, onnx_library.shape_inference.InferenceError) as error:
        msg = f"{onnx.name} in {precision} is not valid ONNX: {error}"
        raise ExportError(msg) from error
    with replacing(out) as temporary:
        temporary.write_bytes(made.SerializeToString(deterministic=True))


def _in_fp16(path: Path) -> Any:
    """Casts around every node of `IN_FP16`, its constants rounded once.

    ONNX Runtime's converter casts every value of the graph to FP16 and back, also in front of nodes that it is told
    to leave in FP32, and so rounds raw inputs.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(path)
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    rounded: dict[str, str] = {}
    nodes: list[Any] = []
    for node in graph.node:
        if node.op_type not in IN_FP16:
            nodes.append(node)
            continue
        for place, name in enumerate(node.input):
            tensor = constants.get(name)
            if not name or (tensor is not None and tensor.data_type != TensorProto.FLOAT):
                continue
            if name not in rounded:
                rounded[name] = f"{name}_fp16"
                if tensor is None:
                    nodes.append(_cast(helper, name, rounded[name], TensorProto.FLOAT16))
                else:
                    halves = numpy_helper.to_array(tensor).astype(np.float16)
                    graph.initializer.append(numpy_helper.from_array(halves, rounded[name]))
            node.input[place] = rounded[name]
        nodes.append(node)
        for place, name in enumerate(node.output):
            if name:
                node.output[place] = f"{name}_in_fp16"
                nodes.append(_cast(helper, f"{name}_in_fp16", name, TensorProto.FLOAT))
    if not rounded:
        msg = f"{path.name} has no {', '.join(IN_FP16)} node that could compute in fp16"
        raise ExportError(msg)
    del graph.node[:]
    graph.node.extend(nodes)
    _drop_unused(graph)
    return model


def _cast(helper: Any, name: str, result: str, to: int) -> Any:
    return helper.make_node("Cast", [name], [result], name=f"cast_{result}", to=to)


def _drop_unused(graph: Any) -> None:
    used = {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _in_int8(path: Path, out: Path, calibration: Mapping[str, np.ndarray]) -> Any:
    """Quantise and dequantise in front of every node of `IN_INT8`; symmetric, as TensorRT asks for.

    Results of these nodes stay FP32: rounding them too moved predictions twelve times as far. Weights have 7 bits:
    where a CPU has no VNNI, the sum of two products of 8-bit values overflows its 16 bits. What takes the result of a
    Concat stays FP32: OpenVINO 2026.4 gives other values for it than the graph says (scores moved by 0.4, in ONNX
    Runtime by 0.02).
    """
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    with _quiet():
        quantize_static(
            path,
            out,
            _Samples(calibration),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(IN_INT8),
            nodes_to_exclude=_fed_by_concat(path),
            per_channel=True,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            reduce_range=True,
            extra_options={
                "ActivationSymmetric": True,
                "WeightSymmetric": True,
                "QuantizeBias": False,
                "OpTypesToExcludeOutputQuantization": list(IN_INT8),
            },
        )
    model = onnx.load(out)
    if not any(node.op_type == "QuantizeLinear" for node in model.graph.node):
        msg = f"{path.name} has no {', '.join(IN_INT8)} node that could compute in int8"
        raise ExportError(msg)
    return model


def _fed_by_concat(path: Path) -> list[str]:
    import onnx

    nodes = onnx.load(path, load_external_data=False).graph.node
    joined = {name for node in nodes if node.op_type == "Concat" for name in node.output}
    return [node.name for node in nodes if node.op_type in IN_INT8 and joined & set(node.input)]


class _Samples:
    """Hands out calibration samples, spread evenly over those that there are, in batches."""

    def __init__(self, inputs: Mapping[str, np.ndarray]) -> None:
        count = len(next(iter(inputs.values())))
        picked = np.unique(np.linspace(0, count - 1, min(count, CALIBRATION_SAMPLES)).round().astype(int))
        self._batches = iter(
            {name: array[picked[start : start + CALIBRATION_BATCH]] for name, array in inputs.items()}
            for start in range(0, len(picked), CALIBRATION_BATCH)
        )

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next batch; None after the last."""
        return next(self._batches, None)


@contextmanager
def _quiet() -> Iterator[None]:
    """The quantiser advises, on the root logger, to optimise graphs first; that would change the FP32 part."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
