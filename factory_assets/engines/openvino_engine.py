"""OpenVINO on one thread: for parity and for benchmarks.

Its default on this kind of CPU is to compute in bfloat16 without a word (probabilities differ by 0.03); so the
precision is always stated, and what really ran is read back.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


class OpenVinoEngine:
    """A compiled graph.

    Args:
        path: The ONNX file.
        shape: A fixed shape of its only input; None keeps the batch free.
    """

    def __init__(self, path: Path, shape: tuple[int, ...] | None = None) -> None:
        import onnx

        # OpenVINO reports its use to its maker through this module, and does without where it is not to be had.
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
        import openvino
        from openvino import properties

        self.version: str = openvino.get_version()
        model = openvino.Core().read_model(path)
        if shape is not None:
            model.reshape(list(shape))
        settings = {
            properties.hint.inference_precision(): openvino.Type.f32,
            properties.inference_num_threads(): 1,
            properties.hint.performance_mode(): properties.hint.PerformanceMode.LATENCY,
        }
        self._compiled = openvino.Core().compile_model(model, "CPU", settings)
        self._request = self._compiled.create_infer_request()
        # A tensor that is no more than reshaped into an output has two names, and `get_any_name` gives either.
        self._outputs = {
            value.name: self._compiled.output(value.name)
            for value in onnx.load(path, load_external_data=False).graph.output
        }

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name for inputs by name; the first axis is the batch."""
        found = self._request.infer(dict(inputs))
        return {name: np.array(found[output]) for name, output in self._outputs.items()}

    def run_batches(self, inputs: Mapping[str, np.ndarray], batch: int = 16) -> dict[str, np.ndarray]:
        """The same, a few samples at a time."""
        count = len(next(iter(inputs.values())))
        pieces = [
            self.run({name: array[start : start + batch] for name, array in inputs.items()})
            for start in range(0, count, batch)
        ]
        return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}

    def executed_precisions(self) -> dict[str, int]:
        """How many convolutions and matrix products were compiled for each precision, as the runtime tells it."""
        counts: Counter[str] = Counter()
        for node in self._compiled.get_runtime_model().get_ordered_ops():
            info: Any = node.get_rt_info()
            kind = str(info["layerType"].astype(str)) if "layerType" in info else ""
            if kind in ("Convolution", "FullyConnected", "MatMul", "Deconvolution"):
                counts[str(info["runtimePrecision"].astype(str))] += 1
        return dict(sorted(counts.items()))
