"""The proof that an engine computes here what it computed on the platform: golden samples are run again."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge_runtime.bundle.golden import read_golden
from edge_runtime.bundle.manifest import Manifest, Tolerance
from edge_runtime.engine.base import Engine
from edge_runtime.errors import BundleError, GoldenMismatch


def golden_check(engine: Engine, folder: Path, manifest: Manifest, *, batch: int | None = None) -> dict[str, float]:
    """Run all golden samples and compare with the expected outputs.

    Args:
        engine: What is to be proven.
        folder: The bundle's folder.
        manifest: Its manifest.
        batch: How many samples are run at a time; all if not given.

    Returns:
        Largest |engine - expected| by output, in the output's unit.

    Raises:
        GoldenMismatch: A value differs by more than atol + rtol * |expected|, or is NaN.
        BundleError: The samples do not fit the manifest, or it has no tolerance for target and precision.
    """
    inputs, expected = read_golden(folder / manifest.golden.path)
    _check_names(manifest, inputs=set(inputs), outputs=set(expected))
    tolerance = _tolerance(manifest, engine.target, engine.precision)
    try:
        outputs = _run(engine, inputs, batch)
    except ValueError as error:
        raise BundleError(
            f"bundle {manifest.bundle}: golden samples do not fit the graph: {error}", "make the bundle again"
        ) from error
    return {name: _difference(manifest, name, outputs[name], expected[name], tolerance) for name in sorted(expected)}


def _run(engine: Engine, inputs: dict[str, np.ndarray], batch: int | None) -> dict[str, np.ndarray]:
    count = len(next(iter(inputs.values())))
    if batch is None or count <= batch:
        return engine.run(inputs)
    starts = range(0, count, batch)
    found = [engine.run({name: array[start : start + batch] for name, array in inputs.items()}) for start in starts]
    return {name: np.concatenate([piece[name] for piece in found]) for name in found[0]}


def _check_names(manifest: Manifest, *, inputs: set[str], outputs: set[str]) -> None:
    declared_inputs = {spec.name for spec in manifest.inputs}
    declared_outputs = {spec.name for spec in manifest.outputs if not spec.shown_only}
    if inputs != declared_inputs or outputs != declared_outputs:
        raise BundleError(
            f"bundle {manifest.bundle}: golden samples hold {sorted(inputs)} -> {sorted(outputs)}, "
            f"the manifest says {sorted(declared_inputs)} -> {sorted(declared_outputs)}",
            "make the bundle again on the platform",
        )


def _tolerance(manifest: Manifest, target: str, precision: str) -> Tolerance:
    try:
        return manifest.golden.tolerance[target][precision]
    except KeyError as error:
        raise BundleError(
            f"bundle {manifest.bundle}: no golden tolerance for target {target}, precision {precision}",
            "state one on the platform (targets.yaml) and make the bundle again",
        ) from error


def _difference(manifest: Manifest, name: str, found: np.ndarray, expected: np.ndarray, tolerance: Tolerance) -> float:
    if found.shape != expected.shape:
        raise GoldenMismatch(
            f"bundle {manifest.bundle} {manifest.version}: output {name} has shape {found.shape}, "
            f"expected {expected.shape}",
            "make the bundle again on the platform",
        )
    wanted = expected.astype(np.float64)
    difference = np.abs(found.astype(np.float64) - wanted)
    worst = float(difference.max(initial=0.0))
    # Written so that NaN counts as beyond: a comparison with NaN is never true.
    if not np.all(difference <= tolerance.atol + tolerance.rtol * np.abs(wanted)):
        raise GoldenMismatch(
            f"bundle {manifest.bundle} {manifest.version}: output {name} differs from its golden samples "
            f"by {worst:g}, allowed is {tolerance.atol:g} + {tolerance.rtol:g} * |expected|",
            "this machine computes otherwise than the platform: update its runtime or release another bundle",
        )
    return worst
