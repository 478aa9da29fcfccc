"""The parity certificate: what it counts, what it refuses, what it leaves out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from factory_assets.engines import certificate
from factory_assets.engines.certificate import Judged, certify, compared, faults_of
from factory_assets.engines.compilation import Compiled, TypedGraph
from factory_assets.engines.openvino_engine import OpenVinoEngine
from factory_assets.engines.precision import convert
from factory_assets.engines.targets import CompiledEngine
from factory_assets.foundation.onnx_export import export_onnx
from tests.tiny_images import THRESHOLD, network, parts


@pytest.fixture(scope="module")
def onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("graph") / "model.onnx"
    export_onnx(network(), path)
    return path


@pytest.fixture(scope="module")
def judged() -> Judged:
    pixels, is_defect = parts()
    score = np.asarray(network()(pixels)["score"])
    assert ((score[:, 0] >= THRESHOLD) == is_defect).all()
    return Judged({"image": pixels}, {"score": score}, is_defect.astype(np.int64), THRESHOLD)


def compiled(onnx: Path, *others: TypedGraph) -> Compiled:
    return Compiled(
        graphs=(TypedGraph(onnx, "fp32", ("cpu",)), *others),
        engines=(),
        on_device=tuple(("tensorrt", graph.precision) for graph in others),
        left_out=(),
    )


def test_a_faithful_graph_passes_in_both_runtimes_with_no_flip(onnx: Path, judged: Judged) -> None:
    found, kept = certify(compiled(onnx), judged)
    assert found.passed
    assert found.reasons == ()
    assert [runtime.decision_flips for runtime in found.runtimes] == [0, 0]
    assert all(runtime.largest_difference <= certificate.FP32_DIFFERENCE for runtime in found.runtimes)
    assert {runtime.runtime.split()[0] for runtime in found.runtimes} == {"onnxruntime", "openvino"}
    assert [graph.precision for graph in kept.graphs] == ["fp32"]


def test_a_graph_of_other_weights_is_refused(onnx: Path, judged: Judged) -> None:
    other = replace(judged, expected={"score": 1 - judged.expected["score"]})
    found, _ = certify(compiled(onnx), other)
    assert not found.passed
    assert "40 of 40 images are judged otherwise" in found.reasons[0]


def test_int8_that_keeps_its_decisions_is_released_and_ran_in_int8(onnx: Path, judged: Judged, tmp_path: Path) -> None:
    int8 = tmp_path / "int8.onnx"
    convert(onnx, int8, "int8", judged.inputs)
    found, kept = certify(compiled(onnx, TypedGraph(int8, "int8", ("cpu", "tensorrt"))), judged)
    assert found.passed
    assert [graph.precision for graph in kept.graphs] == ["fp32", "int8"]
    executed = next(r.executed for r in found.runtimes if r.precision == "int8" and r.runtime.startswith("openvino"))
    assert set(executed) & set(certificate.EXECUTES_IN["int8"])


def test_int8_that_loses_decisions_is_left_out_with_the_reason_and_fp32_is_released(
    onnx: Path, judged: Judged, tmp_path: Path
) -> None:
    int8 = tmp_path / "int8.onnx"
    # Ranges that were measured on dark images are those of nothing that a camera sees.
    convert(onnx, int8, "int8", {"image": np.full_like(judged.inputs["image"], 20)})
    found, kept = certify(compiled(onnx, TypedGraph(int8, "int8", ("tensorrt",))), judged)
    assert found.passed
    assert [graph.precision for graph in kept.graphs] == ["fp32"]
    assert kept.on_device == ()
    assert "points of right decisions are lost" in found.left_out[0]


def test_an_engine_of_other_types_than_claimed_is_refused(onnx: Path, judged: Judged) -> None:
    engine = CompiledEngine("tensorrt-rtx", "fp16", onnx, 1, "0" * 64, "TensorRT-RTX 1", {"FLOAT": 12})
    found, _ = certify(replace(compiled(onnx), engines=(engine,)), judged)
    assert not found.passed
    assert "tensorrt-rtx fp16: its tensors are {'FLOAT': 12}" in found.reasons
    half = replace(engine, tensor_types={"FLOAT": 2, "HALF": 10})
    assert certify(replace(compiled(onnx), engines=(half,)), judged)[0].passed


def test_nan_counts_as_a_difference_and_as_another_decision(judged: Judged) -> None:
    outputs = {"score": judged.expected["score"].copy()}
    outputs["score"][1] = np.nan
    found = compared(outputs, judged, runtime="any", precision="fp32", executed={})
    assert found.decision_flips == 1
    assert len(faults_of(found)) == 2


def test_scores_on_the_threshold_are_told_apart_from_flips(judged: Judged) -> None:
    expected = judged.expected["score"].copy()
    expected[0] = THRESHOLD
    outputs = {"score": expected - np.float32(1e-7)}
    on_it = replace(judged, expected={"score": expected})
    found = compared(outputs, on_it, runtime="any", precision="fp32", executed={})
    assert (found.decision_flips, found.on_the_threshold) == (0, 1)


def test_classes_are_decided_by_the_largest_probability() -> None:
    expected = {"probabilities": np.array([[0.6, 0.4], [0.3, 0.7]]), "score": np.array([[0.4], [0.3]])}
    other = {"probabilities": np.array([[0.4, 0.6], [0.3, 0.7]]), "score": np.array([[0.4], [0.3]])}
    judged = Judged({}, expected, np.array([0, 1]), None)
    found = compared(other, judged, runtime="any", precision="int8", executed={})
    assert (found.decision_flips, found.points_lost) == (1, 50.0)
    assert faults_of(found)


@pytest.mark.parametrize("executed", [{"bf16": 3}, {"f32": 3, "bf16": 1}])
def test_fp32_that_really_ran_in_another_precision_is_a_fault(judged: Judged, executed: dict[str, int]) -> None:
    found = compared(judged.expected, judged, runtime="any", precision="fp32", executed=executed)
    assert "it computed in" in faults_of(found)[0]


def test_openvino_computes_in_the_precision_that_was_asked_for(onnx: Path, judged: Judged) -> None:
    engine = OpenVinoEngine(onnx, (1, *judged.inputs["image"].shape[1:]))
    assert set(engine.executed_precisions()) == {"f32"}
    one = engine.run({"image": judged.inputs["image"][:1]})
    assert set(one) == {"score", "heat_map"}
    np.testing.assert_allclose(one["score"], judged.expected["score"][:1], atol=1e-6)
