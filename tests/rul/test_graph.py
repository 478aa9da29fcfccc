"""The one graph of a model: its interface, parity with the trainer where readings are missing, repeatable bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from factory_assets.foundation.onnx_export import ML_OPSET, OPSET, lstm_facts, onnx_facts
from factory_assets.foundation.parity import largest_difference, run_onnx
from factory_assets.rul.graph import write_graph
from factory_assets.rul.intervals import LEVELS, Calibration
from tests.tiny_model import CAP_CYCLES, WINDOW_CYCLES, damaged_inputs, graph_bytes, train_tiny, trained_as, windows

CONTESTANTS = ("trees", "bilstm", "ensemble")
MEMBERS = 3


@pytest.fixture(scope="module")
def graph_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("graphs")

    def write(contestant: str) -> Path:
        path = folder / f"{contestant}.onnx"
        path.write_bytes(graph_bytes(contestant))
        return path

    return write


@pytest.mark.parametrize("contestant", CONTESTANTS)
def test_the_interface_is_the_contract(graph_of: Callable[[str], Path], contestant: str) -> None:
    model = onnx.load(graph_of(contestant))

    def shapes(values: object) -> dict[str, list[object]]:
        return {v.name: [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim] for v in values}

    assert shapes(model.graph.input) == {"window": ["batch", WINDOW_CYCLES, 3], "age_cycles": ["batch", 1]}
    assert shapes(model.graph.output) == {"rul_cycles": ["batch", 1], "rul_quantiles_cycles": ["batch", len(LEVELS)]}
    values = (*model.graph.input, *model.graph.output)
    assert {value.type.tensor_type.elem_type for value in values} == {TensorProto.FLOAT}
    assert {entry.domain: entry.version for entry in model.opset_import} == {"": OPSET, "ai.onnx.ml": ML_OPSET}


@pytest.mark.parametrize("contestant", CONTESTANTS)
def test_the_graph_gives_what_the_trainer_gives_also_where_readings_are_missing(
    graph_of: Callable[[str], Path], contestant: str
) -> None:
    path, model = graph_of(contestant), trained_as(contestant)
    inputs = damaged_inputs()
    assert np.isnan(inputs["window"]).mean() > 0.1
    for given in (inputs, windows().inputs):
        expected = model.run(given)
        assert set(expected) == {"rul_cycles", "rul_quantiles_cycles"}
        assert largest_difference(path, given, expected) < 1e-3
    found = run_onnx(path, inputs)
    assert np.ptp(found["rul_cycles"]) > 1
    assert (np.ptp(found["rul_quantiles_cycles"], axis=1) > 1).any()


def test_a_contestant_holds_only_its_own_parts(graph_of: Callable[[str], Path]) -> None:
    trees, bilstm, ensemble = (onnx_facts(graph_of(name)).nodes for name in CONTESTANTS)
    assert (trees["TreeEnsembleRegressor"], "LSTM" in trees) == (MEMBERS, False)
    assert (bilstm["LSTM"], "TreeEnsembleRegressor" in bilstm) == (MEMBERS, False)
    assert (ensemble["LSTM"], ensemble["TreeEnsembleRegressor"]) == (MEMBERS, MEMBERS)
    for name in CONTESTANTS:
        assert {kind: lstm_facts(graph_of(name))[kind] for kind in ("Loop", "Scan")} == {"Loop": 0, "Scan": 0}
        graph = onnx.load(graph_of(name)).graph
        used = {name for node in graph.node for name in node.input}
        assert {tensor.name for tensor in graph.initializer} <= used


def test_writing_again_gives_the_same_bytes_and_nothing_of_this_machine(tmp_path: Path) -> None:
    facts = write_graph(trained_as("ensemble"), tmp_path / "again.onnx")
    data = (tmp_path / "again.onnx").read_bytes()
    assert data == graph_bytes("ensemble")
    assert facts.bytes == len(data)
    assert not any(node.doc_string for node in onnx.load_from_string(data).graph.node)
    assert str(Path.home()).encode() not in data


@pytest.mark.parametrize("contestant", CONTESTANTS)
def test_any_batch_gives_the_same(graph_of: Callable[[str], Path], contestant: str) -> None:
    inputs = damaged_inputs()
    together = run_onnx(graph_of(contestant), inputs)
    for number in (0, 4, 17):
        alone = run_onnx(graph_of(contestant), {name: array[number : number + 1] for name, array in inputs.items()})
        for name, array in alone.items():
            assert np.allclose(array, together[name][number : number + 1], atol=1e-4)


def test_one_band_of_calibration_gives_the_same_offsets_everywhere(tmp_path: Path) -> None:
    offsets = (-5.0, -3.0, -1.0, 0.5, 1.0, 4.0, 40.0)
    one = Calibration(band_edges_cycles=(), knots_cycles=(9.0,), offsets_cycles=(offsets,), units=(16,))
    model = replace(trained_as("trees"), calibration=one)
    write_graph(model, tmp_path / "model.onnx")
    found = run_onnx(tmp_path / "model.onnx", damaged_inputs())
    expected = np.clip(found["rul_cycles"] + np.array(offsets), 0, CAP_CYCLES)
    assert found["rul_quantiles_cycles"] == pytest.approx(expected, abs=1e-4)
    assert largest_difference(tmp_path / "model.onnx", damaged_inputs(), model.run(damaged_inputs())) < 1e-3


def test_a_model_without_the_age_takes_one_and_does_not_mind_it(tmp_path: Path) -> None:
    model = train_tiny(uses_age=False, contestants=("trees",))
    write_graph(model, tmp_path / "model.onnx")
    inputs = damaged_inputs()
    older = {**inputs, "age_cycles": inputs["age_cycles"] + 500}
    for predict in (model.run, lambda given: run_onnx(tmp_path / "model.onnx", given)):
        first, second = predict(inputs), predict(older)
        assert all(np.array_equal(first[name], second[name]) for name in first)
    assert largest_difference(tmp_path / "model.onnx", inputs, model.run(inputs)) < 1e-3
    aged = trained_as("trees")
    assert not np.array_equal(aged.run(inputs)["rul_cycles"], aged.run(older)["rul_cycles"])
