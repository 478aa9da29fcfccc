"""Parity: how far ONNX Runtime is from the trainer, on the same inputs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

BATCH = 256


def run_onnx(path: Path, inputs: Mapping[str, np.ndarray], batch: int = BATCH) -> dict[str, np.ndarray]:
    """Run a graph with ONNX Runtime on one thread, batch by batch; the first axis of every input is the sample."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    count = len(next(iter(inputs.values())))
    parts = [
        session.run(names, {name: array[start : start + batch] for name, array in inputs.items()})
        for start in range(0, count, batch)
    ]
    return {name: np.concatenate([part[place] for part in parts]) for place, name in enumerate(names)}


def largest_difference(path: Path, inputs: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]) -> float:
    """The largest |ONNX Runtime - expected| over all outputs, in their unit; NaN if either is NaN anywhere.

    Args:
        path: The graph.
        inputs: By name, one row a sample.
        expected: What the trainer gives for them, by output name.
    """
    found = run_onnx(path, inputs)
    return float(np.max([np.max(np.abs(found[name].astype(np.float64) - expected[name])) for name in expected]))
