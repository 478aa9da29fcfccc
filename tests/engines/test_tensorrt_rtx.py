"""TensorRT-RTX: real compilation without a GPU, repeatable, in the precision asked for."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from factory_assets.engines.onnx_export import export_onnx
from factory_assets.engines.targets import CompileError, CompilerUnavailable
from factory_assets.engines.tensorrt_rtx import TensorRtRtxCompiler
from tests.tiny_model import trained


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    export_onnx(trained().network, path)
    return path


@pytest.fixture
def compiler() -> TensorRtRtxCompiler:
    pytest.importorskip("tensorrt_rtx", reason="TensorRT-RTX is not installed: nothing is compiled ahead of time here")
    return TensorRtRtxCompiler()


def odd_graph(path: Path) -> Path:
    """A valid graph with an operation that no engine has."""
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3])
    made = helper.make_graph([helper.make_node("Abacus", ["x"], ["y"], domain="attic")], "g", [value], [out])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("attic", 1)]
    onnx.save(helper.make_model(made, opset_imports=opsets, ir_version=8), path)
    return path


def test_equal_graphs_give_equal_engines(graph: Path, compiler: TensorRtRtxCompiler, tmp_path: Path) -> None:
    first = compiler.compile(graph, tmp_path / "a.engine", "fp32")
    second = compiler.compile(graph, tmp_path / "b.engine", "fp32")
    data = (tmp_path / "a.engine").read_bytes()
    assert data == (tmp_path / "b.engine").read_bytes()
    assert (first.sha256, first.bytes) == (hashlib.sha256(data).hexdigest(), len(data))
    assert second.sha256 == first.sha256
    assert first.compiler.startswith("tensorrt_rtx ")


def test_it_computes_in_fp32(graph: Path, compiler: TensorRtRtxCompiler, tmp_path: Path) -> None:
    types = compiler.compile(graph, tmp_path / "a.engine", "fp32").tensor_types
    assert types["FLOAT"] > 0
    assert not {"HALF", "BF16", "INT8", "FP8"} & set(types)


def test_a_refused_graph_gives_the_parsers_reason_every_time(compiler: TensorRtRtxCompiler, tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(CompileError, match="Abacus"):
            compiler.compile(odd_graph(tmp_path / "odd.onnx"), tmp_path / "odd.engine", "fp32")
    assert not (tmp_path / "odd.engine").exists()


def test_other_precisions_need_other_graphs(graph: Path, compiler: TensorRtRtxCompiler, tmp_path: Path) -> None:
    with pytest.raises(CompilerUnavailable, match="int8"):
        compiler.compile(graph, tmp_path / "a.engine", "int8")


def test_without_the_package_the_message_names_it(graph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", None)
    with pytest.raises(CompilerUnavailable, match="tensorrt-rtx-cu12"):
        TensorRtRtxCompiler().compile(graph, tmp_path / "a.engine", "fp32")
