"""Whether this machine computes what the platform computed, for every precision that it can run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge_runtime.bundle.manifest import Manifest
from edge_runtime.engine.base import Engine
from edge_runtime.engine.golden import golden_check
from edge_runtime.engine.interface import MOST_EXACT_FIRST
from edge_runtime.errors import EdgeError, TargetUnavailable


def parity(folder: Path, manifest: Manifest, open_engine: Callable[[str], Engine]) -> list[dict[str, Any]]:
    """Run the golden samples in every precision that this target can run here.

    Args:
        folder: The bundle's folder.
        manifest: Its manifest.
        open_engine: Opens its engine in a precision.

    Returns:
        By precision: `precision` as asked for, `state` (`met`, `failed` or `not here`), and `engine`, `ran_in` (the
        precision as the engine tells it), `difference` (largest by output, in its unit), `tolerance`, or `fault`.
    """
    return [_of(folder, manifest, precision, open_engine) for precision in MOST_EXACT_FIRST]


def _of(folder: Path, manifest: Manifest, precision: str, open_engine: Callable[[str], Engine]) -> dict[str, Any]:
    try:
        engine = open_engine(precision)
    except TargetUnavailable as error:
        return {"precision": precision, "state": "not here", "fault": error.what}
    except EdgeError as error:
        return {"precision": precision, "state": "failed", "fault": error.what}
    told: dict[str, Any] = {
        "precision": precision,
        "engine": engine.label,
        "ran_in": engine.precision,
        "samples": manifest.golden.samples,
    }
    tolerance = manifest.golden.tolerance.get(engine.target, {}).get(engine.precision)
    if tolerance is not None:
        told["tolerance"] = tolerance.model_dump(mode="json")
    try:
        difference = golden_check(engine, folder, manifest)
    except EdgeError as error:
        return {**told, "state": "failed", "fault": error.what}
    finally:
        engine.close()
    if engine.precision != precision:
        return {**told, "state": "failed", "fault": f"{precision} was asked for, the engine runs {engine.precision}"}
    return {**told, "state": "met", "difference": difference}
