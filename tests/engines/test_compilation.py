"""What is made of one graph for all targets: nothing that is not exact enough, and nothing that is not really there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, save

from edge_runtime.bundle import Lineage
from factory_assets.engines import compilation
from factory_assets.engines.bundle import make_rul_bundle
from factory_assets.engines.compilation import compile_all, on_device_text
from factory_assets.engines.golden import GoldenSamples
from factory_assets.engines.targets import CompiledEngine, CompileError, CompilerUnavailable, Targets, load_targets
from factory_assets.foundation.onnx_export import OPSET
from factory_assets.foundation.parity import run_onnx
from tests.conftest import ROOT
from tests.tiny_bundle import tiny_graph
from tests.tiny_graphs import with_product
from tests.tiny_model import FLEET, archive


class Compiler:
    """Writes down what it was asked for."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.asked: list[tuple[str, str]] = []

    def compile(self, onnx: Path, out: Path, precision: str) -> CompiledEngine:
        self.asked.append((onnx.name, precision))
        if self.error:
            raise self.error
        out.write_bytes(b"engine")
        return CompiledEngine("tensorrt-rtx", precision, out, 6, "0" * 64, "fake 1", {})


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> Compiler:
    made = Compiler()
    monkeypatch.setattr(compilation, "compiler_for", lambda _: made)
    return made


@pytest.fixture
def onnx(tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    path.write_bytes(with_product(tiny_graph()))
    return path


@pytest.fixture
def golden(onnx: Path) -> GoldenSamples:
    rng = np.random.default_rng(1)
    inputs = {
        "window": rng.normal(10, 3, (8, 4, 3)).astype(np.float32),
        "age_cycles": np.arange(8, dtype=np.float32).reshape(-1, 1),
    }
    return GoldenSamples(inputs=inputs, outputs=run_onnx(onnx, inputs))


def targets(**precisions: dict[str, dict[str, float]]) -> Targets:
    """The shipped targets, with other precisions for some."""
    shipped = load_targets(ROOT / "configs" / "targets.yaml", "rul").model_dump()
    for name, wanted in precisions.items():
        shipped["targets"][name.replace("_", "-")]["precisions"] = wanted
    return Targets.model_validate(shipped)


def test_every_precision_has_a_graph_and_only_what_is_asked_for_ahead_is_compiled(
    onnx: Path, tmp_path: Path, golden: GoldenSamples, compiler: Compiler
) -> None:
    made = compile_all(onnx, tmp_path / "out", targets(), golden, golden.inputs)
    assert {graph.precision: graph.targets for graph in made.graphs} == {
        "fp32": ("cpu", "tensorrt-rtx", "tensorrt"),
        "fp16": ("tensorrt",),
        "int8": ("tensorrt",),
    }
    assert compiler.asked == [("model.onnx", "fp32")]
    assert made.on_device == (("tensorrt", "fp16"), ("tensorrt", "fp32"), ("tensorrt", "int8"))
    assert made.left_out == ()
    assert on_device_text(made.on_device) == "tensorrt fp16, tensorrt fp32, tensorrt int8"
    assert on_device_text(()) == "none"


def test_nothing_but_what_was_compiled_is_called_an_engine(
    onnx: Path, tmp_path: Path, golden: GoldenSamples, compiler: Compiler
) -> None:
    made = compile_all(onnx, tmp_path / "out", targets(), golden, golden.inputs)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "model-fp16.onnx",
        "model-int8.onnx",
        "tensorrt-rtx-fp32.engine",
    ]
    assert [engine.target for engine in made.engines] == ["tensorrt-rtx"]


def test_engines_ahead_of_time_are_made_of_the_graph_of_their_precision(
    onnx: Path, tmp_path: Path, golden: GoldenSamples, compiler: Compiler
) -> None:
    wide = {"atol": 9.0, "rtol": 0.0}
    compile_all(onnx, tmp_path, targets(tensorrt_rtx={"fp16": wide, "int8": wide}), golden, golden.inputs)
    assert compiler.asked == [("model-fp16.onnx", "fp16"), ("model-int8.onnx", "int8")]


def test_a_precision_that_misses_a_targets_tolerance_is_left_out_for_that_target(
    onnx: Path, tmp_path: Path, golden: GoldenSamples, compiler: Compiler
) -> None:
    exact, wide = {"atol": 0.0, "rtol": 0.0}, {"atol": 9.0, "rtol": 0.0}
    strict = targets(tensorrt={"fp32": wide, "int8": exact}, tensorrt_rtx={"int8": wide})
    made = compile_all(onnx, tmp_path, strict, golden, golden.inputs)
    assert {graph.precision: graph.targets for graph in made.graphs} == {
        "fp32": ("cpu", "tensorrt"),
        "int8": ("tensorrt-rtx",),
    }
    (reason,) = made.left_out
    assert reason.startswith("tensorrt int8: the graph's rul_cycles is up to ")


