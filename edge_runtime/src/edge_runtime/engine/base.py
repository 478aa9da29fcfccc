"""What every engine offers, and how a target's engine is opened."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from edge_runtime.bundle.manifest import Manifest
from edge_runtime.engine.tensorrt_backend import TARGETS
from edge_runtime.errors import TargetUnavailable

CPU = "cpu"
Runtime = Literal["openvino", "onnxruntime"]


class Engine(Protocol):
    """A model that is ready to run; a test may pass any object of this form."""

    @property
    def target(self) -> str:
        """The target it runs on."""

    @property
    def precision(self) -> str:
        """The precision it computes in."""

    @property
    def label(self) -> str:
        """What runs it, and the precision, such as `openvino int8`."""

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name for inputs by name; the first axis is the batch."""

    def warm_up(self, calls: int | None = None) -> int:
        """Run a sample that means nothing, so often or until that is steady; says how often."""

    def close(self) -> None:
        """Give back what it holds; it cannot run any more."""


def open_engine(
    folder: Path, manifest: Manifest, target: str, precision: str | None = None, *, runtime: Runtime | None = None
) -> Engine:
    """Open the bundle's graph for a target.

    Args:
        folder: The bundle's folder.
        manifest: Its manifest; input and output names, shapes and dtypes of the graph must agree with it.
        target: `cpu`. The engines of other targets are not in the bundle: see `serving`.
        precision: Of the graph; the most exact if not given.
        runtime: What runs it on the CPU; if not given, OpenVINO for pictures where it is installed, else ONNX Runtime.

    Raises:
        TargetUnavailable: The bundle has nothing for the target and precision, or the target does not run the graph
            itself, or what must run it is not installed.
        BundleError: The graph cannot be loaded or is not what the manifest says.
        CompileError: OpenVINO would compute in another precision.
    """
    if target == CPU:
        return _on_cpu(folder, manifest, precision, runtime)
    if target in TARGETS:
        raise TargetUnavailable(
            f"target {target} runs engines that are compiled and verified on this machine, after a pull",
            f"pull with --target {CPU}, then run factory-edge compile --target {target}",
        )
    raise TargetUnavailable(f"target {target!r} is not known", f"use one of: {CPU}, {', '.join(TARGETS)}")


def _on_cpu(folder: Path, manifest: Manifest, precision: str | None, runtime: Runtime | None) -> Engine:
    if manifest.inspection is not None and manifest.inspection.golden_image is not None:
        return _comparing(manifest, precision)
    from edge_runtime.engine.onnx_cpu import OnnxCpuEngine
    from edge_runtime.engine.openvino_cpu import OpenVinoCpuEngine, takes_one_picture
    from edge_runtime.engine.openvino_graph import is_installed

    if runtime == "openvino" and not is_installed():
        raise TargetUnavailable("OpenVINO is not installed", "install factory-edge[openvino]")
    if runtime == "openvino" or (runtime is None and takes_one_picture(manifest) and is_installed()):
        return OpenVinoCpuEngine(folder, manifest, precision)
    return OnnxCpuEngine(folder, manifest, precision)


def _comparing(manifest: Manifest, precision: str | None) -> Engine:
    if find_spec("cv2") is None:
        raise TargetUnavailable(
            f"bundle {manifest.bundle} compares golden images, which needs OpenCV, and that is not installed",
            "install factory-edge[inspection]",
        )
    from edge_runtime.engine.golden_image_cpu import GoldenImageEngine

    if precision not in (None, GoldenImageEngine.precision):
        raise TargetUnavailable(
            f"bundle {manifest.bundle} compares golden images, in {GoldenImageEngine.precision} alone",
            f"ask for {GoldenImageEngine.precision}, or for none",
        )
    return GoldenImageEngine(manifest)
