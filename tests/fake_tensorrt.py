"""A stand-in for TensorRT, where the tests are about what is done with it; it works on the GPU of `fake_cuda`.

It "compiles" by keeping the graph and runs it with ONNX Runtime, so it says nothing about TensorRT itself.
"""

from __future__ import annotations

import ctypes
import enum
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx

from tests.fake_cuda import FakeGpu

TYPES = {onnx.TensorProto.FLOAT: "FLOAT", onnx.TensorProto.FLOAT16: "HALF", onnx.TensorProto.INT8: "INT8"}


class Logger:
    class Severity(enum.Enum):
        INTERNAL_ERROR = 0
        ERROR = 1
        WARNING = 2


class TimingCache:
    def __init__(self, data: bytes) -> None:
        self.data = data if data.startswith(b"timings") else b""

    def serialize(self) -> bytes:
        return self.data


class Config:
    def __init__(self) -> None:
        self.cache: TimingCache | None = None
        self.flags: dict[str, bool] = {}
        self.workspace_bytes = 0
        self.profiles: list[Any] = []
        self.progress_monitor: Any = None

    def set_flag(self, flag: Any) -> None:
        self.flags[flag.name] = True

    def clear_flag(self, flag: Any) -> None:
        self.flags[flag.name] = False

    def set_memory_pool_limit(self, _: Any, size_bytes: int) -> None:
        self.workspace_bytes = size_bytes

    def create_timing_cache(self, data: bytes) -> TimingCache:
        return TimingCache(data)

    def set_timing_cache(self, cache: TimingCache, ignore_mismatch: bool) -> bool:
        assert not ignore_mismatch
        self.cache = cache
        return True

    def get_timing_cache(self) -> TimingCache | None:
        return self.cache

    def add_optimization_profile(self, profile: Any) -> int:
        self.profiles.append(profile)
        return 0


class Network:
    def __init__(self) -> None:
        self.model: Any = None

    @property
    def num_inputs(self) -> int:
        return len(self.model.graph.input)

    def get_input(self, number: int) -> Any:
        value = self.model.graph.input[number]
        dimensions = value.type.tensor_type.shape.dim
        return SimpleNamespace(
            name=value.name, shape=[d.dim_value if d.HasField("dim_value") else -1 for d in dimensions]
        )

    @property
    def num_layers(self) -> int:
        return 1

    def get_layer(self, _: int) -> Any:
        tensors = [*self.model.graph.initializer, *self.model.graph.input]
        kinds = {getattr(t, "data_type", None) or t.type.tensor_type.elem_type for t in tensors}
        found = [SimpleNamespace(dtype=SimpleNamespace(name=TYPES.get(kind, "INT64"))) for kind in sorted(kinds)]
        return SimpleNamespace(num_outputs=len(found), get_output=lambda number: found[number])


class Context:
    def __init__(self, session: Any, gpu: FakeGpu | None) -> None:
        self.session, self.gpu = session, gpu
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.addresses: dict[str, int] = {}
        self.batches: list[int] = []
        self.refuses = False

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> None:
        self.shapes[name] = tuple(shape)

    def set_tensor_address(self, name: str, address: int) -> None:
        self.addresses[name] = address

    def execute_async_v3(self, handle: int) -> bool:
        """Give the stream the work, with the shapes of now."""
        assert self.gpu is not None
        if self.refuses:
            return False
        shapes = dict(self.shapes)
        self.batches.append(next(iter(shapes.values()))[0])
        self.gpu.streams[handle].give(lambda: self._compute(shapes))
        return True

    def _compute(self, shapes: dict[str, tuple[int, ...]]) -> None:
        feeds = {}
        for node in self.session.get_inputs():
            dtype = np.dtype(np.uint8 if node.type == "tensor(uint8)" else np.float32)
            size = dtype.itemsize * int(np.prod(shapes[node.name]))
            data = ctypes.string_at(self.addresses[node.name], size)
            feeds[node.name] = np.frombuffer(data, dtype).reshape(shapes[node.name])
        for node, found in zip(self.session.get_outputs(), self.session.run(None, feeds), strict=True):
            ctypes.memmove(self.addresses[node.name], found.astype(np.float32).tobytes(), found.size * 4)


