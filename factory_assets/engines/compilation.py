"""Compiling one graph for every target that needs it."""

from __future__ import annotations

from pathlib import Path

from factory_assets.engines.targets import CompiledEngine, CompilerUnavailable, Targets, compiler_for


def compile_all(onnx: Path, folder: Path, targets: Targets) -> tuple[list[CompiledEngine], list[str]]:
    """Compile a graph ahead of time.

    Returns:
        The engines, and for each that could not be compiled here why: its compiler is not installed.

    Raises:
        CompileError: A compiler refuses the graph.
    """
    engines, missing = [], []
    for target, precision in targets.of_engines():
        out = folder / f"{target}-{precision}.engine"
        out.parent.mkdir(parents=True, exist_ok=True)
        try:
            engines.append(compiler_for(target).compile(onnx, out, precision))
        except CompilerUnavailable as error:
            missing.append(str(error))
    return engines, missing
