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

TARGET = "tensorrt-rtx"


class TensorRtRtxCompiler:
    """Compiles strongly typed: an engine computes in the types that its graph states."""

    def compile(self, onnx: Path, out: Path, precision: Precision) -> CompiledEngine:
        """Compile a graph with a free first axis for batches of 1 to 256; equal graphs give equal bytes.

        Raises:
            CompilerUnavailable: TensorRT-RTX is not installed.
            CompileError: The parser or the builder refuses the graph, or its types are not those of the precision.
        """
        try:
            backend = load_backend(TARGET)
            built = build_engine(backend, onnx.read_bytes(), name=onnx.name, precision=precision)
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
