"""TensorRT-RTX: real compilation without a GPU, repeatable, in the precision asked for."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from factory_assets.engines.precision import convert
from factory_assets.engines.targets import CompileError, CompilerUnavailable, Precision
from factory_assets.engines.tensorrt_rtx import TensorRtRtxCompiler
from tests.tiny_bundle import tiny_graph
from tests.tiny_graphs import odd_operation, with_product
from tests.tiny_model import damaged_inputs, graph_bytes


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    path.write_bytes(graph_bytes("bilstm"))
    return path


@pytest.fixture
def compiler() -> TensorRtRtxCompiler:
    pytest.importorskip("tensorrt_rtx", reason="TensorRT-RTX is not installed: nothing is compiled ahead of time here")
    return TensorRtRtxCompiler()


def test_equal_graphs_give_equal_engines(compiler: TensorRtRtxCompiler, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(with_product(tiny_graph()))
    first = compiler.compile(tmp_path / "model.onnx", tmp_path / "a.engine", "fp32")
    second = compiler.compile(tmp_path / "model.onnx", tmp_path / "b.engine", "fp32")
    data = (tmp_path / "a.engine").read_bytes()
    assert data == (tmp_path / "b.engine").read_bytes()
    assert (first.sha256, first.bytes) == (hashlib.sha256(data).hexdigest(), len(data))
    assert second.sha256 == first.sha256
    assert first.compiler.startswith("tensorrt_rtx ")


def test_engines_of_several_outputs_repeat_too(graph: Path, compiler: TensorRtRtxCompiler, tmp_path: Path) -> None:
    digests = {compiler.compile(graph, tmp_path / f"{number}.engine", "fp32").sha256 for number in range(3)}
    assert len(digests) == 1


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_it_computes_in_the_precision_asked_for(
    graph: Path, compiler: TensorRtRtxCompiler, tmp_path: Path, precision: Precision
) -> None:
    typed = graph
    if precision != "fp32":
        typed = tmp_path / "typed.onnx"
        convert(graph, typed, precision, damaged_inputs())
    types = compiler.compile(typed, tmp_path / "a.engine", precision).tensor_types
    present = {"fp32": set(), "fp16": {"HALF"}, "int8": {"INT8"}}[precision]
    assert types["FLOAT"] > 0
    assert {"HALF", "BF16", "INT8", "FP8"} & set(types) == present


def test_a_refused_graph_gives_the_parsers_reason_every_time(compiler: TensorRtRtxCompiler, tmp_path: Path) -> None:
    (tmp_path / "odd.onnx").write_bytes(odd_operation())
    for _ in range(2):
        with pytest.raises(CompileError, match="Abacus"):
            compiler.compile(tmp_path / "odd.onnx", tmp_path / "odd.engine", "fp32")
    assert not (tmp_path / "odd.engine").exists()


def test_other_precisions_need_other_graphs(graph: Path, compiler: TensorRtRtxCompiler, tmp_path: Path) -> None:
    with pytest.raises(CompileError, match=r"computes in fp32.*asked for is int8"):
        compiler.compile(graph, tmp_path / "a.engine", "int8")


def test_without_the_package_the_message_names_it(graph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", None)
    with pytest.raises(CompilerUnavailable, match="tensorrt-rtx-cu12"):
        TensorRtRtxCompiler().compile(graph, tmp_path / "a.engine", "fp32")
