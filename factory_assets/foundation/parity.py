"""Parity: how far ONNX Runtime is from the trainer, on the same inputs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

BATCH = 256


class OnnxRunner:
    """A graph in ONNX Runtime, on one thread."""

    def __init__(self, path: Path) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._names = [output.name for output in self._session.get_outputs()]

    def run(self, inputs: Mapping[str, np.ndarray], batch: int = BATCH) -> dict[str, np.ndarray]:
        """Outputs by name, batch by batch; the first axis of every input is the sample."""
        count = len(next(iter(inputs.values())))
        parts = [
            self._session.run(self._names, {name: array[start : start + batch] for name, array in inputs.items()})
            for start in range(0, count, batch)
        ]
        return {name: np.concatenate([part[place] for part in parts]) for place, name in enumerate(self._names)}


def run_onnx(path: Path, inputs: Mapping[str, np.ndarray], batch: int = BATCH) -> dict[str, np.ndarray]:
    """Run a graph once; see `OnnxRunner.run`."""
    return OnnxRunner(path).run(inputs, batch)


def largest_difference(path: Path, inputs: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]) -> float:
    """The largest |ONNX Runtime - expected| over all outputs, in their unit; NaN if either is NaN anywhere.

    Args:
        path: The graph.
        inputs: By name, one row a sample.
        expected: What the trainer gives for them, by output name.
    """
    found = run_onnx(path, inputs)
    return float(np.max([np.max(np.abs(found[name].astype(np.float64) - expected[name])) for name in expected]))
