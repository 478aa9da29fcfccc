"""FP16 and INT8 graphs: what they compute in, how far they are from FP32, and what is never rounded."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory_assets.engines.precision import CALIBRATION_SAMPLES, _Samples, convert
from factory_assets.engines.targets import Precision
from factory_assets.foundation.onnx_export import ExportError
from factory_assets.foundation.parity import largest_difference, run_onnx
from tests.tiny_graphs import fast_shaft, without_products
from tests.tiny_model import CAP_CYCLES, damaged_inputs, graph_bytes, windows

BOUNDS_CYCLES = {"fp16": 0.05, "int8": 0.1 * CAP_CYCLES}


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    path.write_bytes(graph_bytes("bilstm"))
    return path


@pytest.fixture(scope="module")
def training() -> dict[str, np.ndarray]:
    return windows().inputs


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_predictions_stay_near_those_of_fp32(
    graph: Path, training: dict[str, np.ndarray], tmp_path: Path, precision: Precision
) -> None:
    convert(graph, tmp_path / "typed.onnx", precision, training)
    for inputs in (training, damaged_inputs()):
        difference = largest_difference(tmp_path / "typed.onnx", inputs, run_onnx(graph, inputs))
        assert 0 < difference < BOUNDS_CYCLES[precision]


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_equal_graphs_give_equal_bytes(
    graph: Path, training: dict[str, np.ndarray], tmp_path: Path, precision: Precision
) -> None:
    for name in ("a", "b"):
        convert(graph, tmp_path / name, precision, training)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_fp16_is_half_the_weights_in_the_heavy_nodes_alone(
    graph: Path, training: dict[str, np.ndarray], tmp_path: Path
) -> None:
    convert(graph, tmp_path / "typed.onnx", "fp16", training)
    before, after = onnx.load(graph), onnx.load(tmp_path / "typed.onnx")
    halves = {t.name for t in after.graph.initializer if t.data_type == onnx.TensorProto.FLOAT16}
    users = {node.op_type for node in after.graph.node if halves & set(node.input)}
    assert users == {"Conv", "LSTM", "MatMul"}
    assert (tmp_path / "typed.onnx").stat().st_size < 0.7 * graph.stat().st_size
    types = [Counter(node.op_type for node in model.graph.node if node.op_type != "Cast") for model in (before, after)]
    assert types[0] == types[1]
    for kind in ("input", "output"):
        assert getattr(before.graph, kind) == getattr(after.graph, kind)


def test_int8_leaves_lstm_nodes_and_results_alone(graph: Path, training: dict[str, np.ndarray], tmp_path: Path) -> None:
    convert(graph, tmp_path / "typed.onnx", "int8", training)
    model = onnx.load(tmp_path / "typed.onnx")
    restored = {node.output[0] for node in model.graph.node if node.op_type == "DequantizeLinear"}
    users = {node.op_type for node in model.graph.node if restored & set(node.input)}
    assert users == {"Conv", "MatMul"}
    zero_points = [t for t in model.graph.initializer if t.name.endswith("_zero_point")]
    assert zero_points
    assert all(not np.any(onnx.numpy_helper.to_array(tensor)) for tensor in zero_points)


@settings(max_examples=30, deadline=None)
@given(rpm=st.floats(8900, 9100, width=32))
def test_raw_engineering_units_are_not_rounded(tmp_path_factory: pytest.TempPathFactory, rpm: float) -> None:
    folder = tmp_path_factory.mktemp("shaft")
    (folder / "a.onnx").write_bytes(fast_shaft())
    speed = {"speed_rpm": np.array([[rpm]], np.float32)}
    convert(folder / "a.onnx", folder / "b.onnx", "fp16", speed)
    exact = (np.float32(rpm) - np.float32(9000)) * np.float32(0.5)
    found = run_onnx(folder / "b.onnx", speed)["y"][0, 0]
    # Half a unit in the last of eleven bits of the deviation; rounding the raw 9,000 rpm would cost up to four rpm.
    assert abs(found - exact) <= 2**-10 * abs(exact) + 1e-6


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_a_graph_with_nothing_to_convert_is_refused(tmp_path: Path, precision: Precision) -> None:
    (tmp_path / "a.onnx").write_bytes(without_products())
    with pytest.raises(ExportError, match=f"no Conv.*compute in {precision}"):
        convert(tmp_path / "a.onnx", tmp_path / "b.onnx", precision, {"x": np.ones((4, 3), np.float32)})
    assert not (tmp_path / "b.onnx").exists()


@pytest.mark.parametrize("count", [1, 63, 65, CALIBRATION_SAMPLES, 5 * CALIBRATION_SAMPLES])
def test_calibration_samples_are_spread_from_first_to_last(count: int) -> None:
    samples = _Samples({"x": np.arange(count)})
    batches = []
    while (batch := samples.get_next()) is not None:
        batches.append(batch["x"])
    seen = np.concatenate(batches)
    assert (seen[0], seen[-1], len(seen)) == (0, count - 1, min(count, CALIBRATION_SAMPLES))
    assert np.all(np.diff(seen) > 0)
