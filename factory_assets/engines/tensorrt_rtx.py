"""The `tensorrt-rtx` target: compiled ahead of time, also on a machine without a GPU, by the edge's own builder.

The engine runs on RTX GPUs from Ampere on; the rest of its compilation happens there when it is first loaded.
"""

from __future__ import annotations

from pathlib import Path

from edge_runtime import errors
from edge_runtime.engine.tensorrt_backend import load_backend
from edge_runtime.engine.tensorrt_builder import build_engine
from factory_assets.engines.targets import CompiledEngine, CompileError, CompilerUnavailable, Precision
from factory_assets.foundation.lake import replacing, sha256_file
from factory_assets.foundation.onnx_export import output_names

TARGET = "tensorrt-rtx"
# With two outputs one engine in two keeps their order.
ATTEMPTS = 12


class TensorRtRtxCompiler:
    """Compiles strongly typed: an engine computes in the types that its graph states."""

    def compile(self, onnx: Path, out: Path, precision: Precision) -> CompiledEngine:
        """Compile a graph with a free first axis for batches of 1 to 256.

        Equal graphs give equal bytes. The builder keeps no order among several outputs, so it is asked again until they
        stand as in the graph; should that not happen, the last engine is as good, but a rerun may give another one.

        Raises:
            CompilerUnavailable: TensorRT-RTX is not installed.
            CompileError: The parser or the builder refuses the graph, or its types are not those of the precision.
        """
        outputs = output_names(onnx)
        try:
            backend = load_backend(TARGET)
            for _ in range(ATTEMPTS):
                built = build_engine(backend, onnx.read_bytes(), name=onnx.name, precision=precision)
                if _keeps_order(built.data, outputs):
                    break
        except errors.CompilerUnavailable as error:
            msg = f"{error}, or take the target out of targets.yaml"
            raise CompilerUnavailable(msg) from error
        except errors.CompileError as error:
            raise CompileError(str(error)) from error
        with replacing(out) as temporary:
            temporary.write_bytes(built.data)
        return CompiledEngine(
            target=TARGET,
            precision=precision,
            path=out,
            bytes=out.stat().st_size,
            sha256=sha256_file(out),
            compiler=backend.compiler,
            tensor_types=built.tensor_types or {},
        )


def _keeps_order(engine: bytes, outputs: list[str]) -> bool:
    """Whether the names of the outputs stand in an engine in this order, each for the first time."""
    places = [engine.find(name.encode()) for name in outputs]
    return places == sorted(places)
