"""Running a compiled engine on the GPU of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import numpy as np

from edge_runtime.bundle.manifest import InputSpec, Manifest, OutputSpec
from edge_runtime.bundle.values import Precision
from edge_runtime.engine.cuda import CudaDevice
from edge_runtime.engine.inputs import checked_inputs
from edge_runtime.engine.tensorrt_backend import Backend
from edge_runtime.errors import BundleError, CompileError

TENSORRT_DTYPES = {"float32": "FLOAT", "uint8": "UINT8"}
COMPILE_AGAIN = "run factory-edge compile again on this machine"


class TensorRtEngine:
    """A serialised engine, loaded; use it in the thread that made it.

    Args:
        backend: The TensorRT that compiled it.
        device: The GPU; must stay open as long as the engine is used.
        data: The engine's bytes.
        manifest: Names and shapes of inputs and outputs.
        precision: What it computes in.
        largest_batch: The greatest first axis that it was compiled for; longer inputs are run in pieces.

    Raises:
        CompileError: The engine was made for another TensorRT or GPU, or is damaged.
        BundleError: Its inputs or outputs are not those of the manifest.
    """

    def __init__(
        self,
        backend: Backend,
        device: CudaDevice,
        data: bytes,
        *,
        manifest: Manifest,
        precision: Precision,
        largest_batch: int,
    ) -> None:
        trt = backend.module
        self.target = backend.target
        self.precision = precision
        self._device = device
        self._manifest = manifest
        self._largest_batch = largest_batch
        self._trt = trt
        backend.logger.errors.clear()
        self._runtime = trt.Runtime(backend.logger)
        self._engine = self._runtime.deserialize_cuda_engine(data)
        self._context = None if self._engine is None else self._engine.create_execution_context()
        if self._context is None:
            reasons = "; ".join(backend.logger.errors) or "no reason given"
            raise CompileError(
                f"{backend.compiler} cannot load the engine of {manifest.bundle}: {reasons}", COMPILE_AGAIN
            )
        self._compare_names()

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run the engine, in as many pieces as its largest batch asks for.

        Args:
            inputs: Every declared input, batch first, raw engineering units (NaN where missing) or raw pixels.

        Raises:
            ValueError: An input is missing, unknown or has another shape than the manifest says.
            GpuError: The driver refuses.
        """
        feeds = checked_inputs(self._manifest, inputs)
        count = len(next(iter(feeds.values())))
        pieces = [
            self._run_piece({name: array[start : start + self._largest_batch] for name, array in feeds.items()})
            for start in range(0, count, self._largest_batch)
        ]
        return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}

    def _run_piece(self, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        context: Any = self._context
        outputs: dict[str, tuple[np.ndarray, int]] = {}
        with ExitStack() as stack:
            for name, array in feeds.items():
                context.set_input_shape(name, array.shape)
                address = self._allocated(stack, array.nbytes)
                self._device.upload(address, np.ascontiguousarray(array))
                context.set_tensor_address(name, address)
            for spec in self._manifest.outputs:
                array = np.empty(tuple(context.get_tensor_shape(spec.name)), np.float32)
                outputs[spec.name] = array, self._allocated(stack, array.nbytes)
                context.set_tensor_address(spec.name, outputs[spec.name][1])
            if not context.execute_async_v3(self._device.stream):
                raise CompileError(f"the engine of {self._manifest.bundle} does not run", COMPILE_AGAIN)
            self._device.wait()
            for array, address in outputs.values():
                self._device.download(array, address)
        return {name: array for name, (array, _) in outputs.items()}

    def _allocated(self, stack: ExitStack, size_bytes: int) -> int:
        address = self._device.allocate(size_bytes)
        stack.callback(self._device.free, address)
        return address

    def _compare_names(self) -> None:
        engine: Any = self._engine
        names = [engine.get_tensor_name(number) for number in range(engine.num_io_tensors)]
        specs: list[InputSpec | OutputSpec] = [*self._manifest.inputs, *self._manifest.outputs]
        declared = {spec.name: TENSORRT_DTYPES[spec.dtype] for spec in specs}
        types: dict[str, str] = {name: engine.get_tensor_dtype(name).name for name in names}
        if types != declared:
            raise BundleError(
                f"bundle {self._manifest.bundle}: the engine takes and gives {types}, the manifest says {declared}",
                "make the bundle again on the platform",
            )
