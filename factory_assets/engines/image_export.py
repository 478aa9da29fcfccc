"""What a graph that takes pictures must not have."""

from __future__ import annotations

from pathlib import Path

from factory_assets.foundation.onnx_export import onnx_facts

UNWANTED = {
    "Loop": "a loop, which every engine runs slowly",
    "Scan": "a loop, which every engine runs slowly",
    "If": "a branch, which TensorRT may refuse",
    "BatchNormalization": "a batch norm that was not folded into its convolution",
}


def faults(path: Path) -> list[str]:
    """What is wrong with an exported graph; empty if nothing is.

    Args:
        path: The ONNX file.
    """
    import onnx

    graph = onnx.load(path, load_external_data=False).graph
    nodes = onnx_facts(path).nodes
    found = [f"{nodes[name]} {name}: {why}" for name, why in UNWANTED.items() if name in nodes]
    strays = stray_transposes(path)
    if strays:
        found.append(f"{len(strays)} stray Transpose: {', '.join(strays[:5])}")
    pixels = [value.name for value in graph.input if value.type.tensor_type.elem_type != onnx.TensorProto.UINT8]
    if pixels:
        found.append(f"input {', '.join(pixels)} is not uint8: preprocessing must be inside the graph")
    return found


def stray_transposes(path: Path) -> list[str]:
    """Transposes between other nodes: neither the first thing done with the pixels nor the last before an output."""
    import onnx

    graph = onnx.load(path, load_external_data=False).graph
    outputs = {value.name for value in graph.output}
    inputs = {value.name for value in graph.input}
    early = set(inputs)
    # Casts and scaling of the pixels come before the exchange of axes.
    for node in graph.node:
        if node.op_type in ("Cast", "Mul", "Add", "Sub", "Div") and any(name in early for name in node.input):
            early |= set(node.output)
    return [
        node.name
        for node in graph.node
        if node.op_type == "Transpose" and node.input[0] not in early and not outputs & set(node.output)
    ]
