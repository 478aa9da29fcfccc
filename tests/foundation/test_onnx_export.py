"""ONNX export: names, native LSTM nodes, repeatable bytes, parity also where readings are missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from factory_assets.foundation.onnx_export import OPSET, OnnxFacts, export_onnx, lstm_facts
from factory_assets.foundation.parity import largest_difference, run_onnx
from tests.tiny_model import WINDOW_CYCLES, damaged_inputs, trained


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, OnnxFacts]:
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    return path, export_onnx(trained().network, path)


def test_the_interface_is_the_contract(exported: tuple[Path, OnnxFacts]) -> None:
    graph = onnx.load(exported[0]).graph

    def shapes(values: object) -> dict[str, list[object]]:
        return {v.name: [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim] for v in values}

    assert shapes(graph.input) == {"window": ["batch", WINDOW_CYCLES, 3], "age_cycles": ["batch", 1]}
    assert shapes(graph.output) == {"rul_cycles": ["batch", 1]}
    assert {value.type.tensor_type.elem_type for value in (*graph.input, *graph.output)} == {TensorProto.FLOAT}


def test_the_lstm_is_a_native_node(exported: tuple[Path, OnnxFacts]) -> None:
    assert lstm_facts(exported[0]) == {"LSTM": 1, "Loop": 0, "Scan": 0}
    assert exported[1].opset == OPSET


def test_facts_are_of_the_file(exported: tuple[Path, OnnxFacts]) -> None:
    path, facts = exported
    assert facts.bytes == path.stat().st_size
    assert sum(facts.nodes.values()) == len(onnx.load(path).graph.node)


def test_exporting_again_gives_the_same_bytes(exported: tuple[Path, OnnxFacts], tmp_path: Path) -> None:
    again = export_onnx(trained().network, tmp_path / "again.onnx")
    assert (tmp_path / "again.onnx").read_bytes() == exported[0].read_bytes()
    assert again == exported[1]


def test_the_graph_says_nothing_of_this_machine(exported: tuple[Path, OnnxFacts]) -> None:
    model = onnx.load(exported[0])
    assert model.producer_name == "factory_assets"
    assert not any(node.doc_string for node in model.graph.node)
    assert str(Path.home()).encode() not in exported[0].read_bytes()


def test_onnx_runtime_gives_what_the_trainer_gives(exported: tuple[Path, OnnxFacts]) -> None:
    windows = trained().validation_windows
    expected = {"rul_cycles": trained().validation_rul_cycles}
    assert largest_difference(exported[0], windows.inputs, expected) < 0.01


def test_they_agree_where_readings_are_missing(exported: tuple[Path, OnnxFacts]) -> None:
    inputs = damaged_inputs()
    assert np.isnan(inputs["window"]).mean() > 0.1
    assert largest_difference(exported[0], inputs, trained().run(inputs)) < 0.01


def test_a_wrong_expectation_is_seen(exported: tuple[Path, OnnxFacts]) -> None:
    inputs = damaged_inputs()
    expected = {"rul_cycles": trained().run(inputs)["rul_cycles"] + 1}
    assert largest_difference(exported[0], inputs, expected) == pytest.approx(1, abs=0.01)
    expected["rul_cycles"][3] = np.nan
    assert not largest_difference(exported[0], inputs, expected) < 0.01


def test_any_batch_gives_the_same(exported: tuple[Path, OnnxFacts]) -> None:
    inputs = damaged_inputs()
    together = run_onnx(exported[0], inputs)["rul_cycles"]
    for number in (0, 4, 17):
        alone = run_onnx(exported[0], {name: array[number : number + 1] for name, array in inputs.items()})
        assert np.allclose(alone["rul_cycles"], together[number : number + 1], atol=1e-4)


def test_lstm_facts_look_into_subgraphs(tmp_path: Path) -> None:
    state = helper.make_tensor_value_info("i", TensorProto.INT64, [])
    condition = helper.make_tensor_value_info("c", TensorProto.BOOL, [])
    out = helper.make_tensor_value_info("d", TensorProto.BOOL, [])
    body = helper.make_graph([helper.make_node("Identity", ["c"], ["d"])], "body", [state, condition], [out])
    graph = helper.make_graph([helper.make_node("Loop", ["n", "k"], [], body=body)], "g", [], [])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), tmp_path / "loop.onnx")
    assert lstm_facts(tmp_path / "loop.onnx") == {"LSTM": 0, "Loop": 1, "Scan": 0}
