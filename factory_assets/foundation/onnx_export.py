"""Keras to ONNX: a dynamic batch, native LSTM nodes, and bytes that depend on the model alone.

Engines are found again by the digest of the graph that they were made of, so the same weights must always give the
same file; the converter numbers its names by what it converted before.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.lake import replacing, sha256_file

OPSET = 17
ML_OPSET = 3
BATCH = "batch"
PRODUCER = "factory_assets"


class ExportError(FactoryError, ValueError):
    """A model that cannot become a graph for the edge."""


@dataclass(frozen=True)
class OnnxFacts:
    """What an exported graph is.

    Attributes:
        opset: Version of the standard operator set.
        nodes: Count of nodes by type, also in subgraphs.
        sha256: Digest of the file.
        bytes: Its size.
    """

    opset: int
    nodes: dict[str, int]
    sha256: str
    bytes: int


def load_network(path: Path) -> Any:
    """A trained Keras model from its file, as it is exported."""
    import keras

    return keras.saving.load_model(path, compile=False)


def export_onnx(model: Any, path: Path) -> OnnxFacts:
    """Write a Keras model as ONNX, with its input and output names; the first axis of each is free.

    Args:
        model: A functional Keras model; its output layers name the outputs.
        path: The file.

    Raises:
        ExportError: The converted graph has other inputs or outputs than the model, or is not valid ONNX.
    """
    converted = _convert(model)
    inputs, outputs = [t.name for t in model.inputs], list(model.output_names)
    found = [value.name for value in converted.graph.input], [value.name for value in converted.graph.output]
    if (sorted(found[0]), len(found[1])) != (sorted(inputs), len(outputs)):
        msg = f"the graph has inputs {found[0]} and outputs {found[1]}, the model {inputs} and {outputs}"
        raise ExportError(msg)
    graph = checked(_canonical(converted, outputs))
    with replacing(path) as temporary:
        temporary.write_bytes(graph.SerializeToString(deterministic=True))
    return onnx_facts(path)


def checked(graph: Any) -> Any:
    """The same graph.

    Raises:
        ExportError: It is not valid ONNX.
    """
    import onnx

    try:
        onnx.checker.check_model(graph, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        msg = f"the exported graph is not valid ONNX: {error}"
        raise ExportError(msg) from error
    return graph


def onnx_facts(path: Path) -> OnnxFacts:
    """Opset, node counts, size and digest of an ONNX file."""
    import onnx

    model = onnx.load(path)
    nodes = Counter(node.op_type for node in _all_nodes(model.graph))
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    return OnnxFacts(
        opset=opset, nodes=dict(sorted(nodes.items())), sha256=sha256_file(path), bytes=path.stat().st_size
    )


def output_names(path: Path) -> list[str]:
    """The outputs of an ONNX file, in its order."""
    import onnx

    return [value.name for value in onnx.load(path).graph.output]


def lstm_facts(path: Path) -> dict[str, int]:
    """How many LSTM, Loop and Scan nodes an ONNX file has, also in subgraphs; a bidirectional LSTM is one node."""
    nodes = onnx_facts(path).nodes
    return {name: nodes.get(name, 0) for name in ("LSTM", "Loop", "Scan")}


def _convert(model: Any) -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import logging

    import tensorflow as tf
    import tf2onnx

    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    # With a fixed batch the converter writes loops instead of LSTM nodes.
    signature = [tf.TensorSpec((None, *t.shape[1:]), t.dtype, name=t.name) for t in model.inputs]
    converted, _ = tf2onnx.convert.from_keras(model, input_signature=signature, opset=OPSET)
    return converted


def _all_nodes(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _all_nodes(inner)


def _canonical(model: Any, outputs: list[str]) -> Any:
    """The same graph with nodes in an order and under names that follow from its structure."""
    import onnx
    from onnx import helper

    graph = model.graph
    if sum(1 for _ in _all_nodes(graph)) != len(graph.node):
        return model  # subgraphs refer to outer names; such graphs are refused further on anyway
    nodes = _in_order(graph)
    renamed = {value.name: value.name for value in graph.input}
    renamed |= {value.name: name for value, name in zip(graph.output, outputs, strict=True)}
    constants = {tensor.name: tensor for tensor in graph.initializer}
    kept: list[Any] = []
    for number, node in enumerate(nodes):
        for name in node.input:
            if name in constants and name not in renamed:
                renamed[name] = f"constant_{len(kept)}"
                kept.append(constants[name])
        for place, name in enumerate(node.output):
            if name:
                renamed.setdefault(name, f"{node.op_type.lower()}_{number}_{place}")
    for number, node in enumerate(nodes):
        node.name, node.doc_string = f"{node.op_type.lower()}_{number}", ""
        node.input[:] = [renamed[name] if name else "" for name in node.input]
        node.output[:] = [renamed[name] if name else "" for name in node.output]
    for tensor in kept:
        tensor.name, tensor.doc_string = renamed[tensor.name], ""
    values = [_value(value, renamed) for value in (*graph.input, *graph.output)]
    clean = helper.make_graph(nodes, "model", values[: len(graph.input)], values[len(graph.input) :], kept)
    return helper.make_model(
        clean,
        producer_name=PRODUCER,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=min(model.ir_version, onnx.IR_VERSION),
    )


def _in_order(graph: Any) -> list[Any]:
    """Nodes that the outputs need, each after those that it needs itself, in order of their use."""
    maker = {name: node for node in graph.node for name in node.output if name}
    ordered: list[Any] = []
    seen: set[int] = set()
    waiting = [(maker[value.name], False) for value in reversed(graph.output) if value.name in maker]
    while waiting:
        node, is_ready = waiting.pop()
        if is_ready:
            ordered.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            waiting.append((node, True))
            waiting += [(maker[name], False) for name in reversed(node.input) if name in maker]
    return ordered


def _value(value: Any, renamed: dict[str, str]) -> Any:
    """An input or output under its name, with a free first axis."""
    from onnx import helper

    kind = value.type.tensor_type
    rest = [dimension.dim_value for dimension in kind.shape.dim[1:]]
    return helper.make_tensor_value_info(renamed[value.name], kind.elem_type, [BATCH, *rest])
