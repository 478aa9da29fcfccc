"""The `cpu` target where pictures are looked at and OpenVINO is installed: up to four times as fast as ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from edge_runtime.bundle.manifest import Manifest
from edge_runtime.bundle.values import Precision
from edge_runtime.engine.inputs import checked_inputs, example_inputs
from edge_runtime.engine.interface import compare, graph_for
from edge_runtime.engine.openvino_graph import OpenVinoGraph
from edge_runtime.engine.warming import run_for_warmth
from edge_runtime.errors import CompileError, TargetUnavailable

PICTURE_AXES = 4


class OpenVinoCpuEngine:
    """The bundle's graph for `cpu`, compiled for one picture at a time.

    Attributes:
        ran_in: How many convolutions and matrix products run in which precision, read back from what was compiled.

    Args:
        folder: The bundle's folder.
        manifest: Its manifest; the graph's interface must agree with it.
        precision: Of the graph; the most exact if not given.
        threads: How many it may use.

    Raises:
        TargetUnavailable: No such graph of the bundle is meant for `cpu`, or it takes something else than pictures.
        BundleError: The graph cannot be loaded or its interface differs from the manifest.
        CompileError: It would compute in another precision.
    """

    target = "cpu"

    def __init__(self, folder: Path, manifest: Manifest, precision: str | None = None, *, threads: int = 1) -> None:
        graph = graph_for(manifest, self.target, precision)
        self.precision: Precision = graph.computes_in
        self.label = f"openvino {self.precision}"
        self._manifest = manifest
        shape = _one_picture(manifest)
        where = f"bundle {manifest.bundle}: {graph.path}"
        made = OpenVinoGraph(folder / graph.path, [spec.name for spec in manifest.outputs])
        compare(where, "input", manifest.inputs, made.inputs)
        compare(where, "output", manifest.outputs, made.outputs)
        made.compile(shape, threads=threads)
        self.ran_in = made.executed_precisions()
        if self.precision == "fp32" and set(self.ran_in) - {"f32"}:
            raise CompileError(
                f"{where}: OpenVINO {made.version} would compute in {self.ran_in}, asked for was fp32",
                "update OpenVINO, or remove it: ONNX Runtime is used then",
            )
        self._graph: OpenVinoGraph | None = made

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run the graph, picture by picture.

        Args:
            inputs: The declared input, batch first, raw pixels.

        Raises:
            ValueError: The input is missing, empty, not uint8 or has another shape than the manifest says.
        """
        if self._graph is None:
            msg = "the engine is closed"
            raise ValueError(msg)
        ((name, array),) = checked_inputs(self._manifest, inputs).items()
        if len(array) == 0:
            msg = f"input {name} holds no picture"
            raise ValueError(msg)
        if len(array) == 1:
            return self._graph.run({name: array})
        found = [self._graph.run({name: array[number : number + 1]}) for number in range(len(array))]
        return {output: np.concatenate([one[output] for one in found]) for output in found[0]}

    def warm_up(self, calls: int | None = None) -> int:
        """Run a sample that means nothing, so often or until it takes no longer than the fastest; says how often."""
        sample = example_inputs(self._manifest)
        return run_for_warmth(lambda: self.run(sample), calls)

    def close(self) -> None:
        """Give the compiled graph back; a second call does nothing."""
        self._graph = None


def takes_one_picture(manifest: Manifest) -> bool:
    """Whether the bundle's graph takes pictures and nothing else."""
    return len(manifest.inputs) == 1 and len(manifest.inputs[0].shape) == PICTURE_AXES


def _one_picture(manifest: Manifest) -> tuple[int, ...]:
    if not takes_one_picture(manifest):
        raise TargetUnavailable(
            f"bundle {manifest.bundle} takes {[spec.name for spec in manifest.inputs]}, which are no pictures",
            "run it with ONNX Runtime",
        )
    free, *rest = manifest.inputs[0].shape
    return (1 if isinstance(free, str) else free, *(int(length) for length in rest))
