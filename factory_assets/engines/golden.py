"""Golden samples: the few inputs that travel with a bundle, chosen from the trainer's validation windows."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_runtime.bundle import Manifest
from edge_runtime.engine import golden_check, open_engine
from edge_runtime.engine.base import CPU, Runtime
from edge_runtime.engine.openvino_cpu import takes_one_picture

SAMPLES = 16


@dataclass(frozen=True)
class GoldenSamples:
    """Inputs and the trainer's outputs, one entry a sample."""

    inputs: Mapping[str, np.ndarray]
    outputs: Mapping[str, np.ndarray]


def choose(inputs: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray], by: str | None = None) -> GoldenSamples:
    """Samples spread over the whole range of an output, and one with as much missing as there is.

    A short history exercises the graph's padding; outputs from end to end exercise its scaling.

    Args:
        inputs: By name, one row a sample.
        outputs: The trainer's, by name.
        by: The output, one value a sample, whose range is covered; the first one by default.
    """
    output = outputs[by or next(iter(outputs))].reshape(-1)
    spread = np.argsort(output, kind="stable")[np.linspace(0, len(output) - 1, SAMPLES - 1).round().astype(int)]
    missing = sum(np.isnan(array).reshape(len(array), -1).sum(axis=1) for array in inputs.values())
    picked = np.unique([*spread, int(np.argmax(missing))])
    return GoldenSamples(
        inputs={name: array[picked] for name, array in inputs.items()},
        outputs={name: array[picked] for name, array in outputs.items()},
    )


def check_on_cpu(folder: Path, manifest: Manifest) -> float:
    """Run a bundle's golden samples in all that may run it on a CPU of the edge: every precision, in both runtimes.

    Returns:
        The largest difference, in output units, over precisions, runtimes and outputs.

    Raises:
        EdgeError: One of them cannot run the bundle, or misses its tolerance.
    """
    runtimes: tuple[Runtime, ...] = ("onnxruntime", "openvino") if takes_one_picture(manifest) else ("onnxruntime",)
    precisions: list[str | None] = [graph.computes_in for graph in manifest.graphs if CPU in graph.targets]
    differences: list[float] = []
    for precision in precisions or [None]:
        for runtime in runtimes:
            with closing(open_engine(folder, manifest, CPU, precision, runtime=runtime)) as engine:
                differences += golden_check(engine, folder, manifest).values()
    return max(differences)
