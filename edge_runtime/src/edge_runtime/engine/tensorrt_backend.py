"""Which TensorRT compiles and runs a target: JetPack's own `tensorrt` on the device, `tensorrt_rtx` on x86-64 machines.

Both offer the same Python interface; what differs between them is said here and nowhere else.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from edge_runtime.errors import CompilerUnavailable, TargetUnavailable

OLDEST_MAJOR = 10


@dataclass(frozen=True)
class Backend:
    """One TensorRT library, loaded.

    Attributes:
        target: The target that it compiles for.
        package: Name of its Python module.
        version: Its version.
        has_timing_cache: It measures tactics and can keep what it measured; TensorRT-RTX measures when it loads.
        needs_gpu: It compiles only on the GPU that will run the engine.
        module: The Python module.
    """

    target: str
    package: str
    version: str
    has_timing_cache: bool
    needs_gpu: bool
    module: Any = field(repr=False)

    @property
    def compiler(self) -> str:
        """Name and version, as manifests and records have it."""
        return f"{self.package} {self.version}"

    @property
    def logger(self) -> Any:
        """The library's one logger in this process; it keeps errors in its list `errors`."""
        return _logger(self.module)


@dataclass(frozen=True)
class _Kind:
    package: str
    has_timing_cache: bool
    needs_gpu: bool
    mend: str


_KINDS = {
    "tensorrt": _Kind(
        package="tensorrt",
        has_timing_cache=True,
        needs_gpu=True,
        mend=(
            "on a Jetson it comes with JetPack 6.1 or newer: install the system package python3-libnvinfer and make "
            "the environment with --system-site-packages; on other GPUs install the package tensorrt"
        ),
    ),
    "tensorrt-rtx": _Kind(
        package="tensorrt_rtx",
        has_timing_cache=False,
        needs_gpu=False,
        mend="install the package tensorrt-rtx-cu12 (Linux or Windows, x86-64), as factory-edge[tensorrt-rtx] does",
    ),
}
TARGETS = tuple(_KINDS)


def load_backend(target: str) -> Backend:
    """Import the TensorRT of a target.

    Raises:
        TargetUnavailable: Nothing compiles for the target.
        CompilerUnavailable: The library is not installed, cannot be loaded, or is too old.
    """
    if target not in _KINDS:
        raise TargetUnavailable(f"nothing is compiled for target {target!r}", f"use one of: {', '.join(TARGETS)}")
    kind = _KINDS[target]
    try:
        module = importlib.import_module(kind.package)
    except (ImportError, OSError) as error:
        raise CompilerUnavailable(
            f"target {target} needs the Python module {kind.package}, which cannot be loaded: {error}", kind.mend
        ) from error
    backend = Backend(
        target=target,
        package=kind.package,
        version=str(module.__version__),
        has_timing_cache=kind.has_timing_cache,
        needs_gpu=kind.needs_gpu,
        module=module,
    )
    _check_age(backend, kind.mend)
    return backend


def _check_age(backend: Backend, mend: str) -> None:
    """TensorRT before 10 chooses precisions itself: an engine would not compute in the types that were signed."""
    if backend.package == "tensorrt" and int(backend.version.split(".")[0]) < OLDEST_MAJOR:
        raise CompilerUnavailable(
            f"{backend.compiler} cannot compile strongly typed graphs, version {OLDEST_MAJOR} is the oldest that can",
            mend,
        )


@cache
def _logger(module: Any) -> Any:
    """One logger a library: TensorRT ignores every other after the first."""
    base: Any = module.ILogger
    kept = (base.Severity.ERROR, base.Severity.INTERNAL_ERROR)

    class Logger(base):
        """Keeps what went wrong, for the message of the exception."""

        def __init__(self) -> None:
            base.__init__(self)
            self.errors: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity in kept:
                self.errors.append(message)

    return Logger()
