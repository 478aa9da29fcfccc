"""The `tensorrt-rtx` target: compiled ahead of time, also on a machine without a GPU.

The engine runs on RTX GPUs from Ampere on; the rest of its compilation happens there when it is first loaded.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

from factory_assets.engines.targets import CompiledEngine, CompileError, CompilerUnavailable, Precision
from factory_assets.foundation.lake import replacing, sha256_file

TARGET = "tensorrt-rtx"
SMALLEST_BATCH, USUAL_BATCH, LARGEST_BATCH = 1, 1, 256


class TensorRtRtxCompiler:
    """Compiles strongly typed: an engine computes in the types that its graph states."""

    def compile(self, onnx: Path, out: Path, precision: Precision) -> CompiledEngine:
        """Compile a graph with a free first axis for batches of 1 to 256; equal graphs give equal bytes.

        Raises:
            CompilerUnavailable: TensorRT-RTX is not installed, or the precision is not fp32.
            CompileError: The parser or the builder refuses the graph.
        """
        if precision != "fp32":
            msg = f"target {TARGET}: the exported graphs compute in fp32; {precision} needs a graph of that type"
            raise CompilerUnavailable(msg)
        trt = _library()
        logger = _logger()
        logger.errors.clear()
        builder = trt.Builder(logger)
        network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
        parser = trt.OnnxParser(network, logger)
        if not parser.parse(onnx.read_bytes()):
            problems = [str(parser.get_error(number)) for number in range(parser.num_errors)]
            raise CompileError(_refused(onnx, "parser", problems))
        built = builder.build_serialized_network(network, _config(trt, builder, network))
        if built is None:
            raise CompileError(_refused(onnx, "builder", logger.errors))
        with replacing(out) as temporary:
            temporary.write_bytes(bytes(built))
        return CompiledEngine(
            target=TARGET,
            precision=precision,
            path=out,
            bytes=out.stat().st_size,
            sha256=sha256_file(out),
            compiler=f"tensorrt_rtx {trt.__version__}",
            tensor_types=_tensor_types(network),
        )


def _library() -> Any:
    try:
        import tensorrt_rtx
    except ImportError as error:
        msg = (
            f"target {TARGET} needs the package tensorrt-rtx-cu12 (Linux or Windows, x86-64): install it, "
            "or take the target out of targets.yaml"
        )
        raise CompilerUnavailable(msg) from error
    return tensorrt_rtx


@cache
def _logger() -> Any:
    """The one logger of this process: TensorRT ignores every other after the first."""
    trt: Any = _library()
    base: Any = trt.ILogger

    class Logger(base):
        """Keeps what went wrong, for the message of the exception."""

        def __init__(self) -> None:
            base.__init__(self)
            self.errors: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR):
                self.errors.append(message)

    return Logger()


def _config(trt: Any, builder: Any, network: Any) -> Any:
    config = builder.create_builder_config()
    # On by default: products of fp32 would be computed with ten bits of mantissa, outside the golden tolerance.
    config.clear_flag(trt.BuilderFlag.TF32)
    # A missing reading is NaN: the builder may not reason as if there were none.
    config.set_flag(trt.BuilderFlag.STRICT_NANS)
    profile = builder.create_optimization_profile()
    for number in range(network.num_inputs):
        tensor = network.get_input(number)
        rest = tuple(tensor.shape)[1:]
        profile.set_shape(tensor.name, *[(batch, *rest) for batch in (SMALLEST_BATCH, USUAL_BATCH, LARGEST_BATCH)])
    config.add_optimization_profile(profile)
    return config


def _tensor_types(network: Any) -> dict[str, int]:
    layers = [network.get_layer(number) for number in range(network.num_layers)]
    types = Counter(layer.get_output(number).dtype.name for layer in layers for number in range(layer.num_outputs))
    return dict(sorted(types.items()))


def _refused(onnx: Path, who: str, problems: list[str]) -> str:
    return f"TensorRT-RTX's {who} refuses {onnx.name}:\n" + "\n".join(f"  {p}" for p in problems or ["no reason given"])
