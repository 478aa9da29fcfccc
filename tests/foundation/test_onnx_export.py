"""ONNX export: names, native LSTM nodes, repeatable bytes, and what is refused."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from factory_assets.foundation.onnx_export import (
    OPSET,
    ExportError,
    OnnxFacts,
    checked,
    export_onnx,
    load_network,
    lstm_facts,
    onnx_facts,
)
from factory_assets.foundation.parity import largest_difference


@cache
def network() -> Any:
    """An untrained network of two inputs and two outputs."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(1)
    course, age = keras.Input((8, 3), name="course"), keras.Input((1,), name="age")
    short = layers.Conv1D(4, 3, padding="same", activation="relu")(course)
    state = layers.Bidirectional(layers.LSTM(3))(short)
    joined = layers.Concatenate(name="state")([state, age])
    return keras.Model([course, age], [layers.Dense(1, name="cycles")(joined), joined])


@cache
def inputs() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    course = rng.normal(size=(5, 8, 3)).astype(np.float32)
    return {"course": course, "age": np.arange(5, dtype=np.float32)[:, None]}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, OnnxFacts]:
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    return path, export_onnx(network(), path)


def test_the_interface_is_that_of_the_model_with_a_free_batch(exported: tuple[Path, OnnxFacts]) -> None:
    graph = onnx.load(exported[0]).graph

    def shapes(values: object) -> dict[str, list[object]]:
        return {v.name: [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim] for v in values}

    assert shapes(graph.input) == {"course": ["batch", 8, 3], "age": ["batch", 1]}
    assert shapes(graph.output) == {"cycles": ["batch", 1], "state": ["batch", 7]}
    assert {value.type.tensor_type.elem_type for value in (*graph.input, *graph.output)} == {TensorProto.FLOAT}


def test_the_lstm_is_a_native_node(exported: tuple[Path, OnnxFacts]) -> None:
    assert lstm_facts(exported[0]) == {"LSTM": 1, "Loop": 0, "Scan": 0}
    assert exported[1].opset == OPSET


def test_facts_are_of_the_file(exported: tuple[Path, OnnxFacts]) -> None:
    path, facts = exported
    assert facts.bytes == path.stat().st_size
    assert sum(facts.nodes.values()) == len(onnx.load(path).graph.node)
    assert onnx_facts(path) == facts


def test_exporting_again_gives_the_same_bytes(exported: tuple[Path, OnnxFacts], tmp_path: Path) -> None:
    again = export_onnx(network(), tmp_path / "again.onnx")
    assert (tmp_path / "again.onnx").read_bytes() == exported[0].read_bytes()
    assert again == exported[1]


def test_the_graph_says_nothing_of_this_machine(exported: tuple[Path, OnnxFacts]) -> None:
    model = onnx.load(exported[0])
    assert model.producer_name == "factory_assets"
    assert not any(node.doc_string for node in model.graph.node)
    assert str(Path.home()).encode() not in exported[0].read_bytes()


def test_onnx_runtime_gives_what_keras_gives_also_after_it_was_saved(
    exported: tuple[Path, OnnxFacts], tmp_path: Path
) -> None:
    network().save(tmp_path / "model.keras")
    for model in (network(), load_network(tmp_path / "model.keras")):
        cycles, state = model.predict(list(inputs().values()), verbose=0)
        assert largest_difference(exported[0], inputs(), {"cycles": cycles, "state": state}) < 1e-5


def test_what_is_not_valid_onnx_is_refused() -> None:
    value = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Relu", ["nowhere"], ["y"])], "g", [], [value])
    with pytest.raises(ExportError, match="not valid ONNX"):
        checked(helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)]))


def test_lstm_facts_look_into_subgraphs(tmp_path: Path) -> None:
    state = helper.make_tensor_value_info("i", TensorProto.INT64, [])
    condition = helper.make_tensor_value_info("c", TensorProto.BOOL, [])
    out = helper.make_tensor_value_info("d", TensorProto.BOOL, [])
    body = helper.make_graph([helper.make_node("Identity", ["c"], ["d"])], "body", [state, condition], [out])
    graph = helper.make_graph([helper.make_node("Loop", ["n", "k"], [], body=body)], "g", [], [])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), tmp_path / "loop.onnx")
    assert lstm_facts(tmp_path / "loop.onnx") == {"LSTM": 0, "Loop": 1, "Scan": 0}
