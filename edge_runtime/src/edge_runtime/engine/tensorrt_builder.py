"""ONNX to a TensorRT engine: the one builder, for the platform (ahead of time) and for the device.

Networks are strongly typed: an engine computes in the types that its graph states, and nothing is rounded on the sly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from edge_runtime.engine.tensorrt_backend import Backend
from edge_runtime.errors import CompileError
from edge_runtime.files import write_atomic

Progress = Callable[[str], None]
CacheUse = Literal["not kept", "begun", "used"]

PICTURE_AXES, LARGEST_PICTURE_BATCH = 4, 8
EXPORT_AGAIN = "export another graph on the platform"


@dataclass(frozen=True)
class BuildSettings:
    """What is asked of an engine beside its graph.

    Attributes:
        smallest_batch: Least length of the first axis.
        usual_batch: The length that the engine is made fastest for.
        largest_batch: Greatest length; longer inputs are run in pieces.
        workspace_bytes: Bound on scratch memory while the engine is made and run.
    """

    smallest_batch: int = 1
    usual_batch: int = 1
    largest_batch: int = 256
    workspace_bytes: int = 256 << 20

    def largest_for(self, axes: int) -> int:
        """Greatest batch of an input with so many axes: pictures (four) come one by one, and fill a GPU's memory."""
        return min(self.largest_batch, LARGEST_PICTURE_BATCH) if axes >= PICTURE_AXES else self.largest_batch


@dataclass(frozen=True)
class BuiltEngine:
    """A serialised engine.

    Attributes:
        data: Its bytes.
        tensor_types: How many tensors of the network have each data type, as TensorRT reports it; None where it was
            not compiled here.
        cache_use: Whether a timing cache was kept, begun, or used again.
    """

    data: bytes
    tensor_types: dict[str, int] | None
    cache_use: CacheUse


def build_engine(
    backend: Backend,
    onnx: bytes,
    *,
    name: str,
    precision: str,
    settings: BuildSettings | None = None,
    timing_cache: Path | None = None,
    progress: Progress | None = None,
) -> BuiltEngine:
    """Compile a graph with a free first axis.

    Args:
        backend: The TensorRT to use.
        onnx: The graph, in the types that it shall compute in.
        name: What messages call it.
        precision: `fp32`, `fp16` or `int8`; the graph's types must agree with it.
        settings: Batches and memory.
        timing_cache: File with what earlier builds measured; read if it is there, written anew after the build.
            Only for one version of TensorRT and one kind of GPU. Ignored where the library keeps none.
        progress: Told of every phase, from whichever thread TensorRT works in.

    Raises:
        CompileError: The parser or the builder refuses the graph, or its types are not those of the precision.
    """
    settings = settings or BuildSettings()
    trt, logger = backend.module, backend.logger
    logger.errors.clear()
    builder = trt.Builder(logger)
    network = builder.create_network(_creation_flags(trt))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(onnx):
        problems = [str(parser.get_error(number)) for number in range(parser.num_errors)]
        raise _refusal(backend, name, "parser", problems or logger.errors)
    types = _tensor_types(network)
    _check_precision(name, precision, types)
    config = _config(trt, builder, network, settings, name)
    monitor = _monitor(trt, progress)
    if monitor is not None:
        config.progress_monitor = monitor
    use = _attach_cache(config, timing_cache) if backend.has_timing_cache and timing_cache else "not kept"
    data = builder.build_serialized_network(network, config)
    if data is None:
        raise _refusal(backend, name, "builder", logger.errors)
    if timing_cache is not None and use != "not kept":
        write_atomic(timing_cache, bytes(config.get_timing_cache().serialize()))
    return BuiltEngine(data=bytes(data), tensor_types=types, cache_use=use)


def _creation_flags(trt: Any) -> int:
    """Strongly typed; where the flag is gone, every network is."""
    flag = getattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    return 0 if flag is None else 1 << int(flag)


def _config(trt: Any, builder: Any, network: Any, settings: BuildSettings, name: str) -> Any:
    config = builder.create_builder_config()
    # On by default: products of fp32 would be computed with ten bits of mantissa, outside the golden tolerance.
    config.clear_flag(trt.BuilderFlag.TF32)
    # A missing reading is NaN: the builder may not reason as if there were none.
    config.set_flag(trt.BuilderFlag.STRICT_NANS)
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, settings.workspace_bytes)
    profile = builder.create_optimization_profile()
    for number in range(network.num_inputs):
        tensor = network.get_input(number)
        first, *rest = tensor.shape
        if first != -1 or -1 in rest:
            raise CompileError(
                f"{name}: input {tensor.name} has shape {tuple(tensor.shape)}; only its first axis must be free",
                EXPORT_AGAIN,
            )
        batches = (settings.smallest_batch, settings.usual_batch, settings.largest_for(len(tensor.shape)))
        profile.set_shape(tensor.name, *[(batch, *rest) for batch in batches])
    config.add_optimization_profile(profile)
    return config


def _attach_cache(config: Any, path: Path) -> CacheUse:
    """Give the builder what earlier builds measured; a cache that does not fit or is damaged is begun anew."""
    empty = config.create_timing_cache(b"")
    if path.is_file():
        cache = config.create_timing_cache(path.read_bytes())
        # What cannot be read becomes an empty cache, without an error.
        has_entries = cache is not None and len(bytes(cache.serialize())) > len(bytes(empty.serialize()))
        if has_entries and config.set_timing_cache(cache, ignore_mismatch=False):
            return "used"
    config.set_timing_cache(empty, ignore_mismatch=False)
    return "begun"


def _tensor_types(network: Any) -> dict[str, int]:
    layers = [network.get_layer(number) for number in range(network.num_layers)]
    types = Counter(layer.get_output(number).dtype.name for layer in layers for number in range(layer.num_outputs))
    return dict(sorted(types.items()))


def _check_precision(name: str, precision: str, types: dict[str, int]) -> None:
    """The widest claim that the types bear out must be the precision."""
    found = "int8" if "INT8" in types else "fp16" if "HALF" in types else "fp32"
    if found != precision:
        raise CompileError(f"{name} computes in {found} ({types}), asked for is {precision}", EXPORT_AGAIN)


def _refusal(backend: Backend, name: str, who: str, problems: list[str]) -> CompileError:
    reasons = "; ".join(problems) or "no reason given"
    return CompileError(f"the {who} of {backend.compiler} refuses {name}: {reasons}", EXPORT_AGAIN)


def _monitor(trt: Any, progress: Progress | None) -> Any:
    if progress is None:
        return None
    base: Any = trt.IProgressMonitor
    listener = progress

    class Monitor(base):
        """Tells the outer phases; stops the build when nobody listens any more."""

        def __init__(self) -> None:
            base.__init__(self)
            self.outer: set[str] = set()
            self.is_heard = True

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            if parent_phase is None:
                self.outer.add(phase_name)
            if parent_phase is None or parent_phase in self.outer:
                self._tell(f"{phase_name}, {num_steps} steps")

        def step_complete(self, phase_name: str, step: int) -> bool:
            return self.is_heard

        def phase_finish(self, phase_name: str) -> None:
            self.outer.discard(phase_name)

        def _tell(self, line: str) -> None:
            try:
                listener(line)
            except OSError:
                self.is_heard = False

    return Monitor()
