"""A trained model as one ONNX graph: preparation and networks from Keras, trees beside them, intervals behind.

Inputs and outputs are those of a bundle: `window` and `age_cycles` in raw engineering units, `rul_cycles` and
`rul_quantiles_cycles`. Trees are of the domain `ai.onnx.ml`, which ONNX Runtime runs everywhere and TensorRT nowhere.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from factory_assets.foundation.lake import replacing
from factory_assets.foundation.onnx_export import (
    BATCH,
    ML_OPSET,
    OPSET,
    PRODUCER,
    OnnxFacts,
    checked,
    export_onnx,
    onnx_facts,
)
from factory_assets.rul.bilstm import NetworkMember
from factory_assets.rul.intervals import Calibration
from factory_assets.rul.network import FIGURES, NETWORK, build_whole
from factory_assets.rul.schema import QUANTILES, RUL
from factory_assets.rul.training import TrainedModel
from factory_assets.rul.trees import TreeMember

TREES = "trees_cycles"
# The newest that the converter knows; nodes of trees are of a domain of their own, and the same in all of them.
CONVERTER_OPSET = 15


def write_graph(model: TrainedModel, path: Path) -> OnnxFacts:
    """Write a trained model as ONNX; the same model gives the same bytes.

    Raises:
        ExportError: The graph is not valid ONNX.
    """
    import onnx

    networks = [member for member in _of(model, "bilstm") if isinstance(member, NetworkMember)]
    boosters = [member for member in _of(model, "trees") if isinstance(member, TreeMember)]
    cores = [core for member in networks for core in member.cores]
    whole = build_whole(model.preparation.model, cores, model.settings.cap_cycles)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "keras.onnx"
        export_onnx(whole, file)
        keras_part = onnx.load(file)
    assembled = _Assembly(keras_part)
    parts = []
    if cores:
        parts.append((NETWORK, model.weights["bilstm"]))
    if boosters:
        parts.append((assembled.trees(boosters), model.weights["trees"]))
    assembled.mix(parts, model.settings.cap_cycles)
    assembled.intervals(model.calibration)
    graph = checked(assembled.model())
    with replacing(path) as temporary:
        temporary.write_bytes(graph.SerializeToString(deterministic=True))
    return onnx_facts(path)


def _of(model: TrainedModel, name: str) -> Sequence[Any]:
    return model.members[name] if name in model.weights else ()


class _Assembly:
    """Nodes that are put behind those of Keras."""

    def __init__(self, keras_part: Any) -> None:
        self._graph = keras_part.graph
        self._ir_version = keras_part.ir_version
        self._nodes = list(self._graph.node)
        self._constants = list(self._graph.initializer)

    def trees(self, members: Sequence[TreeMember]) -> str:
        """The mean of several members' trees; returns its name, (B, 1) cycles."""
        names = []
        for number, member in enumerate(members):
            names.append(f"trees_{number}")
            self._nodes.append(_tree_node(member, names[-1], number))
        total = self._add("Sum", names, "trees_sum") if len(names) > 1 else names[0]
        mean = float(np.mean([member.mean_cycles for member in members]))
        scaled = self._add("Mul", [total, self._constant("trees_share", 1 / len(members))], "trees_mean")
        return self._add("Add", [scaled, self._constant("trees_offset", mean)], TREES)

    def mix(self, parts: Sequence[tuple[str, float]], cap_cycles: int) -> None:
        """The remaining life: the weighted sum of its parts, within 0 and the cap."""
        weighted = [
            self._add("Mul", [name, self._constant(f"share_of_{name}", share)], f"weighted_{name}")
            for name, share in parts
        ]
        total = self._add("Sum", weighted, "mixed_cycles") if len(weighted) > 1 else weighted[0]
        bounds = [self._constant("least_cycles", 0.0), self._constant("most_cycles", float(cap_cycles))]
        self._add("Clip", [total, *bounds], RUL)

    def intervals(self, calibration: Calibration) -> None:
        """Quantiles: the prediction and its offsets (see `Calibration.hinges`), within 0 and the cap.

        A sum of products, not a matrix product, which INT8 and FP16 graphs compute in their own precision.
        """
        first, start, span, step = calibration.hinges()
        past = self._add("Sub", [RUL, self._constant("hinge_start", start[None])], "past_hinge")
        along = self._add("Div", [past, self._constant("hinge_span", span[None])], "along_hinge")
        bounds = [self._constant("least_share", 0.0), self._constant("most_share", 1.0)]
        share = self._add("Clip", [along, *bounds], "share_of_hinge")
        column = self._add("Unsqueeze", [share, self._places("last_axis", 2)], "share_column")
        products = self._add("Mul", [column, self._constant("hinge_step", step[None])], "hinge_steps")
        stepped = self._add("ReduceSum", [products, self._places("hinge_axis", 1)], "stepped", keepdims=0)
        offsets = self._add("Add", [stepped, self._constant("first_offsets", first[None])], "offsets")
        shifted = self._add("Add", [RUL, offsets], "shifted")
        self._add("Clip", [shifted, "least_cycles", "most_cycles"], QUANTILES)
        self._levels = len(calibration.levels)

    def model(self) -> Any:
        """The finished graph."""
        from onnx import TensorProto, helper

        outputs = [
            helper.make_tensor_value_info(RUL, TensorProto.FLOAT, [BATCH, 1]),
            helper.make_tensor_value_info(QUANTILES, TensorProto.FLOAT, [BATCH, self._levels]),
        ]
        graph = helper.make_graph(self._needed(), "model", list(self._graph.input), outputs, self._constants)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
        return helper.make_model(graph, producer_name=PRODUCER, opset_imports=opsets, ir_version=self._ir_version)

    def _needed(self) -> list[Any]:
        """Nodes that lead to an output: figures are needed by trees alone."""
        wanted, kept = {RUL, QUANTILES}, []
        for node in reversed(self._nodes):
            if wanted & set(node.output):
                kept.append(node)
                wanted |= set(node.input)
        used = {name for node in kept for name in node.input}
        self._constants = [tensor for tensor in self._constants if tensor.name in used]
        return kept[::-1]

    def _add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        from onnx import helper

        self._nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def _constant(self, name: str, value: float | np.ndarray) -> str:
        from onnx import numpy_helper

        self._constants.append(numpy_helper.from_array(np.array(value, np.float32), name))
        return name

    def _places(self, name: str, axis: int) -> str:
        from onnx import numpy_helper

        self._constants.append(numpy_helper.from_array(np.array([axis], np.int64), name))
        return name


def _tree_node(member: TreeMember, output: str, number: int) -> Any:
    """One member's trees as a single node that reads the figures."""
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    figures = member.booster.num_feature()
    converted = convert_lightgbm(
        member.booster,
        initial_types=[(FIGURES, FloatTensorType([None, figures]))],
        target_opset=CONVERTER_OPSET,
        zipmap=False,
    )
    node = next(node for node in converted.graph.node if node.op_type == "TreeEnsembleRegressor")
    node.name, node.doc_string = f"trees_{number}", ""
    node.input[:], node.output[:] = [FIGURES], [output]
    return node
