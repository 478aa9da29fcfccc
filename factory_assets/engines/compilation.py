"""Everything that targets run, made of one exported graph: graphs in every precision, and engines ahead of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from factory_assets.engines import precision
from factory_assets.engines.golden import GoldenSamples
from factory_assets.engines.targets import (
    CompiledEngine,
    CompilerUnavailable,
    Precision,
    Targets,
    Tolerance,
    compiler_for,
)
from factory_assets.foundation import parity
from factory_assets.foundation.onnx_export import ExportError, onnx_facts

TREES, ON_TREES = "TreeEnsembleRegressor", "onnxruntime"


@dataclass(frozen=True)
class TypedGraph:
    """A graph that computes in one precision.

    Attributes:
        path: Its file.
        precision: What its own types compute in.
        targets: Targets that run it, or that it is compiled for, here or on the device.
    """

    path: Path
    precision: Precision
    targets: tuple[str, ...]


@dataclass(frozen=True)
class Compiled:
    """What was made of one graph.

    Attributes:
        graphs: The exported graph first.
        engines: Compiled ahead of time.
        on_device: (target, precision) to be compiled on the device, from the graphs here.
        left_out: What was asked for and is not there, each with why.
    """

    graphs: tuple[TypedGraph, ...]
    engines: tuple[CompiledEngine, ...]
    on_device: tuple[tuple[str, Precision], ...]
    left_out: tuple[str, ...]


def compile_all(
    onnx: Path, folder: Path, targets: Targets, golden: GoldenSamples, calibration: Mapping[str, np.ndarray]
) -> Compiled:
    """Make every precision of a graph that a target asks for, and compile what can be compiled ahead of time.

    Args:
        onnx: The exported FP32 graph.
        folder: Where other precisions and engines are written.
        targets: Who wants what, and how exact it must be.
        golden: Samples that every precision must meet, computed by ONNX Runtime, before it is released.
        calibration: Inputs by name, that INT8 ranges are measured on.

    Raises:
        CompileError: A compiler refuses a graph.
    """
    folder.mkdir(parents=True, exist_ok=True)
    fitting, unfit = _that_run(onnx, targets)
    graphs, left_out = _graphs(onnx, folder, fitting, golden, calibration)
    left_out = [*unfit, *left_out]
    engines: list[CompiledEngine] = []
    for graph in graphs:
        for target in graph.targets:
            if targets.targets[target].compile != "ahead":
                continue
            out = folder / f"{target}-{graph.precision}.engine"
            try:
                engines.append(compiler_for(target).compile(graph.path, out, graph.precision))
            except CompilerUnavailable as error:
                left_out.append(str(error))
    on_device = [(t, graph.precision) for graph in graphs for t in graph.targets if targets.is_for_device(t)]
    return Compiled(tuple(graphs), tuple(engines), tuple(sorted(on_device)), tuple(left_out))


def _that_run(onnx: Path, targets: Targets) -> tuple[Targets, list[str]]:
    """The targets whose runtime knows all nodes of a graph, and why others are left out."""
    if TREES not in onnx_facts(onnx).nodes:
        return targets, []
    fitting = {name: target for name, target in targets.targets.items() if target.runtime == ON_TREES}
    unfit = [
        f"{name}: the graph holds boosted trees, which only ONNX Runtime runs; there it is target {', '.join(fitting)}"
        for name in targets.targets
        if name not in fitting
    ]
    return Targets(targets=fitting), unfit


def _graphs(
    onnx: Path, folder: Path, targets: Targets, golden: GoldenSamples, calibration: Mapping[str, np.ndarray]
) -> tuple[list[TypedGraph], list[str]]:
    graphs = [TypedGraph(onnx, "fp32", tuple(targets.asking_for("fp32")))]
    left_out: list[str] = []
    for wanted in targets.other_precisions():
        path = folder / f"{onnx.stem}-{wanted}.onnx"
        asking = targets.asking_for(wanted)
        try:
            precision.convert(onnx, path, wanted, calibration)
        except ExportError as error:
            left_out.append(f"{', '.join(asking)} {wanted}: {error}")
            continue
        found = parity.run_onnx(path, golden.inputs)
        bounds = {target: targets.targets[target].precisions[wanted] for target in asking}
        misses = {target: miss for target, bound in bounds.items() if (miss := _miss(found, golden, bound))}
        left_out += [f"{target} {wanted}: {miss}" for target, miss in misses.items()]
        if exact := [target for target in asking if target not in misses]:
            graphs.append(TypedGraph(path, wanted, tuple(exact)))
    return graphs, left_out


def _miss(found: Mapping[str, np.ndarray], golden: GoldenSamples, bound: Tolerance) -> str:
    """Which output is beyond its tolerance, and by how much; empty if none is. NaN counts as beyond."""
    for name, expected in golden.outputs.items():
        difference = np.abs(found[name].astype(np.float64) - expected)
        if not np.all(difference <= bound.atol + bound.rtol * np.abs(expected)):
            return (
                f"the graph's {name} is up to {difference.max():.3g} from the trainer's on golden samples, "
                f"allowed is {bound.atol:g} + {bound.rtol:g} * |trainer|"
            )
    return ""


def on_device_text(on_device: Sequence[tuple[str, Precision]]) -> str:
    """What only the device can compile, for people; `none` if there is nothing."""
    return ", ".join(f"{target} {wanted}" for target, wanted in on_device) or "none"
