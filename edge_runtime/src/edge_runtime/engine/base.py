"""What every engine offers, and how a target's engine is opened."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np

from edge_runtime.bundle.manifest import Manifest
from edge_runtime.engine.tensorrt_backend import TARGETS
from edge_runtime.errors import TargetUnavailable

CPU = "cpu"


class Engine(Protocol):
    """A model that is ready to run; a test may pass any object of this form."""

    @property
    def target(self) -> str:
        """The target it runs on."""

    @property
    def precision(self) -> str:
        """The precision it computes in."""

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name for inputs by name; the first axis is the batch."""


def open_engine(folder: Path, manifest: Manifest, target: str) -> Engine:
    """Open the bundle's graph for a target.

    Args:
        folder: The bundle's folder.
        manifest: Its manifest; input and output names, shapes and dtypes of the graph must agree with it.
        target: `cpu` (ONNX Runtime, or OpenCV where golden images are compared). The engines of other targets are not
            in the bundle: see `serving`.

    Raises:
        TargetUnavailable: The bundle has nothing for the target, or it is not one that runs the graph itself.
        BundleError: The graph cannot be loaded or is not what the manifest says.
    """
    if target == CPU and manifest.inspection is not None and manifest.inspection.golden_image is not None:
        from edge_runtime.engine.golden_image_cpu import GoldenImageEngine

        return GoldenImageEngine(manifest)
    if target == CPU:
        from edge_runtime.engine.onnx_cpu import OnnxCpuEngine

        return OnnxCpuEngine(folder, manifest)
    if target in TARGETS:
        raise TargetUnavailable(
            f"target {target} runs engines that are compiled and verified on this machine, after a pull",
            f"pull with --target {CPU}, then run factory-edge compile --target {target}",
        )
    raise TargetUnavailable(f"target {target!r} is not known", f"use one of: {CPU}, {', '.join(TARGETS)}")