def test_nan_is_beyond_every_tolerance(onnx: Path, tmp_path: Path, golden: GoldenSamples, compiler: Compiler) -> None:
    outputs = {"rul_cycles": np.full_like(golden.outputs["rul_cycles"], np.nan)}
    made = compile_all(onnx, tmp_path, targets(), GoldenSamples(golden.inputs, outputs), golden.inputs)
    assert [graph.precision for graph in made.graphs] == ["fp32"]
    assert len(made.left_out) == 2


def test_a_graph_that_cannot_change_precision_is_said(
    tmp_path: Path, golden: GoldenSamples, compiler: Compiler
) -> None:
    path = tmp_path / "plain.onnx"
    path.write_bytes(tiny_graph())
    made = compile_all(path, tmp_path / "out", targets(), golden, golden.inputs)
    assert made.on_device == (("tensorrt", "fp32"),)
    assert [reason.split(":")[0] for reason in made.left_out] == ["tensorrt fp16", "tensorrt int8"]


def with_trees(path: Path) -> Path:
    """rul_cycles = 40 where the age is at most 5, else 10: one tree."""
    tree = helper.make_node(
        "TreeEnsembleRegressor", ["age_cycles"], ["rul_cycles"], domain="ai.onnx.ml", n_targets=1,
        nodes_treeids=[0, 0, 0], nodes_nodeids=[0, 1, 2], nodes_featureids=[0, 0, 0], nodes_values=[5.0, 0.0, 0.0],
        nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"], nodes_truenodeids=[1, 0, 0], nodes_falsenodeids=[2, 0, 0],
        target_treeids=[0, 0], target_nodeids=[1, 2], target_ids=[0, 0], target_weights=[40.0, 10.0],
    )  # fmt: skip
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 1]) for n in ("age_cycles", "rul_cycles")]
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", 3)]
    graph = helper.make_graph([tree], "one tree", values[:1], values[1:])
    save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def test_targets_that_cannot_run_trees_are_left_out_with_the_reason(tmp_path: Path, compiler: Compiler) -> None:
    path = with_trees(tmp_path / "trees.onnx")
    inputs = {"age_cycles": np.array([[4.0], [6.0]], np.float32)}
    golden = GoldenSamples(inputs=inputs, outputs=run_onnx(path, inputs))
    assert golden.outputs["rul_cycles"].tolist() == [[40], [10]]
    made = compile_all(path, tmp_path / "out", targets(), golden, golden.inputs)
    assert [(graph.precision, graph.targets) for graph in made.graphs] == [("fp32", ("cpu",))]
    assert (made.engines, made.on_device, compiler.asked) == ((), (), [])
    assert made.left_out == tuple(
        f"{name}: the graph holds boosted trees, which only ONNX Runtime runs; there it is target cpu"
        for name in ("tensorrt-rtx", "tensorrt")
    )


def test_targets_that_cannot_be_compiled_for_here_are_left_out_with_the_reason(
    onnx: Path, tmp_path: Path, golden: GoldenSamples, compiler: Compiler
) -> None:
    compiler.error = CompilerUnavailable("not installed")
    made = compile_all(onnx, tmp_path, targets(), golden, golden.inputs)
    assert (made.engines, made.left_out) == ((), ("not installed",))


def test_a_refused_graph_is_not_passed_over(
    onnx: Path, tmp_path: Path, golden: GoldenSamples, compiler: Compiler
) -> None:
    compiler.error = CompileError("no such operation")
    with pytest.raises(CompileError, match="no such operation"):
        compile_all(onnx, tmp_path, targets(), golden, golden.inputs)


def test_the_manifest_says_which_graph_is_for_whom(
    onnx: Path, tmp_path: Path, golden: GoldenSamples, compiler: Compiler
) -> None:
    made = compile_all(onnx, tmp_path / "out", targets(), golden, golden.inputs)
    plant = archive()
    manifest = make_rul_bundle(
        tmp_path / "bundle",
        plant=plant,
        fleet=FLEET,
        channels=plant.channels(FLEET)[:3],
        window_cycles=4,
        cap_cycles=30,
        regimes=None,
        levels=(0.05, 0.5, 0.95),
        lineage=Lineage(data_sha256="0" * 64, code_version="1"),
        compiled=made,
        opset=OPSET,
        golden=golden,
        targets=targets(),
    )
    assert [(graph.path, graph.computes_in) for graph in manifest.graphs] == [
        ("model.onnx", "fp32"),
        ("model-fp16.onnx", "fp16"),
        ("model-int8.onnx", "int8"),
    ]
    assert manifest.graph("tensorrt", "int8") == manifest.graphs[2]
    assert manifest.graph("cpu", "int8") is None
    assert [(engine.target, engine.precision) for engine in manifest.engines] == [("tensorrt-rtx", "fp32")]
    assert set(manifest.golden.tolerance["tensorrt"]) == {"fp32", "fp16", "int8"}
    point, quantiles = manifest.outputs
    assert (point.name, point.shape, point.minimum, point.maximum) == ("rul_cycles", ("batch", 1), 0, 30)
    assert (quantiles.name, quantiles.shape) == ("rul_quantiles_cycles", ("batch", 3))
    assert quantiles.levels == (0.05, 0.5, 0.95)
    assert quantiles.maximum == 30
