"""Running a compiled engine on the GPU of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from edge_runtime.bundle.manifest import InputSpec, Manifest, OutputSpec
from edge_runtime.bundle.values import Precision
from edge_runtime.engine.cuda import Buffer, CudaDevice
from edge_runtime.engine.cuda_graph import CudaGraph
from edge_runtime.engine.inputs import checked_inputs, example_inputs
from edge_runtime.engine.tensorrt_backend import Backend
from edge_runtime.engine.warming import run_for_warmth
from edge_runtime.errors import BundleError, CompileError, GpuError

TENSORRT_DTYPES = {"float32": "FLOAT", "uint8": "UINT8"}
COMPILE_AGAIN = "run factory-edge compile again on this machine"


class TensorRtEngine:
    """A serialised engine, loaded, with all memory that its runs need; use it in the thread that made the device.

    Attributes:
        launches: `graph` where single samples are run by one launch of recorded work, else `plain`.

    Args:
        backend: The TensorRT that compiled it.
        device: The GPU; the engine closes it.
        data: The engine's bytes.
        manifest: Names and shapes of inputs and outputs.
        precision: What it computes in.
        largest_batch: The greatest first axis that it was compiled for; longer inputs are run in pieces.

    Raises:
        CompileError: The engine was made for another TensorRT or GPU, or is damaged.
        BundleError: Its inputs or outputs are not those of the manifest.
        GpuError: The GPU has not the memory.
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
        self.target = backend.target
        self.precision = precision
        self.label = f"{backend.package} {precision}"
        self.launches = "plain"
        self._device = device
        self._manifest = manifest
        self._largest_batch = largest_batch
        backend.logger.errors.clear()
        self._runtime = backend.module.Runtime(backend.logger)
        self._engine = self._runtime.deserialize_cuda_engine(data)
        self._single = None if self._engine is None else self._engine.create_execution_context()
        if self._single is None:
            reasons = "; ".join(backend.logger.errors) or "no reason given"
            raise CompileError(
                f"{backend.compiler} cannot load the engine of {manifest.bundle}: {reasons}", COMPILE_AGAIN
            )
        self._compare_names()
        self._inputs = {spec.name: self._buffer(spec) for spec in manifest.inputs}
        self._outputs = {spec.name: self._buffer(spec) for spec in manifest.outputs}
        # Recorded work stays good only while its context's shapes do: single samples have a context to themselves.
        self._bind(self._single, 1)
        self._several: Any = None
        self._several_batch = 0
        self._graph: CudaGraph | None = None

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run the engine, in as many pieces as its largest batch asks for.

        Args:
            inputs: Every declared input, batch first, raw engineering units (NaN where missing) or raw pixels.

        Raises:
            ValueError: An input is missing, unknown or has another shape than the manifest says, or their batches
                differ.
            GpuError: The driver refuses.
        """
        feeds = checked_inputs(self._manifest, inputs)
        counts = {len(array) for array in feeds.values()}
        if len(counts) != 1 or 0 in counts:
            msg = f"inputs have batches of {sorted(counts)}, must have the same, of one sample at least"
            raise ValueError(msg)
        (count,) = counts
        if count <= self._largest_batch:
            return self._run_piece(feeds, count)
        starts = range(0, count, self._largest_batch)
        pieces = [
            self._run_piece(
                {name: array[start : start + self._largest_batch] for name, array in feeds.items()},
                min(self._largest_batch, count - start),
            )
            for start in starts
        ]
        return {name: np.concatenate([piece[name] for piece in pieces]) for name in self._outputs}

    def warm_up(self, calls: int | None = None) -> int:
        """Run a sample that means nothing; the first time its work is recorded, where that can be done.

        Args:
            calls: How often; until it takes no longer than the fastest if not given.

        Returns:
            How often it was run.
        """
        sample = example_inputs(self._manifest)
        if self._graph is None and calls is None:
            self._record(sample)
        return run_for_warmth(lambda: self.run(sample), calls)

    def close(self) -> None:
        """Give back what it holds of the GPU; a second call does nothing."""
        if self._graph is not None:
            self._graph.close()
        self._graph = self._single = self._several = self._engine = self._runtime = None
        self._device.close()

    def _record(self, sample: dict[str, np.ndarray]) -> None:
        """Record the work of one sample; it is used only if it gives what the plain launch gives."""
        # TensorRT puts work off to the first launch after a change of shapes, and that cannot be recorded.
        plain = self.run(sample)
        try:
            graph = self._device.recorded(lambda: self._enqueue(self._single, 1))
        except (GpuError, CompileError):
            return
        self._graph = graph
        self.launches = "graph"
        launched = self.run(sample)
        if not all(np.array_equal(launched[name], plain[name], equal_nan=True) for name in plain):
            graph.close()
            self._graph = None
            self.launches = "plain"

    def _run_piece(self, feeds: dict[str, np.ndarray], batch: int) -> dict[str, np.ndarray]:
        for name, array in feeds.items():
            self._inputs[name].host[:batch] = array
        if batch == 1 and self._graph is not None:
            self._graph.launch()
        else:
            self._enqueue(self._context(batch), batch)
        self._device.wait()
        # Copies: the buffers are written over by the next run.
        return {name: buffer.host[:batch].copy() for name, buffer in self._outputs.items()}

    def _enqueue(self, context: Any, batch: int) -> None:
        """Copies and the engine's own work, in the order of the stream."""
        for buffer in self._inputs.values():
            self._device.upload(buffer, batch)
        if not context.execute_async_v3(self._device.stream):
            raise CompileError(f"the engine of {self._manifest.bundle} does not run", COMPILE_AGAIN)
        for buffer in self._outputs.values():
            self._device.download(buffer, batch)

    def _context(self, batch: int) -> Any:
        if batch == 1:
            return self._single
        if self._several is None:
            self._several = self._engine.create_execution_context()
            if self._several is None:
                raise GpuError("the GPU has no memory for batches", "free memory, or give samples one by one")
        if batch != self._several_batch:
            self._bind(self._several, batch)
            self._several_batch = batch
        return self._several

    def _bind(self, context: Any, batch: int) -> None:
        for name, buffer in self._inputs.items():
            context.set_input_shape(name, (batch, *buffer.host.shape[1:]))
        for name, buffer in (*self._inputs.items(), *self._outputs.items()):
            context.set_tensor_address(name, buffer.address)

    def _buffer(self, spec: InputSpec | OutputSpec) -> Buffer:
        """For the largest batch; the graph's shapes inside the engine may be open where the manifest says them."""
        found = tuple(self._engine.get_tensor_shape(spec.name))
        agrees = len(found) == len(spec.shape) and all(
            isinstance(want, int) if have < 0 else want == have
            for want, have in zip(spec.shape[1:], found[1:], strict=True)
        )
        if not agrees:
            raise BundleError(
                f"bundle {self._manifest.bundle}: {spec.name} of the engine has shape {found}, the manifest says "
                f"{list(spec.shape)}, and only the batch may be free",
                "make the bundle again on the platform",
            )
        rest = (int(length) for length in spec.shape[1:])
        return self._device.buffer((self._largest_batch, *rest), np.dtype(spec.dtype))

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
