"""A stand-in for PyCUDA and for the driver's library, over this process's own memory.

Work of a stream is done when somebody waits for it, and not before: what forgets to wait reads old values.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

REFUSED = 2


class CudaError(Exception):
    """As PyCUDA's base of all errors."""


class Memory:
    """Memory of the GPU; its address is that of this process's memory."""

    def __init__(self, gpu: FakeGpu, size_bytes: int) -> None:
        self.gpu, self.buffer = gpu, ctypes.create_string_buffer(size_bytes)
        gpu.memory[int(self)] = self.buffer

    def __int__(self) -> int:
        return ctypes.addressof(self.buffer)

    def free(self) -> None:
        del self.gpu.memory[int(self)]


class Stream:
    def __init__(self, gpu: FakeGpu) -> None:
        self.gpu = gpu
        self.handle = len(gpu.streams) + 1
        self.work: list[Callable[[], None]] = []
        self.recording: list[Callable[[], None]] | None = None
        gpu.streams[self.handle] = self

    def give(self, work: Callable[[], None]) -> None:
        (self.work if self.recording is None else self.recording).append(work)

    def synchronize(self) -> None:
        self.gpu.refuse("synchronize")
        if self.recording is not None:
            raise CudaError("synchronize failed: operation not permitted when stream is capturing")
        for work in self.work:
            work()
        self.work.clear()


class _Module(SimpleNamespace):
    """Equal to itself alone, as modules are."""

    __hash__ = object.__hash__
    __eq__ = object.__eq__


class FakeGpu:
    """One GPU, or none: `pycuda` is the module, `library` the driver's library.

    Attributes:
        refuses: Name of a call that fails.
        memory: What is allocated now, by address.
        allocations: How often memory was asked for, on both sides.
        launched: How many graphs were launched.
    """

    def __init__(self, *, name: str = "Orin", capability: tuple[int, int] = (8, 7), gpus: int = 1) -> None:
        self.name, self.capability, self.gpus = name, capability, gpus
        self.refuses: str | None = None
        self.memory: dict[int, Any] = {}
        self.allocations = self.launched = 0
        self.streams: dict[int, Stream] = {}
        self.graphs: dict[int, tuple[Stream, list[Callable[[], None]]]] = {}
        self.contexts: list[str] = []
        self.library = _Library(self)
        self.pycuda = self._module()

    def refuse(self, call: str) -> None:
        if call == self.refuses:
            raise CudaError(f"{call} failed: unspecified launch failure")

    def empty(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        self.refuse("pagelocked_empty")
        self.allocations += 1
        return np.empty(shape, dtype)

    def allocate(self, size_bytes: int) -> Memory:
        self.refuse("mem_alloc")
        self.allocations += 1
        return Memory(self, size_bytes)

    def upload(self, memory: Memory, array: np.ndarray, stream: Stream) -> None:
        assert array.flags.c_contiguous
        stream.give(lambda: ctypes.memmove(int(memory), array.ctypes.data, array.nbytes) and None)

    def download(self, array: np.ndarray, memory: Memory, stream: Stream) -> None:
        assert array.flags.c_contiguous
        stream.give(lambda: ctypes.memmove(array.ctypes.data, int(memory), array.nbytes) and None)

    def _module(self) -> Any:
        context = SimpleNamespace(push=lambda: self.contexts.append("primary"))
        device = SimpleNamespace(
            name=lambda: self.name, compute_capability=lambda: self.capability, retain_primary_context=lambda: context
        )

        class Device:
            def __new__(cls, _: int) -> Any:
                return device

            count = staticmethod(lambda: self.gpus)

        return _Module(
            Error=CudaError,
            init=lambda: self.refuse("init"),
            Device=Device,
            Context=SimpleNamespace(pop=self.contexts.pop),
            Stream=lambda _: Stream(self),
            pagelocked_empty=self.empty,
            mem_alloc=self.allocate,
            memcpy_htod_async=self.upload,
            memcpy_dtoh_async=self.download,
        )


class _Library:
    """The graph calls of the driver's library."""

    def __init__(self, gpu: FakeGpu) -> None:
        self.gpu = gpu

    def __getattribute__(self, name: str) -> Any:
        found = object.__getattribute__(self, name)
        if name.startswith("cu") and self.gpu.refuses == name:
            return lambda *arguments: self._refused(name, arguments)
        return found

    def _refused(self, name: str, arguments: tuple[Any, ...]) -> int:
        if name == "cuStreamEndCapture":
            self.gpu.streams[arguments[0].value].recording = None
        return REFUSED

    def cuStreamBeginCapture_v2(self, stream: Any, _: Any) -> int:  # noqa: N802 (the driver's name)
        self.gpu.streams[stream.value].recording = []
        return 0

    def cuStreamEndCapture(self, stream: Any, graph: Any) -> int:  # noqa: N802
        of = self.gpu.streams[stream.value]
        number = max(self.gpu.graphs, default=0) + 1
        self.gpu.graphs[number] = of, of.recording or []
        of.recording = None
        graph._obj.value = number
        return 0

    def cuGraphInstantiateWithFlags(self, executable: Any, graph: Any, _: Any) -> int:  # noqa: N802
        number = max(self.gpu.graphs) + 1
        self.gpu.graphs[number] = self.gpu.graphs[graph.value]
        executable._obj.value = number
        return 0

    def cuGraphLaunch(self, executable: Any, stream: Any) -> int:  # noqa: N802
        self.gpu.launched += 1
        for work in self.gpu.graphs[executable.value][1]:
            self.gpu.streams[stream.value].give(work)
        return 0

    def cuGraphDestroy(self, graph: Any) -> int:  # noqa: N802
        del self.gpu.graphs[graph.value]
        return 0

    cuGraphExecDestroy = cuGraphDestroy  # noqa: N815
