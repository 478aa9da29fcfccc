"""The GPU through its driver, which every machine with an NVIDIA GPU has; no toolkit and no further package.

Only what running a compiled engine needs: which GPU, memory on it, copies, one stream.
"""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge_runtime.errors import CompilerUnavailable, GpuError

NAME_BYTES = 256
MAJOR, MINOR = 75, 76
NO_DRIVER = "install the NVIDIA driver, and run as a user who may open the GPU (on a Jetson: group video)"


@dataclass(frozen=True)
class Gpu:
    """A GPU.

    Attributes:
        name: As the driver has it.
        compute_capability: Such as `8.7`.
    """

    name: str
    compute_capability: str


def load_driver() -> Any:
    """The driver's library.

    Raises:
        CompilerUnavailable: It is not installed.
    """
    try:
        return ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
    except OSError as error:
        raise CompilerUnavailable(f"there is no NVIDIA driver on this machine: {error}", NO_DRIVER) from error


class CudaDevice:
    """The first GPU, current for the calling thread, with one stream; use it as a context manager.

    Args:
        driver: The driver's library; loaded if not given.

    Raises:
        CompilerUnavailable: There is no driver or no GPU.
        GpuError: The driver refuses.
    """

    def __init__(self, driver: Any = None) -> None:
        self._driver = load_driver() if driver is None else driver
        code = self._driver.cuInit(0)
        count = ctypes.c_int(0)
        if code == 0:
            self._call("cuDeviceGetCount", ctypes.byref(count))
        if count.value == 0:
            raise CompilerUnavailable(f"the NVIDIA driver finds no GPU (code {code})", NO_DRIVER)
        self._device = ctypes.c_int(0)
        self._call("cuDeviceGet", ctypes.byref(self._device), 0)
        context = ctypes.c_void_p()
        # The primary context is the one that TensorRT works in.
        self._call("cuDevicePrimaryCtxRetain", ctypes.byref(context), self._device)
        self._call("cuCtxSetCurrent", context)
        self._stream = ctypes.c_void_p()
        self._call("cuStreamCreate", ctypes.byref(self._stream), 0)

    def __enter__(self) -> CudaDevice:
        return self

    def __exit__(self, *_: object) -> None:
        self._call("cuStreamDestroy_v2", self._stream)
        self._call("cuDevicePrimaryCtxRelease_v2", self._device)

    @property
    def gpu(self) -> Gpu:
        """Which GPU it is."""
        name = ctypes.create_string_buffer(NAME_BYTES)
        self._call("cuDeviceGetName", name, NAME_BYTES, self._device)
        return Gpu(name=name.value.decode(), compute_capability=f"{self._attribute(MAJOR)}.{self._attribute(MINOR)}")

    @property
    def stream(self) -> int:
        """Handle of the stream."""
        return self._stream.value or 0

    def allocate(self, size_bytes: int) -> int:
        """Address of new memory on the GPU."""
        address = ctypes.c_uint64()
        self._call("cuMemAlloc_v2", ctypes.byref(address), ctypes.c_size_t(max(size_bytes, 1)))
        return address.value

    def free(self, address: int) -> None:
        """Give memory back."""
        self._call("cuMemFree_v2", ctypes.c_uint64(address))

    def upload(self, address: int, array: np.ndarray) -> None:
        """Copy a contiguous array to the GPU."""
        self._call(
            "cuMemcpyHtoD_v2",
            ctypes.c_uint64(address),
            ctypes.c_void_p(array.ctypes.data),
            ctypes.c_size_t(array.nbytes),
        )

    def download(self, array: np.ndarray, address: int) -> None:
        """Copy from the GPU into a contiguous array."""
        self._call(
            "cuMemcpyDtoH_v2",
            ctypes.c_void_p(array.ctypes.data),
            ctypes.c_uint64(address),
            ctypes.c_size_t(array.nbytes),
        )

    def wait(self) -> None:
        """Wait until all work of the stream is done."""
        self._call("cuStreamSynchronize", self._stream)

    def _attribute(self, number: int) -> int:
        value = ctypes.c_int()
        self._call("cuDeviceGetAttribute", ctypes.byref(value), number, self._device)
        return value.value

    def _call(self, name: str, *arguments: Any) -> None:
        code = getattr(self._driver, name)(*arguments)
        if code != 0:
            raise GpuError(f"the NVIDIA driver refuses {name} with code {code}", "see the system log; start again")
