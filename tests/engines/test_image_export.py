"""Graphs that take pictures: what must not be in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

from factory_assets.engines.image_export import faults, stray_transposes
from factory_assets.foundation.onnx_export import export_onnx
from tests.tiny_images import network


def graph(path: Path, *nodes: object, dtype: int = TensorProto.UINT8) -> Path:
    made = helper.make_graph(
        list(nodes),
        "made",
        [helper.make_tensor_value_info("image", dtype, ["batch", 8, 8, 1])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["batch", "a", "b", "c"])],
        [numpy_helper.from_array(np.ones((1, 1, 3, 3), np.float32), "weights")],
    )
    save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


CAST = helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT)
FIRST = helper.make_node("Transpose", ["pixels"], ["planes"], perm=[0, 3, 1, 2], name="first")
CONV = helper.make_node("Conv", ["planes", "weights"], ["features"])


def test_an_exported_network_is_clean(tmp_path: Path) -> None:
    export_onnx(network(), tmp_path / "model.onnx")
    assert faults(tmp_path / "model.onnx") == []


def test_axes_may_be_exchanged_at_the_start_and_before_an_output(tmp_path: Path) -> None:
    last = helper.make_node("Transpose", ["features"], ["score"], perm=[0, 2, 3, 1])
    assert faults(graph(tmp_path / "a.onnx", CAST, FIRST, CONV, last)) == []


def test_a_transpose_in_between_is_told_by_name(tmp_path: Path) -> None:
    middle = helper.make_node("Transpose", ["features"], ["turned"], perm=[0, 2, 3, 1], name="middle")
    last = helper.make_node("Relu", ["turned"], ["score"])
    path = graph(tmp_path / "a.onnx", CAST, FIRST, CONV, middle, last)
    assert stray_transposes(path) == ["middle"]
    assert faults(path) == ["1 stray Transpose: middle"]


def test_preprocessing_outside_of_the_graph_is_a_fault(tmp_path: Path) -> None:
    first = helper.make_node("Transpose", ["image"], ["planes"], perm=[0, 3, 1, 2])
    last = helper.make_node("Conv", ["planes", "weights"], ["score"])
    assert "input image is not uint8" in faults(graph(tmp_path / "a.onnx", first, last, dtype=TensorProto.FLOAT))[0]
