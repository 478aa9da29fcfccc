"""The `cpu` target: ONNX Runtime on one thread, without spinning; the machine has other work to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.bundle.manifest import Manifest
from edge_runtime.bundle.values import Precision
from edge_runtime.engine.inputs import checked_inputs, example_inputs
from edge_runtime.engine.interface import Port, compare, graph_for
from edge_runtime.engine.warming import run_for_warmth
from edge_runtime.errors import BundleError

DTYPES = {"tensor(float)": "float32", "tensor(uint8)": "uint8"}


class OnnxCpuEngine:
    """An ONNX Runtime session over the bundle's graph for `cpu`.

    Args:
        folder: The bundle's folder.
        manifest: Its manifest; the graph's interface must agree with it.
        precision: Of the graph; the most exact if not given.

    Raises:
        TargetUnavailable: No such graph of the bundle is meant for `cpu`.
        BundleError: The graph cannot be loaded or its interface differs from the manifest.
    """

    target = "cpu"

    def __init__(self, folder: Path, manifest: Manifest, precision: str | None = None) -> None:
        graph = graph_for(manifest, self.target, precision)
        self.precision: Precision = graph.computes_in
        self.label = f"onnxruntime {self.precision}"
        self._manifest = manifest
        self._session = open_session(folder / graph.path)
        where = f"bundle {manifest.bundle}: {graph.path}"
        compare(where, "input", manifest.inputs, _ports(self._session.get_inputs()))
        compare(where, "output", manifest.outputs, _ports(self._session.get_outputs()))
        self._outputs = [spec.name for spec in manifest.outputs]

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run the graph once.

        Args:
            inputs: Every declared input, batch first, raw engineering units (NaN where missing) or raw pixels.

        Raises:
            ValueError: An input is missing, unknown or has another shape than the manifest says.
        """
        feeds = checked_inputs(self._manifest, inputs)
        return dict(zip(self._outputs, self._session.run(self._outputs, feeds), strict=True))

    def warm_up(self, calls: int | None = None) -> int:
        """Run a sample that means nothing, so often or until it takes no longer than the fastest; says how often."""
        sample = example_inputs(self._manifest)
        return run_for_warmth(lambda: self.run(sample), calls)

    def close(self) -> None:
        """Give the session back; a second call does nothing."""
        self._session = None


def open_session(path: Path) -> Any:
    """An ONNX Runtime session with the settings of the edge.

    Raises:
        BundleError: The graph cannot be loaded.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exceptions share no base class but this
        raise BundleError(f"{path} cannot be loaded: {error}", "export the graph again on the platform") from error


def _ports(nodes: Sequence[Any]) -> dict[str, Port]:
    return {
        node.name: Port(
            dtype=DTYPES.get(node.type, node.type),
            shape=tuple(length if isinstance(length, int) else None for length in node.shape),
        )
        for node in nodes
    }
