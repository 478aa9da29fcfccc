"""Checks of what is installed: Python, libraries, engines and the GPU."""

from __future__ import annotations

import getpass
import importlib
import os
import sys
from collections.abc import Iterator

from edge_runtime import __version__
from edge_runtime.doctor.check import Check, failed, failed_by, fine, warning
from edge_runtime.errors import EdgeError
from edge_runtime.station.config import StationConfig

PAGE_LIBRARIES = ("starlette", "uvicorn", "prometheus_client")


def installation(config: StationConfig | None, target: str) -> Iterator[Check]:
    """Check what is installed.

    Args:
        config: The station's settings; None checks what every station needs.
        target: What engines run on.
    """
    version = ".".join(map(str, sys.version_info[:3]))
    yield fine("python", f"{version}, factory-edge {__version__} in {sys.prefix}, as user {_user()}")
    yield library("opencv", ("cv2",), "inspection")
    yield _onnx_runtime()
    if target == "cpu":
        yield _openvino()
    else:
        yield gpu(target)
    if config is None or config.page is not None:
        yield library("page", PAGE_LIBRARIES, "inspection")
    if config is not None and config.trigger.kind == "plc":
        yield library("plc", ("asyncua",), "plc")
    if config is not None and config.camera.kind == "genicam":
        yield library("genicam", ("harvesters",), "genicam")


def library(name: str, modules: tuple[str, ...], extra: str) -> Check:
    """Check that modules can be imported."""
    versions = []
    for module in modules:
        try:
            loaded = importlib.import_module(module)
        except (ImportError, OSError) as error:
            return failed(name, f"{module} cannot be loaded: {error}", f"install factory-edge[{extra}]")
        versions.append(f"{module} {_version_of(module, getattr(loaded, '__version__', None))}")
    return fine(name, ", ".join(versions))


def gpu(target: str) -> Check:
    """Check that the target's TensorRT and the GPU are there."""
    from edge_runtime.engine.cuda import CudaDevice
    from edge_runtime.engine.tensorrt_backend import load_backend

    try:
        backend = load_backend(target)
        device = CudaDevice()
    except EdgeError as error:
        return failed_by("gpu", error)
    try:
        text = f"{device.gpu.name}, compute capability {device.gpu.compute_capability}, {backend.compiler}"
    finally:
        device.close()
    return fine("gpu", text)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())


def _version_of(module: str, told: object) -> str:
    from importlib.metadata import PackageNotFoundError, version

    if told is not None:
        return str(told)
    try:
        return version(module.replace("_", "-"))
    except PackageNotFoundError:
        return "of an unknown version"


def _onnx_runtime() -> Check:
    try:
        import onnxruntime
    except (ImportError, OSError) as error:
        return failed("onnxruntime", f"it cannot be loaded: {error}", "install factory-edge again")
    return fine("onnxruntime", str(onnxruntime.__version__))


def _openvino() -> Check:
    found = library("openvino", ("openvino",), "openvino")
    if found.state == "ok":
        return found
    return warning("openvino", found.text, "install factory-edge[openvino]: engines on the CPU are about twice as fast")
