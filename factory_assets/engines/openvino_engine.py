"""OpenVINO on one thread, as the edge runs it, for graphs of no bundle: for parity and for benchmarks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from edge_runtime.engine.openvino_graph import OpenVinoGraph


class OpenVinoEngine(OpenVinoGraph):
    """A compiled graph.

    Args:
        path: The ONNX file.
        shape: A fixed shape of its only input; None keeps the batch free.

    Raises:
        BundleError: OpenVINO refuses the graph.
    """

    def __init__(self, path: Path, shape: tuple[int, ...] | None = None) -> None:
        import onnx

        names = [value.name for value in onnx.load(path, load_external_data=False).graph.output]
        super().__init__(path, names)
        self.compile(shape)

    def run_batches(self, inputs: Mapping[str, np.ndarray], batch: int = 16) -> dict[str, np.ndarray]:
        """Outputs by name for inputs by name, a few samples at a time."""
        count = len(next(iter(inputs.values())))
        pieces = [
            self.run({name: array[start : start + batch] for name, array in inputs.items()})
            for start in range(0, count, batch)
        ]
        return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
