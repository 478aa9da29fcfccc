"""A stand-in for TensorRT and for the GPU's driver, where the tests are about what is done with them.

It "compiles" by keeping the graph and runs it with ONNX Runtime, so it says nothing about TensorRT itself.
"""

from __future__ import annotations

import ctypes
import enum
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx

TYPES = {onnx.TensorProto.FLOAT: "FLOAT", onnx.TensorProto.FLOAT16: "HALF", onnx.TensorProto.INT8: "INT8"}


class FakeDriver:
    """The driver's calls over this process's own memory."""

    def __init__(self, *, name: str = "Orin", capability: tuple[int, int] = (8, 7), gpus: int = 1) -> None:
        self.name, self.capability, self.gpus = name, capability, gpus
        self.memory: dict[int, Any] = {}
        self.refuses: str | None = None

    def __getattr__(self, call: str) -> Any:
        if call == self.refuses:
            return lambda *_: 2
        return lambda *arguments: self._answers(call, arguments)

    def _answers(self, call: str, arguments: tuple[Any, ...]) -> int:
        if call == "cuDeviceGetCount":
            arguments[0]._obj.value = self.gpus
        elif call == "cuDeviceGetName":
            arguments[0].value = self.name.encode()
        elif call == "cuDeviceGetAttribute":
            arguments[0]._obj.value = self.capability[arguments[1] - 75]
        elif call == "cuMemAlloc_v2":
            buffer = ctypes.create_string_buffer(arguments[1].value)
            address = ctypes.addressof(buffer)
            self.memory[address] = buffer
            arguments[0]._obj.value = address
        elif call == "cuMemFree_v2":
            del self.memory[arguments[0].value]
        elif call in ("cuMemcpyHtoD_v2", "cuMemcpyDtoH_v2"):
            ctypes.memmove(*(argument.value for argument in arguments))
        return 0


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
    def __init__(self, session: Any) -> None:
        self.session = session
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.addresses: dict[str, int] = {}
        self.batches: list[int] = []

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> None:
        self.shapes[name] = tuple(shape)

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return next(iter(self.shapes.values()))[0], 1

    def set_tensor_address(self, name: str, address: int) -> None:
        self.addresses[name] = address

    def execute_async_v3(self, _: int) -> bool:
        feeds = {}
        for name, shape in self.shapes.items():
            data = ctypes.string_at(self.addresses[name], 4 * int(np.prod(shape)))
            feeds[name] = np.frombuffer(data, np.float32).reshape(shape)
        for node, found in zip(self.session.get_outputs(), self.session.run(None, feeds), strict=True):
            ctypes.memmove(self.addresses[node.name], found.astype(np.float32).tobytes(), found.size * 4)
        self.batches.append(len(found))
        return True


class Engine:
    def __init__(self, session: Any) -> None:
        self.session = session
        self.names = [value.name for value in (*session.get_inputs(), *session.get_outputs())]
        self.num_io_tensors = len(self.names)
        self.context = Context(session)

    def get_tensor_name(self, number: int) -> str:
        return self.names[number]

    def get_tensor_dtype(self, _: str) -> Any:
        return SimpleNamespace(name="FLOAT")

    def create_execution_context(self) -> Context:
        return self.context


class FakeTensorRt:
    """The module: counts builds, and writes down what each was given."""

    ILogger = Logger
    IProgressMonitor = type("IProgressMonitor", (), {"__init__": lambda self: None})
    BuilderFlag = enum.Enum("BuilderFlag", "TF32 STRICT_NANS")
    MemoryPoolType = enum.Enum("MemoryPoolType", "WORKSPACE")
    NetworkDefinitionCreationFlag = enum.IntEnum("NetworkDefinitionCreationFlag", {"STRONGLY_TYPED": 1})

    def __init__(self, version: str = "10.3.0") -> None:
        self.__version__ = version
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
            self.engines.append(Engine(ort.InferenceSession(data[6:], providers=["CPUExecutionProvider"])))
            return self.engines[-1]

        return SimpleNamespace(deserialize_cuda_engine=deserialize)
