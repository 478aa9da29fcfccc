"""What goes into an engine is held to the manifest first, whatever runs the graph."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edge_runtime.bundle.manifest import Manifest
from edge_runtime.bundle.values import Shape

RAMP = 251


def checked_inputs(manifest: Manifest, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The inputs as contiguous arrays of the types that the manifest says.

    Args:
        manifest: Names, types and shapes that the graph takes.
        inputs: Every declared input, batch first, raw engineering units (NaN where missing) or raw pixels.

    Raises:
        ValueError: An input is missing, unknown or has another shape than the manifest says, or pixels are not uint8.
    """
    declared = {spec.name: spec for spec in manifest.inputs}
    if set(inputs) != set(declared):
        msg = f"inputs are {sorted(inputs)}, bundle {manifest.bundle} takes {sorted(declared)}"
        raise ValueError(msg)
    for name, array in inputs.items():
        # A picture in floating point has been scaled by somebody, to nobody knows what.
        if declared[name].dtype == "uint8" and array.dtype != np.uint8:
            msg = f"input {name} is {array.dtype}, bundle {manifest.bundle} takes raw uint8 pixels"
            raise ValueError(msg)
    feeds = {name: np.ascontiguousarray(array, dtype=declared[name].dtype) for name, array in inputs.items()}
    for name, array in feeds.items():
        if not _fits(declared[name].shape, array.shape):
            msg = f"input {name} has shape {array.shape}, must be {declared[name].shape}"
            raise ValueError(msg)
    return feeds


def example_inputs(manifest: Manifest) -> dict[str, np.ndarray]:
    """Inputs of one sample that mean nothing, for runs whose outputs nobody needs: a ramp, so that something shows."""
    found = {}
    for spec in manifest.inputs:
        shape = tuple(1 if isinstance(length, str) else length for length in spec.shape)
        found[spec.name] = (np.arange(np.prod(shape, dtype=int)) % RAMP).astype(spec.dtype).reshape(shape)
    return found


def _fits(declared: Shape, actual: tuple[int, ...]) -> bool:
    """Whether a concrete array shape fits; free dimensions take any length."""
    if len(declared) != len(actual):
        return False
    return all(isinstance(want, str) or want == have for want, have in zip(declared, actual, strict=True))
