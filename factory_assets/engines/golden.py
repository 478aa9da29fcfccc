"""Golden samples: the few inputs that travel with a bundle, chosen from the trainer's validation windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

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