class Engine:
    def __init__(self, session: Any, gpu: FakeGpu | None) -> None:
        self.session, self.gpu = session, gpu
        self.nodes = {value.name: value for value in (*session.get_inputs(), *session.get_outputs())}
        self.num_io_tensors = len(self.nodes)
        self.contexts: list[Context] = []

    def get_tensor_name(self, number: int) -> str:
        return list(self.nodes)[number]

    def get_tensor_dtype(self, name: str) -> Any:
        return SimpleNamespace(name="UINT8" if self.nodes[name].type == "tensor(uint8)" else "FLOAT")

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return tuple(length if isinstance(length, int) else -1 for length in self.nodes[name].shape)

    def create_execution_context(self) -> Context:
        self.contexts.append(Context(self.session, self.gpu))
        return self.contexts[-1]


class FakeTensorRt:
    """The module: counts builds, and writes down what each was given."""

    ILogger = Logger
    IProgressMonitor = type("IProgressMonitor", (), {"__init__": lambda self: None})
    BuilderFlag = enum.Enum("BuilderFlag", "TF32 STRICT_NANS")
    MemoryPoolType = enum.Enum("MemoryPoolType", "WORKSPACE")
    NetworkDefinitionCreationFlag = enum.IntEnum("NetworkDefinitionCreationFlag", {"STRONGLY_TYPED": 1})

    def __init__(self, version: str = "10.3.0", gpu: FakeGpu | None = None) -> None:
        self.__version__ = version
        self.gpu = gpu
        self.builds: list[Config] = []
        self.creation_flags: list[int] = []
        self.seen_caches: list[bytes] = []
        self.engines: list[Engine] = []
        self.fails_with: str | None = None
        self.heard: list[bool] = []

    def Builder(self, logger: Any) -> Any:  # noqa: N802 (TensorRT's name)
        def create_network(flags: int) -> Network:
            self.creation_flags.append(flags)
            return Network()

        def build(network: Network, config: Config) -> bytes | None:
            self.builds.append(config)
            if self.fails_with:
                logger.log(Logger.Severity.ERROR, self.fails_with)
                return None
            if config.progress_monitor is not None:
                config.progress_monitor.phase_start("Building", None, 2)
                config.progress_monitor.phase_start("Timing", "Building", 7)
                config.progress_monitor.phase_start("Kernel", "Timing", 99)
                self.heard.append(config.progress_monitor.step_complete("Building", 0))
                config.progress_monitor.phase_finish("Building")
            if config.cache is not None:
                self.seen_caches.append(config.cache.data)
                config.cache.data = config.cache.data or b"timings of one build"
            return b"engine" + network.model.SerializeToString(deterministic=True)

        def profile() -> Any:
            shapes: dict[str, Any] = {}
            return SimpleNamespace(shapes=shapes, set_shape=lambda name, *of: shapes.update({name: of}))

        return SimpleNamespace(
            create_network=create_network,
            create_builder_config=Config,
            create_optimization_profile=profile,
            build_serialized_network=build,
        )

    def OnnxParser(self, network: Network, _: Any) -> Any:  # noqa: N802
        def parse(data: bytes) -> bool:
            network.model = onnx.load_from_string(data)
            return True

        return SimpleNamespace(parse=parse, num_errors=0)

    def Runtime(self, logger: Any) -> Any:  # noqa: N802
        def deserialize(data: bytes) -> Engine | None:
            import onnxruntime as ort

            if not data.startswith(b"engine"):
                logger.log(Logger.Severity.ERROR, "magic tag does not match")
                return None
            session = ort.InferenceSession(data[6:], providers=["CPUExecutionProvider"])
            self.engines.append(Engine(session, self.gpu))
            return self.engines[-1]

        return SimpleNamespace(deserialize_cuda_engine=deserialize)
