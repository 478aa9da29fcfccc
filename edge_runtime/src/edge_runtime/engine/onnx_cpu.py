"""The `cpu` target: ONNX Runtime on one thread, without spinning; the machine has other work to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.bundle.manifest import InputSpec, Manifest, OutputSpec
from edge_runtime.bundle.values import Shape
from edge_runtime.engine.inputs import checked_inputs
from edge_runtime.errors import BundleError, TargetUnavailable

ONNX_DTYPES = {"float32": "tensor(float)", "uint8": "tensor(uint8)"}


class OnnxCpuEngine:
    """An ONNX Runtime session over the bundle's graph for `cpu`."""

    target = "cpu"
    precision = "fp32"

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        """Load the graph and compare its interface with the manifest.

        Raises:
            TargetUnavailable: No graph of the bundle is meant for `cpu`.
            BundleError: The graph cannot be loaded or its interface differs from the manifest.
        """
        graph = manifest.graph(self.target, self.precision)
        if graph is None:
            raise TargetUnavailable(
                f"bundle {manifest.bundle} {manifest.version} has no {self.precision} graph for target {self.target}",
                "pull with a target that the bundle has, or release one for this target",
            )
        self._manifest = manifest
        self._session = open_session(folder / graph.path)
        where = f"bundle {manifest.bundle}: {graph.path}"
        _compare(where, "input", manifest.inputs, self._session.get_inputs())
        _compare(where, "output", manifest.outputs, self._session.get_outputs())
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


def _compare(where: str, kind: str, declared: Sequence[InputSpec | OutputSpec], found: Sequence[Any]) -> None:
    mend = "make the bundle again on the platform"
    by_name = {node.name: node for node in found}
    names = [spec.name for spec in declared]
    if set(by_name) != set(names):
        raise BundleError(f"{where}: {kind}s are {sorted(by_name)}, the manifest says {sorted(names)}", mend)
    for spec in declared:
        node = by_name[spec.name]
        if node.type != ONNX_DTYPES[spec.dtype]:
            raise BundleError(f"{where}: {kind} {spec.name} is {node.type}, the manifest says {spec.dtype}", mend)
        if not _same_dimensions(spec.shape, node.shape):
            raise BundleError(
                f"{where}: {kind} {spec.name} has shape {node.shape}, the manifest says {list(spec.shape)}",
                mend,
            )


def _same_dimensions(declared: Shape, found: Sequence[Any]) -> bool:
    """A number must be the same number; a free dimension must be free, under any name."""
    if len(declared) != len(found):
        return False
    return all(
        have == want if isinstance(want, int) else not isinstance(have, int)
        for want, have in zip(declared, found, strict=True)
    )
