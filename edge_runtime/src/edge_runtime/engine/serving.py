"""Engines for predictions: what was compiled and proven on this machine, or the signed graph on the CPU."""

from __future__ import annotations

from pathlib import Path

from edge_runtime.bundle.manifest import Manifest
from edge_runtime.engine.base import Engine, open_engine
from edge_runtime.engine.cuda import CudaDevice
from edge_runtime.engine.interface import MOST_EXACT_FIRST
from edge_runtime.engine.store import EngineStore, engine_key
from edge_runtime.engine.tensorrt_backend import TARGETS, Backend, load_backend
from edge_runtime.engine.tensorrt_builder import BuildSettings
from edge_runtime.engine.tensorrt_engine import TensorRtEngine
from edge_runtime.errors import EdgeError, TargetUnavailable


def engine_for_serving(
    state: Path, folder: Path, manifest: Manifest, target: str, precision: str | None = None
) -> Engine:
    """Open the engine that predictions are made with.

    Args:
        state: This machine's own folder.
        folder: The bundle's folder.
        manifest: Its manifest.
        target: `cpu`, or a target whose engines are compiled on this machine.
        precision: Only this one; else the most exact that the bundle has, or that is verified.

    Raises:
        TargetUnavailable: No engine for the target and precision is verified for this GPU and this TensorRT.
        CompilerUnavailable: TensorRT or the GPU is not here.
        CompileError: The engine cannot be loaded.
    """
    if target not in TARGETS:
        return open_engine(folder, manifest, target, precision)
    backend, device = load_backend(target), CudaDevice()
    try:
        return _compiled_here(backend, device, EngineStore(state), manifest, precision)
    except EdgeError:
        device.close()
        raise


def _compiled_here(
    backend: Backend, device: CudaDevice, store: EngineStore, manifest: Manifest, precision: str | None
) -> Engine:
    target, settings = backend.target, BuildSettings()
    for wanted in MOST_EXACT_FIRST:
        graph = manifest.graph(target, wanted)
        if graph is None or precision not in (None, wanted):
            continue
        record = store.find(engine_key(backend, device.gpu, graph, settings))
        data = store.read(record) if record is not None and record.is_proven_for(manifest) else None
        if data is not None:
            largest = settings.largest_for(max(len(spec.shape) for spec in manifest.inputs))
            return TensorRtEngine(backend, device, data, manifest=manifest, precision=wanted, largest_batch=largest)
    raise TargetUnavailable(
        f"bundle {manifest.bundle} has no verified engine for target {target}, precision {precision or 'any'}, "
        f"{device.gpu.name} and {backend.compiler}",
        f"run factory-edge compile --target {target}, or use --target cpu",
    )
