"""CUDA graphs: work of a stream that is recorded once and launched with one call, through the driver's own library."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from edge_runtime.errors import GpuError

# Only calls of this thread must keep to what can be recorded; other threads may go on allocating.
THREAD_LOCAL = 1


class CudaGraph:
    """Recorded work, ready to be launched; it holds the addresses and lengths that it was recorded with.

    Args:
        driver: The driver's library.
        stream: Handle of the stream that it is launched on.
        executable: Handle of the work.
    """

    def __init__(self, driver: Any, stream: int, executable: ctypes.c_void_p) -> None:
        self._driver, self._stream, self._executable = driver, ctypes.c_void_p(stream), executable

    def launch(self) -> None:
        """Give the stream all of the work.

        Raises:
            GpuError: The driver refuses.
        """
        _call(self._driver, "cuGraphLaunch", self._executable, self._stream)

    def close(self) -> None:
        """Give the graph back; a second call does nothing."""
        if self._executable.value:
            _call(self._driver, "cuGraphExecDestroy", self._executable)
            self._executable = ctypes.c_void_p()


def record(driver: Any, stream: int, work: Callable[[], None]) -> CudaGraph:
    """Record what `work` gives a stream; nothing of it is done yet.

    Args:
        driver: The driver's library.
        stream: Handle of the stream; nothing but `work` may use it meanwhile.
        work: Must neither wait nor allocate.

    Raises:
        GpuError: The driver cannot record it; the stream can be used as before.
    """
    handle, graph = ctypes.c_void_p(stream), ctypes.c_void_p()
    _call(driver, "cuStreamBeginCapture_v2", handle, ctypes.c_int(THREAD_LOCAL))
    try:
        work()
    except BaseException:
        # The stream stays in recording until it is told otherwise, whatever went wrong.
        driver.cuStreamEndCapture(handle, ctypes.byref(graph))
        _destroy(driver, graph)
        raise
    _call(driver, "cuStreamEndCapture", handle, ctypes.byref(graph))
    executable = ctypes.c_void_p()
    try:
        _call(driver, "cuGraphInstantiateWithFlags", ctypes.byref(executable), graph, ctypes.c_ulonglong(0))
    finally:
        _destroy(driver, graph)
    return CudaGraph(driver, stream, executable)


def _destroy(driver: Any, graph: ctypes.c_void_p) -> None:
    if graph.value:
        driver.cuGraphDestroy(graph)


def _call(driver: Any, name: str, *arguments: Any) -> None:
    try:
        code = getattr(driver, name)(*arguments)
    except AttributeError as error:
        raise GpuError(f"the GPU's driver has no {name}", "install a driver of CUDA 11.4 or newer") from error
    if code != 0:
        raise GpuError(f"the GPU's driver refuses {name} with code {code}", "see the system log; start again")
