"""The GPU through PyCUDA: which it is, page-locked buffers that are made once, asynchronous copies, one stream.

Graphs of recorded work are in `cuda_graph`: PyCUDA has no calls for them.
"""

from __future__ import annotations

import atexit
import ctypes
import importlib
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from edge_runtime.engine.cuda_graph import CudaGraph, record
from edge_runtime.errors import CompilerUnavailable, GpuError, GpuMissing

NO_DRIVER = "install the NVIDIA driver, and run as a user who may open the GPU (on a Jetson: group video)"
NO_PYCUDA = "install factory-edge[tensorrt]: PyCUDA is built on the spot and needs CUDA's headers and nvcc on the PATH"
# Work of this stream neither waits for the default stream, where libraries work when they load, nor holds it up.
NON_BLOCKING = 1


@dataclass(frozen=True)
class Gpu:
    """A GPU.

    Attributes:
        name: As the driver has it.
        compute_capability: Such as `8.7`.
    """

    name: str
    compute_capability: str


@dataclass(frozen=True)
class Buffer:
    """The same memory twice: page-locked on the host, from where copies run on their own, and on the GPU.

    Attributes:
        host: The host's side; its first axis is the batch.
        memory: The GPU's side, as PyCUDA has it.
        address: Of the GPU's side.
    """

    host: np.ndarray
    memory: Any = field(repr=False)
    address: int


def load_driver() -> Any:
    """The driver's library.

    Raises:
        GpuMissing: It is not installed.
    """
    try:
        return ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
    except OSError as error:
        raise GpuMissing(f"there is no NVIDIA driver on this machine: {error}", NO_DRIVER) from error


def load_pycuda() -> Any:
    """The module `pycuda.driver`.

    Raises:
        CompilerUnavailable: It is not installed, or was built against another CUDA.
    """
    try:
        return importlib.import_module("pycuda.driver")
    except (ImportError, OSError) as error:
        raise CompilerUnavailable(
            f"the GPU needs the Python module pycuda, which cannot be loaded: {error}", NO_PYCUDA
        ) from error


class CudaDevice:
    """The first GPU, with one stream and the buffers that were made on it; use it in the program's main thread.

    All devices of a process share the GPU's primary context, which is the one that TensorRT works in.

    Raises:
        GpuMissing: There is no driver or no GPU.
        CompilerUnavailable: PyCUDA is not installed.
        GpuError: The driver refuses.
    """

    def __init__(self) -> None:
        self._driver = load_driver()
        self._cuda = load_pycuda()
        self.allocations = 0
        self._buffers: list[Buffer] = []
        with self._told("a context"):
            device, _ = _primary_context(self._cuda)
            major, minor = device.compute_capability()
            self.gpu = Gpu(name=device.name(), compute_capability=f"{major}.{minor}")
            self._stream = self._cuda.Stream(NON_BLOCKING)

    def __enter__(self) -> CudaDevice:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def stream(self) -> int:
        """Handle of the stream."""
        return int(self._stream.handle)

    def buffer(self, shape: tuple[int, ...], dtype: Any) -> Buffer:
        """New memory on both sides; it is given back when the device is closed.

        Args:
            shape: With the greatest batch that will be copied.
            dtype: Of an element.
        """
        elements = tuple(max(length, 1) for length in shape)
        with self._told(f"{math.prod(elements) * np.dtype(dtype).itemsize} bytes of memory"):
            host = self._cuda.pagelocked_empty(elements, dtype)
            memory = self._cuda.mem_alloc(host.nbytes)
        made = Buffer(host=host, memory=memory, address=int(memory))
        self.allocations += 2
        self._buffers.append(made)
        return made

    def upload(self, buffer: Buffer, batch: int) -> None:
        """Have the first entries of a buffer copied to the GPU, after what the stream was given before."""
        with self._told("a copy to the GPU"):
            self._cuda.memcpy_htod_async(buffer.memory, buffer.host[:batch], self._stream)

    def download(self, buffer: Buffer, batch: int) -> None:
        """Have the first entries of a buffer copied from the GPU, after what the stream was given before."""
        with self._told("a copy from the GPU"):
            self._cuda.memcpy_dtoh_async(buffer.host[:batch], buffer.memory, self._stream)

    def wait(self) -> None:
        """Wait until all work of the stream is done."""
        with self._told("the work of its stream"):
            self._stream.synchronize()

    def recorded(self, work: Callable[[], None]) -> CudaGraph:
        """What `work` gives the stream, recorded instead of done.

        Raises:
            GpuError: The driver cannot record it; the stream can be used as before.
        """
        return record(self._driver, self.stream, work)

    def close(self) -> None:
        """Give back buffers and stream; a second call does nothing."""
        for buffer in self._buffers:
            with self._told("memory given back"):
                buffer.memory.free()
        self._buffers.clear()
        self._stream = None

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except self._cuda.Error as error:
            raise GpuError(f"the GPU's driver refuses {what}: {error}", "see the system log; start again") from error


@cache
def _primary_context(cuda: Any) -> tuple[Any, list[Any]]:
    """The first GPU, its primary context made current until the process ends, and what holds the context.

    PyCUDA aborts a process that ends with a context on its stack, so it is taken off in time.
    """
    try:
        cuda.init()
        count = cuda.Device.count()
    except cuda.Error as error:
        raise GpuMissing(f"the NVIDIA driver does not start: {error}", NO_DRIVER) from error
    if count == 0:
        raise GpuMissing("the NVIDIA driver finds no GPU", NO_DRIVER)
    device = cuda.Device(0)
    held = [device.retain_primary_context()]
    held[0].push()

    def leave() -> None:
        cuda.Context.pop()
        held.clear()

    atexit.register(leave)
    return device, held
