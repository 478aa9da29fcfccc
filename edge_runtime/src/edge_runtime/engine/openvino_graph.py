"""A graph compiled by OpenVINO for the CPU: for the edge's engine, and for the platform's parity and benchmarks.

Its default on many CPUs is to compute in bfloat16 without a word (probabilities differ by 0.03); so the precision is
always stated, and what really runs is read back. Nothing compiled is kept on disk: it would run unverified.
"""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.engine.interface import Port
from edge_runtime.errors import BundleError

DTYPES = {"f32": "float32", "u8": "uint8"}
HEAVY = ("Convolution", "FullyConnected", "MatMul", "Deconvolution")


def is_installed() -> bool:
    """Whether OpenVINO is here."""
    return importlib.util.find_spec("openvino") is not None


def load_openvino() -> Any:
    """The module, without the one through which it reports its use to its maker; it does without."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


class OpenVinoGraph:
    """A graph, read by OpenVINO; `compile` makes it ready to run.

    Attributes:
        version: Of OpenVINO.
        inputs: As the graph itself has them, by name.
        outputs: Likewise.

    Args:
        path: The ONNX file.
        outputs: The names by which outputs are known. A tensor that is no more than reshaped into an output has two
            names, of which OpenVINO tells either.

    Raises:
        BundleError: The graph cannot be loaded.
    """

    def __init__(self, path: Path, outputs: Collection[str] = ()) -> None:
        openvino = load_openvino()
        self.version: str = openvino.get_version()
        self._openvino, self._path, self._core = openvino, path, openvino.Core()
        with self._told():
            self._model = self._core.read_model(path)
        self.inputs = {port.get_any_name(): _port(port) for port in self._model.inputs}
        self.outputs = {_name(port, outputs): _port(port) for port in self._model.outputs}
        self._compiled: Any = None
        self._request: Any = None
        self._given: dict[str, Any] = {}

    def compile(self, shape: tuple[int, ...] | None = None, *, threads: int = 1) -> None:
        """Compile it for the CPU, and take the memory that its runs need.

        Args:
            shape: A fixed shape of its only input, which runs about a third faster; None keeps what is free free.
            threads: How many it may use.

        Raises:
            BundleError: OpenVINO refuses the graph.
        """
        hint = self._openvino.properties.hint
        settings = {
            hint.inference_precision(): self._openvino.Type.f32,
            hint.performance_mode(): hint.PerformanceMode.LATENCY,
            self._openvino.properties.inference_num_threads(): threads,
        }
        with self._told():
            if shape is not None:
                self._model.reshape(list(shape))
            self._compiled = self._core.compile_model(self._model, "CPU", settings)
            self._request = self._compiled.create_infer_request()
        if shape is not None:
            self._given = {name: self._request.get_tensor(name) for name in self.inputs}

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name for inputs by name; the first axis is the batch. The outputs are the caller's own."""
        if self._given:
            for name, array in inputs.items():
                self._given[name].data[:] = array
            self._request.infer(share_outputs=True)
        else:
            self._request.infer(dict(inputs), share_outputs=True)
        return {name: self._request.get_output_tensor(place).data.copy() for place, name in enumerate(self.outputs)}

    def executed_precisions(self) -> dict[str, int]:
        """How many convolutions and matrix products were compiled for each precision, as the runtime tells it."""
        counts: Counter[str] = Counter()
        for node in self._compiled.get_runtime_model().get_ordered_ops():
            info: Any = node.get_rt_info()
            kind = str(info["layerType"].astype(str)) if "layerType" in info else ""
            if kind in HEAVY:
                counts[str(info["runtimePrecision"].astype(str))] += 1
        return dict(sorted(counts.items()))

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            raise BundleError(
                f"{self._path} cannot be loaded: {error}", "export the graph again on the platform"
            ) from error


def _name(port: Any, known: Collection[str]) -> str:
    names = port.get_names()
    return next((name for name in known if name in names), None) or str(port.get_any_name())


def _port(port: Any) -> Port:
    dtype = port.get_element_type().get_type_name()
    dimensions = port.get_partial_shape()
    return Port(
        dtype=DTYPES.get(dtype, dtype),
        shape=tuple(None if length.is_dynamic else length.get_length() for length in dimensions),
    )
